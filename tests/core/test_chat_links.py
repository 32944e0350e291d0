"""A session in writing with a chat server, on real sockets: its promises hold over HTTP as well."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from neko_cli.core.commands import AudioChunk
from neko_cli.core.errors import NoMicrophone
from neko_cli.core.events import (
    Energy,
    Failure,
    LinkWord,
    Outcome,
    ReplyText,
    Swap,
    ToolCall,
    TurnEnded,
    Usage,
)
from tests.fakes.conversing import PATIENCE, conversing
from tests.fakes.http_box import HttpBox, Request, delta, http_box

CHAT = "/v1/chat/completions"
USAGE = {"choices": [], "usage": {"prompt_tokens": 30, "completion_tokens": 4}}


@pytest.fixture
def box() -> Iterator[HttpBox]:
    with http_box() as running:
        running.script["/v1/models"] = lambda request: request.answer_json(200, {"data": [{"id": "m"}]})
        yield running


def says(*words: str) -> Any:
    return lambda request: request.events(*map(delta, words), delta(finish="stop"), USAGE)


def asked(box: HttpBox) -> list[Request]:
    return [request for request in box.requests if request.path == CHAT]


def in_turn(*answers: Any) -> Any:
    """Each request is answered by the next of these; the last one answers all that follow."""
    waiting = list(answers)

    def answer(request: Request) -> None:
        (waiting.pop(0) if len(waiting) > 1 else waiting[0])(request)

    return answer


async def test_turns_are_answered_word_by_word_and_counted(box: HttpBox) -> None:
    seen = threading.Event()

    def slowly(request: Request) -> None:
        request.events(delta("Hello"), done=False)
        assert seen.wait(PATIENCE), "the first word was not shown before the second came"
        for event in (delta(" Mia."), delta(finish="stop"), USAGE):
            request.write(b"data: " + json.dumps(event).encode() + b"\n\n")

    box.script[CHAT] = in_turn(slowly, says("Mia."))
    async with conversing("chat", box.url) as talk:
        await talk.session.send_message("I am Mia.")
        assert (await talk.until(ReplyText)).delta == "Hello"
        seen.set()
        ended = await talk.until(TurnEnded)
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "Hello Mia.")
        assert [(u.input_tokens, u.output_tokens) for u in talk.told(Usage)] == [(30, 4)]
        assert (await talk.turn("Who am I?")).text == "Mia."
        assert [m["content"] for m in asked(box)[1].json["messages"]] == [
            "I am Mia.",
            "Hello Mia.",
            "Who am I?",
        ]
        assert talk.told(Failure) == []
        assert talk.session.state.link is LinkWord.ONLINE


async def test_nobody_is_heard_by_a_server_that_only_reads(box: HttpBox) -> None:
    async with conversing("chat", box.url) as talk:
        with pytest.raises(NoMicrophone, match="only reads"):
            await talk.session.start_listening()
        with pytest.raises(NoMicrophone):
            await talk.session.stream_data(AudioChunk(bytes(480), 24_000))


async def test_a_tool_that_nobody_has_is_answered_and_the_reply_goes_on(box: HttpBox) -> None:
    call = {"index": 0, "id": "c1", "function": {"name": "weather", "arguments": "{}"}}
    calls = lambda request: request.events(delta(tool_calls=[call]), delta(finish="tool_calls"))  # noqa: E731
    box.script[CHAT] = in_turn(calls, says("I cannot say."))
    async with conversing("chat", box.url) as talk:
        ended = await talk.turn("Is it cold?")
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "I cannot say.")
        assert [event.name for event in talk.told(ToolCall)] == ["weather"]
        assert asked(box)[1].json["messages"][-1]["role"] == "tool"
        assert len(talk.told(TurnEnded)) == 1


async def test_two_calls_of_one_reply_are_both_answered_in_one_request(box: HttpBox) -> None:
    calls = [
        {"index": at, "id": f"c{at}", "function": {"name": "weather", "arguments": f'{{"day": {at}}}'}}
        for at in range(2)
    ]
    both = lambda request: request.events(delta(tool_calls=calls), delta(finish="tool_calls"))  # noqa: E731
    box.script[CHAT] = in_turn(both, says("I cannot say."))
    async with conversing("chat", box.url) as talk:
        ended = await talk.turn("Is it cold, and will it be?")
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "I cannot say.")
        first, second = asked(box)
        assert [message["role"] for message in first.json["messages"]] == ["user"]
        *_, call, one, two = second.json["messages"]
        assert [made["id"] for made in call["tool_calls"]] == ["c0", "c1"]
        assert [(m["role"], m["tool_call_id"]) for m in (one, two)] == [("tool", "c0"), ("tool", "c1")]
        assert len(talk.told(ToolCall)) == 2
        assert len(talk.told(TurnEnded)) == 1


async def test_a_planned_swap_loses_no_word_and_doubles_none(box: HttpBox) -> None:
    box.script[CHAT] = in_turn(says("Hello Mia."), says("Mia."))
    async with conversing("chat", box.url) as talk:
        await talk.turn("I am Mia.")
        await talk.session.swap()
        swap = await talk.until(Swap)
        assert (swap.planned, swap.reason) == (True, "user")
        assert (await talk.turn("Who am I?")).text == "Mia."
        told = [m["content"] for m in asked(box)[1].json["messages"]]
        assert told == ["I am Mia.", "Hello Mia.", "Who am I?"]
        assert talk.memory == [
            ("user", "I am Mia."),
            ("assistant", "Hello Mia."),
            ("user", "Who am I?"),
            ("assistant", "Mia."),
        ]
        assert talk.told(Failure) == []


async def test_an_error_fails_the_turn_and_not_the_session(box: HttpBox) -> None:
    box.script[CHAT] = in_turn(
        lambda request: request.answer_json(500, {"error": {"message": "broken"}}), says("Here.")
    )
    async with conversing("chat", box.url) as talk:
        assert (await talk.turn("Hello?")).outcome is Outcome.FAILED
        assert [failure.category for failure in talk.told(Failure)] == ["server"]
        assert (await talk.turn("Are you there?")).text == "Here."
        assert talk.session.state.link is LinkWord.ONLINE


def breaks_off(request: Request) -> None:
    request.handler.send_response(200)
    request.handler.send_header("Transfer-Encoding", "chunked")
    request.handler.send_header("Content-Type", "text/event-stream")
    request.handler.end_headers()
    event = b"data: " + json.dumps(delta("Once upon")).encode() + b"\n\n"
    request.write(f"{len(event):x}\r\n".encode() + event + b"\r\n40\r\nda")


async def test_a_reply_that_is_cut_goes_on_where_it_was(box: HttpBox) -> None:
    box.script[CHAT] = in_turn(breaks_off, says("a time."))
    async with conversing("chat", box.url) as talk:
        ended = await talk.turn("Tell a story.")
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "Once upon a time.")
        assert len(talk.told(Failure)) == 1
        assert talk.memory == [("user", "Tell a story."), ("assistant", "Once upon a time.")]
        assert "Once upon" in str(asked(box)[1].json["messages"])


async def test_a_rate_limit_is_waited_for_and_the_question_asked_again(box: HttpBox) -> None:
    limit = {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}
    box.script[CHAT] = in_turn(
        lambda request: request.answer_json(429, limit, Retry_After="1"), says("Here I am.")
    )
    ladder = {"text": [{"model": "large"}, {"model": "small"}]}
    async with conversing("chat", box.url, energy=ladder) as talk:
        ended = await talk.turn("Hello?")
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "Here I am.")
        assert [(event.level, event.model) for event in talk.told(Energy)][-1] == (1, "small")
        assert [request.json["model"] for request in asked(box)] == ["large", "small"]
        assert talk.memory == [("user", "Hello?"), ("assistant", "Here I am.")]


async def test_an_interrupted_reply_stops_at_the_server_too(box: HttpBox) -> None:
    def endless(request: Request) -> None:
        request.events(delta("Once"), done=False)
        while not box.released.wait(0.02):
            request.write(b": more\n\n")

    box.script[CHAT] = in_turn(endless, says("Yes?"))
    async with conversing("chat", box.url) as talk:
        await talk.session.send_message("Tell a story.")
        await talk.until(ReplyText)
        await talk.session.interrupt()
        assert (await talk.until(TurnEnded)).outcome is Outcome.INTERRUPTED
        assert (await talk.turn("Listen.")).text == "Yes?"
        assert "Once" in str(asked(box)[1].json["messages"])


async def test_a_session_with_nobody_there_says_so(box: HttpBox) -> None:
    box.script["/v1/models"] = lambda request: request.answer_json(401, {"error": {"message": "bad key"}})
    with pytest.raises(Exception, match="rejected the key"):
        async with conversing("chat", box.url):
            pass
