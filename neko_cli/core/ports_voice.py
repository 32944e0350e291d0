"""Who speaks what a model writes, where the model has no voice of its own: the port of a session.

Beside ``ports`` only because of that file's length. ``speech/tts`` implements it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from neko_cli.core.errors import NekoError


class SpokenSound(msgspec.Struct, frozen=True):
    """A piece of a speech: 16-bit mono PCM of at most 100 ms, at ``rate`` Hz, with the id it was made for."""

    speech: str
    pcm: bytes
    rate: int


class SpeechSpoken(msgspec.Struct, frozen=True):
    """All sound of a speech has been given; not ``whole`` when some of it could not be spoken."""

    speech: str
    whole: bool = True


class SpokenUpTo(msgspec.Struct, frozen=True):
    """The sound given so far ends where the first ``chars`` characters of the speech's text end.

    Some voices know that piece by piece; the others tell it of none.
    """

    speech: str
    chars: int


class VoiceTrouble(msgspec.Struct, frozen=True):
    """Something about the voice that the user should know; the conversation goes on as text.

    ``retry_in`` is in seconds; without it nothing more is tried, unless ``speech`` names the one speech
    that is left out while the voice itself is well.
    """

    error: NekoError
    retry_in: float | None = None
    speech: str = ""


class VoiceOver(Protocol):
    """Speaks what a model writes, where the model has no voice of its own."""

    async def start(self) -> None:
        """Make ready within its time; raises NekoError where trying again is pointless, as for a bad key.

        Other failures are a :class:`VoiceTrouble`, and are tried again in the background.
        """
        ...

    def say(self, speech: str, delta: str) -> None:
        """A further piece of a reply's text, as it comes; never blocks. A new id begins a new speech."""
        ...

    def finish(self, speech: str) -> None:
        """All text of a speech has been said; :class:`SpeechSpoken` will follow its sound."""
        ...

    def interrupt(self) -> None:
        """Drop all speeches; when this returns no sound of theirs will be given any more."""
        ...

    def sounds(self) -> AsyncIterator[SpokenSound | SpokenUpTo | SpeechSpoken]:
        """Sound in order, made only as fast as it is taken; ends when the voice is closed. For one taker."""
        ...

    async def close(self) -> None:
        """End the worker within a few seconds; idempotent."""
        ...
