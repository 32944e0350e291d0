"""Finding the test sound in what a microphone hears: delay, level, and its absence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.audio import loopback
from neko_cli.audio.loopback import LATEST_S, SIGNAL_S, clipped, find_echo, noise_floor

RATE = 48_000


def pcm(samples: np.ndarray) -> bytes:
    return bytes(np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes())


def room(
    rate: int, delay_s: float, gain_db: float, noise_dbfs: float = -90.0, *, seed: int = 1
) -> np.ndarray:
    """Half a second of quiet, then what a microphone hears of the test sound."""
    count = int(rate * (0.5 + SIGNAL_S + LATEST_S))
    sound = np.random.default_rng(seed).normal(0.0, 32768 * 10 ** (noise_dbfs / 20), count)
    signal = np.frombuffer(loopback.test_signal(rate), dtype="<i2") * 10 ** (gain_db / 20)
    first = round(rate * (0.5 + delay_s))
    part = signal[: max(0, count - first)]
    sound[first : first + part.size] += part
    return sound


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("delay_ms", [0, 7, 60, 150, 480])
def test_the_delay_is_found_to_the_sample(rate: int, delay_ms: int) -> None:
    sound = room(rate, delay_ms / 1000, -14.0)
    echo = find_echo(pcm(sound), rate, 0.5, pcm(sound[: rate // 2]))
    assert echo is not None
    assert echo.delay_ms == pytest.approx(delay_ms, abs=1100 / rate)
    assert echo.level_db == pytest.approx(-14.0, abs=0.3)


@given(st.floats(0, 900), st.floats(-50, 0), st.floats(-90, -50), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_it_is_found_in_noise(delay_ms: float, gain_db: float, noise_dbfs: float, seed: int) -> None:
    sound = room(RATE, delay_ms / 1000, gain_db, noise_dbfs, seed=seed)
    echo = find_echo(pcm(sound), RATE, 0.5, pcm(sound[: RATE // 2]))
    assert echo is not None
    assert echo.delay_ms == pytest.approx(delay_ms, abs=0.2)
    assert echo.level_db == pytest.approx(gain_db, abs=2.0)


@pytest.mark.parametrize("seed", range(20))
def test_noise_alone_is_no_echo(seed: int) -> None:
    sound = np.random.default_rng(seed).normal(0.0, 3000.0, 3 * RATE)
    assert find_echo(pcm(sound), RATE, 0.5) is None


def test_silence_a_hum_and_too_little_are_no_echo() -> None:
    assert find_echo(bytes(2 * 3 * RATE), RATE, 0.5) is None
    hum = 8000 * np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE)
    assert find_echo(pcm(hum), RATE, 0.5) is None
    assert find_echo(b"", RATE, 0.5) is None
    assert find_echo(bytes(2000), RATE, 0.5) is None


def test_a_loudspeaker_that_is_connected_the_wrong_way_round() -> None:
    echo = find_echo(pcm(-room(RATE, 0.06, -6.0)), RATE, 0.5)
    assert echo is not None
    assert echo.delay_ms == pytest.approx(60.0, abs=0.1)


def test_the_reverberation_of_a_room_counts() -> None:
    dry = room(RATE, 0.02, -20.0)
    wet = dry + 0.7 * np.roll(dry, 900) + 0.5 * np.roll(dry, 2111)
    ours, theirs = (find_echo(pcm(sound), RATE, 0.5, pcm(sound[: RATE // 2])) for sound in (dry, wet))
    assert ours is not None
    assert theirs is not None
    assert theirs.delay_ms == pytest.approx(20.0, abs=0.1)
    assert theirs.level_db > ours.level_db + 1.0


@pytest.mark.parametrize("dbfs", [-70.0, -50.0, -30.0])
def test_the_noise_floor_is_what_is_there_when_nobody_speaks(dbfs: float) -> None:
    sound = np.random.default_rng(3).normal(0.0, 32768 * 10 ** (dbfs / 20), 2 * RATE)
    sound[RATE // 2 : RATE] += 9000 * np.sin(np.arange(RATE // 2) * 0.05)
    assert noise_floor(pcm(sound), RATE) == pytest.approx(dbfs, abs=1.0)
    assert noise_floor(bytes(RATE), RATE) == noise_floor(b"", RATE) == -96.0


def test_samples_at_the_end_of_the_range_are_counted() -> None:
    assert clipped(np.array([0, 32767, -32768, 32000, -32767], dtype="<i2").tobytes()) == 3
    assert clipped(b"") == 0


def test_the_test_sound_does_not_click_and_is_no_shock() -> None:
    for rate in (8_000, 44_100, 48_000):
        samples = np.frombuffer(loopback.test_signal(rate), dtype="<i2")
        assert samples[0] == samples[-1] == 0
        assert np.abs(samples).max() <= 8192
        assert samples.size == pytest.approx(SIGNAL_S * rate, abs=3)
