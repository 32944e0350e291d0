"""What the loudspeaker played, kept for the canceller: written in the callback, read beside the microphone.

The callback copies and notes the time, nothing else. The oldest is overwritten, so that nobody has to
read while the microphone is off.
"""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from neko_cli.audio.echo_clock import BlockClock
from neko_cli.core.pcm import BYTES_PER_SAMPLE, Resampler

KEPT_S = 2
"""How much is kept: the lead, the longest pause of the event loop, and the devices' delays."""

STALE_S = 0.5
"""A loudspeaker whose latest block is older than this plays no more."""


class Track:
    """The last KEPT_S of a stream by position; one thread writes, one other reads."""

    def __init__(self, rate: int) -> None:
        """For ``rate`` Hz; all memory is taken here."""
        self.rate = rate
        self.capacity = rate * KEPT_S
        self._bytes = memoryview(bytearray(self.capacity * BYTES_PER_SAMPLE))
        self._samples: Any = np.frombuffer(self._bytes, dtype="<i2")
        self._floor = 0
        self.written = 0
        """Where the stream ends so far, in samples."""

    def push(self, pcm: bytes | bytearray | memoryview) -> None:
        """Append whole samples, fewer than the capacity."""
        source = memoryview(pcm)
        size = len(self._bytes)
        at = self.written * BYTES_PER_SAMPLE % size
        first = min(len(source), size - at)
        self._bytes[at : at + first] = source[:first]
        if first < len(source):
            self._bytes[: len(source) - first] = source[first:]
        self.written += len(source) // BYTES_PER_SAMPLE  # last: the reader sees whole blocks only

    def skip_to(self, position: int) -> None:
        """The stream goes on at ``position``; nothing from before is left."""
        self.written = self._floor = position

    def read_into(self, out: Any, start: int) -> None:
        """Fill ``out`` (int16) from ``start`` on; silence for what is not there."""
        oldest = max(self._floor, self.written - self.capacity + out.size)
        begin, end = max(start, oldest), min(start + out.size, self.written)
        if end <= begin:
            out[:] = 0
            return
        out[: begin - start] = 0
        out[end - start :] = 0
        at = begin % self.capacity
        first = min(end - begin, self.capacity - at)
        middle = begin - start
        out[middle : middle + first] = self._samples[at : at + first]
        out[middle + first : end - start] = self._samples[: end - begin - first]


class FarEnd:
    """The loudspeaker's stream as the canceller reads it, at the microphone's rate."""

    def __init__(self, speaker_rate: int) -> None:
        """For a loudspeaker that runs at ``speaker_rate`` Hz."""
        self._raw = Track(speaker_rate)
        self._clock = BlockClock(speaker_rate)
        self._track = self._raw
        self._resampler: Resampler | None = None
        self._pulled = 0

    def played(self, block: bytes | bytearray | memoryview, now: float) -> None:
        """In the callback at ``now``: a block of 16-bit mono, fill-in silence included."""
        self._clock.block(now, len(block) // BYTES_PER_SAMPLE)
        self._raw.push(block)

    @property
    def is_late(self) -> bool:
        """Whether the device may have run out of sound just now."""
        return self._clock.is_late

    def sync(self, rate: int) -> Track:
        """What was played so far, as a track of ``rate`` Hz."""
        if rate == self._raw.rate:
            return self._raw
        if self._track.rate != rate or self._resampler is None:
            self._track, self._resampler = Track(rate), Resampler(self._raw.rate, rate)
            self._restart(self._raw.written)
        if self._raw.written - self._pulled > self._raw.capacity // 2:
            self._restart(self._raw.written)
        fresh = self._raw.written - self._pulled
        if fresh:
            piece = np.empty(fresh, dtype="<i2")
            self._raw.read_into(piece, self._pulled)
            self._pulled += fresh
            self._track.push(self._resampler.push(piece.tobytes()))
        return self._track

    def began(self, now: float) -> float | None:
        """When this stream's first sample would have come in time; None when it does not run."""
        if self._clock.began == inf or now - self._clock.came_at > STALE_S:
            return None
        return self._clock.began

    def _restart(self, position: int) -> None:
        """Nobody read for long: go on with what comes now."""
        assert self._resampler is not None
        self._resampler.reset()
        self._pulled = position
        self._track.skip_to(position * self._track.rate // self._raw.rate)
