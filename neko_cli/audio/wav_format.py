"""A WAV file's header, and from its sample codings to 16-bit mono. Pure.

Layout after Microsoft's RIFF/WAVE specification (1991) and WAVEFORMATEXTENSIBLE (mmreg.h).
"""

from __future__ import annotations

import struct

import msgspec

from neko_cli.core.errors import ConfigError

STREAMED = 0xFFFFFFFF
"""The size that a header declares when it is not known, or larger than it can tell."""

HEADER_BYTES = 44

PCM = 1
FLOAT = 3
EXTENSIBLE = 0xFFFE

CODINGS = {
    0x0002: "Microsoft ADPCM",
    0x0006: "A-law",
    0x0007: "µ-law",
    0x0011: "IMA ADPCM",
    0x0031: "GSM 6.10",
    0x0050: "MPEG",
    0x0055: "MP3",
    0x00FF: "AAC",
    0x0161: "Windows Media Audio",
    0xF1AC: "FLAC",
}
"""Codings that are met in WAV files and that neko does not take, for the error message."""

RATES = range(8_000, 192_001)
"""Sample rates in Hz that are taken."""

MAX_CHANNELS = 8


class WavFormat(msgspec.Struct, frozen=True):
    """How samples lie in a WAV file: ``width`` in bytes for one sample of one channel."""

    rate: int
    channels: int
    width: int
    is_float: bool

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * self.width

    @property
    def is_ours(self) -> bool:
        """Whether it is 16-bit mono already, so that samples pass bit-exact."""
        return self.channels == 1 and self.width == 2 and not self.is_float


def header(rate: int, channels: int, size: int | None) -> bytes:
    """The start of a 16-bit file with ``size`` bytes of sound; None where that is not known."""
    known = size is not None and size + HEADER_BYTES - 8 < STREAMED
    data_size = size if known and size is not None else STREAMED
    riff_size = data_size + HEADER_BYTES - 8 if known else STREAMED
    frame_bytes = 2 * channels
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", riff_size, b"WAVE", b"fmt ", 16, PCM, channels, rate),
        *(rate * frame_bytes, frame_bytes, 16, b"data", data_size),
    )


def parse_format(chunk: bytes, name: str) -> WavFormat:
    """Read a ``fmt`` chunk of the file ``name``; raises ConfigError for what neko cannot take."""
    if len(chunk) < 16:
        raise ConfigError(f"{name} is not a usable WAV file: its format is cut off.")
    coding, channels, rate, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", chunk)
    if coding == EXTENSIBLE and len(chunk) >= 26:
        (coding,) = struct.unpack_from("<H", chunk, 24)  # the first two bytes of the sub-format GUID
    if coding not in (PCM, FLOAT):
        spoken = CODINGS.get(coding, f"coding {coding:#06x}")
        raise ConfigError(
            f"{name} holds {spoken}, which is not supported.", hint="Convert it to 16-bit PCM first."
        )
    if not 1 <= channels <= MAX_CHANNELS:
        raise ConfigError(f"{name} has {channels} channels; 1 to {MAX_CHANNELS} are supported.")
    if rate not in RATES:
        raise ConfigError(f"{name} has a sample rate of {rate} Hz; {RATES[0]} to {RATES[-1]} are supported.")
    # 12 or 20 bits lie left-justified in the next whole byte, 24 bits sometimes in four.
    width, rest = divmod(frame_bytes, channels)
    widths = (4, 8) if coding == FLOAT else (1, 2, 3, 4)
    if rest or width not in widths or not 0 < bits <= 8 * width:
        kind = "float" if coding == FLOAT else "integer"
        raise ConfigError(
            f"{name} has {bits}-bit {kind} samples in frames of {frame_bytes} bytes, which is not supported."
        )
    return WavFormat(rate=rate, channels=channels, width=width, is_float=coding == FLOAT)


def to_mono16(data: bytes, form: WavFormat) -> bytes:
    """Whole frames as 16-bit mono: rounded, clipped, channels averaged; not-a-number is silence."""
    if form.is_ours:
        return data
    import numpy as np  # needed for no 16-bit mono file

    if form.is_float:
        samples = np.frombuffer(data, dtype=f"<f{form.width}").astype(np.float64)
        samples = np.clip(np.nan_to_num(samples, nan=0.0), -1.0, 1.0) * 32768.0
    elif form.width == 1:  # the only unsigned coding
        samples = (np.frombuffer(data, dtype=np.uint8).astype(np.float64) - 128.0) * 256.0
    elif form.width == 3:
        padded = np.zeros((len(data) // 3, 4), dtype=np.uint8)
        padded[:, 1:] = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3)
        samples = padded.reshape(-1).view("<i4").astype(np.float64) / 65536.0
    else:
        scale = 1.0 if form.width == 2 else 65536.0
        samples = np.frombuffer(data, dtype=f"<i{form.width}").astype(np.float64) / scale
    if form.channels > 1:
        samples = samples.reshape(-1, form.channels).mean(axis=1)
    return bytes(np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes())
