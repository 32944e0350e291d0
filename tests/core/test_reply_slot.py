"""One reply at a time on the wire, whatever the user does meanwhile."""

from __future__ import annotations

import pytest

from neko_cli.core.commands import AskReply, CancelReply, SendText
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
