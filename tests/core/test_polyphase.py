"""The short filter: aligned, complete, the same for all chunks, and closed where it should be."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neko_cli.core.polyphase import Polyphase, suits

RATIOS = [
    (24_000, 48_000),
    (48_000, 24_000),
    (48_000, 16_000),
    (16_000, 48_000),
    (24_000, 16_000),
    (16_000, 24_000),
]


def wave(rate: int, hertz: float, seconds: float = 0.5) -> np.ndarray:
    """A sine that begins and ends softly."""
    n = int(rate * seconds)
    return 12_000 * np.sin(2 * math.pi * hertz * np.arange(n) / rate) * np.hanning(n)


def converted(source: int, target: int, samples: np.ndarray, size: int = 480) -> np.ndarray:
    """All of a sound, in chunks."""
    stream = Polyphase(source, target)
    whole = np.rint(samples).astype(np.int16)
    parts = [stream.push(whole[at : at + size]) for at in range(0, whole.size, size)]
    return np.concatenate([*parts, stream.push(np.empty(0, np.int16), last=True)])


def test_only_small_ratios_suit() -> None:
    assert all(suits(*rates) for rates in RATIOS)
    assert suits(8_000, 48_000)
    assert not suits(44_100, 48_000)
    assert not suits(44_100, 24_000)


@pytest.mark.parametrize(("source", "target"), RATIOS)
@pytest.mark.parametrize("hertz", [100.0, 1000.0, 5000.0])
def test_sound_stays_where_and_what_it_is(source: int, target: int, hertz: float) -> None:
    out = converted(source, target, wave(source, hertz))
    wanted = wave(target, hertz)
    assert out.size == wanted.size
    # The windows of the two differ by a hair; everything beyond that is distortion.
    assert np.max(np.abs(out - wanted)) < 15


@pytest.mark.parametrize(("source", "target"), RATIOS)
@pytest.mark.parametrize("size", [1, 7, 160, 333, 24_000])
def test_the_size_of_chunks_does_not_matter(source: int, target: int, size: int) -> None:
    sound = wave(source, 440.0, 0.05)
    assert np.max(np.abs(converted(source, target, sound, size) - converted(source, target, sound))) <= 1


@pytest.mark.parametrize(("source", "target"), RATIOS)
def test_a_millisecond_or_two_is_held_back(source: int, target: int) -> None:
    stream = Polyphase(source, target)
    out = stream.push(np.ones(source // 10, np.int16))
    assert (0.1 - out.size / target) * 1000.0 <= 24_000.0 / min(source, target) + 0.1


@pytest.mark.parametrize(
    ("source", "target", "hertz"), [(48_000, 24_000, 14_000.0), (48_000, 16_000, 9_500.0)]
)
def test_what_would_fold_back_is_gone(source: int, target: int, hertz: float) -> None:
    assert np.max(np.abs(converted(source, target, wave(source, hertz)))) <= 12_000 * 10 ** (-70 / 20)


def test_silence_is_silent_and_full_scale_does_not_turn_over() -> None:
    assert not converted(24_000, 48_000, np.zeros(1000)).any()
    loud = converted(24_000, 48_000, np.tile(np.repeat([32_767, -32_768], 40), 20))
    assert np.min(loud[20:60]) > 20_000
