"""Whatever a server sends, the flat codec raises nothing, stays usable and stays small."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core import commands
from neko_cli.core.codecs import (
    flat_reply_events,
    flat_session,
    flat_user_events,
    openai_user_events,
    timeline,
)
from neko_cli.core.codecs.flat import FlatCodec
from neko_cli.core.codecs.openai_replies import ENDED_LIMIT, ITEMS_LIMIT, OPEN_LIMIT
from neko_cli.core.provider_events import (
    InputTranscript,
    ReplyBegan,
    ReplyEnded,
    ReplySound,
    ReplyStatus,
    Surprise,
)
from tests.core.codecs import golden
from tests.core.codecs.flat import DIALECTS, PROVIDERS, codec, done, feed, server, sound
from tests.core.codecs.test_openai_ga_rubbish import JSON, mutate

FRAMES = {golden.provider_of(dialect): golden.server_frames(dialect) for dialect in DIALECTS}
providers = st.sampled_from(PROVIDERS)


def check_usable(made: FlatCodec) -> None:
    """A fresh turn comes through as ever."""
    if made._replies.ledger.current:
        # A reply without an id may be going on; the next one ends it, or goes on beside it.
        made.decode(server("response.done", response={"id": made._replies.ledger.current}))
    heard = feed(
        made, "conversation.item.input_audio_transcription.completed", item_id="fresh", transcript="Hi"
    )
    assert [(type(event), event.text) for event in heard] == [(InputTranscript, "Hi")]
    events = [*made.decode(sound("fresh", "fresh item", b"\1\2")), *done(made, "fresh")]
    assert events == [
        ReplyBegan("fresh"),
        ReplySound("fresh", "fresh item", b"\1\2"),
        ReplyEnded("fresh", ReplyStatus.COMPLETE),
    ]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("frame", ["", "{", "[]", "1", "{}", '{"type":1}', "[" * 100_000, b"\xff\xfe"])
def test_rubbish_is_a_surprise(provider: str, frame: str | bytes) -> None:
    made = codec(provider)
    (event,) = made.decode(frame)
    assert isinstance(event, Surprise)
    check_usable(made)


@settings(max_examples=200, deadline=None)
@given(providers, st.lists(st.binary(max_size=80) | st.text(max_size=80) | JSON.map(json.dumps), max_size=6))
def test_no_frame_raises(provider: str, frames: list[str | bytes]) -> None:
    made = codec(provider)
    for frame in frames:
        made.decode(frame)
    check_usable(made)


@settings(max_examples=200, deadline=None)
@given(providers, st.data())
def test_no_json_of_a_known_type_raises(provider: str, data: st.DataObject) -> None:
    made = codec(provider)
    kinds = sorted({json.loads(frame)["type"] for frame in FRAMES[provider]})
    for _ in range(4):
        fields = data.draw(st.dictionaries(st.text(max_size=8), JSON, max_size=3))
        made.decode(json.dumps({**fields, "type": data.draw(st.sampled_from(kinds))}))
    check_usable(made)


@settings(max_examples=400, deadline=None)
@given(providers, st.data())
def test_no_mutation_of_a_documented_frame_raises(provider: str, data: st.DataObject) -> None:
    made = codec(provider)
    for _ in range(4):
        frame = json.loads(data.draw(st.sampled_from(FRAMES[provider])))
        mutate(frame, data)
        for event in made.decode(json.dumps(frame)):
            for field in ("reply_id", "item_id", "call_id"):
                assert isinstance(getattr(event, field, ""), str)
    check_usable(made)


@settings(max_examples=100, deadline=None)
@given(providers, st.data())
def test_no_cut_of_a_documented_frame_raises(provider: str, data: st.DataObject) -> None:
    made = codec(provider)
    frame = data.draw(st.sampled_from(FRAMES[provider]))
    cut = data.draw(st.integers(0, len(frame)))
    made.decode(frame[:cut])
    made.decode(frame[cut:].encode())
    check_usable(made)


TEXTS = st.text(alphabet=st.characters(), max_size=40) | st.text(
    alphabet="\"\\\ud800\udc00\x00\u202e'", max_size=40
)
COMMANDS = st.one_of(
    st.builds(commands.AppendAudio, st.binary(max_size=64).map(lambda pcm: pcm * 2)),
    st.just(commands.CommitAudio()),
    st.just(commands.ClearAudio()),
    st.builds(commands.SendText, TEXTS),
    st.builds(commands.SendImage, st.binary(max_size=8), st.sampled_from(["image/jpeg", "image/png"])),
    st.builds(commands.TellSystem, TEXTS, ask_reply=st.booleans()),
    st.builds(commands.TellHistory, st.sampled_from(["user", "assistant", "system", "x"]), TEXTS),
    st.builds(commands.AskReply, TEXTS),
    st.builds(commands.CancelReply, TEXTS),
    st.builds(commands.TruncateReply, TEXTS, st.integers(-5, 10_000)),
    st.builds(commands.AnswerTool, TEXTS, TEXTS, TEXTS, continue_reply=st.booleans()),
    st.builds(commands.Reconfigure, TEXTS),
    st.builds(commands.ChangeDetection, manual=st.booleans()),
)


@settings(max_examples=200, deadline=None)
@given(providers, TEXTS, st.data())
def test_whatever_is_said_in_whatever_order_makes_frames(
    provider: str, text: str, data: st.DataObject
) -> None:
    made = codec(provider, instructions=text, voice=text, recollection=text)
    made.hello()
    for _ in range(8):
        if data.draw(st.booleans()):
            made.decode(data.draw(st.sampled_from(FRAMES[provider])))
        for frame in made.encode(data.draw(COMMANDS)):
            assert isinstance(json.loads(frame)["type"], str)
            frame.encode()  # no half surrogates on the wire


@settings(max_examples=200, deadline=None)
@given(providers, st.data())
def test_a_reply_begins_and_ends_once_in_whatever_order_its_events_come(
    provider: str, data: st.DataObject
) -> None:
    made = codec(provider)
    open_now: set[str] = set()
    over: set[str] = set()
    for _ in range(data.draw(st.integers(1, 30))):
        for event in made.decode(data.draw(st.sampled_from(FRAMES[provider]))):
            reply = getattr(event, "reply_id", None)
            if isinstance(event, ReplyBegan):
                assert reply not in open_now | over
                open_now.add(reply)
            elif isinstance(event, ReplyEnded):
                assert reply in open_now
                open_now.remove(reply)
                over.add(reply)
            elif reply is not None:
                assert reply in open_now


def sizes(*things: Any) -> dict[str, int]:
    return {
        name: len(value)
        for thing in things
        for name, value in vars(thing).items()
        if isinstance(value, dict | list | tuple) or name in ("_told", "_pads")
    }


@pytest.mark.parametrize("provider", PROVIDERS)
def test_memory_is_bounded(provider: str) -> None:
    made, long = codec(provider), "x" * 5000
    for number in range(1000):
        created = {"id": f"{number}{long}", "status": "in_progress"}
        feed(made, "response.created", response=created)
        made.decode(sound(f"{number}{long}", f"i{number}{long}", b"\0\0"))
        call = {"name": "n", "call_id": f"c{number}{long}", "arguments": "{}"}
        item = {"id": f"f{number}", "type": "function_call", **call}
        feed(made, "response.output_item.added", response_id=f"{number}{long}", item=item)
        feed(made, "response.function_call_arguments.done", response_id=f"{number}{long}", **call)
        feed(made, "response.function_call_arguments.done", response_id=f"{number}{long}", name="n")
        feed(made, "input_audio_buffer.speech_started")
        feed(made, "input_audio_buffer.committed", item_id=f"u{number}{long}")
        made.encode(commands.CommitAudio())
        made.encode(commands.TellHistory("user", f"line {number}"))
        if number % 2:
            done(made, f"{number}{long}")
    users = made._heard["input_audio_buffer.speech_started"].__self__  # type: ignore[attr-defined]
    found = sizes(made, made._replies, made._replies.ledger, made._session, made._timeline, users)
    bounds = {
        "_open": OPEN_LIMIT,
        "_ended": ENDED_LIMIT,
        "_items": ITEMS_LIMIT,
        "_names": ITEMS_LIMIT,
        "_called": ITEMS_LIMIT,
        "_made_calls": flat_reply_events.CALLS,
        "_aliases": flat_user_events.ALIASES,
        "_pads": timeline.PADS,
        "_probabilities": openai_user_events.ITEMS_LIMIT,
        "_old": openai_user_events.OLD_LIMIT,
        "_told": flat_session.TOLD_LINES,
        "_due": 1,
        "handlers": 40,
        "_heard": 10,
        "names": 10,
    }
    assert {name: size for name, size in found.items() if size > bounds[name]} == {}
