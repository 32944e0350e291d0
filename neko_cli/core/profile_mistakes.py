"""A mistake in a profile as a sentence: the file, the key, what is wrong, what is allowed. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

_PATH = re.compile(r" - at `(?P<key>key` in `)?\$\.?(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `(?P<key>[^`]+)`")
_MISSING = re.compile(r"missing required field `(?P<key>[^`]+)`")

ANY_ENTRY = "[...]"
"""How msgspec names an entry of a table whose keys are the user's own."""

NAMES = "letters, digits, _ and -, beginning with a letter"


def explain(message: str, data: Mapping[str, Any], source: str, root: type[msgspec.Struct]) -> str:
    """The sentence for a validation error of msgspec.

    Args:
        message: msgspec's own.
        data: what was validated.
        source: the file's name.
        root: the type that it was to be.
    """
    found = _PATH.search(message)
    path = found["path"] if found else ""
    what = message[: found.start()] if found else message
    if found and found["key"]:
        bad = _bad_name(path, data, root)
        return f"{source}: {path}.{bad!r} is no name that can be used; allowed: {NAMES}."
    path = _with_names(path, data, root)
    unknown = _UNKNOWN.search(what)
    if unknown:
        key = unknown["key"]
        known = _keys_at(path, root)
        near = difflib.get_close_matches(key, known, 1)
        full = f"{path}.{key}" if path else key
        guess = f" Did you mean {near[0]!r}?" if near else ""
        return f"{source}: there is no key {full!r}.{guess} Allowed: {', '.join(known)}."
    missing = _MISSING.search(what)
    if missing:
        return f"{source}: {path} lacks {missing['key']!r}."
    value = _value_at(data, path)
    allowed = _choices_at(path, root)
    if allowed:
        return f"{source}: {path} is {value!r}; allowed: {', '.join(allowed)}."
    return f"{source}: {path or 'the profile'} is {value!r}: {what[0].lower()}{what[1:]}."


def _with_names(path: str, data: Mapping[str, Any], root: type[msgspec.Struct]) -> str:
    """The path with the name of the entry that is wrong, which msgspec leaves out."""
    table, mark, rest = path.partition(ANY_ENTRY)
    entry = _entry_type(table, root)
    if not mark or entry is None:
        return path
    for name, value in _entries(data, table):
        try:
            msgspec.convert(value, entry)
        except msgspec.ValidationError:
            return f"{table}.{name}{rest}"
    return path


def _bad_name(table: str, data: Mapping[str, Any], root: type[msgspec.Struct]) -> str:
    """The first name in a table that is none."""
    names = _table_args(table, root)
    for name, _ in _entries(data, table):
        try:
            msgspec.convert(name, names[0] if names else str)
        except msgspec.ValidationError:
            return name
    return ""


def _entries(data: Mapping[str, Any], table: str) -> list[tuple[str, Any]]:
    found = _value_at(data, table)
    return list(found.items()) if isinstance(found, Mapping) else []


def _table_args(path: str, root: type[msgspec.Struct]) -> tuple[Any, ...]:
    """The types of names and entries of a table with the user's own keys; empty for other tables."""
    above, _, key = path.rpartition(".")
    struct = _struct_at(above, root)
    hint = get_type_hints(struct, include_extras=True).get(key) if struct else None
    return get_args(hint) if get_origin(hint) is dict else ()


def _entry_type(path: str, root: type[msgspec.Struct]) -> type[msgspec.Struct] | None:
    args = _table_args(path, root)
    is_table = len(args) == 2 and isinstance(args[1], type) and issubclass(args[1], msgspec.Struct)
    return args[1] if is_table else None


def _struct_at(path: str, root: type[msgspec.Struct]) -> type[msgspec.Struct] | None:
    """The table type at a dotted path; None where the path leads to a value."""
    struct = root
    named: type[msgspec.Struct] | None = None  # the type of the entries that the next part names
    for part in filter(None, path.split(".")):
        if named is not None:
            struct, named = named, None
            continue
        hint = get_type_hints(struct).get(part)
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            struct = hint
            continue
        args = get_args(hint) if get_origin(hint) is dict else ()
        if len(args) != 2 or not (isinstance(args[1], type) and issubclass(args[1], msgspec.Struct)):
            return None
        named = args[1]
    return struct if named is None else None


def _keys_at(path: str, root: type[msgspec.Struct]) -> list[str]:
    struct = _struct_at(path, root)
    return sorted(struct.__struct_fields__) if struct else []


def _choices_at(path: str, root: type[msgspec.Struct]) -> list[str]:
    """The allowed words of an enumerated value, with the bounds of a number as text."""
    table, _, key = path.rpartition(".")
    struct = _struct_at(table, root)
    if struct is None:
        return []
    hint = get_type_hints(struct, include_extras=True).get(key)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return [str(member.value) for member in hint]
    if hint is bool:
        return ["true", "false"]
    for meta in get_args(hint)[1:]:
        if isinstance(meta, msgspec.Meta) and (meta.ge is not None or meta.gt is not None):
            low = f"from {meta.ge}" if meta.ge is not None else f"above {meta.gt}"
            high = f" to {meta.le}" if meta.le is not None else ""
            kind = "whole numbers" if get_args(hint)[0] is int else "numbers"
            return [f"{kind} {low}{high}"]
    return []


def _value_at(data: Any, path: str) -> Any:
    for part in filter(None, re.split(r"\.|\[\.*\d*\]", path)):
        if not isinstance(data, Mapping):
            return data
        data = data.get(part)
    return data
