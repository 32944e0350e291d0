"""What the microphone's sound becomes on its way out: itself, silence, or nothing."""

from __future__ import annotations

from enum import Enum, auto

from neko_cli.core.host import SessionHost
from neko_cli.core.pre_roll import PreRoll
from neko_cli.core.profile import Duplex

ECHO_TAIL = 0.15
"""Seconds for which a room still echoes after the character's last sound (half duplex)."""

ONSET_MS = 150
"""So much before somebody is heard over the character goes out with it: the first syllable."""


class Guard(Enum):
    """What keeps the character from hearing itself."""

    NONE = auto()
    """Nothing, or nothing needs to."""
    ECHO = auto()
    """Its echo is cancelled, and nobody speaks over it: what is left of it is not worth sending."""
    HALF_DUPLEX = auto()
    """Nothing is sent while it is heard, nor right after it."""


class MicrophoneGate:
    """Keeps the character from hearing itself, and lets the user through."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host
        self._spoke_at = -ECHO_TAIL
        self._before = PreRoll(ONSET_MS)

    def sound(self, frame: bytes, rate: int) -> bytes | None:
        """What is sent of a microphone's frame: it, silence in its place, or nothing.

        When somebody begins to speak over the character, what was held just before comes with it.
        """
        self._host.devices.microphone.heard(frame, rate)
        guard = self.guard()
        if guard is Guard.ECHO:
            self._before.keep(frame, rate)
            sound = bytes(len(frame))
        elif guard is Guard.HALF_DUPLEX:
            self._before.drop()  # with echo in it
            sound = bytes(len(frame))
        else:
            spoken_over = self._speaks and self._before.rate == rate
            sound = self._before.take() + frame if spoken_over else frame
            self._before.drop()
        return sound if self.lets_out(sound, rate) else None

    def kept(self, frame: bytes) -> bytes:
        """What may be sent of a frame, now or later: it, or silence in its place."""
        return bytes(len(frame)) if self.holds() else frame

    def lets_out(self, sound: bytes, rate: int) -> bool:
        """Whether sound that was spoken until now is sent; then it is recorded too, where that is wanted."""
        if not self._host.accepts:
            return False
        self._host.ports.tape.heard(sound, rate, live=True)
        return True

    def holds(self) -> bool:
        """Whether silence is sent in the place of what the microphone hears."""
        return self.guard() is not Guard.NONE

    def guard(self) -> Guard:
        """What keeps the character from hearing itself just now."""
        host = self._host
        if not host.playout.audible or host.profile.sound.duplex is Duplex.FULL:
            return Guard.NONE
        if self._speaks:
            self._spoke_at = host.now()
        elif host.now() - self._spoke_at >= ECHO_TAIL:
            return Guard.NONE
        echo = host.ports.echo
        if echo is None or not host.sound.is_full_duplex:
            return Guard.HALF_DUPLEX
        return Guard.NONE if echo.hears_somebody else Guard.ECHO

    @property
    def _speaks(self) -> bool:
        return self._host.turns.is_heard
