"""Is this recording that sound? Aligned to a fraction of a sample, matched in gain, and subtracted."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tests.fakes.clicks import dbfs

REACH = 32
"""Samples on either side that a shift by a fraction of a sample needs."""

STEPS = 4


class Likeness(NamedTuple):
    """How a recording and a sound compare."""

    lag: float
    """Where in the recording the sound begins, in samples."""
    gain: float
    correlation: float
    residual_dbfs: float
    """The loudest sample of what is left after the sound was subtracted."""


def resampled(sound: Any, source: int, target: int) -> Any:
    """A whole sound at another rate, in one go and at the best quality."""
    import soxr

    return soxr.resample(np.asarray(sound, dtype=np.float64), source, target, quality="VHQ")


def find(recording: Any, sound: Any) -> int:
    """Where the sound begins in the recording for the first time, to the sample; it must be there whole."""
    size = 1 << (len(recording) + len(sound)).bit_length()
    product = np.fft.rfft(recording, size) * np.conj(np.fft.rfft(sound, size))
    likely = np.fft.irfft(product, size)[: len(recording)]
    first = int(np.argmax(likely > 0.98 * np.max(likely)))
    return first + int(np.argmax(likely[first : first + REACH]))


def likeness(recording: Any, sound: Any, lag: float) -> Likeness:
    """Compare them where ``lag`` puts the sound, which may be wrong by a sample.

    Of both ends of the sound REACH samples are not looked at.
    """
    recording, sound = np.asarray(recording, dtype=float), np.asarray(sound, dtype=float)
    first = round(lag)
    heard = recording[first + REACH : first + len(sound) - REACH]
    shift, gain = lag - first, 1.0
    for _ in range(STEPS):
        wanted = _shifted(sound, shift)[: len(heard)]
        slope = np.gradient(wanted)
        # heard = gain * wanted(t - error), to first order
        (gain, moved), *_ = np.linalg.lstsq(np.stack([wanted, -slope], axis=1), heard, rcond=None)
        shift += float(np.clip(moved / gain if gain else 0.0, -0.5, 0.5))
    wanted = _shifted(sound, shift)[: len(heard)]
    gain = float(wanted @ heard / (wanted @ wanted))
    return Likeness(
        lag=first + shift,
        gain=gain,
        correlation=float(np.corrcoef(wanted, heard)[0, 1]),
        residual_dbfs=dbfs(heard - gain * wanted),
    )


def _shifted(sound: Any, shift: float) -> Any:
    """The sound ``shift`` samples later, without REACH samples at each end."""
    n = np.arange(-REACH, REACH + 1) - shift
    kernel = np.sinc(n) * np.i0(9.0 * np.sqrt(np.maximum(0.0, 1 - (n / (REACH + 1)) ** 2))) / np.i0(9.0)
    return np.convolve(sound, kernel, mode="valid")
