"""Where sound breaks off and goes on: no click, no sample lost or changed that should not be."""

from __future__ import annotations

import math
from array import array

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.audio.fade import FADE_MS, LATER_S, QUIET, Fades
from neko_cli.audio.ring import ByteRing
from tests.fakes.clicks import above, dbfs

RATE = 48_000
BLOCK = RATE // 100
FADE = RATE * FADE_MS // 1000
CLICK_DBFS = -60.0
ABOVE_HZ = 6_000
"""Far above every tone here, and where a click is as loud as anywhere."""


class Line:
    """A queue and what fills blocks from it."""

    def __init__(self, rate: int = RATE) -> None:
        self.ring = ByteRing(rate * 20)
        self.fades = Fades(rate)
        self.size = rate // 100
        self.real = 0

    def put(self, sound: np.ndarray) -> None:
        self.ring.write(sound.astype("<i2").tobytes())

    def blocks(self, n: int, *, held: bool = False, ends: bool = True) -> np.ndarray:
        heard = []
        for _ in range(n):
            out = bytearray(self.size * 2)
            self.real += self.fades.fill(self.ring, memoryview(out), held=held, ends=ends) // 2
            heard.append(np.frombuffer(bytes(out), "<i2").astype(int))
        return np.concatenate(heard)


def tone(hz: float, n: int, *, peak: float = 16_000, phase: float = 0.3, rate: int = RATE) -> np.ndarray:
    return np.rint(peak * np.sin(phase + 2 * math.pi * hz / rate * np.arange(n))).astype(int)


def click_dbfs(heard: np.ndarray, hz: float) -> float:
    """The loudest click; the ends of the recording are none of interest."""
    return dbfs(above(heard, RATE, max(ABOVE_HZ, 3 * hz))[BLOCK:-100])


def test_the_measure_hears_a_jump_and_no_tone() -> None:
    heard = tone(440, 10 * BLOCK)
    assert click_dbfs(heard, 440) < -80
    cut = heard.copy()
    cut[5 * BLOCK :] = 0
    assert click_dbfs(cut, 440) > -30


BREAKS = pytest.mark.parametrize("phase", [0.0, 0.7, 1.5, 2.5, 4.0])
TONES = pytest.mark.parametrize("hz", [110.0, 440.0, 1_000.0, 1_900.0])


@TONES
@BREAKS
@pytest.mark.parametrize("over", [0, 1, 37, BLOCK - 100, BLOCK - 1])
def test_a_queue_that_runs_dry_rings_out(hz: float, phase: float, over: int) -> None:
    line = Line()
    sound = tone(hz, 5 * BLOCK + over, phase=phase)
    line.put(sound)
    heard = line.blocks(8)
    assert np.array_equal(heard[: len(sound)], sound), "what came is not changed"
    assert line.real == len(sound), "what rings out is no sound that came"
    assert not heard[len(sound) + FADE :].any()
    assert np.max(np.abs(heard)) <= 1.5 * 16_000
    assert click_dbfs(heard, hz) < CLICK_DBFS


@TONES
@BREAKS
def test_after_it_ran_dry_sound_fades_in(hz: float, phase: float) -> None:
    line = Line()
    line.put(tone(hz, 5 * BLOCK + 77))
    heard = [line.blocks(8)]
    more = tone(hz, 5 * BLOCK, phase=phase)
    line.put(more)
    heard.append(line.blocks(4))
    assert np.array_equal(heard[1][FADE:], more[FADE : 4 * BLOCK])
    assert click_dbfs(np.concatenate(heard), hz) < CLICK_DBFS


@pytest.mark.parametrize("over", [BLOCK - 200, BLOCK - 20])
def test_sound_that_comes_while_it_rings_out_is_all_heard(over: int) -> None:
    line = Line()
    line.put(tone(440, 5 * BLOCK + over))
    heard = [line.blocks(6)]
    line.put(tone(440, 5 * BLOCK))
    heard.append(line.blocks(4))
    assert line.real == 9 * BLOCK + over
    assert click_dbfs(np.concatenate(heard), 440) < CLICK_DBFS


@TONES
@BREAKS
def test_what_is_cleared_fades_out_with_its_own_sound(hz: float, phase: float) -> None:
    line = Line()
    line.put(tone(hz, 50 * BLOCK, phase=phase))
    heard = [line.blocks(5)]
    line.ring.clear()
    assert line.fades.left_of(line.ring) == 2 * FADE
    heard.append(line.blocks(3))
    assert line.fades.left_of(line.ring) == line.ring.available == 0
    assert line.real == 5 * BLOCK + FADE
    assert not heard[1][FADE:].any()
    assert click_dbfs(np.concatenate(heard), hz) < CLICK_DBFS


@pytest.mark.parametrize("left", [0, 1, 50, FADE - 1])
def test_a_clear_with_little_left_rings_out(left: int) -> None:
    line = Line()
    line.put(tone(440, 5 * BLOCK + left))
    heard = [line.blocks(5)]
    line.ring.clear()
    heard.append(line.blocks(3))
    assert line.real == 5 * BLOCK + left
    assert not heard[1][FADE:].any()
    assert click_dbfs(np.concatenate(heard), 440) < CLICK_DBFS


