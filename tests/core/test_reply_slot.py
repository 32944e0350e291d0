"""One reply at a time on the wire, whatever the user does meanwhile."""

from __future__ import annotations

import pytest

from neko_cli.core.commands import (
    AnswerTool,
    AskReply,
    CancelReply,
    CommitAudio,
    SendText,
    TellHistory,
    TellSystem,
)
from neko_cli.core.reply_slot import OVERDUE, ReplySlot, SlotState


class Wire:
    def __init__(self):
        self.sent = []
        self.now = 0.0
        self.slot = ReplySlot(self.sent.append, lambda: self.now)


@pytest.fixture
def wire():
    return Wire()


def test_a_free_slot_sends_at_once(wire):
    wire.slot.ask(SendText("a"))
    assert wire.sent == [SendText("a")]
    assert wire.slot.began("r1")
    assert wire.slot.wants("r1")


def test_a_second_question_waits_for_the_end_of_the_cancelled_reply(wire):
    wire.slot.ask(SendText("a"))
    wire.slot.began("r1")
    wire.slot.cancel()
    wire.slot.ask(SendText("b"))
    assert wire.sent == [SendText("a"), CancelReply("r1")]
    assert not wire.slot.wants("r1")
    wire.slot.ended("r1")
    assert wire.sent[-1] == SendText("b")
    assert wire.slot.began("r2")


def test_a_reply_cancelled_before_it_began_is_cancelled_when_it_begins(wire):
    wire.slot.ask(SendText("a"))
    wire.slot.cancel()
    wire.slot.ask(SendText("b"))
    assert wire.sent == [SendText("a")]
    assert not wire.slot.began("r1")
    assert wire.sent[-1] == CancelReply("r1")
    wire.slot.ended("r1")
    assert wire.sent[-1] == SendText("b")


def replaced_question(wire):
    """A question that another one took the place of, before it could be asked."""
    wire.slot.ask(SendText("a"))
    wire.slot.began("r1")
    wire.slot.cancel()
    wire.slot.ask(SendText("b"))
    wire.slot.cancel()
    wire.slot.ask(SendText("c"))


def test_a_question_that_was_replaced_before_it_was_asked_is_told_as_said(wire):
    replaced_question(wire)
    assert wire.sent[-1] == TellHistory("user", "b")
    wire.slot.ended("r1")
    assert wire.sent[-1] == SendText("c")


def test_where_nothing_can_be_told_a_replaced_question_is_asked_with_the_next(wire):
    wire.slot.takes_history = False
    replaced_question(wire)
    assert wire.sent == [SendText("a"), CancelReply("r1")]
    wire.slot.ended("r1")
    assert wire.sent[-1] == SendText("b\nc")
    wire.slot.began("r2")
    wire.slot.ended("r2")
    wire.slot.ask(SendText("d"))
    assert wire.sent[-1] == SendText("d")


def test_the_next_link_knows_a_replaced_question_from_memory(wire):
    wire.slot.takes_history = False
    replaced_question(wire)
    wire.slot.suspend()
    wire.slot.resume()
    assert wire.sent[-1] == SendText("c")


def test_the_end_of_another_reply_changes_nothing(wire):
    wire.slot.ask(SendText("a"))
    wire.slot.began("r1")
    wire.slot.ended("r0")
    assert wire.slot.wants("r1")
    assert wire.slot.state is SlotState.ACTIVE


def test_a_refused_question_is_asked_again_when_the_other_reply_is_over(wire):
    wire.slot.ask(SendText("a"))
    wire.slot.refused()
    wire.slot.ended("unknown")
    assert wire.sent == [SendText("a"), AskReply()]


