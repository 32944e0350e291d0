"""Finds clicks in recordings: what is left above a band where the sound itself has nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

FULL_SCALE = 32_768.0
TAPS = 127


def above(sound: Any, rate: int, hz: float) -> Any:
    """The part of a sound above ``hz``: it is flat there and 80 dB down in the sound's own band."""
    n = np.arange(TAPS) - TAPS // 2
    low = 2 * hz / rate * np.sinc(2 * hz / rate * n) * np.blackman(TAPS)
    high = -low / np.sum(low)
    high[TAPS // 2] += 1.0
    return np.convolve(np.asarray(sound, dtype=float), high, mode="same")


def dbfs(sound: Any) -> float:
    """The loudest sample relative to full scale."""
    peak = float(np.max(np.abs(sound), initial=0.0))
    return 20.0 * float(np.log10(max(peak, 1e-6) / FULL_SCALE))
