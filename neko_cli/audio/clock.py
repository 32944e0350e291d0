"""The played-sample clock: how much real sound has left the loudspeaker by now.

The callback says when each block will be heard (device latency included) and how many of its
samples are real sound; fill-in silence stands at the end of a block and is not counted.
"""

from __future__ import annotations

from collections import deque

KEPT_BLOCKS = 4096
"""Blocks remembered while nobody asks: 40 s of 10 ms blocks, more latency than any device has."""

MAX_DELAY_S = 5.0
"""A device that claims a longer delay than this is not believed (Bluetooth has up to 0.5 s)."""


class PlayedClock:
    """Counts samples heard; ``block`` is called in the callback, ``heard`` on one other thread."""

    def __init__(self, rate: int, latency_s: float = 0.0) -> None:
        """For a stream of ``rate`` Hz whose reported output latency is ``latency_s``."""
        self._rate = rate
        self.latency_s = latency_s
        """The reported output latency; another stream may have another one."""
        self._blocks: deque[tuple[float, int, int]] = deque(maxlen=KEPT_BLOCKS)
        self._current: tuple[float, int, int] | None = None
        self._heard = 0
        self.handed = 0
        """Real samples handed to the device, heard or not yet."""

    def block(self, now: float, delay_s: float, real: int) -> float:
        """A block with ``real`` samples of sound will be heard from ``now + delay_s`` on, which is returned.

        Some hosts report nonsense as a delay; the latency reported at opening stands in then.
        """
        if not 0.0 <= delay_s <= MAX_DELAY_S:
            delay_s = self.latency_s
        if real:
            self._blocks.append((now + delay_s, self.handed, real))
            self.handed += real
        return now + delay_s

    def heard(self, now: float) -> int:
        """Real samples heard by ``now``, on the same clock as ``block``; never goes back."""
        while True:
            if self._current is None:
                try:
                    self._current = self._blocks.popleft()
                except IndexError:
                    return self._heard
            start, before, real = self._current
            part = min(real, max(0, int((now - start) * self._rate)))
            self._heard = max(self._heard, before + part)
            if part < real:
                return self._heard
            self._current = None
