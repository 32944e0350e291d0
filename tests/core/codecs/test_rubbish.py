"""Whatever a server sends, no codec raises; it stays usable, and what it remembers stays bounded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.codecs import PROVIDERS
from neko_cli.core.commands import AnswerTool, SendText
from neko_cli.core.provider_events import Surprise, Unknown
from tests.core.codecs.families import FAMILIES, Family, held
from tests.core.codecs.test_flat_rubbish import COMMANDS
from tests.core.codecs.test_openai_ga_rubbish import JSON, mutate


def test_every_provider_is_tried() -> None:
    tried = {family.provider for family in FAMILIES.values()}
    # It is the same codec for any chat server.
    assert tried == set(PROVIDERS) - {"openai-chat"}


EACH = pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))

FRAMES = {name: family.frames for name, family in FAMILIES.items()}


def frames_of(family: Family) -> list[str | bytes]:
    return next(FRAMES[name] for name, one in FAMILIES.items() if one is family)


@EACH
@pytest.mark.parametrize(
    "frame",
    ["", "{", "[]", "1", "null", "{}", '{"type":1}', "[" * 100_000, '{"a":' * 100_000, b"\xff\xfe", b"\0" * 9]
    + ['{"type":"session.output_audio.delta","delta":"A"}', b'{"is":7}', b"[]", '{"choices":{}}'],
)
def test_rubbish_is_counted_and_does_no_harm(family: Family, frame: str | bytes) -> None:
    made = family.make()
    assert all(isinstance(event, Surprise | Unknown) for event in made.decode(frame))
    family.usable(made)


@EACH
def test_an_unknown_type_is_told_safely_and_short(family: Family) -> None:
    name = "\x1b[31mred\x1b]0;t\x07" + "x" * 1000
    frames = {"chat": {"is": name}, "gemini": {name: {}}, "vertex": {name: {}}}
    frame = json.dumps(frames.get(family.folder, {"type": name}))
    (event,) = family.make().decode(frame.encode() if family.folder == "chat" else frame)
    assert isinstance(event, Unknown)
    assert event.type.startswith("redx")
    assert len(event.type) <= 80


@EACH
@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=80) | st.text(max_size=80) | JSON.map(json.dumps), max_size=6))
def test_no_frame_raises(family: Family, frames: list[str | bytes]) -> None:
    made = family.make()
    for frame in frames:
        made.decode(frame)
    family.usable(made)


@EACH
@settings(max_examples=80, deadline=None)
@given(st.data())
def test_no_mutation_of_a_documented_frame_raises(family: Family, data) -> None:
    made = family.make()
    asked = family.folder == "chat"
    for _ in range(5):
        if asked:
            made.encode(SendText("Hi"))
        frame = data.draw(st.sampled_from(frames_of(family)))
        try:
            fields = json.loads(frame)
        except ValueError:
            continue
        if not fields:
            continue
        mutate(fields, data)
        changed = json.dumps(fields)
        for event in made.decode(changed.encode() if isinstance(frame, bytes) else changed):
            for field in ("reply_id", "item_id", "call_id", "text", "delta", "arguments"):
                assert isinstance(getattr(event, field, ""), str)
    family.usable(made)


@EACH
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_cut_and_no_shuffling_of_documented_frames_raises(family: Family, data) -> None:
    made = family.make()
    made.encode(SendText("Hi"))
    for frame in data.draw(st.lists(st.sampled_from(frames_of(family)), max_size=12)):
        cut = data.draw(st.integers(0, len(frame)))
        if data.draw(st.booleans()):
            made.decode(frame)
        else:
            made.decode(frame[:cut])
            made.decode(frame[cut:])
    family.usable(made)


@EACH
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_said_in_whatever_order_makes_frames(family: Family, data) -> None:
    made = family.make()
    made.hello()
    for _ in range(8):
        if data.draw(st.booleans()):
            made.decode(data.draw(st.sampled_from(frames_of(family))))
        for frame in made.encode(data.draw(COMMANDS)):
            assert isinstance(json.loads(frame), dict)
            if isinstance(frame, str):
                frame.encode()  # no half surrogates on the wire
    family.usable(made)


@EACH
def test_what_is_remembered_stays_bounded(family: Family) -> None:
    made = family.make()
    texts = [frame for frame in frames_of(family) if isinstance(frame, str) and len(frame) < 3000]
    sizes = []
    for number in range(2600):
        frame = texts[number % len(texts)].replace("_1", f"_{number}{'x' * 300}")
        made.encode(SendText("word " * 200))
        made.decode(frame)
        made.encode(AnswerTool(f"call_{number}", "weather", "y" * 500))
        if number in (1300, 2599):
            sizes.append(held(made))
    assert sizes[1] < 2_000_000
    assert sizes[1] < sizes[0] * 1.5 + 100_000, "it grows with what comes"
    family.usable(made)
