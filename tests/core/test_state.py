"""Both tables: total where they must be, reachable, and free of surprises."""

from __future__ import annotations

from pathlib import Path

import pytest

from neko_cli.core.barge_in import ALARM
from neko_cli.core.events import LinkWord, Status
from neko_cli.core.state import (
    LINK,
    LINK_WORDS,
    TURN,
    LinkEffect,
    LinkInput,
    LinkState,
    TurnEffect,
    TurnInput,
    TurnState,
    status_of,
    step,
)
from neko_cli.core.state_diagram import as_text

ROOT = Path(__file__).resolve().parents[2]

CLOSES = {
    TurnEffect.CLOSE_INTERRUPTED,
    TurnEffect.CLOSE_CANCELLED,
    TurnEffect.CLOSE_FAILED,
    TurnEffect.CLOSE_AS_TOLD,
}


def reachable(table, start):
    seen = {start}
    todo = [start]
    while todo:
        state = todo.pop()
        for (source, _), (target, _) in table.items():
            if source == state and target not in seen:
                seen.add(target)
                todo.append(target)
    return seen


def test_every_link_state_is_reachable_and_can_be_stopped():
    assert reachable(LINK, LinkState.DOWN) == set(LinkState)
    for state in set(LinkState) - {LinkState.CLOSED}:
        assert step(LINK, state, LinkInput.STOP)[0] is LinkState.CLOSED


def test_every_turn_state_is_reachable_and_ends_with_the_link():
    assert reachable(TURN, TurnState.IDLE) == set(TurnState)
    for state in set(TurnState) - {TurnState.IDLE}:
        after, effects = step(TURN, state, TurnInput.LINK_LOST)
        assert after is TurnState.IDLE
        assert TurnEffect.CLOSE_FAILED in effects


@pytest.mark.parametrize(("state", "given"), list(TURN))
def test_a_turn_is_closed_once_before_another_opens(state, given):
    after, effects = TURN[(state, given)]
    closes = [e for e in effects if e in CLOSES]
    opens = [e for e in effects if e is TurnEffect.OPEN_TURN]
    assert len(closes) <= 1
    assert len(opens) <= 1
    if state is TurnState.IDLE:
        assert not closes
    if after is TurnState.IDLE and state is not TurnState.IDLE:
        assert closes
        assert not opens
    if state is not TurnState.IDLE and after is not TurnState.IDLE:
        assert bool(closes) == bool(opens)
    if closes and opens:
        assert effects.index(closes[0]) < effects.index(opens[0])


@pytest.mark.parametrize("state", [TurnState.SPEAKING, TurnState.DRAINING])
@pytest.mark.parametrize(
    "given",
    [TurnInput.SPEECH_STARTED, TurnInput.KEY_PRESSED, TurnInput.TEXT_SENT, TurnInput.INTERRUPT],
)
def test_barge_in_silences_and_truncates_also_when_the_server_finished_long_ago(state, given):
    _, effects = step(TURN, state, given)
    assert effects[0] is TurnEffect.STOP_SOUND
    assert TurnEffect.TRUNCATE_REPLY in effects
    assert effects.index(TurnEffect.TRUNCATE_REPLY) < effects.index(TurnEffect.CLOSE_INTERRUPTED)


@pytest.mark.parametrize("state", list(TurnState))
def test_a_key_opens_a_turn_of_its_own_whatever_is_going_on(state):
    after, effects = step(TURN, state, TurnInput.KEY_PRESSED)
    assert after is TurnState.HEARING
    assert effects[-2:] == (TurnEffect.OPEN_TURN, TurnEffect.TELL_SPEECH_STARTED)
    # The provider does not know of it, and what it is making would come.
    makes = state in (TurnState.THINKING, TurnState.SPEAKING)
    assert (TurnEffect.CANCEL_REPLY in effects) == makes
    # What an utterance before it was given stays: its end may be on the way.
    assert TurnEffect.CLEAR_INPUT not in effects


