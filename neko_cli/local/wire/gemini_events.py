"""Gemini Live's server messages. Pure.

Shapes: BidiGenerateContentServerMessage of the Live API, as typed in Google's Gen AI SDK 3.6 for
Python (LiveServerMessage); the Vertex names of token counts from that SDK's converters.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from neko_cli.core.errors import Category, NekoError
from neko_cli.local.conversation import ToolCall
from neko_cli.local.events import Usage
from neko_cli.local.wire.gemini_content import arguments_of
from neko_cli.local.wire.link import CLOSE_INTERNAL, CLOSE_INVALID

Json = dict[str, Any]

OUTPUT_TYPE = "audio/pcm;rate=24000"

INTERNAL = "Internal error encountered."
DEADLINE = "Deadline expired before operation could complete."


@dataclass(frozen=True)
class Flavour:
    """What differs between the Developer API and Vertex on the way to the client.

    Attributes:
        given: name of the count of tokens that the model gave.
        given_details: the same by modality.
    """

    given: str = "responseTokenCount"
    given_details: str = "responseTokensDetails"


DEVELOPER = Flavour()
VERTEX = Flavour("candidatesTokenCount", "candidatesTokensDetails")


def setup_complete(session_id: str) -> Json:
    """The answer to a setup."""
    return {"setupComplete": {"sessionId": session_id}}


def content(**fields: Any) -> Json:
    """A server content."""
    return {"serverContent": fields}


def written(text: str) -> Json:
    """A piece of a written reply."""
    return content(modelTurn={"role": "model", "parts": [{"text": text}]})


def spoken(data: bytes) -> Json:
    """A piece of a spoken reply: PCM, 24 kHz, 16 bit, mono."""
    blob = {"mimeType": OUTPUT_TYPE, "data": base64.b64encode(data).decode("ascii")}
    return content(modelTurn={"role": "model", "parts": [{"inlineData": blob}]})


def tool_call(calls: Iterable[ToolCall]) -> Json:
    """The client is to call functions."""
    told = [{"id": call.call_id, "name": call.name, "args": arguments_of(call)} for call in calls]
    return {"toolCall": {"functionCalls": told}}


def cancellation(ids: Iterable[str]) -> Json:
    """The client need not call these functions any more."""
    return {"toolCallCancellation": {"ids": list(ids)}}


def going_away(seconds: float) -> Json:
    """The connection will be closed."""
    return {"goAway": {"timeLeft": duration(seconds)}}


def activity(kind: str, at_ms: int) -> Json:
    """The user began (``ACTIVITY_START``) or stopped (``ACTIVITY_END``) to speak."""
    return {"voiceActivity": {"type": kind, "audioOffset": duration(at_ms / 1000)}}


def resumable(handle: str, index: int | None = None) -> Json:
    """From here the session can be resumed; ``index`` counts the messages that the client has sent."""
    told: Json = {"newHandle": handle, "resumable": True}
    if index is not None:
        told["lastConsumedClientMessageIndex"] = str(index)
    return {"sessionResumptionUpdate": told}


NOT_RESUMABLE: Json = {"sessionResumptionUpdate": {"resumable": False}}
"""While the model generates or waits for functions."""


def duration(seconds: float) -> str:
    """ProtoJSON's Duration."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"


def usage(counts: Usage, flavour: Flavour) -> Json:
    """Tokens of a turn, as a field beside the message that ends it."""
    taken = counts.input_text + counts.input_audio + counts.input_image
    given = counts.output_text + counts.output_audio
    told = {
        "promptTokenCount": taken,
        flavour.given: given,
        "totalTokenCount": taken + given,
        "promptTokensDetails": _details(
            TEXT=counts.input_text, AUDIO=counts.input_audio, IMAGE=counts.input_image
        ),
        flavour.given_details: _details(TEXT=counts.output_text, AUDIO=counts.output_audio),
    }
    return {"usageMetadata": told}


def _details(**counts: int) -> list[Json]:
    return [{"modality": name, "tokenCount": count} for name, count in counts.items() if count]


def farewell(error: NekoError) -> tuple[int, str]:
    """Close code and reason of an error that ends the connection: Gemini has no message for it."""
    match error.category:
        case Category.RATE_LIMIT | Category.QUOTA:
            return CLOSE_INTERNAL, f"RESOURCE_EXHAUSTED: {error}"
        case Category.REQUEST:
            return CLOSE_INVALID, str(error)
        case _:
            return CLOSE_INTERNAL, f"{INTERNAL} {error}"
