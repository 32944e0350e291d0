"""The sound of scripted replies: a ramp that tells of each sample where in the reply it belongs."""

from __future__ import annotations

import math
import random
from array import array

RATE = 24_000
LOW, HIGH = 2_000, 22_000
"""Levels at the two ends of a ramp; both are far from silence."""

FADE = RATE // 250
"""Samples by which a ramp fades out, so that no resampler rings after it."""

SYLLABLES_HZ = 4.0
SEED = 7


def ramp(ms: int) -> bytes:
    """16-bit mono; it rises evenly, so that resampling leaves it as it is and a level is a place in it."""
    count = RATE * ms // 1000
    levels = (LOW + (HIGH - LOW) * n // count for n in range(count - FADE))
    fade = (round(HIGH * (1.0 + math.cos(math.pi * n / FADE)) / 2.0) for n in range(FADE))
    return array("h", [*levels, *fade]).tobytes()


def place_ms(level: float, ms: int) -> float:
    """Where in a ramp of so many ms a level is."""
    return (level - LOW) / (HIGH - LOW) * ms


def murmur(ms: int, peak: int = 8_000, rate: int = RATE) -> bytes:
    """Soft noise that swells four times a second, as speech does."""
    chance, held, samples = random.Random(SEED), 0.0, array("h")
    for n in range(rate * ms // 1000):
        held += 0.2 * (chance.uniform(-1.0, 1.0) - held)
        samples.append(round(peak * held * abs(math.sin(math.pi * SYLLABLES_HZ * n / rate))))
    return samples.tobytes()
