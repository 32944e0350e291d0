"""What the tracker makes of events."""

from __future__ import annotations

import pytest

from neko_cli.cli.exits import Exit
from neko_cli.cli.say_track import Tracker, worst
from neko_cli.core.events import (
    Failure,
    Outcome,
    SessionEnded,
    SpeechStarted,
    SpeechStopped,
    TurnEnded,
    TurnStarted,
    UserText,
)


def tracker(*events: object) -> Tracker:
    made = Tracker()
    for event in events:
        made.note(event)
    return made


def ended(turn: int = 1, outcome: Outcome = Outcome.COMPLETE) -> TurnEnded:
    return TurnEnded(at=1.0, turn=turn, outcome=outcome, text="")


def failure(category: str, *, fatal: bool = False) -> Failure:
    return Failure(at=1.0, category=category, code="", message="No.", fatal=fatal)


def test_nothing_is_going_on_at_first() -> None:
    fresh = tracker()
    assert fresh.settled
    assert not fresh.heard


def test_an_utterance_is_open_until_its_turn_ended() -> None:
    made = tracker(SpeechStarted(at=0.0, turn=1))
    assert made.speaking
    assert not made.settled
    made.note(SpeechStopped(at=0.0, turn=1))
    assert not made.speaking
    assert not made.settled
    made.note(ended())
    assert made.settled
    assert made.heard
    assert made.utterances == 1


def test_a_late_transcript_does_not_open_its_turn_again() -> None:
    made = tracker(ended(1), UserText(at=0.0, turn=1, text="late", final=True))
    assert made.settled


def test_an_earlier_turn_that_never_ended_counts_as_merged() -> None:
    assert tracker(TurnStarted(at=0.0, turn=1), TurnStarted(at=0.0, turn=2), ended(2)).settled


def test_a_fatal_failure_or_the_end_is_the_end() -> None:
    assert tracker(failure("link")).over is None
    assert tracker(failure("link", fatal=True)).over == "No."
    assert tracker(SessionEnded(at=0.0, reason="ended")).over == "ended"


@pytest.mark.parametrize(
    ("outcome", "category", "code"),
    [
        (Outcome.COMPLETE, None, Exit.OK),
        (Outcome.COMPLETE, "rate_limit", Exit.OK),
        (Outcome.INTERRUPTED, None, Exit.OK),
        (Outcome.FAILED, "rate_limit", Exit.LIMIT),
        (Outcome.FAILED, "credentials", Exit.CREDENTIALS),
        (Outcome.FAILED, None, Exit.NETWORK),
        (Outcome.CANCELLED, None, Exit.NETWORK),
    ],
)
def test_turn_code(outcome: Outcome, category: str | None, code: Exit) -> None:
    made = tracker(*([failure(category)] if category else []))
    assert made.turn_code(ended(outcome=outcome)) is code


def test_the_worst_code_stands_for_all() -> None:
    assert worst([]) is Exit.OK
    assert worst([Exit.OK, Exit.LIMIT, Exit.OK]) is Exit.LIMIT
