"""How much is held back follows how late sound came, and no more."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.jitter import AFTER_UNDERRUN_MS, LEAST_MS, LONGEST_MS, MORE, REPLIES, JitterBuffer

PIECE_MS = 100.0


def reply(buffer: JitterBuffer, arrivals: Sequence[float]) -> float:
    """Play a reply whose pieces come at these times (s); returns the silence inside it, in ms."""
    buffer.begin()
    held, playing, empty_at, silence, last = 0.0, False, 0.0, 0.0, 0.0
    for now in arrivals:
        if not playing and held and (plays_at := last + buffer.wait_ms(last) / 1000) <= now:
            silence += (plays_at - empty_at) * 1000 if empty_at else 0.0
            buffer.goes_on()
            playing, empty_at, held = True, plays_at + held / 1000, 0.0
        if playing and now > empty_at + 1e-9:
            buffer.ran_dry()
            playing = False
        buffer.came(now, PIECE_MS)
        if playing:
            empty_at += PIECE_MS / 1000
        else:
            held += PIECE_MS
        last = now
    return silence


def steady(pieces: int = 20) -> list[float]:
    return [number * PIECE_MS / 1000 for number in range(pieces)]


@pytest.mark.parametrize(
    "arrivals",
    [steady(), [0.0] * 20, [number * 0.01 for number in range(20)]],
    ids=["steady", "burst", "fast"],
)
def test_nothing_is_held_back_while_pieces_come_in_time(arrivals: list[float]) -> None:
    buffer = JitterBuffer()
    for _ in range(5):
        assert reply(buffer, arrivals) == 0.0
        assert buffer.target_ms == LEAST_MS
    assert (buffer.underruns, buffer.late_pieces) == (0, 0)


def test_the_first_piece_waits_a_moment_for_the_second() -> None:
    buffer = JitterBuffer()
    buffer.begin()
    buffer.came(1.0, 20)
    assert buffer.wait_ms(1.0) == LEAST_MS
    assert buffer.wait_ms(1.0 + LEAST_MS / 1000) == pytest.approx(0.0)
    buffer.came(1.001, 20)
    assert buffer.wait_ms(1.001) == 0.0, "it comes faster than it is spoken"


def test_after_a_late_reply_the_next_one_waits_as_long_and_does_not_stutter() -> None:
    rng = random.Random(7)
    buffer = JitterBuffer()
    silences = []
    for _ in range(30):
        jittered = [at + rng.uniform(0, 0.2) for at in steady()]
        jittered = [max(jittered[: number + 1]) for number in range(len(jittered))]  # in order, as by TCP
        silences.append(reply(buffer, jittered))
    assert silences[0] > 0
    assert sorted(silences[2:])[len(silences) // 2] == 0
    assert max(silences[1:]) < 40, "one reply tells how irregular the network is"
    assert max(silences[5:]) < 20
    assert 150 < buffer.target_ms <= 200 * MORE[0]


@pytest.mark.parametrize(("ran_dry", "waits_ms"), [(False, LEAST_MS), (True, 12.0)])
def test_what_a_busy_machine_makes_late_counts_where_the_reply_ran_dry(
    ran_dry: bool, waits_ms: float
) -> None:
    buffer = JitterBuffer()
    buffer.begin()
    buffer.came(1.0, 20)
    buffer.goes_on()
    if ran_dry:
        buffer.ran_dry()
    buffer.came(1.032, 20)
    assert buffer.late_pieces == 1
    buffer.begin()
    assert buffer.target_ms == pytest.approx(waits_ms)


def test_the_fewer_replies_were_heard_the_more_is_left_for_what_was_not_seen() -> None:
    buffer, waits = JitterBuffer(), []
    for late_ms in (100, 200, 300):
        reply(buffer, [0.0, 0.1 + late_ms / 1000])
        buffer.begin()
        waits.append(buffer.target_ms / late_ms)
    assert tuple(waits) == pytest.approx(MORE)
    assert waits == sorted(waits, reverse=True)


def test_a_first_piece_that_was_late_itself_does_not_hide_how_late_others_are() -> None:
    buffer = JitterBuffer()
    late_first = [0.15, 0.15, 0.22, 0.3, 0.55, *(at + 0.02 for at in steady(12)[6:])]
    reply(buffer, late_first)  # later than the first one by no more than 20 ms
    assert buffer.target_ms == pytest.approx(150 * MORE[0])
    assert reply(buffer, [0.0, 0.13, 0.23, 0.43, 0.43, 0.5, 0.6]) == 0.0


def test_lumps_that_come_faster_than_they_are_spoken_wait_for_nothing() -> None:
    buffer = JitterBuffer()
    lumps = [number // 10 * 0.25 for number in range(40)]
    for _ in range(3):
        assert reply(buffer, lumps) == 0.0
        buffer.begin()
        for at in lumps[:10]:
            buffer.came(at, PIECE_MS)
        assert buffer.wait_ms(0.0) == 0.0


def test_the_wait_shrinks_when_the_network_is_well_again() -> None:
    buffer = JitterBuffer()
    reply(buffer, [0.0, 0.3, 0.4])
    assert buffer.target_ms == pytest.approx(200 * MORE[0])
    for _ in range(REPLIES):
        assert buffer.target_ms > LEAST_MS
        reply(buffer, steady())
    assert buffer.target_ms == LEAST_MS


def test_a_reply_that_ran_dry_waits_a_little_before_it_goes_on() -> None:
    buffer = JitterBuffer()
    buffer.begin()
    buffer.came(0.0, 20)
    buffer.goes_on()
    buffer.ran_dry()
    buffer.came(0.021, 20)
    assert buffer.wait_ms(0.021) == AFTER_UNDERRUN_MS
    assert buffer.wait_ms(0.025) == pytest.approx(AFTER_UNDERRUN_MS - 4)
    for _ in range(2):  # it comes fast again
        buffer.came(0.042, 200)
    assert buffer.wait_ms(0.042) == 0


def test_another_link_begins_without_what_was_known() -> None:
    buffer = JitterBuffer()
    reply(buffer, [0.0, 0.3, 0.4])
    buffer.forget()
    assert buffer.target_ms == LEAST_MS


@given(st.lists(st.lists(st.floats(0, 10), min_size=1, max_size=20), max_size=12))
def test_the_wait_is_bounded_whatever_comes(replies: list[list[float]]) -> None:
    buffer = JitterBuffer()
    for arrivals in replies:
        reply(buffer, sorted(arrivals))
        assert LEAST_MS <= buffer.target_ms <= LONGEST_MS
