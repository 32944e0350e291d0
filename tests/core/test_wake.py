"""A sleep of the machine is noticed, a small step of a clock is not; a voice is heard, a click is not."""

from __future__ import annotations

import math
import timeit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.pcm import level_dbfs
from neko_cli.core.wake import SMALL_STEP, ClockWatch, SoundGate

RATE = 48_000
FRAME = RATE // 100


def looks(*steps: tuple[float, float]) -> list[float]:
    """What a watch of one look a second says after each step of (monotonic, wall) seconds."""
    watch = ClockWatch(1.0)
    monotonic, wall = 1000.0, 1.7e9
    first = watch.look(monotonic, wall)
    found = [first]
    for ahead, wall_ahead in steps:
        monotonic, wall = monotonic + ahead, wall + wall_ahead
        found.append(watch.look(monotonic, wall))
    return found


def test_looks_in_time_find_nothing() -> None:
    assert looks((1.0, 1.0), (1.2, 1.2), (0.1, 0.1)) == [0.0] * 4


def test_a_wall_clock_that_ran_ahead_is_a_sleep() -> None:
    *_, slept, after = looks((1.0, 1.0), (1.0, 3601.0), (1.0, 1.0))
    assert slept == pytest.approx(3600.0)
    assert after == 0.0


def test_a_long_gap_between_looks_is_a_sleep() -> None:
    assert looks((90.0, 90.0))[-1] == pytest.approx(89.0)


def test_a_gap_is_a_sleep_even_when_the_clock_was_set_back() -> None:
    assert looks((90.0, -500.0))[-1] == pytest.approx(89.0)


def test_a_late_look_is_no_sleep() -> None:
    assert looks((5.5, 5.5))[-1] == 0.0


@given(st.floats(-1e6, SMALL_STEP - 0.01))
def test_small_steps_and_steps_backwards_of_the_wall_clock_are_none(step: float) -> None:
    assert looks((1.0, 1.0 + step))[-1] == 0.0


@given(st.floats(SMALL_STEP + 1.1, 1e6), st.booleans())
def test_every_longer_sleep_is_found_whatever_the_monotonic_clock_does(slept: float, stands: bool) -> None:
    found = looks((1.0 if stands else 1.0 + slept, 1.0 + slept))[-1]
    assert found == pytest.approx(slept, rel=1e-6, abs=1e-3)


def test_after_a_reset_the_next_look_is_the_first() -> None:
    watch = ClockWatch(1.0)
    watch.look(0.0, 0.0)
    watch.reset()
    assert watch.look(500.0, 500.0) == 0.0


# The gate


class Room:
    """Frames of 10 ms: noise at a level, with something in it."""

    def __init__(self, noise_dbfs: float, seed: int = 5) -> None:
        self._draw = np.random.default_rng(seed)
        self._noise = 32768 * 10 ** (noise_dbfs / 20)

    def frame(self, voice_dbfs: float | None = None) -> bytes:
        sound = self._draw.normal(0, self._noise, FRAME)
        if voice_dbfs is not None:
            wave = np.sin(2 * math.pi * 150 * np.arange(FRAME) / RATE)
            sound += 32768 * 10 ** (voice_dbfs / 20) * math.sqrt(2) * wave
        return np.clip(sound, -32768, 32767).astype("<i2").tobytes()

    def play(self, gate: SoundGate, ms: int, voice_dbfs: float | None = None) -> list[int]:
        """The ms at which the gate heard somebody."""
        return [at for at in range(0, ms, 10) if gate.heard(self.frame(voice_dbfs))]


@pytest.mark.parametrize("noise", [-80.0, -60.0, -45.0])
def test_a_voice_above_the_rooms_noise_is_heard_soon_and_once(noise: float) -> None:
    room, gate = Room(noise), SoundGate(RATE)
    assert room.play(gate, 5000) == []
    assert room.play(gate, 1000, noise + 22 if noise > -70 else -40.0) == [70]
    assert room.play(gate, 2000) == []
    assert room.play(gate, 1000, -20.0) == [70]


