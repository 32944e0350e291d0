"""The tape: both sides on one clock, and what a slow or full disk costs."""

from __future__ import annotations

import errno
import threading
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from neko_cli.audio import loopback
from neko_cli.audio import tape as module
from neko_cli.audio.tape import RATE, WavTape
from neko_cli.audio.wav_tracks import WavTracks


class Clock:
    """A monotonic clock that the test turns on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def tone(rate: int, seconds: float, hz: float = 300.0) -> np.ndarray:
    t = np.arange(int(rate * seconds)) / rate
    return np.rint(12_000 * np.sin(2 * np.pi * hz * t + 0.4)).astype("<i2")


def read(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)


def speak(tape: WavTape, clock: Clock, samples: np.ndarray, rate: int) -> None:
    """Frames of 10 ms as a microphone gives them."""
    block = rate // 100
    for at in range(0, samples.size, block):
        clock.now += 0.01
        tape.heard(samples[at : at + block].tobytes(), rate, live=True)


def play(tape: WavTape, samples: np.ndarray, rate: int, heard_at: float) -> None:
    block, tap = rate // 100, tape.loudspeaker()
    for at in range(0, samples.size, block):
        tap(memoryview(samples[at : at + block].tobytes()), rate, heard_at + at / rate)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_both_sides_are_where_they_were_heard(tmp_path: Path, clock: Clock) -> None:
    tape = WavTape(tmp_path / "t.wav", began=100.0, clock=clock)
    mine, theirs = tone(RATE, 0.5), tone(RATE, 0.4, 700.0)
    clock.now = 100.25
    speak(tape, clock, mine, RATE)
    play(tape, theirs, RATE, 101.0)
    clock.now = 103.0
    tape.close()
    sound = read(tmp_path / "t.wav")
    assert len(sound) == 3 * RATE, "as long as the conversation"
    assert np.array_equal(sound[RATE // 4 : RATE // 4 + mine.size, 0], mine), "bit-exact"
    assert np.array_equal(sound[RATE : RATE + theirs.size, 1], theirs)
    assert not sound[: RATE // 4, 0].any()
    assert not sound[RATE // 4 + mine.size :, 0].any()
    assert not sound[:RATE, 1].any()
    assert not sound[RATE + theirs.size :, 1].any()


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_another_rate_keeps_its_time(tmp_path: Path, clock: Clock, rate: int) -> None:
    tape = WavTape(tmp_path / "t.wav", began=100.0, clock=clock)
    clock.now = 100.5
    speak(tape, clock, np.frombuffer(loopback.test_signal(rate) + bytes(rate), dtype="<i2"), rate)
    tape.close()
    left = read(tmp_path / "t.wav")[:, 0].tobytes()
    found = loopback.find_echo(left + bytes(2 * RATE), RATE, 0.25)
    assert found is not None
    assert found.delay_ms == pytest.approx(250.0, abs=1.0)
    assert found.level_db == pytest.approx(0.0, abs=0.1)


def test_a_loudspeaker_that_takes_over_while_the_old_one_still_runs(tmp_path: Path, clock: Clock) -> None:
    tape = WavTape(tmp_path / "t.wav", began=100.0, clock=clock)
    old, new = tape.loudspeaker(), tape.loudspeaker()
    first, second = tone(RATE, 0.5), tone(RATE, 0.5, 700.0)
    still = bytes(2 * 480)
    for n in range(100):
        at = 101.0 + n / 100
        part = slice(480 * (n % 50), 480 * (n % 50) + 480)
        old(memoryview(first[part].tobytes() if n < 50 else still), RATE, at)
        if n >= 40:
            new(memoryview(second[part].tobytes() if n >= 50 else still), RATE, at)
    clock.now = 103.0
    tape.close()
    right = read(tmp_path / "t.wav")[:, 1]
    assert np.array_equal(right[RATE : 2 * RATE], np.concatenate([first, second]))


def test_a_loudspeaker_that_has_gone_is_kept_until_its_sound_is_written(tmp_path: Path, clock: Clock) -> None:
    tape = WavTape(tmp_path / "t.wav", began=100.0, clock=clock)
    sound = tone(RATE, 0.3)
    for number in range(5):
        play(tape, sound, RATE, 100.0 + number)
    clock.now = 106.5
    deadline = time.monotonic() + 5.0
    while len(tape._sides) > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(tape._sides) == 1, "the user's"
    tape.close()
    heard = read(tmp_path / "t.wav")[:, 1]
    for number in range(5):
        assert np.array_equal(heard[number * RATE : number * RATE + sound.size], sound)
    assert tape.lost_ms == 0.0


def test_without_sound_it_is_silence_as_long_as_the_conversation(tmp_path: Path, clock: Clock) -> None:
    tape = WavTape(tmp_path / "t.wav", began=100.0, clock=clock)
    clock.now = 160.0
    tape.close()
    sound = read(tmp_path / "t.wav")
    assert sound.shape == (60 * RATE, 2)
    assert not sound.any()


def test_a_full_disk_is_told_and_nothing_more_is_written(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def full(self: WavTracks, track: int, position: int, pcm: bytes) -> None:
        tried.append(position)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(WavTracks, "place", full)
    tape = WavTape(tmp_path / "t.wav", began=100.0, clock=clock)
    speak(tape, clock, tone(RATE, 0.1), RATE)
    clock.now += 5.0
    speak(tape, clock, tone(RATE, 0.1), RATE)
    tape.close()
    assert tape.trouble == "No space left on device"
    assert len(tried) == 1
    with wave.open(str(tmp_path / "t.wav")) as file:
        assert file.getnchannels() == 2, "what was written before is whole"


def test_a_slow_disk_costs_sound_and_no_time(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = threading.Event()
    in_the_way = threading.Event()
    save = WavTracks.reach

    def slow(self: WavTracks, position: int) -> None:
        in_the_way.set()
        going_on.wait(10)
        save(self, position)

    monkeypatch.setattr(WavTracks, "reach", slow)
    monkeypatch.setattr(module, "QUEUE_BYTES", RATE * 2)
    tape = WavTape(tmp_path / "t.wav", began=100.0, clock=clock)
    assert in_the_way.wait(5)
    speak(tape, clock, tone(RATE, 3.0), RATE)
    assert tape.lost_ms == pytest.approx(2000.0, abs=11)
    going_on.set()
    tape.close()
    left = read(tmp_path / "t.wav")[:, 0]
    assert np.array_equal(left[:RATE], tone(RATE, 3.0)[:RATE]), "the oldest is kept"


def test_closing_twice_is_closing_once(tmp_path: Path, clock: Clock) -> None:
    tape = WavTape(tmp_path / "t.wav", began=100.0, clock=clock)
    tape.close()
    tape.close()
