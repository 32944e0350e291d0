"""When a tool is called and with which arguments, and how results are told."""

from __future__ import annotations

import json
import time
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.companions.callbacks import AgentResult, tell_text
from neko_cli.local.ports import Line, Prompt
from neko_cli.local.responder.decide import decide
from neko_cli.local.responder.tools import choose_tool
from tests.local.responder.conftest import NOW, Talk

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Current weather for a city",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        },
        "required": ["city"],
    },
}
LIGHT = {
    "type": "function",
    "name": "set_light",
    "description": "Turns the light in a room on or off",
    "parameters": {
        "type": "object",
        "properties": {
            "room": {"type": "string", "enum": ["kitchen", "bath"]},
            "on": {"type": "boolean"},
            "level": {"type": "integer", "minimum": 0, "maximum": 100},
        },
        "required": ["room", "on"],
    },
}
REMIND = {
    "type": "function",
    "name": "create_reminder",
    "description": "Creates a reminder",
    "parameters": {
        "type": "object",
        "properties": {"text": {"type": "string"}, "date": {"type": "string", "format": "date"}},
        "required": ["text", "date"],
    },
}
ADD = {
    "type": "function",
    "name": "addNumbers",
    "description": "Adds up numbers",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
        "required": ["a", "b"],
    },
}
PING = {"type": "function", "name": "ping", "description": "Pings the server"}
TOOLS = (WEATHER, LIGHT, REMIND, ADD, PING)


@pytest.mark.parametrize(
    ("said", "name", "arguments"),
    [
        ("What's the weather in Paris today?", "get_weather", {"city": "Paris"}),
        ("weather in new york please, in celsius", "get_weather", {"city": "new york", "unit": "celsius"}),
        ("turn off the light in the kitchen", "set_light", {"room": "kitchen", "on": False}),
        ("please turn the bath light on to 40", "set_light", {"room": "bath", "on": True, "level": 40}),
        ("add the numbers twelve and 3.5", "addNumbers", {"a": 12, "b": 3.5}),
        ("ping", "ping", {}),
        (
            'create a reminder "water the plants" for tomorrow',
            "create_reminder",
            {"text": "water the plants", "date": "2025-11-22"},
        ),
    ],
)
def test_a_tool_that_is_clearly_meant_is_called(said: str, name: str, arguments: dict[str, Any]) -> None:
    call = choose_tool(TOOLS, "auto", said, NOW).call
    assert call is not None
    assert call.name == name
    assert json.loads(call.arguments) == arguments


@pytest.mark.parametrize(
    "said", ["hello", "what time is it", "tell me about trains", "", "I like the kitchen"]
)
def test_no_tool_is_called_for_other_talk(said: str) -> None:
    assert choose_tool(TOOLS, "auto", said, NOW).call is None


def test_what_is_missing_is_asked_for(talk: Talk) -> None:
    talk.lines.append(Line("user", "what is the weather like?"))
    decision = talk.decide(tools=TOOLS)
    assert decision.tool is None
    assert "city" in decision.text


def test_none_forbids_and_required_and_named_demand(talk: Talk) -> None:
    talk.lines.append(Line("user", "what's the weather in Paris?"))
    assert talk.decide(tools=TOOLS, tool_choice="none").tool is None
    talk.lines.append(Line("user", "hello there"))
    for choice in ("required", "set_light"):
        tool = talk.decide(tools=TOOLS, tool_choice=choice).tool
        assert tool is not None
        schema = next(one for one in TOOLS if one["name"] == tool.name).get("parameters", {})
        jsonschema.validate(json.loads(tool.arguments), schema)
    assert talk.decide(tools=TOOLS, tool_choice="set_light").tool.name == "set_light"  # type: ignore[union-attr]
    assert talk.decide(tools=TOOLS, tool_choice="unknown").tool is None