def test_what_is_typed_over_an_utterance_is_a_turn_of_its_own():
    after, effects = step(TURN, TurnState.HEARING, TurnInput.TEXT_SENT)
    assert after is TurnState.THINKING
    closed = effects.index(TurnEffect.CLOSE_CANCELLED)
    assert effects.index(TurnEffect.TELL_SPEECH_STOPPED) < closed
    assert effects.index(TurnEffect.CLEAR_INPUT) < closed < effects.index(TurnEffect.OPEN_TURN)


def test_an_input_that_is_not_listed_changes_nothing():
    assert step(TURN, TurnState.IDLE, TurnInput.DRAINED) == (TurnState.IDLE, ())
    assert step(LINK, LinkState.UP, LinkInput.OPENED) == (LinkState.UP, ())


def test_what_a_lost_link_takes_with_it_is_carried_over_before_it_is_told():
    after, effects = step(LINK, LinkState.UP, LinkInput.LOST)
    assert after is LinkState.WAITING
    assert effects == (LinkEffect.CARRY_OVER, LinkEffect.TELL_OUTAGE)


@pytest.mark.parametrize("state", [LinkState.CONNECTING, LinkState.UP, LinkState.SWAPPING, LinkState.WAITING])
def test_a_link_that_is_refused_is_told_before_its_turn_fails(state):
    after, effects = step(LINK, state, LinkInput.REFUSED)
    assert after is LinkState.FAILED
    assert effects == (LinkEffect.TELL_FAILURE, LinkEffect.ABORT_TURN)


@pytest.mark.parametrize("state", [LinkState.SWAPPING, LinkState.WAITING, LinkState.RECONNECTING])
def test_whatever_brings_a_link_back_hands_over_last(state):
    after, effects = step(LINK, state, LinkInput.CONFIGURED)
    assert after is LinkState.UP
    assert effects[-1] is LinkEffect.HAND_OVER


@pytest.mark.parametrize(
    ("link", "turn", "microphone", "status"),
    [
        (LinkState.DOWN, TurnState.IDLE, True, Status.IDLE),
        (LinkState.UP, TurnState.IDLE, False, Status.IDLE),
        (LinkState.UP, TurnState.IDLE, True, Status.LISTENING),
        (LinkState.UP, TurnState.HEARING, True, Status.LISTENING),
        (LinkState.UP, TurnState.THINKING, True, Status.PROCESSING),
        (LinkState.UP, TurnState.SPEAKING, True, Status.SPEAKING),
        (LinkState.UP, TurnState.DRAINING, False, Status.SPEAKING),
        (LinkState.FAILED, TurnState.IDLE, True, Status.ERROR),
    ],
)
def test_status_shows_speaking_before_processing_before_listening(link, turn, microphone, status):
    assert status_of(link, turn, microphone_on=microphone) is status


@pytest.mark.parametrize("state", [TurnState.SPEAKING, TurnState.DRAINING])
def test_a_provider_that_stops_a_reply_silences_what_is_still_heard_of_it(state):
    after, effects = step(TURN, state, TurnInput.REPLY_CUT)
    assert after is TurnState.IDLE
    assert effects[0] is TurnEffect.STOP_SOUND
    assert effects[-1] is TurnEffect.CLOSE_AS_TOLD


def test_every_link_state_has_a_word():
    assert set(LINK_WORDS) == set(LinkState)
    assert LINK_WORDS[LinkState.UP] is LinkWord.ONLINE


def test_the_diagrams_in_the_docs_are_those_of_the_tables():
    held = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
    assert held == as_text(), "run: python -m neko_cli.core.state_diagram > docs/states.md"
    assert held.count(" --> ") == len(LINK) + len(TURN) + len(ALARM) + 3
    assert "SPEAKING --> IDLE: interrupt / stop sound, cancel reply" in held
