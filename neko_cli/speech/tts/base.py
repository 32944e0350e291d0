"""What a synthesis engine is: text in, PCM out as it is made.

An engine lives in a worker process and is called from one thread. It never resamples: the worker
brings its own rate to the rate of the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

Emit = Callable[[bytes], bool]
"""Takes 16-bit mono PCM at the engine's rate; False asks the engine to stop at once."""


class Manner(msgspec.Struct, frozen=True):
    """How to speak: voice name (empty: the language's own), language tag, speed 0.25 … 1.5."""

    voice: str = ""
    language: str = "en"
    speed: float = 1.0


class Engine(Protocol):
    """A synthesiser that is loaded and ready."""

    rate: int
    """Sample rate in Hz of what it emits."""

    def synthesise(self, text: str, manner: Manner, emit: Emit) -> None:
        """Speak one piece of text, calling ``emit`` for every chunk until it returns False.

        Raises ServerFault when the engine fails, ConfigError when the language has no voice.
        """
        ...

    def voices(self) -> Sequence[str]:
        """Names of voices that can be asked for."""
        ...

    def close(self) -> None:
        """Free the engine; idempotent."""
        ...
