"""What becomes of a turn whose link goes: every state, with everything that may be known of it."""

from __future__ import annotations

import itertools

import pytest

from neko_cli.core.commands import AnswerTool, AskReply, CommitAudio, SendText
from neko_cli.core.handover import Carried, Standing, carry_over
from neko_cli.core.provider_events import ReplyStatus
from neko_cli.core.state import TURN, TurnInput, TurnState, step

GREETING = AskReply("Say hello.")
TOOL = AnswerTool("c1", "clock", "12:00")
NUMBER = 7
ASKS = (None, GREETING, TOOL, CommitAudio(), SendText("typed", NUMBER))
HEARD_AGAIN = Carried(again=True, given=TurnInput.SPOKEN_AGAIN)
SENT_AGAIN = Carried(again=True)
"""The uplink tells the utterance's end again, with its sound."""


def standings():
    """All states, with all combinations of what may be known; those that cannot be included."""
    for state, asked, typed, spoken, transcript, ours, said, whole, again in itertools.product(
        TurnState,
        ASKS,
        ("", "typed"),
        (False, True),
        ("", "spoken words"),
        (False, True),
        ("", "Once upon"),
        (False, True),
        (False, True),
    ):
        yield Standing(
            state=state,
            number=NUMBER,
            asked=asked,
            typed=typed,
            spoken=spoken,
            transcript=transcript,
            ended_by_us=ours,
            said=said,
            sound_complete=whole,
            cut_before=again,
        )


EVERY = list(standings())


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        # Nothing is going on: only what was asked for without the user is asked again.
        (Standing(state=TurnState.IDLE), Carried()),
        (Standing(state=TurnState.IDLE, asked=GREETING), Carried(ask=GREETING)),
        # The user is speaking: the open utterance goes on.
        (Standing(state=TurnState.HEARING, spoken=True), Carried()),
        (Standing(state=TurnState.HEARING, spoken=True, ended_by_us=True), Carried()),
        # All came; the rest is being played.
        (Standing(state=TurnState.DRAINING, typed="typed", said="Yes."), Carried()),
        # Waiting for the reply.
        (Standing(state=TurnState.THINKING, typed="typed"), Carried(ask=SendText("typed"))),
        (Standing(state=TurnState.THINKING, number=3, typed="typed"), Carried(ask=SendText("typed", 3))),
        (
            Standing(state=TurnState.THINKING, number=3, typed="typed", asked=SendText("typed", 3)),
            Carried(ask=SendText("typed", 3)),
        ),
        (Standing(state=TurnState.THINKING, typed="typed", asked=TOOL), Carried(ask=SendText("typed"))),
        (Standing(state=TurnState.THINKING, asked=GREETING), Carried(ask=GREETING)),
        (Standing(state=TurnState.THINKING), Carried(ask=AskReply())),
        (Standing(state=TurnState.THINKING, spoken=True), HEARD_AGAIN),
        (Standing(state=TurnState.THINKING, spoken=True, ended_by_us=True), SENT_AGAIN),
        (Standing(state=TurnState.THINKING, spoken=True, ended_by_us=True, asked=CommitAudio()), SENT_AGAIN),
        # What is on the wire says nothing about who ends the utterance: the uplink knows it.
        (Standing(state=TurnState.THINKING, spoken=True, asked=CommitAudio()), HEARD_AGAIN),
        (
            Standing(state=TurnState.THINKING, number=4, spoken=True, transcript="spoken words"),
            Carried(ask=SendText("spoken words", 4)),
        ),
        (
            Standing(state=TurnState.THINKING, spoken=True, transcript="spoken words"),
            Carried(ask=SendText("spoken words")),
        ),
        (
            Standing(state=TurnState.THINKING, spoken=True, ended_by_us=True, transcript="spoken words"),
            Carried(ask=SendText("spoken words")),
        ),
        # In the middle of the reply, to words that are not known yet.
        (
            Standing(state=TurnState.SPEAKING, spoken=True, said="Once"),
            Carried(again=True, given=TurnInput.SPOKEN_AGAIN, cut=True),
        ),
        (
            Standing(state=TurnState.SPEAKING, spoken=True, ended_by_us=True, said="Once"),
            Carried(again=True, cut=True),
        ),
    ],
)
def test_what_is_done(standing, expected):
    assert carry_over(standing) == expected


