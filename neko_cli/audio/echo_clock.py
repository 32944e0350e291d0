"""When the microphone's samples were captured: a count and a time, noted in the callback.

The time is the callback's own, less the latency that the device reported when it was opened. The times that
devices claim for each block are no use here: with PulseAudio they wander by 20 ms within minutes while both
streams run on one clock (measured), and the canceller would follow them.
"""

from __future__ import annotations


class CaptureClock:
    """The time of captured samples; ``block`` is called in the callback, ``time_of`` on one other thread."""

    def __init__(self, rate: int, latency_s: float = 0.0) -> None:
        """For a stream of ``rate`` Hz whose reported input latency is ``latency_s``."""
        self._rate = rate
        self._latency_s = latency_s
        self._samples = 0
        self._latest: tuple[int, float] | None = None

    def block(self, now: float, n: int) -> None:
        """In the callback, at ``now``: a block of which ``n`` samples are kept."""
        # One assignment, so that the other thread sees both or neither.
        self._latest = (self._samples, now - self._latency_s)
        self._samples += n

    def time_of(self, sample: int) -> float:
        """When this one of the samples that were kept was captured, by the latest block.

        Raises ValueError before the first block.
        """
        if self._latest is None:
            raise ValueError("nothing was captured yet")
        first, at = self._latest
        return at + (sample - first) / self._rate
