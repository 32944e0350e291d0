"""The measure of the sound path: it takes two recordings for the same only when they are."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fakes.compare import Likeness, find, likeness, resampled

RATE = 48_000


def sound(seconds: float = 2.0) -> np.ndarray:
    """Noise below 8 kHz, as loud as speech, that begins and ends softly."""
    noise = np.random.default_rng(4).normal(size=round(seconds * RATE / 3))
    up = resampled(noise, RATE // 3, RATE)
    soft = np.minimum(1.0, np.minimum(np.arange(len(up)), np.arange(len(up))[::-1]) / 200)
    return np.rint(up / np.max(np.abs(up)) * 15_000 * soft)


def compared(recording: np.ndarray, wanted: np.ndarray) -> Likeness:
    return likeness(recording, wanted, find(recording, wanted[:RATE]))


@pytest.mark.parametrize("before", [0, 1, 4_711])
def test_the_same_sound_later_and_softer_is_the_same(before: int) -> None:
    wanted = sound()
    found = compared(np.concatenate([np.zeros(before), 0.5 * wanted, np.zeros(999)]), wanted)
    assert found.correlation > 0.99999
    assert found.residual_dbfs < -90
    assert found.lag == pytest.approx(before, abs=1e-3)
    assert found.gain == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize("shift", [-0.5, -0.3, 0.2, 0.5])
def test_a_part_of_a_sample_is_no_difference(shift: float) -> None:
    wanted = np.append(sound(), np.zeros(200))
    spectrum = np.fft.rfft(wanted)
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(len(wanted)) * (shift + 100))
    found = compared(np.rint(np.fft.irfft(spectrum * turn, len(wanted))), wanted[:-200])
    assert found.lag == pytest.approx(100 + shift, abs=0.01)
    assert found.correlation > 0.9999
    assert found.residual_dbfs < -70


def lost(wanted: np.ndarray, at: int) -> np.ndarray:
    return np.delete(wanted, at)


def repeated(wanted: np.ndarray, at: int) -> np.ndarray:
    return np.insert(wanted, at, wanted[at])


def clicked(wanted: np.ndarray, at: int) -> np.ndarray:
    heard = wanted.copy()
    heard[at] += 40
    return heard


@pytest.mark.parametrize("fault", [lost, repeated, clicked])
@pytest.mark.parametrize("part", [0.01, 0.5, 0.99])
def test_one_sample_is_a_difference(fault: object, part: float) -> None:
    wanted = sound()
    heard = fault(wanted, round(part * len(wanted)))  # type: ignore[operator]
    found = compared(np.concatenate([np.zeros(500), heard, np.zeros(500)]), wanted)
    assert found.residual_dbfs > -60


def test_a_lost_sample_in_the_middle_of_much_sound_costs_the_correlation() -> None:
    wanted = sound()
    assert compared(np.append(lost(wanted, RATE), 0), wanted).correlation < 0.9995
