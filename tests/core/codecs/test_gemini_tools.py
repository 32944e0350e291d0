"""What the Gemini codec makes of tool calls: the service waits for their answers, and some models talk on."""

from __future__ import annotations

import json

import pytest

from neko_cli.core.commands import AnswerTool
from neko_cli.core.provider_events import ReplyWords
from tests.core.codecs.gem import (
    COMPLETE,
    WHOLE,
    content,
    kinds,
    sent,
    sound,
    told,
    words,
)
from tests.core.codecs.gem import without_captions as codec

CALL = json.dumps({"toolCall": {"functionCalls": [{"id": "c", "name": "n", "args": {"x": "é"}}]}})


def test_a_call_ends_the_reply_because_the_service_waits_for_its_answer() -> None:
    made = codec()
    found = told(made, words("a"), CALL)
    assert kinds(found) == ["ReplyBegan", "ReplyWords", "ToolRequested", "ReplyEnded"]
    assert json.loads(found[2].arguments) == {"x": "é"}


@pytest.mark.parametrize("tail", [(), (sound(b"\1\2"), COMPLETE), (COMPLETE,)])
def test_what_trails_a_call_starts_no_reply(tail: tuple[str, ...]) -> None:
    """Some models send the rest of the turn behind the call, others wait (both were seen)."""
    made = codec()
    told(made, words("a"), CALL)
    assert "ReplyBegan" not in kinds(told(made, *tail))
    assert len(sent(made, AnswerTool("c", "n", "{}"))) == 1
    assert kinds(told(made, words("b"), COMPLETE)) == WHOLE


def test_an_end_that_crosses_the_answer_ends_nothing() -> None:
    made = codec()
    told(made, words("a"), CALL)
    sent(made, AnswerTool("c", "n", "{}"))
    assert told(made, COMPLETE) == []
    assert kinds(told(made, words("b"), COMPLETE)) == WHOLE


def test_a_call_is_told_once() -> None:
    assert kinds(told(codec(), CALL, CALL)) == ["ReplyBegan", "ToolRequested", "ReplyEnded"]


def test_a_call_without_a_name_is_no_call() -> None:
    assert told(codec(), json.dumps({"toolCall": {"functionCalls": [{"id": "c"}, 5]}})) == []


def test_a_model_that_talks_on_is_answered_when_its_turn_ends() -> None:
    made = codec(model="gemini-3.8-live-extended-thinking")
    going_on = content(turnComplete=True, interactionStatus="IN_PROGRESS")
    assert kinds(told(made, words("Let me see."), CALL, words("Nearly."), going_on)) == [
        "ReplyBegan", "ReplyWords", "ToolRequested", "ReplyWords", "ReplyEnded",
    ]  # fmt: skip
    sent(made, AnswerTool("c", "n", "{}"))
    idle = content(turnComplete=True, interactionStatus="IDLE")
    assert kinds(told(made, words("b"), going_on, words("c"), idle)) == [
        "ReplyBegan", "ReplyWords", "ReplyWords", "ReplyEnded",
    ]  # fmt: skip


CALLS = json.dumps({"toolCall": {"functionCalls": [{"id": "c", "name": "n"}, {"id": "d", "name": "m"}]}})


def test_what_trails_several_calls_starts_no_reply_before_the_last_is_answered() -> None:
    made = codec()
    assert made.capabilities.tools_continue
    told(made, words("a"), CALLS)
    assert len(sent(made, AnswerTool("c", "n", "{}", continue_reply=False))) == 1
    assert told(made, words(" trail"), COMPLETE) == [ReplyWords("reply-1", " trail")]
    assert len(sent(made, AnswerTool("d", "m", "{}"))) == 1
    assert kinds(told(made, words("b"), COMPLETE)) == WHOLE


def test_a_model_that_waits_goes_on_though_nobody_asks() -> None:
    made = codec()
    told(made, CALL)
    assert len(sent(made, AnswerTool("c", "n", "{}", continue_reply=False))) == 1
    assert kinds(told(made, words("b"), COMPLETE)) == WHOLE


def test_a_model_that_talks_on_can_be_answered_in_silence() -> None:
    made = codec(model="gemini-3.8-live-extended-thinking")
    assert not made.capabilities.tools_continue
    told(made, CALLS)
    answers = [
        sent(made, AnswerTool("c", "n", "{}", continue_reply=False)),
        sent(made, AnswerTool("d", "m", "{}")),
    ]
    scheduled = [frame["toolResponse"]["functionResponses"][0].get("scheduling") for (frame,) in answers]
    assert scheduled == ["SILENT", None]
