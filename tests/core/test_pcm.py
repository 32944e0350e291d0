"""PCM arithmetic and the streaming resampler."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core import pcm


def tone(rate, ms, hertz=1000.0):
    n = int(rate * ms / 1000)
    wave = 0.5 * 32767 * np.sin(2 * math.pi * hertz * np.arange(n) / rate)
    return wave.astype("<i2").tobytes()


@given(st.binary(max_size=999), st.lists(st.integers(1, 99), max_size=20))
def test_equal_rates_pass_every_whole_sample_bit_exact(data, cuts):
    resampler = pcm.Resampler(24_000, 24_000)
    out, at = b"", 0
    for cut in cuts:
        out += resampler.push(data[at : at + cut])
        at += cut
    out += resampler.push(data[at:]) + resampler.drain()
    assert out == data[: len(data) & ~1]


@pytest.mark.parametrize(
    ("source", "target"), [(24_000, 48_000), (48_000, 24_000), (48_000, 16_000), (44_100, 24_000)]
)
def test_rate_conversion_keeps_length_and_pitch(source, target):
    resampler = pcm.Resampler(source, target)
    sound = tone(source, 1000)
    step = pcm.bytes_for(10, source)
    out = b"".join(resampler.push(sound[i : i + step]) for i in range(0, len(sound), step))
    out += resampler.drain()
    assert pcm.samples_in(out) == pytest.approx(target, abs=2)
    spectrum = np.abs(np.fft.rfft(np.frombuffer(out, "<i2").astype(float)))
    peak = np.argmax(spectrum) * target / pcm.samples_in(out)
    assert peak == pytest.approx(1000, abs=2)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 2001))
def test_the_size_of_chunks_does_not_matter(size):
    sound = tone(24_000, 200)
    whole = pcm.Resampler(24_000, 16_000)
    expected = np.frombuffer(whole.push(sound) + whole.drain(), "<i2").astype(int)
    parts = pcm.Resampler(24_000, 16_000)
    out = b"".join(parts.push(sound[i : i + size]) for i in range(0, len(sound), size))
    got = np.frombuffer(out + parts.drain(), "<i2").astype(int)
    assert abs(len(got) - len(expected)) <= 1
    n = min(len(got), len(expected))
    assert np.max(np.abs(got[:n] - expected[:n])) <= 4


def test_it_starts_afresh_after_a_drain_and_after_a_reset():
    resampler = pcm.Resampler(24_000, 48_000)
    first = resampler.push(tone(24_000, 100)) + resampler.drain()
    second = resampler.push(tone(24_000, 100)) + resampler.drain()
    assert first == second
    resampler.push(tone(24_000, 50) + b"\x01")
    resampler.reset()
    assert resampler.push(tone(24_000, 100)) + resampler.drain() == first


def test_little_is_held_back():
    resampler = pcm.Resampler(24_000, 48_000)
    out = resampler.push(tone(24_000, 100))
    assert pcm.duration_ms(len(out), 48_000) >= 85.0


def test_levels():
    assert pcm.level_dbfs(b"") == pcm.SILENCE_DBFS
    assert pcm.level_dbfs(bytes(960)) == pcm.SILENCE_DBFS
    assert pcm.level_dbfs(tone(24_000, 100)) == pytest.approx(-9.03, abs=0.1)


def test_durations():
    assert pcm.duration_ms(960, 24_000) == 20.0
    assert pcm.bytes_for(20, 24_000) == 960
    assert len(pcm.silence(10, 44_100)) == 882
    with pytest.raises(ValueError, match="positive"):
        pcm.Resampler(0, 24_000)
