"""Reads the JSON of Google's APIs: protocol buffers in their JSON form. Pure.

A reader takes a value and the dotted path where it stands, and returns what it means, or raises a
Refusal. The rules are ProtoJSON's (protobuf.dev, "ProtoJSON Format"): names in lowerCamelCase or as
they stand in the .proto file, null is a field that was not given, 64-bit integers may be strings,
bytes are base64 of either alphabet, with or without padding. The sentences are made like Google's;
paths are told with the names of the .proto file, as Google does.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Read = Callable[[Any, str], Any]
Json = dict[str, Any]

INVALID_ARGUMENT = 1007
"""WebSocket close code of everything that the client did wrong."""

_SHOWN = 40
_NUMBER = re.compile(r"-?[0-9]{1,19}")


class Refusal(Exception):
    """What the client sent cannot be done: the connection is closed.

    Attributes:
        code: WebSocket close code.
        reason: one sentence.
    """

    def __init__(self, reason: str, code: int = INVALID_ARGUMENT) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def camel(name: str) -> str:
    """A name in lowerCamelCase."""
    return re.sub(r"_([a-z0-9])", lambda match: match.group(1).upper(), name)


def snake(name: str) -> str:
    """A name as in the .proto file."""
    return re.sub(r"[A-Z]", lambda match: f"_{match.group(0).lower()}", name)


def decode(frame: str | bytes) -> Json:
    """The JSON object in a frame, text or binary; raises Refusal."""
    try:
        message = msgspec.json.decode(frame)
    except (ValueError, RecursionError):
        raise Refusal("Invalid JSON payload received. The message could not be read.") from None
    if not isinstance(message, dict):
        raise Refusal("Invalid JSON payload received. A message is an object.")
    return message


def wrong(path: str, expected: str, value: Any) -> Refusal:
    """A refusal of one value."""
    shown = value if isinstance(value, str) else _as_json(value)
    if len(shown) > _SHOWN:
        shown = shown[:_SHOWN] + "…"
    return Refusal(f"Invalid value at '{path}' ({expected}), \"{shown}\"")


def _as_json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        return type(value).__name__


def message(fields: Mapping[str, Read], *, oneof: bool = False) -> Read:
    """An object with these fields (in lowerCamelCase) and no other; ``oneof``: at most one of them."""

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            raise wrong(path, "an object", value)
        found: Json = {}
        for given, element in value.items():
            name = camel(given)
            inner = fields.get(name)
            if inner is None:
                what = f'"{given[:_SHOWN]}"' + (f" at '{path}'" if path else "")
                raise Refusal(f"Invalid JSON payload received. Unknown name {what}: Cannot find field.")
            if element is None:
                continue
            if name in found or (oneof and found):
                raise Refusal(f"Invalid value at '{path}' (oneof), '{next(iter(found))}' is already set.")
            found[name] = inner(element, f"{path}.{snake(name)}" if path else snake(name))
        return found

    return read


def text(most: int = 1_000_000) -> Read:
    """A string of at most ``most`` characters."""

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, str):
            raise wrong(path, "TYPE_STRING", value)
        if len(value) > most:
            raise wrong(path, f"at most {most} characters", value)
        return value

    return read


def whole(low: int, high: int) -> Read:
    """An integer within bounds, as a number or in a string."""

    def read(value: Any, path: str) -> Any:
        given = value
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong(path, "TYPE_INT64", given)
        if not low <= value <= high:
            raise wrong(path, f"{low} to {high}", given)
        return value

    return read


def decimal(low: float, high: float) -> Read:
    """A number within bounds."""

    def read(value: Any, path: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong(path, "TYPE_FLOAT", value)
        if not low <= value <= high:
            raise wrong(path, f"{low:g} to {high:g}", value)
        return float(value)

    return read


def flag(value: Any, path: str) -> Any:
    """A boolean."""
    if not isinstance(value, bool):
        raise wrong(path, "TYPE_BOOL", value)
    return value


def anything(value: Any, path: str) -> Any:
    """Any JSON value."""
    return value


def mapping(value: Any, path: str) -> Any:
    """An object with keys of its own."""
    if not isinstance(value, dict):
        raise wrong(path, "an object", value)
    return value


def one_of(*names: str) -> Read:
    """A value of an enumeration, by name in any case."""

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, str) or value.upper() not in names:
            raise wrong(path, "an enumeration", value)
        return value.upper()

    return read


def list_of(inner: Read, *, most: int = 1_000) -> Read:
    """An array."""

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, list):
            raise wrong(path, "an array", value)
        if len(value) > most:
            raise Refusal(f"Invalid value at '{path}': at most {most} elements are possible.")
        return [inner(element, f"{path}[{at}]") for at, element in enumerate(value)]

    return read


def raw(value: Any, path: str) -> Any:
    """Bytes in base64 of either alphabet."""
    if not isinstance(value, str) or not value.isascii():
        raise wrong(path, "TYPE_BYTES", value)
    plain = value.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise wrong(path, "TYPE_BYTES", value) from None