def test_each_frame_is_judged_for_itself_and_who_speaks_for_longer() -> None:
    """A pause within a sentence is not loud, and the gate stays open; so does a moment after it."""
    room, gate = Room(-60.0), SoundGate(RATE)
    room.play(gate, 1000)
    assert (gate.is_loud, gate.is_open) == (False, False)
    room.play(gate, 50, -20.0)
    assert (gate.is_loud, gate.is_open) == (True, False)
    room.play(gate, 50, -20.0)
    assert (gate.is_loud, gate.is_open) == (True, True)
    room.play(gate, 290)
    assert (gate.is_loud, gate.is_open) == (False, True)
    room.play(gate, 10)
    assert (gate.is_loud, gate.is_open) == (False, False)
    room.play(gate, 100, -20.0)
    gate.reset()
    assert (gate.is_loud, gate.is_open) == (False, False)


def test_a_click_is_not_heard() -> None:
    room, gate = Room(-60.0), SoundGate(RATE)
    room.play(gate, 1000)
    for _ in range(10):
        assert room.play(gate, 30, -10.0) == []
        assert room.play(gate, 100) == []


def test_short_pauses_within_a_word_do_not_matter() -> None:
    room, gate = Room(-60.0), SoundGate(RATE)
    room.play(gate, 1000)
    heard = [gate.heard(room.frame(None if number % 4 == 3 else -25.0)) for number in range(40)]
    assert sum(heard) == 1
    assert heard.index(True) < 20


def test_what_is_too_soft_for_speech_is_not_heard_in_silence() -> None:
    gate = SoundGate(RATE)
    assert Room(-85.0).play(gate, 1000) == []
    assert Room(-60.0).play(gate, 2000) == []


def test_a_microphone_that_starts_with_zeros_in_a_noisy_room_is_no_voice() -> None:
    gate = SoundGate(RATE)
    assert not any(gate.heard(bytes(2 * FRAME)) for _ in range(100))
    assert Room(-35.0).play(gate, 2000) == []


def test_a_voice_is_heard_when_listening_has_just_begun() -> None:
    room, gate = Room(-60.0), SoundGate(RATE)
    room.play(gate, 50)
    assert room.play(gate, 500, -25.0) == [70]


def test_a_steady_new_noise_becomes_the_room() -> None:
    gate = SoundGate(RATE)
    Room(-70.0).play(gate, 1000)
    fan = Room(-40.0)
    assert len(fan.play(gate, 22_000)) == 1  # as a voice at first, then as the room
    assert gate.floor_dbfs == pytest.approx(-40.0, abs=3.0)
    assert fan.play(gate, 3000) == []
    assert fan.play(gate, 500, -20.0) == [70]


def test_who_speaks_when_listening_begins_is_heard_at_once_and_after_a_pause() -> None:
    room, gate = Room(-60.0), SoundGate(RATE)
    assert room.play(gate, 1000, -25.0) == [70]
    room.play(gate, 400)
    assert room.play(gate, 500, -25.0) == [70]


def test_a_noise_gate_between_sentences_does_not_make_it_deaf() -> None:
    room, gate = Room(-60.0), SoundGate(RATE)
    for _ in range(5):
        assert sum(gate.heard(room.frame(-18.0)) for _ in range(250)) == 1
        assert not any(gate.heard(bytes(2 * FRAME)) for _ in range(50))


@given(st.lists(st.binary(max_size=700), max_size=40), st.sampled_from([8000, 16_000, 48_000]))
def test_frames_of_any_length_do_no_harm(frames: list[bytes], rate: int) -> None:
    gate = SoundGate(rate)
    for frame in frames:
        gate.heard(frame)
    assert -96.0 <= gate.floor_dbfs <= 0.1


def test_another_microphone_starts_afresh() -> None:
    gate = SoundGate(RATE)
    Room(-30.0).play(gate, 1000)
    gate.reset()
    quiet = Room(-70.0)
    quiet.play(gate, 1000)
    assert quiet.play(gate, 500, -35.0) == [70]


@pytest.mark.serial
def test_a_frame_costs_little() -> None:
    gate, frame = SoundGate(RATE), Room(-50.0).frame()
    gate.heard(frame)
    took = min(timeit.repeat(lambda: gate.heard(frame), number=500, repeat=5))
    level = min(timeit.repeat(lambda: level_dbfs(frame), number=500, repeat=5))
    # The level is the one thing that must be worked out; measured 1.3 times that in all.
    assert took < 5 * level
