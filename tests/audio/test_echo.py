"""The canceller: any chunking is the same, echo goes, the user stays, and a changed device is forgotten."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.kit.echo_bench import run
from benchmarks.kit.echo_room import QUESTION, RATE, Room, as_pcm, character, spoken, user
from neko_cli.audio.echo import WAIT_MS, EchoCanceller, make_canceller
from neko_cli.audio.echo_align import SPARE_MS
from neko_cli.audio.echo_meter import EchoState

BLOCK = RATE // 100 * 2
USER_S = spoken(QUESTION, "en-us+f3").size / RATE


class Subtracts:
    """An engine that takes the played samples away as they are, and notes its frames."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.lengths: set[int] = set()
        self.resets = 0

    def process(self, near: Any, far: Any) -> Any:
        self.lengths |= {near.size, far.size}
        return near - far

    def reset(self) -> None:
        self.resets += 1


def noise(n: int, seed: int = 1) -> bytes:
    return np.random.default_rng(seed).integers(-9000, 9000, n, dtype=np.int16).tobytes()


def with_far(engine: Subtracts, far: bytes, *, began: float = 0.0) -> EchoCanceller:
    canceller = EchoCanceller(lambda rate: engine)
    canceller.speaker_opened(RATE)
    for at in range(0, len(far), BLOCK):
        canceller.played(far[at : at + BLOCK], began + at / 2 / RATE)
    return canceller


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3000), max_size=60))
def test_any_chunking_gives_the_same_frames_of_10_ms(sizes: list[int]) -> None:
    far, near = noise(RATE), noise(RATE // 2, 2)
    whole = with_far(Subtracts(RATE), far).process(near, 0.0, RATE)
    engine = Subtracts(RATE)
    canceller = with_far(engine, far)
    out, at = b"", 0
    for size in [*sizes, len(near)]:
        out += canceller.process(near[at : at + size], at / 2 / RATE, RATE)
        at = min(len(near), at + size)
    assert out == whole
    assert len(whole) == len(near)
    assert engine.lengths == {RATE // 100}


@pytest.mark.parametrize("sizes", [[960], [1, 7, 333], [4800], [962, 958]])
def test_any_chunking_gives_the_same_with_the_real_engine(sizes: list[int]) -> None:
    near = noise(RATE // 5)
    whole, pieces = make_canceller(), make_canceller()
    expected = whole.process(near, 0.0, RATE)
    out, at = b"", 0
    while at < len(near):
        size = sizes[at % len(sizes)]
        out += pieces.process(near[at : at + size], at / 2 / RATE, RATE)
        at += size
    assert out == expected


BEHIND = BLOCK + round(SPARE_MS * RATE / 1000) * 2
"""Bytes before the end of what is played by now, from which on a frame's echo may come."""


def test_a_frame_goes_with_what_is_played_when_it_comes() -> None:
    far = noise(RATE)
    canceller = with_far(Subtracts(RATE), far, began=5.0)
    at = RATE - BEHIND  # of half a second
    assert canceller.process(far[at : at + 10 * BLOCK], 5.5, RATE) == bytes(10 * BLOCK)


def test_a_frame_waits_for_what_is_played_beside_it_but_not_for_ever() -> None:
    engine, far, near = Subtracts(RATE), noise(RATE), noise(RATE, 2)
    canceller = with_far(engine, far[: RATE // 2 * 2], began=5.0)
    frames = WAIT_MS // 10
    waiting = [
        canceller.process(near[n * BLOCK : (n + 1) * BLOCK], 5.6 + n / 100, RATE) for n in range(frames)
    ]
    assert waiting == [b""] * frames
    assert canceller.report.waits_ms == WAIT_MS
    assert canceller.process(near[frames * BLOCK : (frames + 1) * BLOCK], 5.6 + frames / 100, RATE)
    canceller.played(far[RATE : RATE + 20 * BLOCK], 5.6)
    assert len(canceller.process(b"", 5.67, RATE)) == frames * BLOCK
    assert canceller.report.waits_ms == 0.0


def test_what_waits_comes_when_the_microphone_is_closed() -> None:
    canceller = with_far(Subtracts(RATE), noise(RATE // 2), began=5.0)
    assert canceller.rest() == b""
    assert canceller.process(noise(480 * 3), 5.6, RATE) == b""
    assert len(canceller.rest()) == 3 * BLOCK


def test_a_tap_goes_by_when_callbacks_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 5.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    far = noise(RATE)
    canceller = EchoCanceller(Subtracts)
    take = canceller.tap()
    for n in range(100):
        now = 5.0 + n / 100
        take(memoryview(far)[n * BLOCK : (n + 1) * BLOCK], RATE, now + 0.03 + n / 1000)
    at = RATE - BEHIND
    assert canceller.process(far[at : at + 10 * BLOCK], 5.5, RATE) == bytes(10 * BLOCK)


def test_without_a_loudspeaker_nothing_is_taken_away() -> None:
    near = noise(960)
    canceller = EchoCanceller(Subtracts)
    canceller.played(noise(480, 3), 0.0)  # a callback before the stream is known to be open
    assert canceller.process(near, 0.0, RATE) == near
    assert canceller.report.state is EchoState.WAITING


def test_a_loudspeaker_that_stopped_is_silence() -> None:
    near = noise(960)
    canceller = with_far(Subtracts(RATE), noise(RATE))
    assert canceller.process(near, 10.0, RATE) == near


def test_a_rate_without_whole_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="10 ms"):
        EchoCanceller(Subtracts).process(b"", 0.0, 22_050)


def test_another_rate_is_another_engine() -> None:
    made: list[int] = []

    def make(rate: int) -> Subtracts:
        made.append(rate)
        return Subtracts(rate)

    canceller = EchoCanceller(make)
    for rate in (48_000, 48_000, 16_000):
        assert len(canceller.process(bytes(rate // 50), 0.0, rate)) == rate // 50
    assert made == [48_000, 16_000]


def test_reset_forgets_the_room_and_what_is_held_back() -> None:
    engine = Subtracts(RATE)
    canceller = with_far(engine, noise(RATE))
    canceller.reset()  # before there is anything
    assert canceller.process(noise(500), 0.0, RATE) != b""
    canceller.reset()
    assert engine.resets == 1
    assert canceller.process(noise(480, 4), 0.0, RATE) is not None
    assert canceller.report.state is EchoState.WAITING or canceller.report.erle_db == 0.0
    assert len(canceller.process(noise(480, 5), 0.01, RATE)) == BLOCK


@pytest.mark.parametrize(
    ("delay_ms", "mic_rate", "speaker_rate"),
    [(60.0, 48_000, 48_000), (150.0, 48_000, 48_000), (60.0, 16_000, 44_100)],
)
def test_echo_is_taken_away(delay_ms: float, mic_rate: int, speaker_rate: int) -> None:
    played = character(6.0)
    heard = Room(delay_ms).microphone(played)
    done = run(make_canceller(), played, heard, mic_rate=mic_rate, speaker_rate=speaker_rate)
    assert done.taken_db(1.0, 6.0) > 30.0
    report = done.reports[-1]
    assert report.state is EchoState.WORKING
    assert report.converged
    assert report.erle_db > 25.0
    assert report.realigned == 0


def test_the_character_alone_never_begins_a_turn_in_a_minute_with_drifting_clocks() -> None:
    played = character(60.0)
    heard = Room(60.0, drift_ppm=100.0).microphone(played)
    done = run(make_canceller(), played, heard, mic_rate=16_000, speaker_rate=16_000, drift_ppm=100.0)
    assert done.turns() == []
    assert min(done.taken_db(s, s + 2.0) for s in range(2, 58, 2)) > 25.0
    assert all(report.converged and not report.double_talk for report in done.reports[1:])


def test_without_cancelling_the_same_room_begins_turns() -> None:
    played = character(6.0)
    done = run(EchoCanceller(lambda rate: Nothing()), played, Room(60.0).microphone(played))
    assert done.turns()
    assert done.reports[-1].state is EchoState.FAILING
    assert not done.reports[-1].converged


class Nothing:
    """An engine that lets everything through."""

    def process(self, near: Any, far: Any) -> Any:
        return near

    def reset(self) -> None:
        pass


@pytest.mark.parametrize("delay_ms", [60.0, 150.0])
def test_a_user_who_speaks_over_the_character_is_heard(delay_ms: float) -> None:
    played, near = character(10.0), user(10.0, 5.0)
    done = run(make_canceller(), played, Room(delay_ms).microphone(played, near))
    turns = done.turns()
    assert turns
    assert 5.0 < turns[0] < 5.6
    assert done.taken_db(5.0, 5.0 + USER_S) < 11.0, "of which 3 dB are the echo"
    assert any(report.double_talk for report in done.reports[5:9])
    assert all(report.state is EchoState.WORKING for report in done.reports[1:])


def test_with_headphones_it_says_that_there_is_no_echo() -> None:
    played, near = character(12.0), user(12.0, 8.0)
    done = run(make_canceller(), played, Room(gain_db=-100.0).microphone(played, near))
    assert done.reports[3].state is EchoState.NO_ECHO
    assert done.reports[3].converged
    (turn,) = done.turns()
    assert 8.0 < turn < 8.3
    assert done.taken_db(8.3, 11.5) < 2.0


def test_a_changed_device_is_learned_at_once_after_a_reset() -> None:
    played = character(10.0)
    heard = Room(60.0, jump_ms=90.0).microphone(played)
    done = run(make_canceller(), played, heard, reset_at_s=5.0)
    assert done.reports[4].state is EchoState.WORKING
    assert done.taken_db(6.5, 9.5) > 25.0
    assert [at for at in done.turns() if not 5.0 <= at < 6.0] == []


def test_a_frame_costs_less_than_a_tenth_of_its_time() -> None:
    played = character(3.0)
    done = run(make_canceller(), played, Room().microphone(played))
    assert sorted(done.frame_ms)[len(done.frame_ms) // 2] < 1.0


def test_an_hour_without_a_reader_costs_no_memory() -> None:
    canceller = EchoCanceller(Subtracts)
    canceller.speaker_opened(RATE)
    block = noise(480)
    for n in range(1000):
        canceller.played(block, n / 100)
    begun = time.perf_counter()
    assert len(canceller.process(noise(480, 2), 9.9, RATE)) == BLOCK
    assert time.perf_counter() - begun < 0.5
    assert canceller._far is not None
    assert sys.getsizeof(canceller._far._raw._bytes) < 1000


def test_as_pcm_is_what_the_scenes_say() -> None:
    assert as_pcm(np.array([0.0, 1.0, -2.0])) == np.array([0, 32767, -32768], dtype="<i2").tobytes()
