"""Validates Gemini Live's server messages with the types of Google's Gen AI SDK.

The SDK's models forbid unknown keys, but its converters drop some before the models see them; so
what comes out is compared with what went in.
"""

from __future__ import annotations

from typing import Any

from google.genai import _live_converters as converters
from google.genai import types
from pydantic import ValidationError


def problems(raw: dict[str, Any], *, vertex: bool) -> list[str]:
    """What is wrong with a message as it came over the wire; empty when nothing is."""
    convert = (
        converters._LiveServerMessage_from_vertex if vertex else converters._LiveServerMessage_from_mldev
    )
    converted = convert(raw)
    kind = ",".join(raw)
    if leaves(converted) != leaves(raw):
        return [f"{kind}: the library knows {leaves(converted)} of {leaves(raw)} values: {raw!r:.500}"]
    try:
        types.LiveServerMessage.model_validate(converted)
    except ValidationError as error:
        return [f"{kind}: {e['loc']}: {e['msg']}" for e in error.errors()]
    return []


def leaves(value: Any) -> int:
    """How many values a JSON value holds."""
    if isinstance(value, dict):
        return sum(leaves(element) for element in value.values()) if value else 1
    if isinstance(value, list):
        return sum(leaves(element) for element in value)
    return 1
