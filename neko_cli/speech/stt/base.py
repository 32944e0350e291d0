"""What a recognition engine is: one utterance in, its text out.

An engine lives in a worker process and is called from one thread. PCM is 16-bit mono at RATE.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

RATE = 16_000
"""Sample rate in Hz that every engine takes."""


class Heard(msgspec.Struct, frozen=True):
    """What an engine made of an utterance: text, confidence 0 … 1, and words with theirs."""

    text: str
    confidence: float
    words: tuple[tuple[str, float], ...] = ()


class Expected(msgspec.Struct, frozen=True):
    """What may be said: language tag, sentences or words, or a JSGF grammar (which goes first)."""

    language: str = "en"
    vocabulary: tuple[str, ...] = ()
    grammar: str = ""


class Recogniser(Protocol):
    """An engine that is loaded and ready."""

    def recognise(self, pcm: bytes, expected: Expected) -> Heard:
        """Recognise one utterance.

        Raises ConfigError when the engine cannot do what is expected of it (language, grammar),
        ServerFault when it fails.
        """
        ...

    def close(self) -> None:
        """Free the engine; idempotent."""
        ...


def is_silence(pcm: bytes) -> bool:
    """Whether there is nothing to recognise: no sample, or digital silence alone."""
    return not any(pcm)
