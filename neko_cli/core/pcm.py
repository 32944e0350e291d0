"""Linear PCM: 16-bit signed little-endian mono everywhere inside neko.

Buffers are ``bytes``; a *sample* is two bytes. Rates are in Hz, durations in ms.
"""

from __future__ import annotations

import math
import sys
from typing import Any

BYTES_PER_SAMPLE = 2
FULL_SCALE = 32768.0
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

    samples = np.frombuffer(pcm[: len(pcm) & ~1], dtype="<i2").astype(np.float32)
    if samples.size == 0:
        return SILENCE_DBFS
    rms = float(np.sqrt(np.mean(samples * samples))) / FULL_SCALE
    return max(SILENCE_DBFS, 20.0 * math.log10(rms)) if rms > 0.0 else SILENCE_DBFS


class Resampler:
    """A streaming rate converter that keeps its state across chunks.

    soxr in its variable-rate mode: a constant delay of 5–15 ms, where the default mode emits
    bursts of up to 38 ms (measured). Equal rates pass through untouched, bit for bit. A sample
    cut in two by a chunk border is kept for the next push.
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
            import soxr

            self._stream = soxr.ResampleStream(self.source_rate, self.target_rate, 1, dtype="int16", vr=True)
        samples = np.frombuffer(data, dtype="<i2")
        if sys.byteorder == "big":
            samples = samples.astype("=i2")
        out = self._stream.resample_chunk(samples, last=last)
        return bytes(out.astype("<i2", copy=False).tobytes())
