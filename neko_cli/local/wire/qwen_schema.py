"""What a client may send in Qwen's flat dialect: one check for each event. Pure.

Fields and limits: see ``qwen_session``. Model Studio documents items for tool results alone; text
messages are what its clients send as well, in the shapes of OpenAI's beta.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from neko_cli.local.conversation import PicturePart
from neko_cli.local.pictures import image_facts
from neko_cli.local.wire.openai_check import (
    Check,
    anything,
    by_kind,
    choice,
    decimal,
    flag,
    invalid,
    list_of,
    nullable,
    record,
    tagged,
    text,
    whole,
)
from neko_cli.local.wire.openai_schema import MAX_AUDIO_CHARS

MAX_ID = 128
MAX_PICTURE_CHARS = 256 * 1024
"""Of one frame, in base64."""

_id = text(MAX_ID, min_length=1)
_name = text(128, min_length=1)


def _modalities(value: Any, param: str) -> Any:
    checked = list_of(anything, most=2)(value, param)
    if sorted(map(str, checked)) not in (["text"], ["audio", "text"]):
        raise invalid(param, f"{checked!r:.60}. Supported combinations are: ['text'] and ['audio', 'text'].")
    return checked


def _voice(value: Any, param: str) -> Any:
    """Any name: the provider has scores of voices, more every month, and cloned ones besides."""
    checked = text(256)(value, param)
    if not checked.strip():
        raise invalid(param, f"voice {checked!r} is not supported.")
    return checked


_turn_detection = record(
    {
        "type": choice("server_vad", "semantic_vad"),
        "threshold": decimal(-1.0, 1.0),
        "prefix_padding_ms": whole(0, 10_000),
        "silence_duration_ms": whole(200, 6_000),
        "idle_timeout_ms": nullable(whole(5_000, 30_000)),
        "create_response": flag,
        "interrupt_response": flag,
    }
)

_transcription = record({"model": nullable(text(256)), "language": nullable(text(64)), "corpus": anything})


def _rate(value: Any, param: str) -> Any:
    checked = whole(8_000, 48_000)(value, param)
    if checked not in (8_000, 16_000, 24_000, 48_000):
        raise invalid(param, "8000, 16000, 24000 and 48000 are possible.")
    return checked


def _pcm(value: Any, param: str) -> Any:
    if value == "wav":
        raise invalid(param, "this engine takes and gives bare PCM; use 'pcm'.")
    return choice("pcm")(value, param)


_format = {"type": _pcm, "sample_rate": _rate}
_input_format = record(
    {
        **_format,
        "sample_format": choice("s16le"),
        "channels": whole(1, 1),
        "packing": choice("interleaved"),
        "channel_layout": choice("mono"),
    }
)
_audio = record(
    {
        "input": nullable(record({"format": _input_format})),
        "output": nullable(record({"format": record(_format), "voice": nullable(_voice)})),
    }
)


def _tool(value: Any, param: str) -> Any:
    if isinstance(value, dict) and value.get("type") == "mcp":
        raise invalid(f"{param}.type", "this engine calls no MCP servers; offer functions instead.")
    function = record({"name": _name, "description": text(), "parameters": anything}, required=("name",))
    return tagged(
        "type", {"function": record({"type": anything, "function": function}, required=("function",))}
    )(value, param)


_tool_choice = by_kind(
    string=choice("auto", "none", "required"),
    mapping=tagged(
        "type",
        {
            "function": record(
                {"type": anything, "function": record({"name": _name}, required=("name",))},
                required=("function",),
            )
        },
    ),
)

_ANSWERING: dict[str, Check] = {
    "instructions": nullable(text()),
    "modalities": nullable(_modalities),
    "voice": nullable(_voice),
    "tools": nullable(list_of(_tool, most=128)),
    "tool_choice": nullable(_tool_choice),
    "max_tokens": nullable(whole(1, 65_536)),
    "temperature": nullable(decimal(0.0, 2.0)),
    "top_p": nullable(decimal(0.0, 1.0)),
    "top_k": nullable(whole(0, 2**31 - 1)),
    "repetition_penalty": nullable(decimal(0.0, 1_000.0)),
    "presence_penalty": nullable(decimal(-2.0, 2.0)),
    "seed": nullable(whole(-1, 2**31 - 1)),
}
"""Fields that a session and a single response share."""

_SESSION = record(
    {
        **_ANSWERING,
        "model": text(256),
        "audio": nullable(_audio),
        "input_audio_format": nullable(choice("pcm", "pcm16")),
        "output_audio_format": nullable(choice("pcm", "pcm16", "pcm24")),
        "sample_rate": nullable(_rate),
        "input_audio_transcription": nullable(_transcription),
        "turn_detection": nullable(_turn_detection),
        "smooth_output": nullable(flag),
        "enable_search": nullable(flag),
        "search_options": nullable(record({"enable_source": flag})),
        "video": nullable(
            record({"input": record({"representation_compact": nullable(choice("none", "normal"))})})
        ),
    }
)

# Items

_COMMON: dict[str, Check] = {
    "type": anything,
    "id": nullable(_id),
    "object": nullable(choice("realtime.item")),
    "status": nullable(choice("completed", "incomplete", "in_progress")),
}

_written = record({"type": anything, "text": text()}, required=("text",))


def _assistant_text(value: Any, param: str) -> Any:
    return {**_written(value, param), "type": "output_text"}


_heard = record({"type": anything, "audio": nullable(text(MAX_AUDIO_CHARS)), "transcript": nullable(text())})


def _message(content: dict[str, Check]) -> Check:
    return record(
        {**_COMMON, "role": anything, "content": list_of(tagged("type", content), most=256)},
        required=("role", "content"),
    )


_ITEM = tagged(
    "type",
    {
        "message": tagged(
            "role",
            {
                "user": _message({"input_text": _written, "input_audio": _heard}),
                "assistant": _message({"text": _assistant_text, "output_text": _assistant_text}),
                "system": _message({"input_text": _written}),
            },
        ),
        "function_call": record(
            {**_COMMON, "call_id": nullable(_id), "name": _name, "arguments": text()},
            required=("name", "arguments"),
        ),
        "function_call_output": record(
            {**_COMMON, "call_id": _id, "output": text()}, required=("call_id", "output")
        ),
    },
)


def _picture(value: Any, param: str) -> Any:
    """A JPEG frame in base64; gives the picture itself."""
    checked = text(MAX_PICTURE_CHARS)(value, param)
    try:
        facts = image_facts(f"data:image/jpeg;base64,{checked}")
        if not base64.b64decode(checked[:4]).startswith(b"\xff\xd8"):
            raise ValueError("the picture is no JPEG")
    except (ValueError, binascii.Error) as error:
        raise invalid(param, f"{error}.") from None
    return PicturePart(facts)


def client_events(voices: tuple[str, ...]) -> dict[str, Check]:
    """A check for each event type that a client may send; ``voices`` do not matter."""
    head: dict[str, Check] = {"type": anything, "event_id": nullable(text(512))}

    def event(fields: dict[str, Check] | None = None, *, required: tuple[str, ...] = ()) -> Check:
        return record({**head, **(fields or {})}, required=required)

    return {
        "session.update": event({"session": _SESSION}, required=("session",)),
        "session.finish": event(),
        "input_audio_buffer.append": event({"audio": text(MAX_AUDIO_CHARS)}, required=("audio",)),
        "input_audio_buffer.commit": event(),
        "input_audio_buffer.clear": event(),
        "input_image_buffer.append": event({"image": _picture}, required=("image",)),
        "conversation.item.create": event(
            {"item": _ITEM, "previous_item_id": nullable(_id)}, required=("item",)
        ),
        "response.create": event({"response": nullable(record(_ANSWERING))}),
        "response.cancel": event({"response_id": nullable(_id)}),
    }
