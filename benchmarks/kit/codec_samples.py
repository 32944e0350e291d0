"""What a server of each codec family sends in the middle of a reply: one sample a family.

A new family is measured by adding its sample here; ``benchmarks.codec`` fails where one is missing.
"""

from __future__ import annotations

import json
import math
import struct
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from neko_cli.core.codecs import make_codec
from neko_cli.core.codecs.base import Codec, Frame, HistoryLine, SessionSpec
from neko_cli.core.commands import Command, SendText

RATE = 24_000
CHUNK = RATE // 50
"""Samples of 20 ms, which is how much a microphone gives at a time."""

PCM = struct.pack(f"<{CHUNK}h", *(round(9000 * math.sin(at / 9)) for at in range(CHUNK)))
"""20 ms of a loud tone."""

HUSH = struct.pack(f"<{CHUNK}h", *((at % 5) - 2 for at in range(CHUNK)))
"""20 ms of what an idle track holds."""

TEXT = "Could you tell me what the weather in Vienna is going to be like tomorrow afternoon?"


def frame(kind: str, **fields: Any) -> str:
    """An event as a server writes it."""
    return json.dumps({"type": kind, "event_id": "event_BsMVOIWKpHTgZ0Iy41yyP", **fields})


def base64(pcm: bytes) -> str:
    """As it is on the wire."""
    return b64encode(pcm).decode("ascii")


SPEC = SessionSpec(instructions="You are Mio, a cat. Answer in one or two short sentences.")


@dataclass(frozen=True)
class Sample:
    """A conversation in the middle of a reply."""

    provider: str
    """A provider of the family."""
    opens: tuple[Frame | Command, ...]
    """What is received and asked until the reply has begun."""
    words: Frame
    """A piece of the reply's text."""
    sound: tuple[Frame, ...] = ()
    """Pieces of its sound, 20 ms each, in turns; none where a family has no sound."""
    audio_of: Callable[[dict[str, Any]], str] = lambda event: event["delta"]
    """Where the sound is in such an event."""
    spec: SessionSpec = SPEC

    def make(self) -> Codec:
        """A codec of the family, in the middle of the reply."""
        codec = make_codec(self.provider, self.spec, key="k", url="ws://localhost:1")
        for step in self.opens:
            if isinstance(step, str | bytes):
                codec.decode(step)
            else:
                codec.encode(step)
        return codec


_REPLY = {
    "response_id": "resp_BsMVPGHSIG66D0KgCcgZl",
    "item_id": "item_BsMVPDdLlNrEXKYZaJoFW",
    "output_index": 0,
    "content_index": 0,
}


def said(**content: Any) -> str:
    """A message as Gemini writes it."""
    return json.dumps({"serverContent": content})


def in_turn(pcm: bytes) -> str:
    """A piece of a reply's sound as Gemini writes it."""
    blob = {"mimeType": "audio/pcm;rate=24000", "data": base64(pcm)}
    return said(modelTurn={"parts": [{"inlineData": blob}]})


SAMPLES: Mapping[str, Sample] = {
    "openai-ga": Sample(
        provider="openai",
        opens=(
            frame("session.created", session={"id": "sess_1"}),
            frame("session.updated", session={"id": "sess_1"}),
            frame("response.created", response={"id": _REPLY["response_id"]}),
        ),
        words=frame("response.output_audio_transcript.delta", delta=" afternoon", obfuscation="", **_REPLY),
        sound=(frame("response.output_audio.delta", delta=base64(PCM), **_REPLY),),
    ),
    "openai-live": Sample(
        provider="openai-live",
        opens=(frame("session.started", session={"id": "live_1"}),),
        words=frame("session.output_transcript.delta", delta=" afternoon", start_ms=1200, end_ms=1400),
        # The track holds speech and silence; the silence has to be looked at in full.
        sound=tuple(frame("session.output_audio.delta", delta=base64(pcm)) for pcm in (PCM, HUSH)),
    ),
    "flat": Sample(
        provider="qwen",
        opens=(
            frame("session.created", session={"id": "sess_1"}),
            frame("session.updated", session={"id": "sess_1"}),
            frame("response.created", response={"id": _REPLY["response_id"], "status": "in_progress"}),
        ),
        words=frame("response.audio_transcript.delta", delta=" afternoon", **_REPLY),
        sound=(frame("response.audio.delta", delta=base64(PCM), **_REPLY),),
    ),
    "gemini": Sample(
        provider="gemini",
        opens=('{"setupComplete": {}}', SendText(TEXT), in_turn(PCM)),
        words=said(outputTranscription={"text": " afternoon"}),
        sound=(in_turn(PCM),),
        audio_of=lambda event: event["serverContent"]["modelTurn"]["parts"][0]["inlineData"]["data"],
    ),
    "chat": Sample(
        provider="chat",
        # Each request carries the whole conversation: here, ten turns of it.
        spec=msgspec.structs.replace(
            SPEC, history=tuple(HistoryLine(role, TEXT) for role in ("user", "assistant") * 10)
        ),
        opens=(b'{"is":"open","models":["m"]}', SendText(TEXT)),
        words=json.dumps(
            {
                "id": "chatcmpl-BsMVPGHSIG66D0KgCcgZl",
                "object": "chat.completion.chunk",
                "created": 1_795_300_000,
                "model": "m",
                "choices": [{"index": 0, "delta": {"content": " afternoon"}, "finish_reason": None}],
            }
        ),
    ),
}
"""The samples by family."""