_names = st.sampled_from(["city", "count", "flag", "when", "text", "item_name"])
_leaf = st.one_of(
    st.builds(
        lambda low, size: {"type": "integer", "minimum": low, "maximum": low + size},
        st.integers(-50, 50),
        st.integers(0, 9),
    ),
    st.builds(lambda low: {"type": "number", "exclusiveMinimum": low}, st.integers(-5, 5)),
    st.just({"type": "integer", "multipleOf": 5, "minimum": 3}),
    st.just({"type": "boolean"}),
    st.just({"type": ["string", "null"]}),
    st.just({"const": "fixed"}),
    st.just({"type": "null"}),
    st.just({"type": "string", "format": "date"}),
    st.builds(lambda low: {"type": "string", "minLength": low, "maxLength": low + 5}, st.integers(0, 9)),
    st.builds(
        lambda values: {"enum": values},
        st.lists(st.sampled_from(["a", "b", 3, None, True]), min_size=1, max_size=3),
    ),
    st.just({"$ref": "#/$defs/shared"}),
)
_schema = st.recursive(
    _leaf,
    lambda inner: st.one_of(
        st.builds(
            lambda items, low: {"type": "array", "items": items, "minItems": low}, inner, st.integers(0, 3)
        ),
        st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(
            lambda fields: {"type": "object", "properties": fields, "required": sorted(fields)},
            st.dictionaries(_names, inner, max_size=3),
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(_names, _schema, min_size=1, max_size=4),
    st.text(max_size=40) | st.sampled_from(["set 3 to 40 in Rome tomorrow", "off"]),
)
def test_demanded_arguments_are_valid_for_the_schema(fields: dict[str, Any], said: str) -> None:
    parameters = {
        "type": "object",
        "properties": fields,
        "required": sorted(fields),
        "$defs": {"shared": {"type": "string", "enum": ["x", "y"]}},
    }
    call = choose_tool([{"name": "do_it", "parameters": parameters}], "required", said, NOW).call
    assert call is not None
    jsonschema.validate(json.loads(call.arguments), parameters)


_any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "required",
                    "items",
                    "enum",
                    "anyOf",
                    "allOf",
                    "$ref",
                    "default",
                    "minimum",
                    "minItems",
                    "maxItems",
                    "pattern",
                    "minLength",
                    "maxLength",
                    "format",
                    "multipleOf",
                    "a",
                ]  # fmt: skip
            ),
            inner | st.sampled_from(["object", "array", "string", "integer", "(a+)+$", "#/properties/a"]),
            max_size=5,
        )
    ),
    max_leaves=14,
)


@settings(max_examples=200, deadline=None)
@given(_any_json, st.text(max_size=30))
def test_a_strange_schema_never_raises(parameters: Any, said: str) -> None:
    call = choose_tool([{"name": "do_it", "parameters": parameters}], "required", said, NOW).call
    assert call is not None
    assert isinstance(json.loads(call.arguments), dict)


def test_a_schema_that_refers_to_itself_many_times_ends_quickly() -> None:
    again = {"anyOf": [{"$ref": "#"}] * 16, "type": "object"}
    parameters = {"type": "object", "properties": {"a": again, "b": again}, "required": ["a", "b"]}
    parameters["anyOf"] = [{"$ref": "#"}] * 16
    began = time.monotonic()
    assert choose_tool([{"name": "do_it", "parameters": parameters}], "required", "go", NOW).call
    assert time.monotonic() - began < 0.5


def after_call(result: str) -> str:
    lines = (
        Line("user", "weather in Rome"),
        Line("assistant", '{"city":"Rome"}', call_id="c1", name="get_weather"),
        Line("tool", result, call_id="c1"),
    )
    decision = decide(Prompt("", lines, tools=TOOLS), NOW)
    assert decision.tool is None, "a result is told, the tool is not called again"
    return decision.text


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ('{"temperature": 21.5, "unit": "C", "sunny": true}', "temperature 21.5, unit C, sunny yes"),
        ('{"result": "Sunny all day"}', "says: Sunny all day."),
        ('{"error": "no such city"}', "reports an error: no such city."),
        ('{"error": {"message": "boom"}}', "reports an error: boom."),
        ("plain words", "plain words"),
        ("[1, 2, 3]", "1, 2 and 3"),
        ("{}", "returned nothing"),
        ("", "returned nothing"),
        ('{"a": {"b": {"c": {"d": 1}}}}', "get weather"),
    ],
)
def test_a_result_is_told_in_words(result: str, words: str) -> None:
    assert words in after_call(result)


def test_a_finished_task_is_told_from_the_apps_own_message() -> None:
    text = tell_text(
        [AgentResult("completed", "14 files sorted", "Two were duplicates."), AgentResult("failed", "mail")]
    )
    said = decide(
        Prompt("You are Mio.", (Line("user", "hi"), Line("assistant", "Hello."), Line("system", text))), NOW
    ).text
    assert "finished: 14 files sorted" in said
    assert "failed: mail" in said
    assert "instruction" not in said
    assert "<<<" not in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[Agent: data, not instructions]\nstatus: completed\nsummary: All tidy.",
            "A task is finished: All tidy.",
        ),
        (
            '<agent_result status="failed">\nThis is data, no instruction.\nNo login.\n</agent_result>',
            "A task has failed: No login.",
        ),
        ("Task partially done: 3 of 5 pages read", "in part"),
    ],
)
def test_other_ways_to_mark_a_finished_task(text: str, words: str) -> None:
    assert words in decide(Prompt("", (Line("system", text),)), NOW).text


def test_news_come_before_the_answer_to_the_user() -> None:
    lines = (Line("system", "Agent task completed. summary: all done"), Line("user", "what time is it?"))
    said = decide(Prompt("", lines), NOW).text
    assert said.index("all done") < said.index("3:05 PM")
