"""Asks that come before the answer to the last one has begun: whose is the interruption?"""

from __future__ import annotations

from neko_cli.core.codecs.base import Detection
from neko_cli.core.commands import AppendAudio, CommitAudio, SendText
from neko_cli.core.provider_events import ReplyBegan, ReplyEnded, ReplyStatus
from tests.core.codecs.gem import COMPLETE, INTERRUPTED, WHOLE, codec, kinds, sent, told, words


def test_an_answer_that_had_not_begun_when_more_was_typed_is_no_news() -> None:
    made = codec()
    sent(made, SendText("x"))
    sent(made, SendText("y"))
    assert told(made, INTERRUPTED, COMPLETE) == []
    assert kinds(told(made, words("a"), COMPLETE)) == WHOLE


def test_nor_is_one_to_what_may_have_been_said_before_it_was_typed() -> None:
    made = codec(silence_ms=700)
    sent(made, AppendAudio(bytes(2 * 16 * 800)))
    sent(made, SendText("x"))
    assert told(made, INTERRUPTED) == []
    assert kinds(told(made, words("a"), COMPLETE)) == WHOLE


def test_speech_over_an_answer_that_had_not_begun_is_news() -> None:
    made = codec()
    sent(made, SendText("x"))
    assert kinds(told(made, INTERRUPTED)) == ["Interrupted", "ReplyEnded"]


def test_each_ask_explains_one_interruption() -> None:
    made = codec()
    for text in "xyz":
        sent(made, SendText(text))
    assert told(made, INTERRUPTED, INTERRUPTED) == []
    assert kinds(told(made, INTERRUPTED)) == ["Interrupted", "ReplyEnded"]


def test_an_answer_that_begins_explains_that_no_interruption_is_due() -> None:
    made = codec()
    sent(made, SendText("x"))
    sent(made, SendText("y"))
    told(made, words("a"))
    assert kinds(told(made, INTERRUPTED)) == ["Interrupted", "ReplyEnded"]


def test_an_empty_answer_to_what_was_typed_over_another_ask_is_an_answer() -> None:
    made = codec()
    sent(made, SendText("x"))
    sent(made, SendText("y"))
    assert told(made, COMPLETE) == [
        ReplyBegan("reply-1"),
        ReplyEnded("reply-1", ReplyStatus.COMPLETE),
    ]


def test_a_key_over_an_answer_that_had_not_begun_is_no_news_either() -> None:
    made = codec(detection=Detection.MANUAL)
    told(made, words("a"), COMPLETE)
    sent(made, SendText("x"))
    frames = sent(made, AppendAudio(bytes(320)))
    assert "activityStart" in frames[0]["realtimeInput"]
    # What was on its way already belongs to nothing that anybody waits for.
    late = told(made, words("b"))
    assert {event.reply_id for event in late} == {"reply-1"}
    assert told(made, INTERRUPTED) == []
    sent(made, CommitAudio())
    assert kinds(told(made, words("c"), COMPLETE))[-3:] == WHOLE