@pytest.mark.parametrize("left", [1, 50, 50 * BLOCK])
def test_what_follows_a_clear_at_once_is_heard_whole(left: int) -> None:
    line = Line()
    line.put(tone(440, 5 * BLOCK + left))
    heard = [line.blocks(5)]
    line.ring.clear()
    following = tone(700, 5 * BLOCK)
    line.put(following)
    heard.append(line.blocks(7))
    begin = min(left, FADE)
    assert line.real == 5 * BLOCK + begin + len(following)
    assert np.array_equal(heard[1][begin + FADE : begin + len(following)], following[FADE:])
    assert click_dbfs(np.concatenate(heard), 700) < CLICK_DBFS


@TONES
@BREAKS
def test_held_sound_goes_on_with_the_next_sample(hz: float, phase: float) -> None:
    line = Line()
    sound = tone(hz, 20 * BLOCK, phase=phase)
    line.put(sound)
    heard = [line.blocks(5), line.blocks(4, held=True)]
    assert line.real == 5 * BLOCK + FADE
    assert not heard[1][FADE:].any()
    heard.append(line.blocks(4))
    assert line.real == 9 * BLOCK + FADE
    begin = 5 * BLOCK + FADE
    assert np.array_equal(heard[2][FADE:], sound[begin + FADE : begin + 4 * BLOCK])
    assert click_dbfs(np.concatenate(heard), hz) < CLICK_DBFS


def test_a_clear_while_held_is_silent() -> None:
    line = Line()
    line.put(tone(440, 20 * BLOCK))
    line.blocks(5)
    line.blocks(3, held=True)
    line.ring.clear()
    assert line.fades.left_of(line.ring) == 0
    assert not line.blocks(3).any()
    assert line.real == 5 * BLOCK + FADE


def test_sound_that_another_device_goes_on_with_ends_where_it_ends() -> None:
    line = Line()
    sound = tone(440, 5 * BLOCK + 100)
    line.put(sound)
    heard = line.blocks(8, ends=False)
    assert np.array_equal(heard[: len(sound)], sound)
    assert not heard[len(sound) :].any()


@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(st.integers(1, 3 * BLOCK), min_size=1, max_size=12),
    pauses=st.lists(st.integers(0, 3), min_size=12, max_size=12),
    seed=st.integers(0, 99),
)
def test_replies_that_end_in_quiet_are_played_bit_for_bit(
    pieces: list[int], pauses: list[int], seed: int
) -> None:
    line, random = Line(), np.random.default_rng(seed)
    sent, heard = [], []
    for length, pause in zip(pieces, pauses, strict=False):
        sound = random.integers(-32_768, 32_768, length)
        sent.append(np.concatenate([sound, random.integers(-QUIET, QUIET + 1, BLOCK)]))
        line.put(sent[-1])
        before = line.real
        while line.real < before + len(sent[-1]):
            at = line.real
            block = line.blocks(1)
            heard.append(block[: line.real - at])
            assert not block[line.real - at :].any()
        for _ in range(pause):
            assert not line.blocks(1).any()
    assert np.array_equal(np.concatenate(heard), np.concatenate(sent))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 3 * BLOCK)),
        st.tuples(st.just("block"), st.integers(1, 4)),
        st.tuples(st.just("clear"), st.just(0)),
        st.tuples(st.just("hold"), st.integers(0, 1)),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, rate=st.sampled_from([8_000, 16_000, 44_100, 48_000]))
def test_every_sample_is_counted_once_whatever_happens(steps: list[tuple[str, int]], rate: int) -> None:
    line, put, dropped, held = Line(rate), 0, 0, False
    for step, n in steps:
        if step == "put":
            before = line.ring.space
            line.put(tone(440, n, peak=32_767, rate=rate))
            put += min(n, before // 2)
        elif step == "block":
            line.blocks(n, held=held)
        elif step == "clear":
            waits = line.ring.available + line.fades.left_of(line.ring)
            line.ring.clear()
            held = False
            dropped += (waits - line.fades.left_of(line.ring)) // 2
        else:
            held = bool(n)
        waiting = (line.ring.available + line.fades.left_of(line.ring)) // 2
        assert put == line.real + dropped + waiting


def test_a_full_scale_square_wave_rings_out_within_range() -> None:
    line = Line()
    line.put(np.where(np.arange(5 * BLOCK + 33) // 50 % 2, 32_767, -32_768))
    heard = line.blocks(7)
    assert array("h", heard.tolist())  # raises where it would not fit
    assert not heard[5 * BLOCK + 33 + FADE :].any()


@pytest.mark.parametrize(("seconds", "fades_in"), [(LATER_S - 0.1, True), (LATER_S + 0.1, False)])
def test_what_begins_long_after_a_break_is_left_alone(seconds: float, fades_in: bool) -> None:
    line = Line()
    sound = np.full(10 * BLOCK, 9_000)
    line.put(sound)
    line.blocks(10)
    line.blocks(round(seconds * 100))
    line.put(sound)
    assert bool(line.blocks(10)[0] < 1_000) is fades_in
