"""Codecs and server messages for the tests of the Gemini codec."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from neko_cli.core.codecs import make_codec
from neko_cli.core.codecs.base import SessionSpec
from neko_cli.core.codecs.gemini import GeminiCodec
from neko_cli.core.provider_events import ProviderEvent
from tests.core.codecs import golden

SERVER_FRAMES = golden.server_frames("gemini") + golden.server_frames("vertex")


def codec(provider: str = "gemini", url: str = "ws://localhost:1", **spec: Any) -> GeminiCodec:
    made = make_codec(provider, SessionSpec(**spec), key="k", url=url)
    assert isinstance(made, GeminiCodec)
    return made


def setup(made: GeminiCodec | None = None, **spec: Any) -> dict[str, Any]:
    """What the first message configures."""
    (frame,) = (made or codec(**spec)).hello()
    return json.loads(frame)["setup"]


def sent(made: GeminiCodec, command: Any) -> list[dict[str, Any]]:
    """The frames of a command."""
    return [json.loads(frame) for frame in made.encode(command)]


def content(**fields: Any) -> str:
    return json.dumps({"serverContent": fields})


def heard(text: str, **fields: Any) -> str:
    return content(inputTranscription={"text": text, **fields})


def words(text: str) -> str:
    return content(outputTranscription={"text": text})


def turn(*parts: dict[str, Any]) -> str:
    return content(modelTurn={"role": "model", "parts": list(parts)})


def blob(pcm: bytes, kind: str = "audio/pcm;rate=24000") -> dict[str, Any]:
    return {"inlineData": {"mimeType": kind, "data": b64encode(pcm).decode()}}


def sound(pcm: bytes) -> str:
    return turn(blob(pcm))


COMPLETE = content(turnComplete=True)
INTERRUPTED = content(interrupted=True)


def told(made: GeminiCodec, *frames: str | bytes) -> list[ProviderEvent]:
    """All events of some frames, in order."""
    return [event for frame in frames for event in made.decode(frame)]


def kinds(events: list[ProviderEvent]) -> list[str]:
    return [type(event).__name__ for event in events]


WHOLE = ["ReplyBegan", "ReplyWords", "ReplyEnded"]
"""The kinds of events of a reply of words."""


def without_captions(**spec: Any) -> GeminiCodec:
    """A codec that waits for no words of the user's."""
    return codec(**{"want_captions": False, **spec})
