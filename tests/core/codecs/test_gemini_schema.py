"""Tools as Gemini wants them declared."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.codecs.gemini_schema import DEPTH, declaration, schema
from neko_cli.core.commands import ToolSpec

KEYS = {
    "type", "format", "title", "description", "nullable", "enum", "items", "maxItems", "minItems",
    "properties", "required", "minProperties", "maxProperties", "minimum", "maximum",
    "minLength", "maxLength", "pattern", "anyOf",
}  # fmt: skip


def one(**field: Any) -> dict[str, Any]:
    """The schema of one property."""
    made = schema({"type": "object", "properties": {"x": field}, **DEFINED})
    return made["properties"]["x"]


DEFINED = {
    "$defs": {
        "Place": {"type": "object", "properties": {"town": {"type": "string"}}},
        "Tree": {
            "type": "object",
            "properties": {"below": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
        },
    }
}


@pytest.mark.parametrize(
    ("field", "made"),
    [
        ({"type": "string"}, {"type": "STRING"}),
        ({"type": "integer", "minimum": 0, "exclusiveMaximum": 9}, {"type": "INTEGER", "minimum": 0}),
        ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, {"nullable": True, "type": "NUMBER"}),
        (
            {"oneOf": [{"type": "number"}, {"type": "string"}]},
            {"anyOf": [{"type": "NUMBER"}, {"type": "STRING"}]},
        ),
        ({"anyOf": []}, {"type": "STRING"}),
        ({"enum": ["a", "b", None]}, {"type": "STRING", "enum": ["a", "b"]}),
        ({"const": "only"}, {"type": "STRING", "enum": ["only"]}),
        ({"type": "integer", "enum": [1, 2]}, {"type": "INTEGER"}),
        ({"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}),
        ({"type": "string", "format": "uri", "default": "x"}, {"type": "STRING"}),
        ({"type": "array"}, {"type": "ARRAY", "items": {"type": "STRING"}}),
        ({"type": "array", "items": {"type": "number"}}, {"type": "ARRAY", "items": {"type": "NUMBER"}}),
        (
            {"$ref": "#/$defs/Place"},
            {"type": "OBJECT", "properties": {"town": {"type": "STRING"}}},
        ),
        ({"$ref": "#/$defs/Nowhere"}, {"type": "STRING"}),
        ({}, {"type": "STRING"}),
        ({"description": "anything"}, {"description": "anything", "type": "STRING"}),
    ],
)
def test_a_property(field: dict[str, Any], made: dict[str, Any]) -> None:
    assert one(**field) == made


def test_an_object_names_only_required_properties_that_it_has() -> None:
    made = schema(
        {"properties": {"a": {"type": "string"}}, "required": ["a", "b"], "additionalProperties": False}
    )
    assert made == {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}, "required": ["a"]}


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max((depth(child) for child in value.values()), default=0)
    return max((depth(child) for child in value), default=0) if isinstance(value, list) else 0


def test_a_schema_within_itself_ends() -> None:
    below = {"type": "ARRAY", "items": {"type": "STRING"}}
    assert one(**{"$ref": "#/$defs/Tree"}) == {"type": "OBJECT", "properties": {"below": below}}


def test_a_schema_is_declared_to_a_limited_depth() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(5 * DEPTH):
        deep = {"type": "object", "properties": {"x": deep}}
    assert depth(schema(deep)) <= 2 * DEPTH + 1


def test_a_tool_without_parameters_declares_none() -> None:
    tool = ToolSpec("look", "Looks.", {"type": "object", "properties": {}})
    assert declaration(tool, blocking=False) == {"name": "look", "description": "Looks."}
    assert declaration(tool, blocking=True)["behavior"] == "BLOCKING"


WORDS = st.sampled_from([
    "type", "properties", "items", "anyOf", "oneOf", "enum", "const", "required", "$ref", "$defs",
    "format", "nullable", "description", "minimum", "string", "object", "array", "null", "#/$defs/x",
    "x", "integer", "additionalProperties",
])  # fmt: skip
SCHEMAS = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)


@given(st.dictionaries(WORDS, SCHEMAS, max_size=6))
def test_whatever_a_tool_says_only_known_keys_are_declared(source: dict[str, Any]) -> None:
    def check(made: dict[str, Any]) -> None:
        assert set(made) <= KEYS
        assert "type" in made or made["anyOf"]
        for child in [*made.get("properties", {}).values(), *made.get("anyOf", [])]:
            check(child)
        if "items" in made:
            check(made["items"])

    check(schema(source))
