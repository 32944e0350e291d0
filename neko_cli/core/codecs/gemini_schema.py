"""Tools as Gemini wants them declared: an OpenAPI subset instead of JSON Schema. Pure.

Source: the ``Schema`` and ``FunctionDeclaration`` types of the google-genai SDK. The Live API closes a
link whose declarations hold a key that it does not know, so what it has no word for is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neko_cli.core.commands import ToolSpec

DEPTH = 12
"""Levels of a schema that are declared; deeper ones, and schemas within themselves, count as text."""

_COPIED = (
    "title", "description", "pattern", "minimum", "maximum",
    "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
)  # fmt: skip
_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object"})
_FORMATS = frozenset({"date-time", "enum", "float", "double", "int32", "int64"})
"""Others are refused (“only 'enum' and 'date-time' are supported for STRING type”)."""


def declaration(tool: ToolSpec, *, blocking: bool) -> dict[str, Any]:
    """One function declaration; ``blocking`` has the model wait for its result."""
    made: dict[str, Any] = {"name": tool.name, "description": tool.description}
    parameters = schema(tool.parameters)
    if parameters.get("properties"):  # an object without properties is refused
        made["parameters"] = parameters
    if blocking:
        made["behavior"] = "BLOCKING"
    return made


def schema(source: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON Schema as Gemini's; references to its own ``$defs`` are put in their place."""
    definitions = source.get("$defs") or source.get("definitions")
    return _schema(source, definitions if isinstance(definitions, Mapping) else {}, DEPTH)


def _schema(source: Any, definitions: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if not isinstance(source, Mapping) or depth == 0:
        return {"type": "STRING"}  # without a type it is refused
    reference = source.get("$ref")
    if isinstance(reference, str):
        wanted = reference.rpartition("/")[2]
        others = {name: value for name, value in definitions.items() if name != wanted}
        return _schema(definitions.get(wanted), others, depth - 1)
    made: dict[str, Any] = {}
    kinds = source.get("type")
    named = [kinds] if isinstance(kinds, str) else list(kinds) if isinstance(kinds, list) else []
    real = [kind for kind in named if isinstance(kind, str) and kind.lower() in _TYPES]
    if real:
        made["type"] = real[0].upper()
    made.update((name, source[name]) for name in _COPIED if source.get(name) is not None)
    form = source.get("format")
    if isinstance(form, str) and form in _FORMATS:
        made["format"] = form
    choices = source.get("enum", [source["const"]] if "const" in source else None)
    if isinstance(choices, list) and made.get("type", "STRING") == "STRING":
        made["type"] = "STRING"
        made["enum"] = [str(choice) for choice in choices if choice is not None]
    branches = source.get("anyOf", source.get("oneOf"))
    if isinstance(branches, list):
        _add_branches(made, branches, definitions, depth)
    if isinstance(source.get("properties"), Mapping):
        made.setdefault("type", "OBJECT")
        made["properties"] = {
            str(name): _schema(value, definitions, depth - 1) for name, value in source["properties"].items()
        }
        required = source.get("required")
        if isinstance(required, list):
            made["required"] = [name for name in made["properties"] if name in required]
    if made.get("type") == "ARRAY":
        made["items"] = _schema(source.get("items"), definitions, depth - 1)
    if "null" in named or source.get("nullable") is True:
        made["nullable"] = True
    if "anyOf" not in made:
        made.setdefault("type", "STRING")
    return {name: value for name, value in made.items() if value not in ({}, [])}


def _add_branches(
    made: dict[str, Any], branches: list[Any], definitions: Mapping[str, Any], depth: int
) -> None:
    """Alternatives; “or null” is a flag of its own here, and a single one needs no alternatives."""
    real = [
        branch for branch in branches if not (isinstance(branch, Mapping) and branch.get("type") == "null")
    ]
    if len(real) < len(branches):
        made["nullable"] = True
    if len(real) == 1:
        for name, value in _schema(real[0], definitions, depth - 1).items():
            made.setdefault(name, value)
    elif real:
        made["anyOf"] = [_schema(branch, definitions, depth - 1) for branch in real]
