"""What a session asks of the sound path besides its devices. Beside ``ports`` only because of its length."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec


class Streams(StrEnum):
    """Whether a microphone and a loudspeaker that are the same device run as one stream."""

    AUTO = "auto"
    """One where the device has one clock for both ways, which is not so behind a sound server."""
    ONE = "one"
    TWO = "two"


class EchoFigure(msgspec.Struct, frozen=True):
    """How well the loudspeaker's echo is kept out of the microphone's sound."""

    state: str
    """In a word: ``waiting``, ``learning``, ``working``, ``failing``, ``no echo``, ``server`` (the sound
    server does it) or ``off``."""
    erle_db: float = 0.0
    """Echo return loss enhancement in dB (ITU-T G.168); 0 where nothing can be said."""
    reason: str = ""
    """Why it is ``off`` though it was wanted, as a sentence."""


class EchoCare(Protocol):
    """Keeps the loudspeaker's sound out of the microphone's."""

    @property
    def trusted(self) -> bool:
        """Whether the microphone may be sent while something is played: nothing of that is in it."""
        ...

    @property
    def hears_somebody(self) -> bool:
        """Whether there is more in the microphone's sound than what may be left of the echo."""
        ...

    @property
    def figure(self) -> EchoFigure:
        """How it goes."""
        ...
