"""Reading fields of a server's JSON: the value when it is what was expected, else a plain default.

A server may send anything, so nothing here raises; ids are cut so that they can be remembered.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from neko_cli.core.text import join_surrogates

ID_LIMIT = 256
"""Characters of an id that are kept; the providers' own ids have about 30."""

Fields = Mapping[str, Any]

_EMPTY: dict[str, Any] = {}
_HALF = re.compile("[\ud800-\udfff]")


def parse(frame: str | bytes) -> object:
    """A frame's JSON; raises ValueError or RecursionError when it is none.

    Half surrogates, which a server that cuts text by UTF-16 units sends, become U+FFFD.
    """
    try:
        return msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeError):
        # The standard parser takes what msgspec refuses: half surrogates, NaN, long integers.
        return _whole(json.loads(frame))


def _whole(value: object) -> object:
    if isinstance(value, str):
        return _HALF.sub("\ufffd", join_surrogates(value))
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return value


def text(fields: Fields, name: str) -> str:
    """A string, else an empty one."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def identifier(fields: Fields, name: str) -> str:
    """An id of bounded length, else an empty string."""
    return text(fields, name)[:ID_LIMIT]


def number(fields: Fields, name: str) -> float | None:
    """A finite number, else None."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def count(fields: Fields, name: str) -> int:
    """A number of things, 0 where there is none; never negative."""
    value = number(fields, name)
    return max(0, int(value)) if value is not None else 0


def mapping(fields: Fields, name: str) -> Fields:
    """An object, else an empty one."""
    value = fields.get(name)
    return value if isinstance(value, dict) else _EMPTY


def mappings(fields: Fields, name: str) -> list[Fields]:
    """The objects of an array; other entries are left out."""
    value = fields.get(name)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
