"""How well the echo is cancelled: echo return loss, and what state that is. No I/O.

Echo return loss enhancement (ERLE) is the level of what the microphone heard against what is left of it,
while something is played and nobody speaks over it (ITU-T G.168, 3.1.12). Whether what is left is echo or
somebody who speaks is told by its ups and downs: an echo's are those of what was played.
"""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec

from neko_cli.audio.echo_likeness import Likeness
from neko_cli.core.pcm import FULL_SCALE, SILENCE_DBFS

FAR_DBFS = -50.0
"""What is played louder than this can come back as echo."""

ECHO_DBFS = -60.0
"""What the microphone hears below this while something is played is no echo worth the name."""

HANG_MS = 500
"""So long after it was played, sound still comes back: devices' delays and the room's tail."""

SMOOTH_MS, SHORT_MS = 1000, 100
"""Over how long levels are averaged, for the figure and for the moment."""

LOOK_MS = 500
"""So much played sound lies between two judgements."""

GOOD_DB = 10.0
"""From here on it works."""

HYSTERESIS_DB = 6.0

SPEECH_DB, SPEECH_DBFS = 6.0, -55.0
"""Somebody speaks over the echo: less than this, or than half of the usual, is taken away, and what is left
is as loud as that."""

SPEECH_HANG_MS = 300
"""So long after that, the pauses between words are taken for speech as well."""

CALM_DB, CALM_MS = 20.0, 300
"""So much is taken away, or so little is left, for so long: then the echo is out, at first and after a
disturbance."""

LEAKS = 2
"""So many judgements in a row that echo comes through are believed."""

ECHO_LIKENESS = 0.6
"""From here on something goes up and down with what was played: an echo has 0.8 to 1, another voice 0.2 to
0.5 (measured: benchmarks/echo.py)."""


class EchoState(StrEnum):
    """What the canceller does."""

    WAITING = "waiting"
    """Nothing was played yet."""
    LEARNING = "learning"
    WORKING = "working"
    FAILING = "failing"
    """Echo comes through."""
    NO_ECHO = "no echo"
    """What is played does not come back, as with headphones."""


class EchoReport(msgspec.Struct, frozen=True):
    """How it goes, for the status line."""

    state: EchoState = EchoState.WAITING
    erle_db: float = 0.0
    """Echo return loss; 0 while nothing can be said."""
    double_talk: bool = False
    """Somebody speaks while something is played."""
    playing: bool = False
    """Something is played, or was until just now: it may come back."""
    settled: bool = False
    """The echo has been out since the two streams were disturbed the last time."""
    waits_ms: float = 0.0
    """Sound of the microphone that waits for what was played beside it."""
    realigned: int = 0
    """How often the two streams had to be laid side by side anew."""

    @property
    def converged(self) -> bool:
        """Whether the microphone can be trusted while the character speaks."""
        return self.state is EchoState.NO_ECHO or (self.state is EchoState.WORKING and self.settled)


class EchoMeter:
    """Takes the mean squares of each frame of 10 ms."""

    def __init__(self) -> None:
        """Nothing was heard yet."""
        self._near = self._left = self._left_now = self._near_now = 0.0
        self._since_far_ms = self._since_speech_ms = HANG_MS
        self._far_ms = self._calm_ms = 0
        self._leaks = 0
        self._likeness = Likeness()
        self.state = EchoState.WAITING

    @property
    def erle_db(self) -> float:
        """Echo return loss in dB, not below 0; 0 while there is no echo."""
        return self._taken_db if self.state in (EchoState.WORKING, EchoState.FAILING) else 0.0

    @property
    def settled(self) -> bool:
        """Whether the echo has been out for a while, undisturbed."""
        return self._calm_ms >= CALM_MS

    @property
    def playing(self) -> bool:
        """Whether what is played, or was until just now, may come back."""
        return self._since_far_ms < HANG_MS

    def disturb(self) -> None:
        """What is played and what is heard may not fit together: nothing is settled any more."""
        self._calm_ms = 0

    @property
    def double_talk(self) -> bool:
        """Whether somebody speaks while something is played."""
        return self._since_speech_ms < SPEECH_HANG_MS and self.playing

    def heard(self, near: float, left: float, far: float) -> None:
        """Mean squares of the microphone's frame, of what is left of it, and of what was played."""
        played = _db(far)
        self._likeness.push(played, _db(near), _db(left))
        self._since_far_ms = 0 if played > FAR_DBFS else self._since_far_ms + 10
        if self._since_far_ms >= HANG_MS:
            return
        self._far_ms += 10
        self._near_now += (near - self._near_now) * 10 / SHORT_MS
        self._left_now += (left - self._left_now) * 10 / SHORT_MS
        if not self.settled:
            self._calm_ms = self._calm_ms + 10 if self._is_calm() else 0
        self._since_speech_ms = 0 if self._is_spoken_over() else self._since_speech_ms + 10
        if not self.double_talk:
            share = 10.0 / min(SMOOTH_MS, self._far_ms)
            self._near += (near - self._near) * share
            self._left += (left - self._left) * share
        if self._far_ms % LOOK_MS == 0:
            self.state = self._judge()
        elif self.state is EchoState.WAITING:
            self.state = EchoState.LEARNING

    @property
    def _taken_db(self) -> float:
        return max(0.0, _db(self._near) - _db(self._left))

    def _is_calm(self) -> bool:
        left = _db(self._left_now)
        return left < SPEECH_DBFS or _db(self._near_now) - left >= CALM_DB

    def _is_spoken_over(self) -> bool:
        if self.state not in (EchoState.WORKING, EchoState.NO_ECHO) or _db(self._left_now) < SPEECH_DBFS:
            return False
        taken = _db(self._near_now) - _db(self._left_now)
        return taken < max(SPEECH_DB, self.erle_db / 2)

    def _judge(self) -> EchoState:
        leaks = _db(self._left_now) > SPEECH_DBFS and self._likeness.of_left() >= ECHO_LIKENESS
        self._leaks = self._leaks + 1 if leaks else 0
        if self._leaks >= LEAKS:
            self._near, self._left = self._near_now, self._left_now
            return EchoState.FAILING
        if self.double_talk:
            return self.state
        level = _db(self._near)
        if self.state is EchoState.WORKING:
            return EchoState.NO_ECHO if level < ECHO_DBFS - HYSTERESIS_DB else EchoState.WORKING
        if level < ECHO_DBFS or self._likeness.of_near() < ECHO_LIKENESS:
            return EchoState.NO_ECHO if self._far_ms >= 2 * LOOK_MS else EchoState.LEARNING
        if self._taken_db >= GOOD_DB:
            return EchoState.WORKING
        return EchoState.FAILING if self.state is EchoState.FAILING else EchoState.LEARNING


def _db(power: float) -> float:
    """Mean square of 16-bit samples in dBFS, as far down as 16 bits go."""
    return max(SILENCE_DBFS, 10.0 * math.log10(power / FULL_SCALE**2)) if power > 0.0 else SILENCE_DBFS
