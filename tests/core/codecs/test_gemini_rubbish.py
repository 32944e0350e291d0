"""Whatever a server sends, the Gemini codec raises nothing, stays usable and stays small."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.codecs.gemini import GeminiCodec
from neko_cli.core.codecs.gemini_turns import CALLS_LIMIT
from neko_cli.core.commands import AnswerTool, SendText
from neko_cli.core.provider_events import (
    InputTranscript,
    ReplyBegan,
    ReplyEnded,
    ReplySound,
    ReplyStatus,
    ReplyWords,
    Surprise,
    Unknown,
)
from tests.core.codecs.gem import COMPLETE, SERVER_FRAMES, codec, heard, sent, sound, told, words
from tests.core.codecs.test_openai_ga_rubbish import JSON, mutate


@pytest.mark.parametrize(
    "frame",
    ["", "{", "[]", "1", "null", "{}", "[" * 100_000, '{"a":' * 100_000, b"\xff\xfe", b"\x00" * 10]
    + ['{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"data":"A","mimeType":"audio/pcm"}}]}}}'],
)
def test_rubbish_is_a_surprise(frame: str | bytes) -> None:
    made = codec()
    (event,) = made.decode(frame)
    assert isinstance(event, Surprise)
    check_usable(made)


def test_half_a_surrogate_does_not_lose_the_rest() -> None:
    frame = '{"serverContent":{"outputTranscription":{"text":"ab\\ud83d"}}}'
    assert codec().decode(frame)[1] == ReplyWords("reply-1", "ab\ufffd")


def test_an_unknown_message_is_told_safely_short_and_seldom() -> None:
    keys = {f"\x1b[31mred\x1b]0;t\x07{n}" + "x" * 1000: 1 for n in range(100)}
    found = codec().decode(json.dumps(keys))
    assert len(found) == 4
    assert all(isinstance(event, Unknown) for event in found)
    assert all(event.type.startswith("red") and len(event.type) <= 80 for event in found)


def check_usable(made: GeminiCodec) -> None:
    """A fresh question is answered as ever, whatever was said before."""
    sent(made, SendText("fresh"))
    told(made, COMPLETE)  # of whatever was being said
    sent(made, SendText("fresh"))
    events = [
        e for e in told(made, words("a"), sound(b"\1\2"), COMPLETE) if not isinstance(e, InputTranscript)
    ]
    reply_id = events[0].reply_id
    assert events[:3] == [
        ReplyBegan(reply_id),
        ReplyWords(reply_id, "a"),
        ReplySound(reply_id, reply_id, b"\1\2"),
    ]
    (ended,) = events[3:]
    assert isinstance(ended, ReplyEnded)
    assert (ended.reply_id, ended.status) == (reply_id, ReplyStatus.COMPLETE)


def check_events(events: Iterable[object]) -> None:
    """Ids are texts of bounded length."""
    for event in events:
        for field in ("reply_id", "item_id", "call_id", "session_id", "name"):
            value = getattr(event, field, "")
            assert isinstance(value, str)
            assert len(value) <= 256


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=80) | st.text(max_size=80) | JSON.map(json.dumps), max_size=6))
def test_no_frame_raises(frames: list[str | bytes]) -> None:
    made = codec()
    for frame in frames:
        made.decode(frame)
    check_usable(made)


PARTS = st.fixed_dictionaries(
    {},
    optional={
        "setupComplete": JSON,
        "serverContent": st.fixed_dictionaries(
            {},
            optional={
                "modelTurn": JSON | st.fixed_dictionaries({"parts": st.lists(JSON, max_size=3)}),
                "inputTranscription": JSON | st.fixed_dictionaries({"text": JSON, "finished": JSON}),
                "interimInputTranscription": JSON | st.fixed_dictionaries({"text": JSON}),
                "outputTranscription": JSON | st.fixed_dictionaries({"text": JSON}),
                "interrupted": st.booleans() | JSON,
                "generationComplete": st.booleans() | JSON,
                "turnComplete": st.booleans() | JSON,
                "turnCompleteReason": JSON,
                "interactionStatus": JSON,
            },
        )
        | JSON,
        "toolCall": JSON | st.fixed_dictionaries({"functionCalls": st.lists(JSON, max_size=3)}),
        "toolCallCancellation": JSON | st.fixed_dictionaries({"ids": st.lists(JSON, max_size=3)}),
        "usageMetadata": JSON,
        "sessionResumptionUpdate": JSON | st.fixed_dictionaries({"newHandle": JSON, "resumable": JSON}),
        "goAway": JSON | st.fixed_dictionaries({"timeLeft": JSON}),
        "voiceActivity": JSON
        | st.fixed_dictionaries({"voiceActivityType": st.sampled_from(["ACTIVITY_START", 1])}),
        "error": JSON,
    },
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PARTS, max_size=6))
def test_no_message_of_known_parts_raises(messages: list[dict]) -> None:
    made = codec()
    for message in messages:
        check_events(made.decode(json.dumps(message)))
    check_usable(made)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_mutation_of_a_documented_frame_raises(data) -> None:
    made = codec()
    for _ in range(4):
        frame = json.loads(data.draw(st.sampled_from([f for f in SERVER_FRAMES if f != "{}"])))
        mutate(frame, data)
        check_events(made.decode(json.dumps(frame)))
    check_usable(made)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_no_cut_of_a_documented_frame_raises(data) -> None:
    made = codec()
    frame = data.draw(st.sampled_from(SERVER_FRAMES))
    cut = data.draw(st.integers(0, len(frame)))
    made.decode(frame[:cut])
    made.decode(frame[cut:].encode())
    check_usable(made)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(SERVER_FRAMES), max_size=30))
def test_each_reply_begins_and_ends_once_in_any_order_of_messages(frames: list[str]) -> None:
    made = codec()
    events = told(made, *frames)
    began = [event.reply_id for event in events if isinstance(event, ReplyBegan)]
    ended = [event.reply_id for event in events if isinstance(event, ReplyEnded) and event.reply_id]
    assert len(set(began)) == len(began)
    assert ended == began[: len(ended)]
    assert len(began) - len(ended) in (0, 1)


def test_memory_is_bounded() -> None:
    made = codec()
    long = "x" * 5000
    for number in range(2001):
        call = {"id": f"{number}{long}", "name": f"n{long}", "args": {}}
        events = told(
            made,
            heard(long),
            words(long),
            sound(b"\1\2\3"),
            json.dumps({"toolCall": {"functionCalls": [call]}}),
            json.dumps({"toolCallCancellation": {"ids": [call["id"]]}}),
            json.dumps({"usageMetadata": {"promptTokenCount": 10**30}}),
            json.dumps({"serverContent": {"modelTurn": {"parts": [{"text": long}]}}}),
        )
        check_events(events)
        if number % 2:
            sent(made, AnswerTool(call["id"][:256], "n", "{}"))
    calls, hearing, replies = made._replies.calls, made._replies.hearing, made._replies
    assert (len(calls._wire), len(calls._cancelled)) == (CALLS_LIMIT, CALLS_LIMIT)
    assert len(calls._open) <= CALLS_LIMIT
    assert len(hearing._text) <= 20_000
    assert len(replies._unspoken) <= 20_000
    assert len(replies._odd) <= 1
