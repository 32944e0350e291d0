"""Whatever a server sends, the OpenAI GA codec raises nothing, stays usable and stays small."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.codecs.openai_ga import OpenAIGACodec
from neko_cli.core.codecs.openai_replies import ENDED_LIMIT, ITEMS_LIMIT, OPEN_LIMIT
from neko_cli.core.provider_events import (
    ReplyBegan,
    ReplyEnded,
    ReplySound,
    ReplyStatus,
    ReplyWords,
    Surprise,
    Unknown,
)
from tests.core.codecs.ga import SERVER_FRAMES, codec, done, server, sound

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "1",
        "null",
        "{}",
        '{"type":1}',
        "[" * 100_000,
        '{"a":' * 100_000,
        b"\xff\xfe",
        b"\x00" * 10,
    ]
    + [
        '{"type":"response.output_audio.delta","delta":"***"}'.replace("***", "A"),
        '{"type":"' + "9" * 5000 + "}",
    ],
)
def test_rubbish_is_a_surprise(frame: str | bytes) -> None:
    made = codec()
    (event,) = made.decode(frame)
    assert isinstance(event, Surprise)
    assert [type(event) for event in made.decode(sound("r", "i", b"\0\0"))] == [ReplyBegan, ReplySound]


def test_binary_frames_of_json_are_read() -> None:
    assert [type(e) for e in codec().decode(sound("r", "i", b"\0\0").encode())] == [ReplyBegan, ReplySound]


def test_half_a_surrogate_does_not_lose_the_rest() -> None:
    frame = '{"type":"response.output_text.delta","response_id":"r","delta":"ab\\ud83d"}'
    assert codec().decode(frame)[1] == ReplyWords("r", "ab\ufffd")


def test_an_unknown_type_is_told_safely_and_short() -> None:
    (event,) = codec().decode(server("\x1b[31mred\x1b]0;t\x07" + "x" * 1000))
    assert isinstance(event, Unknown)
    assert event.type.startswith("redx")
    assert len(event.type) <= 80


def check_usable(made: OpenAIGACodec) -> None:
    """A fresh reply comes through as ever."""
    events = [
        *made.decode(sound("fresh", "fresh item", b"\1\2")),
        *made.decode(done("fresh")),
    ]
    assert events == [
        ReplyBegan("fresh"),
        ReplySound("fresh", "fresh item", b"\1\2"),
        ReplyEnded("fresh", ReplyStatus.COMPLETE),
    ]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=80) | st.text(max_size=80) | JSON.map(json.dumps), max_size=6))
def test_no_frame_raises(frames: list[str | bytes]) -> None:
    made = codec()
    for frame in frames:
        made.decode(frame)
    check_usable(made)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_mutation_of_a_documented_frame_raises(data) -> None:
    made = codec()
    for _ in range(4):
        frame = json.loads(data.draw(st.sampled_from(SERVER_FRAMES)))
        mutate(frame, data)
        for event in made.decode(json.dumps(frame)):
            for field in ("reply_id", "item_id", "call_id"):
                assert isinstance(getattr(event, field, ""), str)
    check_usable(made)


def mutate(value: dict, data) -> None:
    """Replace or remove a value somewhere inside."""
    while True:
        key = data.draw(st.sampled_from(sorted(value)))
        inner = value[key]
        if isinstance(inner, list) and inner and isinstance(inner[0], dict) and data.draw(st.booleans()):
            inner = inner[0]
        if isinstance(inner, dict) and inner and data.draw(st.booleans()):
            value = inner
            continue
        if data.draw(st.booleans()):
            value[key] = data.draw(JSON)
        else:
            del value[key]
        return


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_no_cut_of_a_documented_frame_raises(data) -> None:
    made = codec()
    frame = data.draw(st.sampled_from(SERVER_FRAMES))
    cut = data.draw(st.integers(0, len(frame)))
    made.decode(frame[:cut])
    made.decode(frame[cut:].encode())
    check_usable(made)


def test_memory_is_bounded() -> None:
    made = codec()
    long = "x" * 5000
    for number in range(2001):
        made.decode(sound(f"{number}{long}", f"i{number}{long}", b"\0\0"))
        item = {"id": f"f{number}", "type": "function_call", "name": "n", "call_id": f"c{number}{long}"}
        made.decode(server("response.output_item.added", response_id=f"{number}{long}", item=item))
        made.decode(server("response.output_item.done", response_id=f"{number}{long}", item=item))
        if number % 2:
            made.decode(done(f"{number}{long}"))
    ledger = vars(made._replies.ledger)
    sizes = {name: len(value) for name, value in ledger.items() if isinstance(value, dict)}
    assert sizes == {
        "_open": OPEN_LIMIT,
        "_ended": ENDED_LIMIT,
        "_items": ITEMS_LIMIT,
        "_names": ITEMS_LIMIT,
        "_called": ITEMS_LIMIT,
    }
    assert all(len(key) <= 256 for value in ledger.values() if isinstance(value, dict) for key in value)
