"""What the embedded engine needs from its parts: ears, a voice, a brain.

The session (``local/session.py``) knows these Protocols alone, so that each part can be replaced
and tested by itself. All PCM is 16-bit signed little-endian mono.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

EARS_RATE = 16_000
"""Sample rate in Hz that recognition and voice activity detection take."""

VOICE_RATE = 24_000
"""Sample rate in Hz that synthesis delivers."""


class Recognised(msgspec.Struct, frozen=True):
    """What the ears made of an utterance.

    ``confidence`` is 0 … 1 for the whole utterance; ``words`` are pairs of a word and its own
    confidence, where the engine tells them.
    """

    text: str
    confidence: float
    words: tuple[tuple[str, float], ...] = ()


class Hearing(msgspec.Struct, frozen=True):
    """How to listen: language tag (``en``), words to expect, or a JSGF grammar."""

    language: str = "en"
    vocabulary: tuple[str, ...] = ()
    grammar: str = ""


class Ears(Protocol):
    """Speech recognition."""

    async def recognise(self, pcm: bytes, hearing: Hearing) -> Recognised:
        """Recognise one utterance at EARS_RATE; raises ServerFault when recognition fails."""
        ...


class Speech(msgspec.Struct, frozen=True):
    """How to speak: voice name (empty for the language's default), language tag, speed 0.25 … 1.5."""

    voice: str = ""
    language: str = "en"
    speed: float = 1.0


class Voice(Protocol):
    """Speech synthesis."""

    def speak(self, text: str, speech: Speech) -> AsyncIterator[bytes]:
        """Chunks of at most 100 ms at VOICE_RATE, as the synthesiser delivers them.

        Closing the iterator stops the synthesis. Raises ServerFault when it fails.
        """
        ...


class ImageFacts(msgspec.Struct, frozen=True):
    """A picture in the conversation, for brains that can look and for those that can only count."""

    media_type: str
    width: int
    height: int
    data_url: str


class Line(msgspec.Struct, frozen=True):
    """One entry of the conversation as a brain sees it.

    ``role`` is system, user, assistant or tool. A tool call stands as an assistant line with
    ``call_id``, ``name`` and ``text`` holding the JSON arguments; its result as a tool line with
    the same ``call_id``.
    """

    role: str
    text: str
    images: tuple[ImageFacts, ...] = ()
    call_id: str = ""
    name: str = ""


class Prompt(msgspec.Struct, frozen=True):
    """All that a brain needs for one reply.

    ``tools`` are in OpenAI's flat form; ``tool_choice`` is ``auto``, ``none``, ``required`` or
    a tool's name. ``max_tokens`` 0 means no limit.
    """

    instructions: str
    lines: tuple[Line, ...]
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str = "auto"
    max_tokens: int = 0


class SaidText(msgspec.Struct, frozen=True, tag="text"):
    """A piece of the reply's text."""

    text: str


class AskedTool(msgspec.Struct, frozen=True, tag="tool"):
    """The brain wants a tool to be called; ``arguments`` is a JSON object as text."""

    name: str
    arguments: str
    call_id: str = ""


class BrainUsage(msgspec.Struct, frozen=True, tag="usage"):
    """Token counts, when the brain knows them better than an estimate."""

    input_tokens: int
    output_tokens: int


BrainPart = SaidText | AskedTool | BrainUsage


class Brain(Protocol):
    """Where replies come from."""

    def reply(self, prompt: Prompt) -> AsyncIterator[BrainPart]:
        """Parts of one reply, streamed; raises NekoError when it fails."""
        ...


class Detector(Protocol):
    """Voice activity detection on frames of a fixed length at EARS_RATE."""

    frame_bytes: int

    def probability(self, frame: bytes) -> float:
        """How likely the frame (``frame_bytes`` long) holds speech, 0 … 1."""
        ...

    def reset(self) -> None:
        """Forget the past, as at the start of a stream."""
        ...


class EngineParts(Protocol):
    """Makes the parts for a session; shared by all of them, closed by the server."""

    @property
    def ears(self) -> Ears:
        """Recognition."""
        ...

    @property
    def voice(self) -> Voice:
        """Synthesis."""
        ...

    @property
    def brain(self) -> Brain:
        """Where replies come from."""
        ...

    def detector(self) -> Detector:
        """A detector of its own for one stream."""
        ...

    def voices(self) -> Sequence[str]:
        """Names of voices that can be asked for."""
        ...

    async def warm_up(self, *, hearing: bool, speaking: bool) -> None:
        """Start worker processes ahead of the first use."""
        ...

    async def aclose(self) -> None:
        """Stop all workers; idempotent."""
        ...
