"""A conversation that is sent whole with every request: complete, in order, answered, and bounded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.capabilities import Capabilities, ToolForm
from neko_cli.core.codecs import chat_frames
from neko_cli.core.codecs.base import HistoryLine, SessionSpec
from neko_cli.core.codecs.chat_completions import ChatCodec
from neko_cli.core.codecs.chat_conversation import MAX_CHARS, MAX_IMAGES, MAX_MESSAGES, ChatConversation
from neko_cli.core.codecs.chat_wire import ChatTool
from neko_cli.core.commands import AnswerTool, CancelReply, SendText, ToolSpec, TruncateReply
from neko_cli.core.ports import Endpoint
from neko_cli.core.provider_events import (
    ProviderFault,
    Ready,
    ReplyBegan,
    ReplyEnded,
    ReplyStatus,
    ReplyWords,
    Surprise,
    ToolRequested,
)
from tests.fakes.http_box import delta

ENDED, CANCELLED = chat_frames.ENDED, chat_frames.CANCELLED


def codec(**spec) -> ChatCodec:
    able = Capabilities(tools=ToolForm.NESTED, images=True)
    spec = {"model": "m", "instructions": "You are Mio.", **spec}
    return ChatCodec(
        spec=SessionSpec(**spec), capabilities=able, endpoint=Endpoint("http://x"), title="The server"
    )


def chunk(*args, **fields) -> str:
    return json.dumps(delta(*args, **fields))


def ask(made: ChatCodec, text: str = "Hi") -> list[dict]:
    """The messages of the request for a typed turn."""
    (frame,) = made.encode(SendText(text))
    return json.loads(frame)["messages"]


def answer(made: ChatCodec, text: str) -> None:
    for frame in (chunk(text), chunk(finish="stop"), ENDED):
        made.decode(frame)


def test_what_was_said_is_sent_again() -> None:
    made = codec()
    ask(made, "One?")
    answer(made, "One.")
    assert [(m["role"], m["content"]) for m in ask(made, "Two?")] == [
        ("system", "You are Mio."),
        ("user", "One?"),
        ("assistant", "One."),
        ("user", "Two?"),
    ]


def test_what_was_stopped_is_remembered_as_far_as_it_came() -> None:
    made = codec()
    ask(made)
    made.decode(chunk("Once upon"))
    assert made.encode(CancelReply()) == [chat_frames.CANCEL]
    assert made.encode(CancelReply()) == []
    assert not made.decode(chunk(" a time"))
    assert list(made.decode(CANCELLED)) == [ReplyEnded("reply-1", ReplyStatus.CANCELLED)]
    assert made.encode(CancelReply()) == []
    assert ask(made)[-2]["content"] == "Once upon"


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        (("Let me see.", "It is"), ["Let me see.", "It is"]),
        (("Let me see.", ""), ["Let me see."]),
        (("Let", ""), ["Let"]),
        (("", ""), [None]),
    ],
)
@pytest.mark.parametrize("ended", [True, False])
def test_what_was_heard_takes_the_place_of_what_was_written(ended: bool, heard: tuple, told: list) -> None:
    made = codec()
    ask(made)
    call = {"index": 0, "id": "c1", "function": {"name": "weather", "arguments": "{}"}}
    for frame in (chunk("Let me see."), chunk(tool_calls=[call]), chunk(finish="tool_calls"), ENDED):
        made.decode(frame)
    made.encode(AnswerTool("c1", "weather", "cold"))
    made.decode(chunk("It is cold. Very cold."))
    if ended:
        made.decode(chunk(finish="stop"))
        made.decode(ENDED)
    made.encode(CancelReply())
    made.encode(TruncateReply("", 900, heard))
    if not ended:
        made.decode(CANCELLED)
    messages = ask(made, "Listen.")
    assert [m["content"] for m in messages if m["role"] == "assistant"] == told
    assert [m["content"] for m in messages if m["role"] == "tool"] == ["cold"]
    assert [m["content"] for m in messages if m["role"] == "user"] == ["Hi", "Listen."]


def test_what_was_heard_of_a_reply_before_its_tool_has_answered() -> None:
    made = codec()
    ask(made)
    call = {"index": 0, "id": "c1", "function": {"name": "weather", "arguments": "{}"}}
    for frame in (chunk("Let me see."), chunk(tool_calls=[call]), chunk(finish="tool_calls"), ENDED):
        made.decode(frame)
    made.encode(AnswerTool("c1", "weather", "cold"))
    made.encode(TruncateReply("", 900, ("Let",)))
    assert [m["content"] for m in ask(made, "Listen.")[2:]] == ["Let", "cold", "Listen."]


def test_what_was_heard_of_a_reply_that_failed() -> None:
    made = codec()
    ask(made)
    made.decode(chunk("Once upon a time"))
    made.decode(json.dumps({"error": {"message": "broken"}}))
    made.encode(TruncateReply("", 900, ("Once",)))
    made.decode(ENDED)
    assert [m["content"] for m in ask(made, "Go on.")[1:]] == ["Hi", "Once", "Go on."]


def test_an_answer_that_ended_before_it_was_stopped_counts_as_stopped() -> None:
    made = codec()
    ask(made)
    made.decode(chunk("All of it"))
    made.encode(CancelReply())
    made.decode(chunk(finish="stop"))
    (ended,) = made.decode(ENDED)
    assert ended.status is ReplyStatus.CANCELLED
    assert ask(made)[-2]["content"] == "All of it"


def test_an_answer_without_a_word_still_begins_and_ends() -> None:
    made = codec()
    ask(made)
    made.decode("[DONE]")
    assert list(made.decode(ENDED)) == [ReplyEnded("reply-1", ReplyStatus.COMPLETE)]


def test_events_that_nobody_asked_for_are_counted() -> None:
    made = codec()
    assert list(made.decode(chunk("Hi"))) == [Surprise("an event without a request")]
    assert not made.decode(ENDED)
    assert not made.decode(CANCELLED)


def test_a_server_that_says_no_more_than_that_it_is_there_needs_a_models_name() -> None:
    (fault,) = codec(model="").decode(chat_frames.opened([]))
    assert isinstance(fault, ProviderFault)
    assert fault.ends_link
    assert "--model" in fault.error.hint
    assert list(codec(model="").decode(chat_frames.opened(["bge-m3", "a", "b"]))) == [Ready(model="a")]
    assert list(codec().decode(chat_frames.opened(["a"]))) == [Ready(model="m")]


def test_a_conversation_that_is_too_long_loses_its_older_half() -> None:
    made = codec(history=tuple(HistoryLine("user" if n % 2 else "assistant", f"M{n}") for n in range(20)))
    ask(made)
    body = json.dumps({"error": {"code": "context_length_exceeded", "message": "too long"}})
    made.decode(chat_frames.refused(400, body, None))
    kept = [message["content"] for message in ask(made)]
    assert "M0" not in str(kept)
    assert "M19" in str(kept)


def test_calls_get_ids_of_their_own_and_results_follow_them() -> None:
    made = codec(tools=(ToolSpec("weather", "The weather.", {"type": "object"}),))
    call = {"index": 0, "function": {"name": "weather", "arguments": "{}"}}
    ids = []
    for _ in range(2):  # a server that calls every call the same
        ask(made, "Cold?")
        made.decode(chunk(tool_calls=[{**call, "id": "call_0"}]))
        made.decode(chunk(finish="tool_calls"))
        (requested, ended) = made.decode(ENDED)
        assert isinstance(requested, ToolRequested)
        assert ended.status is ReplyStatus.COMPLETE
        ids.append(requested.call_id)
        (request,) = made.encode(AnswerTool(requested.call_id, "weather", f"result of {requested.call_id}"))
        answer(made, "No.")
    assert len(set(ids)) == 2
    tools = [m for m in json.loads(request)["messages"] if m["role"] == "tool"]
    assert [(m["tool_call_id"], m["content"]) for m in tools] == [(i, f"result of {i}") for i in ids]
    assert made.encode(AnswerTool("nobody's", "weather", "x", continue_reply=False)) == []


def test_a_call_that_is_never_answered_leaves_no_gap() -> None:
    talk = ChatConversation("", ())
    talk.add("user", "Cold?")
    talk.call("", [ChatTool("c1", "weather", "{}"), ChatTool("c2", "weather", "{}")])
    talk.add("user", "Never mind.")
    talk.answer("c2", "late")
    told = talk.messages()
    assert [m["role"] for m in told] == ["user", "assistant", "tool", "tool", "user"]
    assert [m["content"] for m in told[2:4]] == ['{"error": "not run"}', "late"]


def test_pictures_are_few() -> None:
    talk = ChatConversation("", ())
    for _ in range(MAX_IMAGES + 3):
        talk.show(b"\xff", "image/png")
        talk.add("user", "look")
    told = talk.messages()
    assert len(told) == 1
    kinds = [part["type"] for part in told[0]["content"]]
    assert kinds.count("image_url") == MAX_IMAGES
    assert str(told).count("look") == MAX_IMAGES + 3


STEPS = st.sampled_from(["user", "assistant", "image", "call", "answer", "shrink"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(STEPS, st.integers(1, 9_000)), max_size=60))
def test_any_conversation_is_one_that_servers_take(steps) -> None:
    talk = ChatConversation("You are Mio.", ())
    last = "c0"
    for number, (step, size) in enumerate(steps):
        match step:
            case "user" | "assistant":
                talk.add(step, "x" * size)
            case "image":
                talk.show(bytes(size), "image/png")
            case "call":
                (made,) = talk.call("", [ChatTool("same", "weather", "{}")])
                last = made.call_id
            case "answer":
                talk.answer(last, f"{number}" * 10)
            case "shrink":
                talk.shrink()
    told = talk.messages("extra")
    assert told[0] == {"role": "system", "content": "You are Mio."}
    assert told[-1]["role"] == "user"
    assert len(talk._messages) <= MAX_MESSAGES
    words = [m["content"] for m in talk._messages if isinstance(m["content"], str)]
    assert sum(map(len, words)) <= MAX_CHARS
    open_calls: list[str] = []
    for before, message in zip(told, told[1:], strict=False):
        if message["role"] == "tool":
            assert message["tool_call_id"] == open_calls.pop(0)
        else:
            assert not open_calls
            joins = "tool_calls" not in before and "tool_calls" not in message
            assert not (joins and before["role"] == message["role"])
            open_calls = [call["id"] for call in message.get("tool_calls", ())]
    assert not open_calls


def test_a_reply_begins_with_its_first_event() -> None:
    made = codec()
    ask(made)
    assert list(made.decode(chunk(role="assistant"))) == [ReplyBegan("reply-1")]
    assert list(made.decode(chunk("Hi"))) == [ReplyWords("reply-1", "Hi")]


@pytest.mark.parametrize("finish", ["stop", "tool_calls", "eos"])
def test_a_whole_answer_is_complete(finish: str) -> None:
    made = codec()
    ask(made)
    made.decode(chunk("Hi"))
    made.decode(chunk(finish=finish))
    (ended,) = made.decode(ENDED)
    assert ended.status is ReplyStatus.COMPLETE
