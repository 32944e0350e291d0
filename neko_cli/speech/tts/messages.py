"""What is said to a voice worker, and what it says back.

Sound carries the id of the speech that it was made for, never that of the newest one. The end of a
speech, an interruption and the end of the worker are messages of their own.
"""

from __future__ import annotations

import msgspec

from neko_cli.core.errors import NekoError


class Say(msgspec.Struct, frozen=True):
    """A further piece of a speech, fit to be read aloud; a new id begins a speech behind the others."""

    speech: str
    text: str


class EndOfSpeech(msgspec.Struct, frozen=True):
    """No more text for this speech; answered by SpeechDone behind its last sound."""

    speech: str


class Interrupt(msgspec.Struct, frozen=True):
    """Give up one speech, or all that were begun before; nothing of them comes any more."""

    speech: str | None = None


class Shutdown(msgspec.Struct, frozen=True):
    """End the worker."""


class Ready(msgspec.Struct, frozen=True):
    """The worker takes speeches."""


class Failed(msgspec.Struct, frozen=True):
    """The worker could not start, or has ended; it says nothing after that."""

    error: NekoError


class Trouble(msgspec.Struct, frozen=True):
    """One speech could not be spoken (any further); the worker goes on."""

    speech: str
    error: NekoError


class Sound(msgspec.Struct, frozen=True):
    """At most 100 ms of 16-bit mono PCM at ``rate`` Hz."""

    speech: str
    pcm: bytes
    rate: int


class Handed(msgspec.Struct, frozen=True):
    """So many further pieces went to the engine: from now on some of them may be heard."""

    speech: str
    pieces: int


class Spoken(msgspec.Struct, frozen=True):
    """So many further pieces are complete in the sound before this; only some engines know."""

    speech: str
    pieces: int


class SpeechDone(msgspec.Struct, frozen=True):
    """All sound of a speech was given; not ``whole`` after a Trouble."""

    speech: str
    whole: bool = True


Request = Say | EndOfSpeech | Interrupt | Shutdown
State = Ready | Failed | Trouble
Response = Sound | Handed | Spoken | SpeechDone
