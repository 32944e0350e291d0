"""Checks of JSON values with OpenAI's error codes. Pure.

A check takes a value and the dotted path where it stands, and returns the value, or raises
ClientFault with the code, the sentence and the path that a client of OpenAI expects.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from typing import Any

from neko_cli.local.faults import ClientFault

Check = Callable[[Any, str], Any]

_SHOWN = 60


def invalid(param: str, message: str, code: str = "invalid_value") -> ClientFault:
    """A fault about one parameter."""
    return ClientFault(f"Invalid '{param}': {message}", code=code, param=param)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def wrong_type(param: str, expected: str, value: Any) -> ClientFault:
    """A fault about a value of the wrong kind."""
    return ClientFault(
        f"Invalid type for '{param}': expected {expected}, but got {_kind(value)}.",
        code="invalid_type",
        param=param,
    )


def text(max_length: int = 1_000_000, *, min_length: int = 0) -> Check:
    """A string within a length in characters."""

    def check(value: Any, param: str) -> Any:
        if not isinstance(value, str):
            raise wrong_type(param, "a string", value)
        if len(value) > max_length:
            raise invalid(
                param, f"a string of at most {max_length} characters is needed.", "string_above_max_length"
            )
        if len(value) < min_length:
            raise invalid(
                param, f"a string of at least {min_length} characters is needed.", "string_below_min_length"
            )
        return value

    return check


def whole(low: int, high: int) -> Check:
    """An integer within bounds."""

    def check(value: Any, param: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(param, "an integer", value)
        if value < low:
            raise invalid(param, f"must be at least {low}.", "integer_below_min_value")
        if value > high:
            raise invalid(param, f"must be at most {high}.", "integer_above_max_value")
        return value

    return check


def decimal(low: float, high: float) -> Check:
    """A number within bounds; never NaN."""

    def check(value: Any, param: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise wrong_type(param, "a decimal", value)
        if value < low:
            raise invalid(param, f"must be at least {low}.", "decimal_below_min_value")
        if value > high:
            raise invalid(param, f"must be at most {high}.", "decimal_above_max_value")
        return float(value) if math.isfinite(value) else value

    return check


def flag(value: Any, param: str) -> Any:
    """A boolean."""
    if not isinstance(value, bool):
        raise wrong_type(param, "a boolean", value)
    return value


def anything(value: Any, param: str) -> Any:
    """Any JSON value."""
    return value


def choice(*allowed: str) -> Check:
    """One of some strings."""

    def check(value: Any, param: str) -> Any:
        if not isinstance(value, str):
            raise wrong_type(param, "a string", value)
        if value not in allowed:
            raise not_supported(value, param, allowed)
        return value

    return check


def not_supported(value: str, param: str, allowed: tuple[str, ...]) -> ClientFault:
    """A fault about a string that is none of those allowed."""
    names = ", ".join(f"'{name}'" for name in allowed)
    shown = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
    return ClientFault(
        f"Invalid value: '{shown}'. Supported values are: {names}.", code="invalid_value", param=param
    )


def nullable(inner: Check) -> Check:
    """Null, or something that passes the inner check."""

    def check(value: Any, param: str) -> Any:
        return None if value is None else inner(value, param)

    return check


def list_of(inner: Check, *, most: int = 1000) -> Check:
    """An array whose every element passes the inner check."""

    def check(value: Any, param: str) -> Any:
        if not isinstance(value, list):
            raise wrong_type(param, "an array", value)
        if len(value) > most:
            raise invalid(param, f"at most {most} elements are allowed.", "array_above_max_length")
        return [inner(element, f"{param}[{at}]") for at, element in enumerate(value)]

    return check


def record(fields: Mapping[str, Check], *, required: tuple[str, ...] = ()) -> Check:
    """An object with these fields and no other."""

    def check(value: Any, param: str) -> Any:
        if not isinstance(value, dict):
            raise wrong_type(param, "an object", value)
        prefix = f"{param}." if param else ""
        for name in required:
            if name not in value:
                raise ClientFault(
                    f"Missing required parameter: '{prefix}{name}'.",
                    code="missing_required_parameter",
                    param=prefix + name,
                )
        checked = {}
        for name, element in value.items():
            inner = fields.get(name)
            if inner is None:
                shown = prefix + (name if len(name) <= _SHOWN else name[:_SHOWN] + "…")
                raise ClientFault(f"Unknown parameter: '{shown}'.", code="unknown_parameter", param=shown)
            checked[name] = inner(element, prefix + name)
        return checked

    return check


def tagged(key: str, variants: Mapping[str, Check], *, default: str | None = None) -> Check:
    """An object whose field ``key`` says which check it must pass."""

    def check(value: Any, param: str) -> Any:
        if not isinstance(value, dict):
            raise wrong_type(param, "an object", value)
        prefix = f"{param}." if param else ""
        tag = value.get(key, default)
        if tag is None and key not in value:
            raise ClientFault(
                f"Missing required parameter: '{prefix}{key}'.",
                code="missing_required_parameter",
                param=prefix + key,
            )
        if not isinstance(tag, str):
            raise wrong_type(prefix + key, "a string", tag)
        inner = variants.get(tag)
        if inner is None:
            raise not_supported(tag, prefix + key, tuple(variants))
        return inner({**value, key: tag}, param)

    return check


def by_kind(
    *, string: Check | None = None, number: Check | None = None, mapping: Check | None = None
) -> Check:
    """A value that may be of several kinds, each with its own check."""

    def check(value: Any, param: str) -> Any:
        kinds = ((str, string, "a string"), (int, number, "an integer"), (dict, mapping, "an object"))
        for kind, inner, _ in kinds:
            if inner is not None and isinstance(value, kind) and not isinstance(value, bool):
                return inner(value, param)
        expected = " or ".join(name for _, inner, name in kinds if inner is not None)
        raise wrong_type(param, expected, value)

    return check


def sound_bytes(value: str, param: str) -> bytes:
    """The bytes of a base64 string."""
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ClientFault(
            f"Invalid '{param}': expected base64-encoded sound in the session's input format.",
            code="invalid_value",
            param=param,
        ) from None
