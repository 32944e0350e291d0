"""How a device stands: wanted, in use, lost, coming back; when it is looked for; and one that is dead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.device_standing import (
    DEAD_AFTER_MS,
    DEAD_DBFS,
    LOOKS,
    STEADY,
    TABLE,
    DeadEar,
    Found,
    Seat,
    Standing,
    Tell,
)


def test_the_table_is_total_and_every_seat_can_be_reached() -> None:
    assert set(TABLE) == {(seat, found) for seat in Seat for found in Found}
    assert {seat for seat, _ in TABLE.values()} == set(Seat)
    assert all(TABLE[seat, Found.STOPPED][0] is Seat.OFF for seat in Seat)


def test_a_headset_that_goes_and_comes_back() -> None:
    standing = Standing(wanted="headset")
    assert standing.found(Found.WANTED, 0.0) is Tell.NOTHING
    assert standing.died(100.0)
    assert standing.found(Found.INSTEAD, 100.0) is Tell.INSTEAD
    assert standing.misses
    assert [standing.next_look() for _ in range(3)] == list(LOOKS[1:4])
    assert standing.found(Found.WANTED, 110.0) is Tell.BACK
    assert not standing.misses


def test_one_that_changes_its_rate_is_only_started_again() -> None:
    standing = Standing()
    standing.found(Found.WANTED, 0.0)
    assert standing.died(60.0)
    assert standing.found(Found.WANTED, 60.0) is Tell.AGAIN
    assert standing.seat is Seat.WANTED


def test_one_that_dies_over_and_over_is_looked_for_ever_less_often() -> None:
    standing = Standing()
    standing.found(Found.WANTED, 0.0)
    assert standing.died(1.0)
    standing.found(Found.WANTED, 1.0)
    assert not standing.died(2.0)
    standing.found(Found.NOTHING, 2.0)
    waits = []
    for _ in range(8):
        waits.append(standing.next_look())
        standing.found(Found.WANTED, 3.0)
        assert not standing.died(3.1)
        standing.found(Found.NOTHING, 3.1)
    assert waits == sorted(waits)
    assert waits[-1] == LOOKS[-1]
    standing.found(Found.WANTED, 4.0)
    assert standing.died(4.0 + STEADY), "it has lived: the next death is another story"


def test_another_choice_is_looked_for_soon() -> None:
    standing = Standing(wanted="one", seat=Seat.LOST, looks=20)
    assert standing.next_look() == LOOKS[-1]
    standing.chosen("two")
    assert standing.next_look() == LOOKS[0]


def test_a_dead_microphone_is_told_once_after_five_seconds() -> None:
    ear = DeadEar()
    heard = [ear.hear(-96.0, 10.0) for _ in range(2000)]
    assert heard.index(True) == DEAD_AFTER_MS / 10.0 - 1
    assert sum(heard) == 1


@pytest.mark.parametrize("level", [DEAD_DBFS + 0.1, -60.0, 0.0])
def test_the_quietest_noise_is_a_sign_of_life(level: float) -> None:
    ear = DeadEar()
    assert not any(ear.hear(level if at == 400 else -96.0, 10.0) for at in range(900))
    assert ear.hear(-96.0, 10.0)


def test_presses_of_a_key_are_not_added_up() -> None:
    ear = DeadEar()
    for _ in range(10):
        assert not any(ear.hear(-96.0, 10.0) for _ in range(400))
        ear.rest()


@given(st.lists(st.sampled_from(list(Found)), max_size=30))
def test_whatever_happens_is_taken(happened: list[Found]) -> None:
    standing = Standing(wanted="x")
    for at, found in enumerate(happened):
        standing.found(found, float(at))
        assert standing.misses == (standing.seat in (Seat.INSTEAD, Seat.LOST))
        assert LOOKS[0] <= standing.next_look() <= LOOKS[-1]
