"""What the microphone hears of the loudspeaker: how late, and how loud. Pure.

The test sound is three sweeps with unequal pauses, which nothing else resembles; it is found by
cross-correlation, also far below the noise.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from neko_cli.core.pcm import FULL_SCALE, SILENCE_DBFS

SWEEP_S = 0.25
PAUSES_S = (0.15, 0.30)
LOW_HZ, HIGH_HZ = 400.0, 4000.0
"""What small loudspeakers and telephone microphones still have."""

PEAK = 0.25
"""A quarter of full scale: clearly audible, and no shock in headphones."""

RAMP_S = 0.01
SIGNAL_S = 3 * SWEEP_S + sum(PAUSES_S)

LATEST_S = 1.0
"""The longest delay that is looked for; Bluetooth has up to half a second each way."""

CERTAIN = 8.0
"""How far the best place must stand out of all others; noise reaches 5."""

CLIPPED = 32_700
"""Samples from here on are at the end of what 16 bits hold."""

FLOOR_FRAME_S = 0.02


class Echo(NamedTuple):
    """How the loudspeaker came back: ``level_db`` is relative to what was played."""

    delay_ms: float
    level_db: float
    certainty: float


def test_signal(rate: int) -> bytes:
    """The sweeps as 16-bit mono, with soft ends so that they do not click."""
    return bytes(np.rint(_signal(rate) * (FULL_SCALE - 1)).astype("<i2").tobytes())


def find_echo(heard: bytes, rate: int, played_at: float, noise: bytes = b"") -> Echo | None:
    """Where and how loud the test signal is in what was heard; None when it is not there.

    Args:
        heard: 16-bit mono at ``rate`` Hz.
        played_at: when it was played, in seconds from the beginning of ``heard``.
        noise: what was heard before it.
    """
    signal = _signal(rate)
    sound = _samples(heard)
    first = max(0, round(played_at * rate))
    sound = sound[first : first + signal.size + int(LATEST_S * rate)]
    lags = sound.size - signal.size + 1
    if lags < 2:
        return None
    likeness = np.abs(_correlated(sound, signal)[:lags])
    lag = int(np.argmax(likeness))
    spread = float(np.sqrt(np.mean(likeness**2)))
    if spread <= 0.0 or likeness[lag] < CERTAIN * spread:
        return None
    gain = float(likeness[lag]) / float(np.dot(signal, signal))
    power = max(gain**2, _power_ratio(sound[lag : lag + signal.size], signal, _samples(noise)))
    late = first / rate - played_at  # the rounding of played_at
    return Echo(
        delay_ms=(lag / rate + late) * 1000.0,
        level_db=float(10.0 * np.log10(power)),
        certainty=float(likeness[lag]) / spread,
    )


def noise_floor(heard: bytes, rate: int) -> float:
    """The level of the quietest tenth, in dBFS: what is there when nobody speaks."""
    size = int(rate * FLOOR_FRAME_S)
    samples = _samples(heard)
    whole = samples.size // size * size
    if not whole:
        return SILENCE_DBFS
    power = np.mean(samples[:whole].reshape(-1, size) ** 2, axis=1)
    quiet = float(np.quantile(power, 0.1))
    return max(SILENCE_DBFS, 10.0 * float(np.log10(quiet))) if quiet > 0.0 else SILENCE_DBFS


def clipped(heard: bytes) -> int:
    """Samples at the end of the range: the microphone is overdriven where there are many."""
    samples = np.frombuffer(heard[: len(heard) & ~1], dtype="<i2").astype(np.int32)
    return int(np.count_nonzero(np.abs(samples) >= CLIPPED))


def _signal(rate: int) -> Any:
    """The test signal, −1 … 1."""
    count = int(rate * SWEEP_S)
    t = np.arange(count) / rate
    phase = 2 * np.pi * (LOW_HZ * t + (HIGH_HZ - LOW_HZ) / (2 * SWEEP_S) * t**2)
    ramp = np.clip(np.minimum(t, t[::-1]) / RAMP_S, 0.0, 1.0)
    sweep = PEAK * np.sin(phase) * ramp
    parts = [sweep]
    for pause in PAUSES_S:
        parts += [np.zeros(int(rate * pause)), sweep]
    return np.concatenate(parts)


def _samples(pcm: bytes) -> Any:
    return np.frombuffer(pcm[: len(pcm) & ~1], dtype="<i2").astype(np.float64) / FULL_SCALE


def _correlated(sound: Any, signal: Any) -> Any:
    """Likeness of the signal with the sound from each place on."""
    size = 1 << int(sound.size + signal.size - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(signal, size)), size)


def _power_ratio(sound: Any, signal: Any, noise: Any) -> float:
    """Power of the echo, a room's reverberation included, relative to the signal; 0 within the noise."""
    sounding = signal != 0.0
    power = float(np.mean(sound[sounding] ** 2))
    there_anyway = float(np.mean(noise**2)) if noise.size else 0.0
    if power < 2.0 * there_anyway:
        return 0.0
    return (power - there_anyway) / float(np.mean(signal[sounding] ** 2))