@pytest.mark.parametrize("typed_or_transcript", [{"typed": "t"}, {"spoken": True, "transcript": "t"}])
def test_a_reply_that_is_cut_is_asked_for_with_what_it_had_said(typed_or_transcript):
    carried = carry_over(Standing(state=TurnState.SPEAKING, said="Once upon a", **typed_or_transcript))
    assert isinstance(carried.ask, AskReply)
    assert "Once upon a" in carried.ask.instructions
    assert (carried.cut, carried.again, carried.given) == (True, False, None)


def test_a_reply_that_is_cut_before_a_word_was_heard_is_asked_for_whole():
    carried = carry_over(Standing(state=TurnState.SPEAKING, typed="t", said=""))
    assert isinstance(carried.ask, AskReply)
    assert carried.ask.instructions
    assert carried.cut


def test_in_the_middle_of_a_reply():
    for standing in (s for s in EVERY if s.state is TurnState.SPEAKING):
        carried = carry_over(standing)
        if not (standing.sound_complete or standing.cut_before):
            assert carried.cut, standing
            assert carried.ended is None
            continue
        assert (carried.ask, carried.cut, carried.again) == (None, False, False), standing
        assert carried.ended is not None
        whole = standing.sound_complete
        assert carried.ended.status is (ReplyStatus.COMPLETE if whole else ReplyStatus.FAILED)
        assert (carried.ended.error is None) == whole
        assert whole or carried.ended.error.code == "cut_twice"


def test_each_decision_leaves_a_way_on():
    """Whatever is waited for: something is asked, or sent again, or the turn goes on or ends here."""
    for standing in EVERY:
        carried = carry_over(standing)
        if standing.state in (TurnState.THINKING, TurnState.SPEAKING):
            assert carried.ask is not None or carried.again or carried.ended is not None, standing
        else:
            asked = AskReply() if standing.asked == TOOL else standing.asked
            assert carried == Carried(ask=asked if standing.state is TurnState.IDLE else None)


def test_what_is_told_to_the_turn_machine_changes_its_state():
    for standing in EVERY:
        carried = carry_over(standing)
        if carried.given is not None:
            assert step(TURN, standing.state, carried.given)[0] is not standing.state, standing
        assert (carried.ended is None) == (carried.given is not TurnInput.REPLY_ENDED)


def test_sound_is_sent_again_only_where_its_words_are_not_known():
    for standing in EVERY:
        carried = carry_over(standing)
        if carried.again:
            assert standing.spoken, standing
            assert not standing.transcript, standing
            assert not isinstance(carried.ask, SendText)


def test_who_ended_the_utterance_ends_it_again():
    """One that we ended is told with its sound, and the turn waits; else it is left to the next detector."""
    for standing in EVERY:
        carried = carry_over(standing)
        if carried.again:
            assert carried.ask is None, standing
            we = standing.ended_by_us
            assert (carried.given is TurnInput.SPOKEN_AGAIN) == (not we), standing


def test_an_utterance_that_is_sent_again_is_not_ended_beside_its_sound():
    """A commit that is asked for by itself would come before the sound, or after that of another."""
    for standing in EVERY:
        if standing.spoken and standing.state is not TurnState.IDLE:
            assert not isinstance(carry_over(standing).ask, CommitAudio), standing


def test_an_answer_to_a_tool_is_for_the_link_that_called_it():
    for standing in EVERY:
        assert not isinstance(carry_over(standing).ask, AnswerTool)


def test_a_question_is_never_asked_in_two_ways():
    for standing in EVERY:
        carried = carry_over(standing)
        if isinstance(carried.ask, SendText):
            assert not carried.again
            assert carried.ask in (SendText(standing.typed or standing.transcript, NUMBER), standing.asked)
