"""The codecs that are tested with rubbish: how to make one, what its server sends, how to see it is well."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from neko_cli.core.codecs import make_codec
from neko_cli.core.codecs.base import Codec, Frame, SessionSpec
from neko_cli.core.codecs.flat import FlatCodec
from neko_cli.core.commands import SendText, ToolSpec
from neko_cli.core.provider_events import (
    InputTranscript,
    ProviderEvent,
    Ready,
    ReplyBegan,
    ReplyEnded,
    ReplySound,
    ReplyStatus,
    ReplyWords,
)
from tests.core.codecs import flat, ga, gem, golden

TOOLS = (ToolSpec("weather", "The weather.", {"type": "object"}),)


@dataclass(frozen=True)
class Family:
    """One codec under test."""

    provider: str
    folder: str
    spec: SessionSpec
    usable: Callable[[Codec], None]
    """Asserts that a reply comes through as ever."""

    def make(self) -> Codec:
        return make_codec(self.provider, self.spec, key="k", url="ws://localhost:1")

    @property
    def frames(self) -> list[Frame]:
        """All that its server sends in the golden conversations."""
        lines = [line for name in golden.names(self.folder) for line in golden.read(name, self.folder)]
        told = [json.dumps(line["link"]).encode() for line in lines if "link" in line]
        return [*golden.server_frames(self.folder), *told]


def decoded(codec: Codec, frames: Iterable[Frame]) -> list[ProviderEvent]:
    return [event for frame in frames for event in codec.decode(frame)]


def ga_usable(codec: Codec) -> None:
    events = decoded(codec, [ga.sound("fresh", "fresh item", b"\1\2"), ga.done("fresh")])
    assert events[1:] == [
        ReplySound("fresh", "fresh item", b"\1\2"),
        ReplyEnded("fresh", ReplyStatus.COMPLETE),
    ]


def resumed_usable(codec: Codec) -> None:
    """The same, once it is configured."""
    updated = ga.server("session.updated", session={"id": "s"})
    assert all(isinstance(event, Ready) for event in decoded(codec, [ga.server("conversation.created")]))
    codec.decode(ga.server("conversation.created", conversation={"id": "conv_1"}))
    codec.decode(updated)
    ga_usable(codec)


def live_usable(codec: Codec) -> None:
    quiet = golden.frame_of({"type": "session.output_audio.delta", "delta": {"ms": 2_000, "level": 0}})
    voice = golden.frame_of({"type": "session.output_audio.delta", "delta": {"ms": 100, "level": 900}})
    decoded(codec, [quiet] * 5)  # whatever was open is over
    told = {"type": "session.output_transcript.delta", "delta": "Yes", "start_ms": 0, "end_ms": 1}
    events = decoded(codec, [json.dumps(told), voice, quiet])
    assert [event.delta for event in events if isinstance(event, ReplyWords)] == ["Yes"]
    assert any(isinstance(event, ReplySound) and len(event.pcm) == 4800 for event in events)
    assert any(isinstance(event, ReplyEnded) and event.status is ReplyStatus.COMPLETE for event in events)


def chat_usable(codec: Codec) -> None:
    decoded(codec, [b'{"is":"ended"}'] * 20)  # whatever was open is over
    (request,) = codec.encode(SendText("Hi"))
    assert json.loads(request)["messages"][-1]["content"].endswith("Hi")
    chunk = json.dumps({"choices": [{"index": 0, "delta": {"content": "Yes"}, "finish_reason": "stop"}]})
    events = decoded(codec, [chunk, "[DONE]", b'{"is":"ended"}'])
    assert [event.delta for event in events if isinstance(event, ReplyWords)] == ["Yes"]
    assert isinstance(events[-1], ReplyEnded)
    assert events[-1].status is ReplyStatus.COMPLETE


def flat_usable(codec: Codec) -> None:
    assert isinstance(codec, FlatCodec)
    if current := codec._replies.ledger.current:
        # A reply without an id may be going on; the next one ends it, or goes on beside it.
        decoded(codec, [ga.done(current)])
    sound = flat.sound("fresh", "fresh item", b"\1\2")
    assert decoded(codec, [sound, ga.done("fresh")]) == [
        ReplyBegan("fresh"),
        ReplySound("fresh", "fresh item", b"\1\2"),
        ReplyEnded("fresh", ReplyStatus.COMPLETE),
    ]


def gemini_usable(codec: Codec) -> None:
    for _ in range(2):  # the first one ends whatever was being said
        codec.encode(SendText("fresh"))
        events = decoded(codec, [gem.words("a"), gem.sound(b"\1\2"), gem.COMPLETE])
    said = [event for event in events if not isinstance(event, InputTranscript)]
    began, words, sound, ended = said
    assert isinstance(began, ReplyBegan)
    assert words == ReplyWords(began.reply_id, "a")
    assert sound == ReplySound(began.reply_id, began.reply_id, b"\1\2")
    assert isinstance(ended, ReplyEnded)
    assert ended.status is ReplyStatus.COMPLETE


SPEC = SessionSpec(instructions="You are Mio.", tools=TOOLS, store=True)
RESUMED = msgspec.structs.replace(SPEC, resume_handle="conv_1")

OLDER = msgspec.structs.replace(SPEC, model="gemini-2.5-flash-native-audio-preview-12-2025")
TALKS_ON = msgspec.structs.replace(SPEC, model="gemini-3.8-live-extended-thinking")

FAMILIES = {
    "openai": Family("openai", "openai_ga", SPEC, ga_usable),
    "embedded": Family("embedded", "openai_ga", SPEC, ga_usable),
    "azure": Family("azure", "azure", SPEC, ga_usable),
    "xai": Family("xai", "xai", SPEC, ga_usable),
    "xai-resumed": Family("xai", "xai", RESUMED, resumed_usable),
    "openai-live": Family("openai-live", "openai_live", SPEC, live_usable),
    "openai-live-forked": Family("openai-live", "openai_live", RESUMED, live_usable),
    "gemini": Family("gemini", "gemini", SPEC, gemini_usable),
    "gemini-resumed": Family("gemini", "gemini", RESUMED, gemini_usable),
    "gemini-2.5": Family("gemini", "gemini", OLDER, gemini_usable),
    "gemini-that-talks-on": Family("gemini", "gemini", TALKS_ON, gemini_usable),
    "vertex": Family("vertex", "vertex", SPEC, gemini_usable),
    "chat": Family("chat", "chat", SPEC, chat_usable),
    **{
        name: Family(name, name.replace("-", "_"), SPEC, flat_usable)
        for name in ("qwen", "stepfun", "glm", "neko-free", "azure-preview")
    },
}
"""Every provider of the registry, in every state in which its codec behaves differently."""


def held(value: Any) -> int:
    """How much a codec remembers: characters, bytes and entries, all in all."""
    seen: set[int] = set()

    def size(part: Any) -> int:
        if id(part) in seen or callable(part):
            return 0
        if isinstance(part, str | bytes):
            return len(part)
        seen.add(id(part))
        if isinstance(part, dict):
            return sum(1 + size(key) + size(inner) for key, inner in part.items())
        if isinstance(part, list | tuple | set | frozenset) or type(part).__name__ == "deque":
            return sum(1 + size(inner) for inner in part)
        if isinstance(part, msgspec.Struct):
            return sum(size(getattr(part, name)) for name in part.__struct_fields__)
        return sum(size(inner) for inner in vars(part).values()) if hasattr(part, "__dict__") else 0

    return size(value)