def test_a_cancelled_reply_that_never_ends_frees_the_slot_in_time(wire):
    wire.slot.ask(SendText("a"))
    wire.slot.began("r1")
    wire.slot.cancel()
    wire.slot.ask(SendText("b"))
    wire.now = OVERDUE - 0.1
    wire.slot.overdue()
    assert wire.sent[-1] == CancelReply("r1")
    wire.now = OVERDUE
    wire.slot.overdue()
    assert wire.sent[-1] == SendText("b")


def test_a_lost_link_forgets_what_was_held(wire):
    wire.slot.ask(SendText("a"))
    wire.slot.ask(SendText("b"))
    wire.slot.reset()
    assert wire.slot.state is SlotState.FREE
    wire.slot.ask(SendText("c"))
    assert wire.sent == [SendText("a"), SendText("c")]


# -- an utterance that is over ------------------------------------------------------------------


def test_the_end_of_an_utterance_never_waits(wire):
    """What is said next would become a part of it; only the reply to it waits."""
    wire.slot.ask(SendText("a"))
    wire.slot.began("r1")
    wire.slot.ask(CommitAudio())
    assert wire.sent == [SendText("a"), CommitAudio(ask_reply=False)]
    assert wire.slot.wants("r1")
    wire.slot.ended("r1")
    assert wire.sent[-1] == AskReply()
    assert wire.slot.state is SlotState.ASKED


def test_the_end_of_an_utterance_is_told_while_a_cancelled_reply_ends(wire):
    wire.slot.ask(SendText("a"))
    wire.slot.began("r1")
    wire.slot.cancel()
    wire.slot.ask(CommitAudio())
    wire.slot.ask(CommitAudio())
    assert wire.sent[2:] == [CommitAudio(ask_reply=False)] * 2
    wire.slot.ended("r1")
    assert wire.sent[4:] == [AskReply()]
    assert wire.slot.began("r2")
    wire.slot.ended("r2")
    assert wire.sent[5:] == [AskReply()]


def test_an_utterance_that_nobody_wants_an_answer_to_is_ended_all_the_same(wire):
    wire.slot.commit()
    assert wire.sent == [CommitAudio(ask_reply=False)]
    assert wire.slot.state is SlotState.FREE
    wire.slot.ask(SendText("a"))
    wire.slot.began("r1")
    wire.slot.commit()
    assert wire.sent[2:] == [CommitAudio(ask_reply=False)]
    assert wire.slot.wants("r1")


def test_without_a_link_nothing_is_sent_and_what_is_asked_for_waits(wire):
    wire.slot.suspend()
    wire.slot.ask(SendText("a", 1))
    wire.slot.ask(CommitAudio())
    wire.slot.ask(SendText("b", 2))
    assert wire.sent == []
    assert wire.slot.texts == [SendText("a", 1), SendText("b", 2)]
    wire.slot.resume()
    assert wire.sent == [SendText("a", 1)]
    assert wire.slot.texts == [SendText("b", 2)]


def test_a_detector_that_committed_before_we_did_is_answered_once(wire):
    """The provider is making a reply to what we have just ended: it is that one."""
    wire.slot.ask(CommitAudio())
    wire.slot.began("r1")
    wire.slot.refused()
    wire.slot.ended("r1")
    assert wire.sent == [CommitAudio()]
    assert wire.slot.is_calm


# -- a provider that answers each input by itself -----------------------------------------------


@pytest.fixture
def eager(wire):
    """Its provider answers each input, and drops the reply that it is making."""
    wire.slot.input_asks = True
    return wire


@pytest.mark.parametrize("command", [SendText("b"), CommitAudio(), TellSystem("news", ask_reply=True)])
def test_each_input_takes_the_place_of_the_reply_that_is_made(eager, command):
    eager.slot.ask(SendText("a"))
    eager.slot.began("r1")
    eager.slot.ask(command)
    assert eager.sent == [SendText("a"), command]
    assert not eager.slot.wants("r1")
    assert eager.slot.state is SlotState.ASKED
    eager.slot.ended("r1")  # it was dropped: that is not the end of what was asked since
    assert eager.slot.state is SlotState.ASKED
    assert eager.slot.began("r2")
    assert eager.slot.wants("r2")
    eager.slot.ended("r2")
    assert eager.slot.is_calm


