"""Profiles: merging, validation, and the sentences for mistakes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.codecs.base import Detection
from neko_cli.core.errors import ConfigError
from neko_cli.core.profile import Profile, TagStyle, merge, parse


def test_an_empty_profile_is_the_default():
    assert parse({}, "x.toml") == Profile()


def test_values_arrive_typed():
    profile = parse(
        {
            "character": {"name": "Mio", "language": "ja"},
            "turns": {"detection": "manual", "silence_ms": 400},
            "emotion": {"tags": "bracket", "labels": ["happy"]},
            "local": {"vocabulary": ["light on", "light off"]},
        },
        "mio.toml",
    )
    assert profile.turns.detection is Detection.MANUAL
    assert profile.emotion.tags is TagStyle.BRACKET
    assert profile.local.vocabulary == ("light on", "light off")
    assert profile.voice.speed == 1.0


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (
            {"turns": {"detection": "loud"}},
            ["mine.toml", "turns.detection", "'loud'", "server, semantic, local, manual"],
        ),
        ({"trns": {}}, ["mine.toml", "'trns'", "Did you mean 'turns'?"]),
        (
            {"turns": {"silence": 3}},
            ["'turns.silence'", "Did you mean 'silence_ms'?", "confirm_ms, detection"],
        ),
        (
            {"sound": {"streams": "three"}},
            ["mine.toml", "sound.streams", "'three'", "auto, one, two"],
        ),
        ({"voice": {"speed": 9}}, ["voice.speed is 9", "numbers from 0.25 to 1.5"]),
        ({"turns": {"silence_ms": -1}}, ["turns.silence_ms is -1", "whole numbers from 0 to 30000"]),
        ({"turns": {"interrupt": "x"}}, ["turns.interrupt is 'x'", "true, false"]),
        ({"local": {"vocabulary": [1]}}, ["local.vocabulary", "str"]),
        ({"character": 3}, ["character is 3"]),
        ({"character": {"name": 3}}, ["character.name is 3", "str"]),
    ],
)
def test_a_mistake_names_the_file_the_key_and_what_is_allowed(data, parts):
    with pytest.raises(ConfigError) as caught:
        parse(data, "mine.toml")
    for part in parts:
        assert part in caught.value.message
    assert "neko profiles edit mine" in caught.value.hint


def test_merge_lays_tables_key_by_key_and_replaces_the_rest():
    base = {"character": {"name": "A", "language": "en"}, "local": {"vocabulary": ["a"]}}
    over = {"character": {"name": "B"}, "local": {"vocabulary": ["b"]}, "title": "t"}
    assert merge(base, over) == {
        "character": {"name": "B", "language": "en"},
        "local": {"vocabulary": ["b"]},
        "title": "t",
    }
    assert base["character"]["name"] == "A"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["character", "turns", "name", "speed", "labels", "x"]), inner, max_size=3
        )
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["character", "turns", "voice", "local", "odd"]), values))
def test_whatever_a_file_holds_it_is_a_profile_or_one_sentence(data):
    problem = None
    try:
        parse(data, "any.toml")
    except ConfigError as error:
        problem = error
    assert problem is None or problem.message.startswith("any.toml")


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ({"command": {"we ather": {"run": ["a"]}}}, "tools.command.'we ather' is no name"),
        (
            {"command": {"ok": {"run": ["a"]}, "w": {"rn": ["a"]}}},
            "'tools.command.w.rn'. Did you mean 'run'",
        ),
        ({"command": {"ok": {"run": ["a"]}, "w": {"run": "a"}}}, "tools.command.w.run is 'a'"),
        ({"command": {"w": {}}}, "tools.command.w lacks 'run'"),
        ({"command": {"w": {"run": []}}}, "tools.command.w.run is []"),
        ({"python": {"w": {"entry": "no"}}}, "tools.python.w.entry is 'no'"),
        ({"mcp": {"w": {}}}, "tools.mcp.w is {}: give it either run or url"),
        ({"mcp": {"w": {"run": ["a"], "url": "https://a.example"}}}, "either run or url"),
        ({"mcp": {"a_b": {"run": ["a"]}}}, "tools.mcp.'a_b' is no name"),
        ({"time_limit": 0}, "tools.time_limit is 0; allowed: numbers above 0 to 600"),
        ({"command": {"w": {"run": ["a"], "time_limit": -1}}}, "tools.command.w.time_limit is -1; allowed"),
    ],
)
def test_mistakes_in_a_tool_name_the_tool(tools, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        parse({"tools": tools}, "x.toml")
