"""ProtoJSON: both spellings, null, numbers in strings, either alphabet, and Google's sentences."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.local.wire.gemini_json import (
    Read,
    Refusal,
    camel,
    decimal,
    decode,
    flag,
    list_of,
    mapping,
    message,
    one_of,
    raw,
    snake,
    text,
    whole,
)

INNER = message({"maxTokens": whole(0, 100), "isOn": flag})
OUTER = message({"someThing": INNER, "names": list_of(text(3), most=2), "labels": mapping})


def refusal(read: Read, value: Any, path: str = "setup") -> str:
    with pytest.raises(Refusal) as caught:
        read(value, path)
    assert caught.value.code == 1007
    return caught.value.reason


@pytest.mark.parametrize(
    "given",
    [
        {"someThing": {"maxTokens": 5, "isOn": True}},
        {"some_thing": {"max_tokens": 5, "is_on": True}},
        {"some_thing": {"maxTokens": "5", "is_on": True}},
        {"someThing": {"max_tokens": 5.0, "isOn": True}, "names": None},
    ],
)
def test_names_come_in_two_spellings(given: Any) -> None:
    assert OUTER(given, "") == {"someThing": {"maxTokens": 5, "isOn": True}}


def test_keys_of_a_map_stay_as_they_are() -> None:
    assert OUTER({"labels": {"snake_key": {"a_b": 1}}}, "") == {"labels": {"snake_key": {"a_b": 1}}}


def test_the_sentences() -> None:
    unknown = "Invalid JSON payload received. Unknown name \"colour\" at 'setup': Cannot find field."
    assert refusal(OUTER, {"colour": 1}) == unknown
    assert refusal(OUTER, {"someThing": {"isOn": 1}}) == (
        "Invalid value at 'setup.some_thing.is_on' (TYPE_BOOL), \"1\""
    )
    assert refusal(OUTER, {"some_thing": {}, "someThing": {}}) == (
        "Invalid value at 'setup' (oneof), 'someThing' is already set."
    )
    assert refusal(message({"a": flag, "b": flag}, oneof=True), {"a": True, "b": True}, "") == (
        "Invalid value at '' (oneof), 'a' is already set."
    )
    assert "names[1]" in refusal(OUTER, {"names": ["a", "long"]})
    assert "at most 2" in refusal(OUTER, {"names": ["a", "b", "c"]})
    assert len(refusal(OUTER, {"names": "x" * 10_000})) < 120
    assert len(refusal(OUTER, {"x" * 10_000: 1})) < 160


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (whole(0, 9), True),
        (whole(0, 9), 1.5),
        (whole(0, 9), 10),
        (whole(0, 9), "10"),
        (whole(0, 9), "1" * 5_000),
        (whole(0, 9), 10**400),
        (whole(0, 9), None),
        (decimal(0, 2), True),
        (decimal(0, 2), "1"),
        (decimal(0, 2), 2.1),
        (flag, "true"),
        (one_of("A"), "B"),
        (one_of("A"), 1),
        (list_of(flag), {}),
        (mapping, []),
        (raw, 5),
        (raw, "a"),
        (raw, "é"),
        (raw, "a b c d"),
        (INNER, []),
    ],
)
def test_values_that_are_refused(read: Read, value: Any) -> None:
    assert "setup.x" in refusal(read, value, "setup.x")


def test_enumerations_are_read_in_any_case() -> None:
    assert one_of("AUDIO")("audio", "") == "AUDIO"


@given(st.binary(max_size=200))
def test_bytes_come_in_either_alphabet_with_or_without_padding(data: bytes) -> None:
    standard, safe = base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()
    for given_text in (standard, safe, standard.rstrip("="), safe.rstrip("=")):
        assert raw(given_text, "") == data


@given(st.from_regex(r"[a-z]{1,5}(_[a-z]{1,5}){0,3}", fullmatch=True))
def test_spellings_go_back_and_forth(name: str) -> None:
    assert snake(camel(name)) == name
    assert camel(camel(name)) == camel(name)


@given(
    st.text()
    | st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ).map(json.dumps)
)
@settings(max_examples=200, deadline=None)
def test_a_frame_is_an_object_or_refused(frame: str | bytes) -> None:
    try:
        result: Any = decode(frame)
    except Refusal as refused:
        result = refused
    assert isinstance(result, dict) or (result.code == 1007 and result.reason)


@pytest.mark.parametrize("frame", ["[" * 100_000, '{"a":' * 5_000 + "1" + "}" * 5_000, b"\xff\xfe", ""])
def test_frames_that_cannot_be_read(frame: str | bytes) -> None:
    with pytest.raises(Refusal):
        decode(frame)
