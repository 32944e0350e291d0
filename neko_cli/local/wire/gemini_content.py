"""Gemini's contents: turns, parts, blobs and function responses, as the engine's items. Pure.

Fields: the types of Google's Gen AI SDK 3.6 for Python (Content, Part, Blob, FunctionResponse).
"""

from __future__ import annotations

import base64
import re
import secrets
from typing import Any

import msgspec

from neko_cli.local.audio_format import AudioFormat, Encoding
from neko_cli.local.conversation import HeardPart, Item, Message, Part, PicturePart, TextPart, ToolCall
from neko_cli.local.listening import new_item_id
from neko_cli.local.pictures import image_facts
from neko_cli.local.wire.gemini_json import (
    Json,
    Refusal,
    anything,
    flag,
    list_of,
    mapping,
    message,
    one_of,
    raw,
    text,
)

INPUT_RATE = 16_000
"""What ``audio/pcm`` without a rate means."""

RATES = (8_000, 48_000)
"""Lowest and highest rate in Hz that are taken."""

_PCM = re.compile(r"audio/pcm(?:\s*;\s*rate\s*=\s*(\d{1,6}))?", re.IGNORECASE)
_ROLES = ("user", "model", "function")

BLOB = message({"mimeType": text(256), "data": raw, "displayName": text(1_000)})

FUNCTION_RESPONSE = message(
    {
        "id": text(256),
        "name": text(256),
        "response": mapping,
        "parts": anything,
        "scheduling": one_of("SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT"),
        "willContinue": flag,
    }
)
_FUNCTION_CALL = message(
    {"id": text(256), "name": text(256), "args": mapping, "partialArgs": anything, "willContinue": flag}
)

_IGNORED = (
    "thoughtSignature", "mediaResolution", "videoMetadata", "partMetadata", "audioTranscription",
    "mediaProcessing", "speechMetadata", "documentMetadata", "spreadsheetMetadata", "audioMetadata",
)  # fmt: skip
_IMPOSSIBLE = ("fileData", "executableCode", "codeExecutionResult", "toolCall", "toolResponse")

PART = message(
    {
        "text": text(),
        "thought": flag,
        "inlineData": BLOB,
        "functionCall": _FUNCTION_CALL,
        "functionResponse": FUNCTION_RESPONSE,
        **dict.fromkeys((*_IGNORED, *_IMPOSSIBLE), anything),
    }
)
CONTENT = message({"role": text(32), "parts": list_of(PART)})
TURNS = list_of(CONTENT)


def words_of(content: Json) -> str:
    """The text of a content, as of a system instruction."""
    return "\n".join(part["text"] for part in content.get("parts", ()) if "text" in part)


def is_sound(blob: Json) -> bool:
    """Whether a blob says that it is sound."""
    return str(blob.get("mimeType", "")).lower().startswith("audio/")


def sound_of(blob: Json, path: str) -> tuple[AudioFormat, bytes]:
    """Format and bytes of a sound blob; raises Refusal for what is not bare 16-bit PCM."""
    kind = blob.get("mimeType", "")
    match = _PCM.fullmatch(kind)
    rate = int(match.group(1) or INPUT_RATE) if match else 0
    if not RATES[0] <= rate <= RATES[1]:
        low, high = RATES
        raise Refusal(f"Invalid value at '{path}.mime_type': audio/pcm;rate={low}…{high} is possible.")
    return AudioFormat(Encoding.PCM, rate), blob.get("data", b"")


def picture_of(blob: Json, path: str) -> PicturePart:
    """A picture blob; raises Refusal for what is neither JPEG nor PNG."""
    body = base64.b64encode(blob.get("data", b"")).decode("ascii")
    kind = str(blob.get("mimeType", "")).lower()
    if not kind.startswith("image/"):
        raise Refusal(f"Invalid value at '{path}.mime_type': sound and pictures are possible.")
    try:
        return PicturePart(image_facts(f"data:{kind.partition(';')[0]};base64,{body}"))
    except ValueError as error:
        raise Refusal(f"Invalid value at '{path}.data': {error}.") from None


def items_of(content: Json, path: str) -> tuple[list[Item], list[Json]]:
    """The items that a content adds to the conversation, and the function responses in it."""
    role = content.get("role") or "user"
    if role not in _ROLES:
        raise Refusal(f"Invalid value at '{path}.role': please use a valid role: user, model.")
    parts: list[Part] = []
    calls: list[Item] = []
    responses: list[Json] = []
    for at, part in enumerate(content.get("parts", ())):
        here = f"{path}.parts[{at}]"
        _raise_if_impossible(part, here)
        if part.get("thought"):
            continue
        if "functionCall" in part:
            calls.append(_call(part["functionCall"], here))
        elif "functionResponse" in part:
            responses.append(part["functionResponse"])
        elif "inlineData" in part:
            parts.append(_media(part["inlineData"], f"{here}.inline_data", role))
        elif part.get("text"):
            parts.append(TextPart(part["text"]))
    if not parts:
        return calls, responses
    return [Message(new_item_id(), "assistant" if role == "model" else "user", parts), *calls], responses


def _raise_if_impossible(part: Json, path: str) -> None:
    for name in _IMPOSSIBLE:
        if name in part:
            raise Refusal(f"Invalid value at '{path}': this engine takes no {name}.")


def _media(blob: Json, path: str, role: str) -> Part:
    if role == "model":
        raise Refusal(f"Invalid value at '{path}': what the model said can be told as text alone.")
    if not is_sound(blob):
        return picture_of(blob, path)
    form, data = sound_of(blob, path)
    return HeardPart(form, data, form.duration_ms(len(data)))


def _call(call: Json, path: str) -> ToolCall:
    name = call.get("name")
    if not name:
        raise Refusal(f"Invalid value at '{path}.function_call.name': a name is needed.")
    arguments = msgspec.json.encode(call.get("args", {})).decode()
    return ToolCall(new_item_id(), call.get("id") or new_call_id(), name, arguments)


def new_call_id() -> str:
    """A fresh id of a function call."""
    return f"call_{secrets.token_hex(8)}"


def result_of(response: Json) -> str:
    """What a function answered, as the brain reads it."""
    return msgspec.json.encode(response.get("response", {})).decode()


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """The arguments of a call as an object; empty when the brain wrote none."""
    try:
        found = msgspec.json.decode(call.arguments or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