def test_an_answer_to_a_tool_belongs_to_the_reply_that_is_made(eager):
    eager.slot.ask(SendText("a"))
    eager.slot.began("r1")
    eager.slot.ask(AnswerTool("c1", "clock", "12:00"))
    assert eager.sent == [SendText("a")]
    assert eager.slot.wants("r1")
    eager.slot.ended("r1")
    assert eager.sent[1:] == [AnswerTool("c1", "clock", "12:00")]


def test_what_is_asked_after_a_cancel_does_not_wait_for_its_end(eager):
    eager.slot.ask(SendText("a"))
    eager.slot.began("r1")
    eager.slot.cancel()
    eager.slot.ask(SendText("b"))
    assert eager.sent == [SendText("a"), CancelReply("r1"), SendText("b")]
    eager.slot.ended("r1")
    assert eager.slot.state is SlotState.ASKED
    assert eager.slot.began("r2")


def test_a_reply_to_an_earlier_ask_that_was_interrupted_says_nothing_of_the_next(eager):
    """Nothing of it had begun when the next was asked; it begins, is empty, and then ours comes."""
    eager.slot.ask(SendText("a"))
    eager.slot.ask(SendText("b"))
    assert eager.slot.began("r1")
    assert eager.slot.was_taken_over("r1")
    assert not eager.slot.wants("r1")
    assert eager.slot.state is SlotState.ASKED
    eager.slot.ended("r1")
    assert eager.slot.state is SlotState.ASKED
    assert eager.slot.began("r2")
    assert eager.slot.wants("r2")
    assert not eager.slot.was_taken_over("r2")
    assert eager.slot.wants("r2")


def test_each_ask_that_was_taken_over_accounts_for_one_reply(eager):
    for text in "abc":
        eager.slot.ask(SendText(text))
    for number in (1, 2):
        eager.slot.began(f"r{number}")
        assert eager.slot.was_taken_over(f"r{number}")
    eager.slot.began("r3")
    assert not eager.slot.was_taken_over("r3")


def test_an_ask_whose_reply_was_cancelled_before_it_began_accounts_for_one_as_well(eager):
    eager.slot.ask(SendText("a"))
    eager.slot.cancel()
    eager.slot.ask(SendText("b"))
    eager.slot.began("r1")
    assert eager.slot.was_taken_over("r1")
    assert eager.slot.began("r2")


def test_a_reply_of_which_something_began_accounts_for_itself(eager):
    eager.slot.ask(SendText("a"))
    eager.slot.began("r1")
    eager.slot.ask(SendText("b"))
    assert not eager.slot.was_taken_over("r1")
    eager.slot.began("r2")
    assert not eager.slot.was_taken_over("r2")
    assert eager.slot.wants("r2")


def test_another_reply_is_not_taken_over_in_the_place_of_one(eager):
    eager.slot.ask(SendText("a"))
    eager.slot.ask(SendText("b"))
    assert not eager.slot.was_taken_over("")  # nothing has begun
    eager.slot.began("r1")
    assert not eager.slot.was_taken_over("r0")
    assert eager.slot.wants("r1")


def test_what_was_taken_over_is_forgotten_once_the_last_reply_is_over(eager):
    """Providers may leave out replies that nobody would have seen."""
    eager.slot.ask(SendText("a"))
    eager.slot.ask(SendText("b"))
    eager.slot.began("r1")
    eager.slot.ended("r1")
    eager.slot.ask(SendText("c"))
    eager.slot.began("r2")
    assert not eager.slot.was_taken_over("r2")


