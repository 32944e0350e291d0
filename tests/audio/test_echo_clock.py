"""When blocks would come in time: by the earliest of the last moments."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.audio.echo_clock import LATE_BLOCKS, WINDOW_S, BlockClock

RATE, BLOCK = 48_000, 480


def run(clock: BlockClock, first: int, blocks: int, late: list[float], shift: float = 0.0) -> None:
    """Blocks of 10 ms from the one with this number on, each late by one of these times in s."""
    for n in range(first, first + blocks):
        clock.block(5.0 + n / 100 + shift + late[n % len(late)], BLOCK)


def test_nothing_is_known_before_the_first_block() -> None:
    clock = BlockClock(RATE)
    assert (clock.began, clock.came_at, clock.is_late) == (inf, -inf, False)
    with pytest.raises(ValueError, match="come"):
        clock.time_of(0)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.0, 0.04), min_size=1, max_size=20))
def test_late_blocks_do_not_move_it_when_some_come_in_time(late: list[float]) -> None:
    clock = BlockClock(RATE)
    for n in range(20):
        run(clock, n * 20, 20, [*late, 0.0])
    assert clock.began == pytest.approx(5.0, abs=1e-6)


def test_a_stream_that_ran_dry_goes_on_later() -> None:
    clock = BlockClock(RATE)
    run(clock, 0, 100, [0.0])
    run(clock, 100, LATE_BLOCKS - 1, [0.0], shift=0.13)
    assert not clock.is_late
    run(clock, 100 + LATE_BLOCKS - 1, 1, [0.0], shift=0.13)
    assert clock.is_late
    assert clock.began == pytest.approx(5.0)
    run(clock, 100 + LATE_BLOCKS, round(200 * WINDOW_S), [0.0], shift=0.13)
    assert clock.began == pytest.approx(5.13)
    assert not clock.is_late


def test_blocks_that_come_in_bunches_are_not_late() -> None:
    clock = BlockClock(RATE)
    for n in range(0, 400, 4):
        run(clock, n, 4, [0.03, 0.02, 0.01, 0.0])
        assert not clock.is_late
    assert clock.began == pytest.approx(5.0)


def test_a_faster_clock_is_followed() -> None:
    clock = BlockClock(RATE)
    for n in range(6000):
        clock.block(n / 100 * (1 - 100e-6), BLOCK)
    assert clock.began == pytest.approx(-60 * 100e-6, abs=1e-4)


def test_a_sample_has_the_time_of_its_block() -> None:
    clock = BlockClock(RATE)
    clock.block(10.00, BLOCK)
    clock.block(10.01, BLOCK)
    assert clock.came_at == 10.01
    assert clock.time_of(480) == pytest.approx(10.01)
    assert clock.time_of(0) == pytest.approx(10.0)
    assert clock.time_of(960) == pytest.approx(10.02)


def test_lost_samples_move_what_comes_after() -> None:
    clock = BlockClock(RATE)
    clock.block(1.00, BLOCK)
    clock.block(1.01, 0)  # nobody read: the ring was full
    clock.block(1.02, BLOCK)
    assert clock.time_of(480) == pytest.approx(1.02)
