"""Rate conversion by a short filter, for rates of a small ratio: 16, 24 and 48 kHz among themselves.

A windowed sinc of 24 samples of the lower rate to each side: 1 ms of delay at 24 kHz, where soxr's
variable-rate mode has 5 to 15. At 24 kHz it falls off from 10 kHz on; what would fold back is down by 80 dB.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

SIDE = 24
"""Samples of the lower rate to each side of an output sample."""

CUTOFF = 0.94
"""Where the filter is half open, as a part of the lower rate's half."""

BETA = 8.0
"""Of the Kaiser window: the filter lets 80 dB less through where it is closed."""

LARGEST = 6
"""Of the two numbers of a ratio."""


def suits(source_rate: int, target_rate: int) -> bool:
    """Whether the ratio of two rates is of small numbers."""
    common = math.gcd(source_rate, target_rate)
    return max(source_rate, target_rate) <= LARGEST * common


class Polyphase:
    """One stream of 16-bit samples; nothing is lost, added or shifted but for the delay."""

    def __init__(self, source_rate: int, target_rate: int) -> None:
        """The rates must suit."""
        import numpy as np

        common = math.gcd(source_rate, target_rate)
        self._up, self._down = target_rate // common, source_rate // common
        self._side, self._filters = _filters(self._up, self._down)
        self._came = 0
        self._next = 0  # the output sample that is due
        self._first = 1 - self._side  # where in the input ``_waiting`` begins
        self._waiting: Any = np.zeros(self._side - 1, np.float32)

    def push(self, samples: Any, *, last: bool = False) -> Any:
        """What is ready after one chunk (int16); all of it with ``last``."""
        import numpy as np

        self._came += samples.size
        rest = [np.zeros(self._side, np.float32)] if last else []
        x = np.concatenate([self._waiting, samples, *rest], dtype=np.float32, casting="unsafe")
        reach = self._came - (0 if last else self._side)
        end = max(self._next, -(-reach * self._up // self._down))
        out = np.empty(end - self._next, np.float32)
        for shift in range(min(self._up, out.size)):
            number = self._next + shift
            out[shift :: self._up] = self._every(x, number, len(range(number, end, self._up)))
        self._next = end
        done = end * self._down // self._up - self._side + 1 - self._first
        self._waiting, self._first = x[done:], self._first + done
        np.rint(out, out=out)
        np.minimum(out, 32767.0, out=out)  # half the time of np.clip
        np.maximum(out, -32768.0, out=out)
        return out.astype(np.int16)

    def _every(self, x: Any, number: int, count: int) -> Any:
        """So many output samples from a number on, each ``up`` after the one before: one filter does all."""
        import numpy as np

        at, phase = divmod(number * self._down, self._up)
        start = at - self._side + 1 - self._first
        taps = self._filters[phase]
        part = x[start : start + (count - 1) * self._down + taps.size]
        # Quicker than not to compute what lies between: one call instead of several.
        return np.correlate(part, taps, "valid")[:: self._down]


@lru_cache(maxsize=16)
def _filters(up: int, down: int) -> tuple[int, list[Any]]:
    """Input samples to each side, and each phase's filter."""
    import numpy as np

    wide = max(1.0, down / up)
    side = math.ceil(SIDE * wide)
    filters = []
    for phase in range(up):
        away = np.arange(1 - side, side + 1) - phase / up  # from the output sample, in input samples
        window = np.i0(BETA * np.sqrt(np.clip(1.0 - (away / side) ** 2, 0.0, 1.0))) / np.i0(BETA)
        taps = np.sinc(away * CUTOFF / wide) * window
        filters.append((taps / taps.sum()).astype(np.float32))
    return side, filters
