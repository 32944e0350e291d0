"""Linear PCM: 16-bit signed little-endian mono everywhere inside neko.

Buffers are ``bytes``; a *sample* is two bytes. Rates are in Hz, durations in ms.
"""

from __future__ import annotations

import math
import sys
from typing import Any

from neko_cli.core.polyphase import Polyphase, suits

BYTES_PER_SAMPLE = 2
FULL_SCALE = 32768.0
FULL_SCALE_DB = 20.0 * math.log10(FULL_SCALE)
SILENCE_DBFS = -96.0
"""The level reported for digital silence: the noise floor of 16 bits."""


def samples_in(pcm: bytes) -> int:
    """Whole samples in a buffer."""
    return len(pcm) // BYTES_PER_SAMPLE


def duration_ms(n_bytes: int, rate: int) -> float:
    """How long ``n_bytes`` of PCM last at ``rate`` Hz, in ms."""
    return n_bytes * 1000.0 / (rate * BYTES_PER_SAMPLE)


def bytes_for(ms: float, rate: int) -> int:
    """Bytes of PCM for a duration, rounded down to whole samples."""
    return int(rate * ms / 1000.0) * BYTES_PER_SAMPLE


def silence(ms: float, rate: int) -> bytes:
    """Digital silence of a duration."""
    return bytes(bytes_for(ms, rate))


def level_dbfs(pcm: bytes) -> float:
    """Root mean square of a buffer relative to full scale, in dBFS (-96 … 0)."""
    import numpy as np

    samples = np.frombuffer(pcm, dtype="<i2", count=len(pcm) // BYTES_PER_SAMPLE).astype(np.float32)
    power = float(samples.dot(samples))  # a third of the time of a mean
    if power == 0.0:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 10.0 * math.log10(power / samples.size) - FULL_SCALE_DB)


class Resampler:
    """A streaming rate converter that keeps its state across chunks.

    Between 16, 24 and 48 kHz a short filter of our own, with a delay of 1 ms; else soxr in its
    variable-rate mode: a constant 5–15 ms, where the default mode emits bursts of up to 38 ms
    (measured). Equal rates pass through untouched, bit for bit. A sample cut in two by a chunk
    border is kept for the next push.
    """

    def __init__(self, source_rate: int, target_rate: int) -> None:
        """Convert from ``source_rate`` Hz to ``target_rate`` Hz; raises ValueError below 1 Hz."""
        if source_rate < 1 or target_rate < 1:
            raise ValueError("sample rates must be positive")
        self.source_rate = source_rate
        self.target_rate = target_rate
        self._odd = b""
        self._stream: Any = None

    @property
    def passes_through(self) -> bool:
        """Whether the rates are equal, so that nothing is changed."""
        return self.source_rate == self.target_rate

    def push(self, pcm: bytes) -> bytes:
        """Convert one chunk; returns what is ready, which may be empty."""
        data = self._odd + pcm
        even = len(data) & ~1
        self._odd = data[even:]
        data = data[:even]
        if self.passes_through or not data:
            return data
        return self._run(data, last=False)

    def drain(self) -> bytes:
        """The rest that is still held back; the stream starts afresh afterwards."""
        self._odd = b""
        if self.passes_through or self._stream is None:
            return b""
        rest = self._run(b"", last=True)
        self._stream = None
        return rest

    def reset(self) -> None:
        """Forget what is held back, as after an interruption."""
        self._odd = b""
        self._stream = None

    def _run(self, data: bytes, *, last: bool) -> bytes:
        import numpy as np

        if self._stream is None:
            self._stream = self._start()
        samples = np.frombuffer(data, dtype="<i2")
        if sys.byteorder == "big":
            samples = samples.astype("=i2")
        out = self._stream(samples, last=last)
        return bytes(out.astype("<i2", copy=False).tobytes())

    def _start(self) -> Any:
        if suits(self.source_rate, self.target_rate):
            return Polyphase(self.source_rate, self.target_rate).push
        import soxr

        rates = self.source_rate, self.target_rate
        return soxr.ResampleStream(*rates, 1, dtype="int16", vr=True).resample_chunk
