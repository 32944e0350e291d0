"""Blocks of 10 ms for a device that takes pieces of any length."""

from __future__ import annotations

from typing import Any, NamedTuple

from neko_cli.audio.opening import BLOCKS_PER_S, Callback
from neko_cli.audio.ring import SAMPLE_BYTES


class Times(NamedTuple):
    """Of a block, called as PortAudio calls them."""

    currentTime: float
    outputBufferDacTime: float


class Blocks:
    """Cuts what a loudspeaker's callback gives, in the device's callback: copies."""

    def __init__(self, rate: int, give: Callback) -> None:
        """For a stream of ``rate`` Hz; ``give`` is asked for a block whenever the one before is used up."""
        self._rate = rate
        self._give = give
        self._block = memoryview(bytearray(rate // BLOCKS_PER_S * SAMPLE_BYTES))
        self._left = 0  # bytes of the block that were not taken yet
        self._status: Any = None

    def fill(self, out: memoryview, time: Any, status: Any) -> None:
        """Fill a piece of whole samples."""
        self._status = status or self._status
        at = 0
        while at < len(out):
            if not self._left:
                self._next(time, at // SAMPLE_BYTES / self._rate)
            begin = len(self._block) - self._left
            n = min(self._left, len(out) - at)
            out[at : at + n] = self._block[begin : begin + n]
            at, self._left = at + n, self._left - n

    def _next(self, time: Any, later_s: float) -> None:
        """A block whose first sample is heard so much later than the piece's first."""
        times = Times(time.currentTime, time.outputBufferDacTime + later_s)
        self._give(self._block, len(self._block) // SAMPLE_BYTES, times, self._status)
        self._left, self._status = len(self._block), None