def test_what_was_taken_over_on_one_link_says_nothing_of_the_next(eager):
    eager.slot.ask(SendText("a"))
    eager.slot.began("r1")
    eager.slot.ask(SendText("b"))
    assert eager.slot.suspend() == SendText("b")
    eager.slot.carry(SendText("b"))
    eager.slot.resume()
    assert eager.slot.began("r1")
    assert not eager.slot.was_taken_over("r1")
    eager.slot.ended("r1")
    assert eager.slot.is_calm


def test_a_provider_that_answers_whatever_ends_is_told_that_nobody_wants_it(eager):
    eager.slot.commit()
    assert eager.sent == [CommitAudio()]
    assert not eager.slot.began("r1")
    assert eager.sent[1:] == [CancelReply("r1")]
    eager.slot.ended("r1")
    assert eager.slot.is_calm


def test_one_that_was_not_eager_is_asked_one_by_one(wire):
    wire.slot.ask(SendText("a"))
    wire.slot.ask(SendText("b"))
    wire.slot.began("r1")
    assert not wire.slot.was_taken_over("r1")
    assert wire.slot.wants("r1")


def test_without_a_link_an_eager_provider_is_asked_one_by_one_later(eager):
    eager.slot.suspend()
    eager.slot.ask(SendText("a"))
    eager.slot.ask(SendText("b"))
    eager.slot.resume()
    assert eager.sent == [SendText("a")]
    eager.slot.began("r1")
    eager.slot.ended("r1")
    assert eager.sent[1:] == [SendText("b")]


# -- providers that answer what is committed, though nobody asks ----------------------------------


def test_an_utterance_that_is_answered_by_itself_is_not_asked_for_a_second_time(wire):
    wire.slot.commit_asks = True
    wire.slot.ask(SendText("a"))
    wire.slot.began("r1")
    wire.slot.cancel()
    wire.slot.ask(CommitAudio())
    wire.slot.ended("r1")
    assert wire.sent == [SendText("a"), CancelReply("r1"), CommitAudio(ask_reply=False)]
    assert wire.slot.state is SlotState.FREE
    assert wire.slot.began("r2"), "its answer is wanted"


def test_an_utterance_that_nobody_wants_an_answer_to_has_it_cancelled(wire):
    wire.slot.commit_asks = True
    wire.slot.commit()
    assert wire.sent == [CommitAudio()]
    assert not wire.slot.began("r1")
    assert wire.sent[-1] == CancelReply("r1")


def test_another_reply_that_is_being_made_is_left_alone_by_it(wire):
    wire.slot.commit_asks = True
    wire.slot.ask(SendText("a"))
    wire.slot.began("r1")
    wire.slot.commit()
    assert wire.sent == [SendText("a"), CommitAudio(ask_reply=False)]
    assert wire.slot.wants("r1")


def test_what_is_typed_is_asked_for_all_the_same(wire):
    wire.slot.commit_asks = True
    wire.slot.ask(CommitAudio())
    wire.slot.began("r1")
    wire.slot.ask(SendText("a"))
    wire.slot.ended("r1")
    assert wire.sent == [CommitAudio(), SendText("a")]


# -- replies that come though nobody wants them ---------------------------------------------------


def test_a_reply_that_is_expected_and_not_wanted_is_cancelled(wire):
    wire.slot.expect_unwanted()
    wire.slot.ask(SendText("a"))
    assert wire.sent == []
    assert not wire.slot.began("r1")
    wire.slot.ended("r1")
    assert wire.sent == [CancelReply("r1"), SendText("a")]
    assert wire.slot.began("r2")


def test_one_that_does_not_come_is_not_waited_for_long(wire):
    wire.slot.expect_unwanted()
    wire.slot.ask(SendText("a"))
    wire.now = OVERDUE
    wire.slot.overdue()
    assert wire.sent == [SendText("a")]


def test_a_reply_that_is_asked_for_already_is_none_of_those(wire):
    wire.slot.ask(SendText("a"))
    wire.slot.expect_unwanted()
    assert wire.slot.began("r1")
