"""What becomes of speech over the character, by table and in time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.barge_in import (
    ALARM,
    SURE_WITHIN,
    WORD_WITHIN,
    Alarm,
    AlarmEffect,
    AlarmInput,
    AlarmState,
)

ONSET, LASTED, QUIET, LATE, DONE = AlarmInput
DUCK, CONFIRM, FALSE_ALARM, LET_GO = AlarmEffect


def course(*steps: tuple[float, AlarmInput], word_within: float = WORD_WITHIN) -> list[str]:
    """The effects of inputs at their times; LATE comes by itself when it is due."""
    alarm, told = Alarm(word_within=word_within), []
    for now, given_ in (*steps, (99.0, None)):
        while (due := alarm.due) is not None and due <= now:
            told += [f"{due:.2f} {effect}" for effect in alarm.feed(LATE, due)]
        if given_ is not None:
            told += [f"{now:.2f} {effect}" for effect in alarm.feed(given_, now)]
    return told


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        # confirmed by the provider: the reply was interrupted, nothing is played any more
        ([(1.0, ONSET), (1.4, DONE)], ["1.00 duck", "1.40 let go"]),
        # confirmed by its length
        ([(1.0, ONSET), (1.3, LASTED)], ["1.00 duck", "1.30 confirm"]),
        # a cough: quiet, and no word within the time
        ([(1.0, ONSET), (1.4, QUIET)], ["1.00 duck", "2.10 false alarm"]),
        # the provider's word comes after the speech
        ([(1.0, ONSET), (1.4, QUIET), (1.9, DONE)], ["1.00 duck", "1.90 let go"]),
        # it is spoken again before that: one alarm, with one bound
        ([(1.0, ONSET), (1.4, QUIET), (1.9, ONSET), (2.5, QUIET)], ["1.00 duck", "3.00 false alarm"]),
        # a noise that goes on is given up, and does not duck again before it is quiet
        ([(1.0, ONSET), (3.5, ONSET), (4.0, ONSET)], ["1.00 duck", "3.00 false alarm"]),
        (
            [(1.0, ONSET), (3.5, ONSET), (4.0, QUIET), (4.5, ONSET), (4.6, DONE)],
            ["1.00 duck", "3.00 false alarm", "4.50 duck", "4.60 let go"],
        ),
        # nothing was thought of
        ([(1.0, QUIET), (1.1, DONE), (1.2, LASTED)], []),
    ],
)
def test_an_alarm_in_time(steps, told) -> None:
    assert course(*steps) == told


def test_where_we_decide_ourselves_nobodys_word_is_waited_for() -> None:
    assert course((1.0, ONSET), (1.2, QUIET), word_within=0.0) == ["1.00 duck", "1.20 false alarm"]


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from([ONSET, LASTED, QUIET, DONE])), max_size=30))
def test_whatever_is_ducked_is_decided_once_and_in_time(steps) -> None:
    now, timed = 0.0, []
    for pause, given_ in steps:
        now += pause
        timed.append((now, given_))
    ducked = None
    for line in course(*timed):
        when, effect = line.split(" ", 1)
        if effect == DUCK:
            assert ducked is None
            ducked = float(when)
        else:
            assert ducked is not None, f"{effect} of nothing"
            assert float(when) <= ducked + SURE_WITHIN + 0.01
            ducked = None
    assert ducked is None


def test_the_table_can_leave_every_state_it_reaches() -> None:
    reached = {target for target, _ in ALARM.values()}
    assert reached == set(AlarmState)
    assert {state for state, _ in ALARM} == set(AlarmState)
