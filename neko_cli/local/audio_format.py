"""Sound as it travels on a wire, and its way to the ears and from the voice.

Inside the engine all PCM is 16-bit signed little-endian mono. A wire may carry it at another rate
or as G.711 (ITU-T G.711: 8 kHz, one byte a sample, µ-law or A-law).
"""

from __future__ import annotations

import enum
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from neko_cli.core.pcm import Resampler
from neko_cli.local.ports import EARS_RATE, VOICE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Encoding(enum.StrEnum):
    """How one sample is written."""

    PCM = "pcm"
    ULAW = "ulaw"
    ALAW = "alaw"


class AudioFormat(msgspec.Struct, frozen=True):
    """Encoding and rate in Hz of mono sound."""

    encoding: Encoding
    rate: int

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample."""
        return 2 if self.encoding is Encoding.PCM else 1

    def duration_ms(self, n_bytes: int) -> float:
        """How long ``n_bytes`` last, in ms; half a sample counts for nothing."""
        return (n_bytes // self.sample_bytes) * 1000.0 / self.rate

    def bytes_for(self, ms: float) -> int:
        """Bytes that last ``ms``, rounded to whole samples."""
        return round(ms * self.rate / 1000.0) * self.sample_bytes


PCM_24K = AudioFormat(Encoding.PCM, 24_000)
G711_ULAW = AudioFormat(Encoding.ULAW, 8_000)
G711_ALAW = AudioFormat(Encoding.ALAW, 8_000)


class ToEars:
    """Wire bytes in, PCM at EARS_RATE out; keeps its state across chunks."""

    def __init__(self, source: AudioFormat) -> None:
        self._encoding = source.encoding
        self._resampler = Resampler(source.rate, EARS_RATE)

    def push(self, data: bytes) -> bytes:
        """Convert one chunk; returns what is ready, which may be empty."""
        if self._encoding is not Encoding.PCM:
            data = expand(data, self._encoding)
        return self._resampler.push(data)

    def drain(self) -> bytes:
        """The rest that is held back; the stream starts afresh afterwards."""
        return self._resampler.drain()


class FromVoice:
    """PCM at VOICE_RATE in, wire bytes out; keeps its state across chunks."""

    def __init__(self, target: AudioFormat) -> None:
        self._encoding = target.encoding
        self._resampler = Resampler(VOICE_RATE, target.rate)

    def push(self, pcm: bytes) -> bytes:
        """Convert one chunk; returns what is ready, which may be empty."""
        return self._encode(self._resampler.push(pcm))

    def drain(self) -> bytes:
        """The rest that is held back, at the end of a reply."""
        return self._encode(self._resampler.drain())

    def _encode(self, pcm: bytes) -> bytes:
        return pcm if self._encoding is Encoding.PCM else compress(pcm, self._encoding)


def expand(data: bytes, encoding: Encoding) -> bytes:
    """G.711 bytes to 16-bit PCM."""
    import numpy as np

    pcm = _decoding_table(encoding)[np.frombuffer(data, dtype=np.uint8)]
    return bytes(pcm.astype("<i2", copy=False).tobytes())


def compress(pcm: bytes, encoding: Encoding) -> bytes:
    """16-bit PCM to G.711 bytes."""
    import numpy as np

    samples = np.frombuffer(pcm, dtype="<i2").astype(np.int32)
    return bytes(_encoding_table(encoding)[samples + 32768].tobytes())


@cache
def _decoding_table(encoding: Encoding) -> NDArray[Any]:
    """The 256 PCM values of an encoding, by the formulas of ITU-T G.711."""
    import numpy as np

    codes = np.arange(256, dtype=np.int32)
    if encoding is Encoding.ULAW:
        codes = ~codes & 0xFF  # µ-law is sent with all bits inverted
        magnitude = ((((codes & 0x0F) << 3) + 0x84) << ((codes >> 4) & 7)) - 0x84
        values = np.where(codes & 0x80, -magnitude, magnitude)
    else:
        codes = codes ^ 0x55  # A-law is sent with every other bit inverted
        exponent, mantissa = (codes >> 4) & 7, (codes & 0x0F) << 4
        magnitude = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
        values = np.where(codes & 0x80, magnitude, -magnitude)
    return values.astype("<i2")


@cache
def _encoding_table(encoding: Encoding) -> NDArray[Any]:
    """The code nearest to each of the 65,536 PCM values."""
    import numpy as np

    values = _decoding_table(encoding).astype(np.int32)
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    middles = (ranked[:-1] + ranked[1:]) / 2.0
    nearest = np.searchsorted(middles, np.arange(-32768, 32768), side="left")
    return order[nearest].astype(np.uint8)
