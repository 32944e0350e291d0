"""What wakes a session: the machine's own sleep being over, and somebody who begins to speak. Pure."""

from __future__ import annotations

from neko_cli.core.pcm import SILENCE_DBFS, duration_ms, level_dbfs

SMALL_STEP = 5.0
"""Seconds by which clocks may disagree without a sleep: time servers set a clock by less at once."""

LATE_LOOKS = 3.0
"""A gap between looks of this many intervals, and of ``SMALL_STEP`` seconds more than one, is a sleep."""


class ClockWatch:
    """Tells that the machine, or this process, stood still: every link is lost then.

    While a laptop sleeps, Linux's monotonic clock stands still and the wall clock runs ahead of it.
    A stopped process (SIGSTOP, SIGTSTP), and a system whose monotonic clock runs on, show as a gap
    between two looks.
    """

    def __init__(self, interval: float) -> None:
        """``interval``: seconds between looks, as planned."""
        self._interval = interval
        self._last: tuple[float, float] | None = None

    def look(self, monotonic: float, wall: float) -> float:
        """Seconds for which everything stood still since the last look; 0 when it did not.

        Small steps of the wall clock and all steps backwards are none. A large step forward cannot be
        told from a sleep: it costs a needless new connection.

        Args:
            monotonic: seconds of the monotonic clock.
            wall: Unix time in seconds.
        """
        last, self._last = self._last, (monotonic, wall)
        if last is None:
            return 0.0
        passed, wall_passed = monotonic - last[0], wall - last[1]
        ran_ahead = wall_passed - passed >= SMALL_STEP
        late = passed > max(LATE_LOOKS * self._interval, self._interval + SMALL_STEP)
        if not ran_ahead and not late:
            return 0.0
        return max(passed, wall_passed) - min(passed, self._interval)

    def reset(self) -> None:
        """The next look is the first one, as after a pause in which nobody looked."""
        self._last = None


QUIET_AGAIN_MS = 300.0
"""So much quiet ends what was heard, and the gate is ready for the next."""

SURE_DBFS = -35.0
"""What is as loud as this is speech also where nothing is known of the room yet."""

STEADY_MS = 8_000.0
"""What is loud for so long is no speech but the room: from then on the floor follows it."""

FLOOR_RISE = 3.0
"""How fast the noise floor follows upwards, in dB/s: a fan that was switched on is soon part of it."""

FLOOR_FALL = 0.2
"""The part of the way that the noise floor goes down in each frame."""


class SoundGate:
    """Hears that somebody begins to speak, while no link is there that would detect it.

    A frame is loud when it is well above the noise floor, which follows the room, and above a level
    that is silence in any room. Clicks and single keys are too short to count.
    """

    def __init__(
        self, rate: int, *, above_db: float = 12.0, least_dbfs: float = -50.0, hold_ms: float = 80.0
    ) -> None:
        """Listen to sound at ``rate`` Hz.

        Args:
            rate: sample rate in Hz.
            above_db: how far above the noise floor speech is, in dB.
            least_dbfs: what is softer is never speech.
            hold_ms: how long it must be loud; pauses within it count against it.
        """
        self._rate = rate
        self._above = above_db
        self._least = least_dbfs
        self._hold_ms = hold_ms
        self._floor: float | None = None
        self._loud_ms = 0.0
        self._quiet_ms = 0.0
        self._open = False
        self.is_loud = False
        """Whether the last frame was loud."""
        self.level = SILENCE_DBFS
        """The last frame's, in dBFS."""

    @property
    def floor_dbfs(self) -> float:
        """The noise floor now, in dBFS."""
        return SILENCE_DBFS if self._floor is None else self._floor

    @property
    def is_open(self) -> bool:
        """Whether somebody speaks, or spoke a moment ago; what was too short to count is nothing."""
        return self._open

    def heard(self, pcm: bytes) -> bool:
        """Whether somebody begins to speak with this frame; True once, until it was quiet again.

        ``pcm`` is 16-bit mono little-endian, of any length; 10 ms suit best.
        """
        ms = duration_ms(len(pcm) & ~1, self._rate)
        if ms <= 0:
            return False
        level = self.level = level_dbfs(pcm)
        known = max(self._floor + self._above, self._least) if self._floor is not None else SURE_DBFS
        loud = self.is_loud = level >= known
        if not loud or self._loud_ms >= STEADY_MS:
            self._follow(level, ms)
        if loud:
            self._quiet_ms = 0.0
            self._loud_ms += ms
        else:
            self._quiet_ms += ms
            self._loud_ms = max(0.0, self._loud_ms - ms)
        if self._open:
            if self._quiet_ms >= QUIET_AGAIN_MS:
                self._open = False
                self._loud_ms = 0.0
            return False
        # Adding up tenths of milliseconds must not make it one frame late.
        self._open = self._loud_ms >= self._hold_ms - 1e-6
        return self._open

    def reset(self) -> None:
        """Forget the room, as after another microphone was chosen."""
        self.is_loud = False
        self._floor = None
        self._loud_ms = 0.0
        self._quiet_ms = 0.0
        self._open = False

    def _follow(self, level: float, ms: float) -> None:
        """Let the noise floor follow: quickly down and slowly up."""
        if level <= SILENCE_DBFS:
            # Digital silence is a microphone that is muted or still starting, and tells of no room; after
            # speech it is a noise gate, and what comes next is to be heard again.
            if self._floor is None:
                return
            level = self._least - self._above
        if self._floor is None:
            self._floor = min(level, SURE_DBFS - self._above)
        elif level < self._floor:
            self._floor += (level - self._floor) * FLOOR_FALL
        else:
            self._floor = min(level, self._floor + FLOOR_RISE * ms / 1000.0)
