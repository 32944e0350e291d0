"""When the blocks of a stream would come if none were late: by the callbacks that came in time.

A callback is late by what the scheduler and the interpreter lock cost, up to 40 ms on a busy machine
(measured), and never early but in the burst that fills a device's buffer at its start. So of the times in the
last moments the earliest counts, as in NTP's clock filter (RFC 5905, section 10). A stream that ran dry goes
on later for good, which shows when the earliest times are gone. The times that devices claim for each block
are no use here: with PulseAudio they wander by 20 ms within minutes while both streams run on one clock
(measured).
"""

from __future__ import annotations

from math import inf

WINDOW_S = 0.25
"""The earliest of this window and the one before it counts."""

LATE_S = 0.004
"""A block that comes so much later than the earliest is late."""

LATE_BLOCKS = 5
"""So many late blocks in a row are more than a hiccup: the stream may have run dry."""


class BlockClock:
    """``block`` is called by one thread, in order; everything else may be read by another one."""

    def __init__(self, rate: int) -> None:
        """For a stream of ``rate`` Hz."""
        self._rate = rate
        self._samples = 0
        self._before = self._now = inf
        self._until = -inf
        self._late = 0
        self._latest: tuple[int, float] | None = None
        self.began = inf
        """When its first sample would have come; inf before the first block."""

    def block(self, now: float, n: int) -> None:
        """A block of ``n`` samples has come at ``now``."""
        began = now - self._samples / self._rate
        if now >= self._until:
            self._before, self._now = self._now, inf
            self._until = now + WINDOW_S
        self._now = min(self._now, began)
        self.began = min(self._before, self._now)
        self._late = self._late + 1 if began - self.began > LATE_S else 0
        # One assignment, so that another thread sees both or neither.
        self._latest = (self._samples, now)
        self._samples += n

    @property
    def is_late(self) -> bool:
        """Whether it is behind its time, for a moment or for good."""
        return self._late >= LATE_BLOCKS

    @property
    def came_at(self) -> float:
        """When the latest block came; -inf before the first."""
        latest = self._latest
        return latest[1] if latest is not None else -inf

    def time_of(self, sample: int) -> float:
        """When this sample came, or will, going by the latest block; raises ValueError before the first."""
        latest = self._latest
        if latest is None:
            raise ValueError("nothing has come yet")
        first, at = latest
        return at + (sample - first) / self._rate
