"""Fills a tool's arguments from what the user said, valid for the tool's JSON schema.

Covers the part of JSON Schema that tools use: types, enum, const, required, limits, local
references and simple alternatives. What was not said is made up only when the call is forced.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import msgspec

from neko_cli.local.responder.clock import DAYS
from neko_cli.local.responder.numbers import LITERAL, NUMBER_WORDS, read_literal, read_words
from neko_cli.local.responder.unit_table import UNITS
from neko_cli.local.responder.wording import words_only

MAX_DEPTH = 6
MAX_ITEMS = 16
MAX_STEPS = 2000
"""Parts of a schema that are looked at: alternatives that refer to one another multiply."""


_PLACES = frozenset(
    "city location place country town address destination region where origin station area".split()
)
_PEOPLE = frozenset("name person recipient contact user who to whom friend author artist character".split())
_TIMES = frozenset("date day when time datetime start end deadline until".split())
_TEXTS = frozenset(
    "text message query question content topic q search title prompt subject body note input expression term "
    "keyword keywords description task item word sentence song reminder".split()
)
_STOP = r"(?=\s+(?:today|tomorrow|now|please|on|by|with|and|right|this|next|tonight|in|for|at)\b|[?.!,;]|$)"
_AFTER_PLACE = re.compile(
    r"\b(?:in|at|for|to|near|around|of|from)\s+((?:the\s+)?[^\W\d_][\w' -]{0,50}?)" + _STOP, re.IGNORECASE
)
_AFTER_PERSON = re.compile(
    r"\b(?:to|for|named|called|by|with|tell|ask|call|email)\s+([^\W\d_][\w'-]{0,30}(?: [A-Z][\w'-]{0,30})?)",
    re.IGNORECASE,
)
_AFTER_TEXT = re.compile(
    r"(?:\b(?:that|saying|says|about|for|to|on|of|called)\b|:)\s+(.{1,300}?)\s*[?.!]*$", re.IGNORECASE
)
_QUOTED = re.compile(
    r"[\"\u201c\u201e\u300c]([^\"\u201d\u300d]{1,300})[\"\u201d\u300d]|(?<!\w)'([^']{1,300})'(?!\w)"
)
_CAPITALS = re.compile(r"(?<!^)(?<![.!?] )\b([A-Z][\w'-]{1,30}(?: [A-Z][\w'-]{1,30}){0,3})")
_ISO_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_NEGATIVE = re.compile(r"\b(?:off|no|not|without|disable|never|false)\b")
_POSITIVE = re.compile(r"\b(?:on|yes|with|enable|true)\b")
_NOT_PLACES = frozenset("me you it that this here the a an today tomorrow now".split())


class Filled(msgspec.Struct, frozen=True):
    """A value, and whether it came out of what was said."""

    value: Any
    found: bool
    missing: tuple[str, ...] = ()
    """Required names of an object that were not said."""


class Said:
    """The user's words as material; numbers are used once each."""

    def __init__(self, text: str, now: datetime, skip: frozenset[str] = frozenset()) -> None:
        """``skip`` are the tool's own words, which are no argument."""
        self.text = text
        self.plain = words_only(text)
        self.now = now
        self.quoted: list[str] = [a or b for a, b in _QUOTED.findall(text)]
        self.numbers = _numbers(text)
        self.steps = 0
        """How many parts of a schema were filled so far."""
        self._skip = skip

    def rest(self) -> str:
        """What is left without the tool's words."""
        words = [
            word for word in self.text.split() if not words_only(word) or words_only(word) not in self._skip
        ]
        return " ".join(words).strip(" ?.!,") or self.text


def fill(schema: Any, said: Said, *, name: str = "", root: Any = None, depth: int = 0) -> Filled:
    """A value for the schema; never raises for a strange schema."""
    root = schema if root is None else root
    said.steps += 1
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH or said.steps > MAX_STEPS:
        return _string({}, said, name) if schema is True else Filled(None, False)
    schema = _resolved(schema, root)
    if "const" in schema:
        return Filled(schema["const"], True)
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return _enum(schema, said)
    for key in ("anyOf", "oneOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            return _alternative(schema[key], said, name, root, depth)
    kind = _kind(schema)
    if kind == "object":
        return _object(schema, said, root, depth)
    if kind == "array":
        return _array(schema, said, name, root, depth)
    if kind in ("integer", "number"):
        filled = _number(schema, said, whole=kind == "integer")
    elif kind == "boolean":
        filled = _boolean(said, name)
    elif kind == "null":
        return Filled(None, True)
    else:
        filled = _string(schema, said, name)
    if not filled.found and "default" in schema:
        return Filled(schema["default"], True)
    return filled


def _resolved(schema: Mapping[str, Any], root: Any) -> Mapping[str, Any]:
    for _ in range(MAX_DEPTH):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        target: Any = root
        for step in reference[2:].split("/"):
            target = (
                target.get(step.replace("~1", "/").replace("~0", "~"))
                if isinstance(target, Mapping)
                else None
            )
        if not isinstance(target, Mapping):
            return {}
        schema = target
    parts = schema.get("allOf")
    if isinstance(parts, list):
        merged: dict[str, Any] = {}
        for part in [*parts[:MAX_ITEMS], {key: value for key, value in schema.items() if key != "allOf"}]:
            if isinstance(part, Mapping):
                part = _resolved(part, root) if "$ref" in part else part
                for key, value in part.items():
                    if isinstance(value, list) and key == "required" and isinstance(merged.get(key), list):
                        merged[key] = [*merged[key], *value]
                    elif (
                        isinstance(value, Mapping)
                        and key == "properties"
                        and isinstance(merged.get(key), Mapping)
                    ):
                        merged[key] = {**merged[key], **value}
                    else:
                        merged[key] = value
        return merged
    return schema


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _enum(schema: Mapping[str, Any], said: Said) -> Filled:
    padded = f" {said.plain} "
    options = schema["enum"]
    for option in options:
        if isinstance(option, str) and words_only(option) and f" {words_only(option)} " in padded:
            return Filled(option, True)
        if _fraction(option) in said.numbers:
            return Filled(option, True)
    return Filled(schema["default"], True) if "default" in schema else Filled(options[0], False)


def _alternative(options: list[Any], said: Said, name: str, root: Any, depth: int) -> Filled:
    real = [one for one in options if not (isinstance(one, Mapping) and one.get("type") == "null")]
    tried = [fill(one, said, name=name, root=root, depth=depth + 1) for one in real[:MAX_ITEMS]]
    if not tried:
        return Filled(None, True)
    return next((one for one in tried if one.found), tried[0])


def _object(schema: Mapping[str, Any], said: Said, root: Any, depth: int) -> Filled:
    properties = schema.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    wanted = schema.get("required")
    required = [key for key in wanted if isinstance(key, str)] if isinstance(wanted, list) else []
    value: dict[str, Any] = {}
    missing: list[str] = []
    for key in [*required, *(key for key in properties if key not in required)]:
        filled = fill(properties.get(key, True), said, name=key, root=root, depth=depth + 1)
        if key in required:
            value[key] = filled.value
            missing += [] if filled.found else [key]
        elif filled.found and not (len(properties) > 1 and _is_loose(properties[key])):
            value[key] = filled.value
    return Filled(value, not missing, tuple(missing))


def _is_loose(schema: Any) -> bool:
    """An optional default need not be sent."""
    return isinstance(schema, Mapping) and "default" in schema


def _array(schema: Mapping[str, Any], said: Said, name: str, root: Any, depth: int) -> Filled:
    least = schema.get("minItems")
    least = min(least, MAX_ITEMS) if isinstance(least, int) else 0
    items = schema.get("items", True)
    if _kind(_resolved(items, root) if isinstance(items, Mapping) else {}) in ("integer", "number"):
        count = max(least, min(len(said.numbers), MAX_ITEMS), 0)
        made = [fill(items, said, name=name, root=root, depth=depth + 1) for _ in range(count)]
    else:
        first = fill(items, said, name=name.removesuffix("s"), root=root, depth=depth + 1)
        made = [first] if first.found or least else []
        while len(made) < least:
            made.append(fill(items, said, name=name, root=root, depth=depth + 1))
    most = schema.get("maxItems")
    values = [one.value for one in made][: most if isinstance(most, int) else None]
    return Filled(values, bool(made) and all(one.found for one in made))


def _number(schema: Mapping[str, Any], said: Said, *, whole: bool) -> Filled:
    low, high = _limits(schema, whole=whole)
    for number in list(said.numbers):
        if (
            (low is None or number >= low)
            and (high is None or number <= high)
            and not (whole and number.denominator != 1)
        ):
            said.numbers.remove(number)
            return Filled(_plain(number, schema, whole=whole), True)
    middle = low if low is not None else min(Fraction(0), high) if high is not None else Fraction(1)
    return Filled(_plain(middle, schema, whole=whole), False)


def _limits(schema: Mapping[str, Any], *, whole: bool) -> tuple[Fraction | None, Fraction | None]:
    step = Fraction(1) if whole else Fraction(1, 1000)
    low, high = _fraction(schema.get("minimum")), _fraction(schema.get("maximum"))
    over, under = _fraction(schema.get("exclusiveMinimum")), _fraction(schema.get("exclusiveMaximum"))
    if over is not None:
        low = max(over + step, low) if low is not None else over + step
    if under is not None:
        high = min(under - step, high) if high is not None else under - step
    return low, high


def _fraction(value: Any) -> Fraction | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return Fraction(value)


def _plain(value: Fraction, schema: Mapping[str, Any], *, whole: bool) -> int | float:
    step = _fraction(schema.get("multipleOf"))
    if step:
        value = math.ceil(value / step) * step
    if whole or value.denominator == 1:
        return math.ceil(value)
    return float(value)


def _boolean(said: Said, name: str) -> Filled:
    named = all(word in said.plain for word in re.findall(r"[a-z]+", name.lower()))
    if _NEGATIVE.search(said.plain):
        return Filled(False, True)
    return Filled(True, named or bool(_POSITIVE.search(said.plain)))


def _string(schema: Mapping[str, Any], said: Said, name: str) -> Filled:
    form = schema.get("format")
    if isinstance(form, str):
        made = _formatted(form, said)
        if made is not None:
            return made
    found = _wanted(said, name)
    value = found or said.rest()
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and _is_safe(pattern):
        return _matching(pattern, [value, *said.plain.split(), *said.text.split()], schema)
    least, most = schema.get("minLength"), schema.get("maxLength")
    if isinstance(most, int) and most >= 0:
        value = value[:most]
    if isinstance(least, int):
        value = value.ljust(min(least, 1000), ".")
    return Filled(value, bool(found))


def _found(pattern: re.Pattern[str], text: str) -> list[str]:
    """All that the pattern's group caught, without words that are no names."""
    caught = [match.group(1).strip() for match in pattern.finditer(text)]
    return [one for one in caught if one.lower() not in _NOT_PLACES and one.lower() not in UNITS]


def _wanted(said: Said, name: str) -> str:
    """The words for an argument of this name, or nothing."""
    keys = set(re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()))
    if keys & _PLACES:
        return (_found(_AFTER_PLACE, said.text) or _found(_CAPITALS, said.text) or [""])[-1]
    if keys & _TIMES:
        day = re.search(rf"\b(?:today|tomorrow|tonight|{'|'.join(DAYS)})\b", said.plain)
        iso = _ISO_DATE.search(said.text)
        named_day = iso or day
        return str(named_day.group()) if named_day else ""
    if said.quoted:
        return said.quoted[0]
    if keys & _PEOPLE:
        return (_found(_AFTER_PERSON, said.text) or _found(_CAPITALS, said.text) or [""])[0]
    if keys & _TEXTS:
        after = _AFTER_TEXT.search(said.text)
        return after.group(1).strip() if after else said.rest() if said.rest() != said.text else ""
    named = (
        re.search(
            rf"\b{re.escape(' '.join(sorted(keys)))}\b(?: is| to| of|=|:)? ([\w'-]{{1,60}})", said.plain
        )
        if keys
        else None
    )
    return named.group(1) if named else ""


def _formatted(form: str, said: Said) -> Filled | None:
    if form in ("date", "date-time"):
        day, found = _day(said)
        moment = said.now.replace(microsecond=0) + timedelta(days=day)
        iso = _ISO_DATE.search(said.text)
        text = iso.group() if iso else moment.date().isoformat()
        if form == "date-time":
            text = f"{text}T{moment.time().isoformat()}Z"
        return Filled(text, found or bool(iso))
    if form == "time":
        return Filled(f"{said.now:%H:%M:%S}Z", False)
    found_text = {
        "email": re.search(r"[\w.+-]{1,64}@[\w-]{1,60}(?:\.[\w-]{1,60}){1,4}", said.text),
        "uri": re.search(r"https?://[^\s\"'<>]{1,300}", said.text),
    }
    if form in found_text:
        match = found_text[form]
        return Filled(
            match.group() if match else {"email": "nobody@example.com", "uri": "https://example.com/"}[form],
            bool(match),
        )
    return None


def _day(said: Said) -> tuple[int, bool]:
    """Days from today, and whether a day was named."""
    if "day after tomorrow" in said.plain:
        return 2, True
    for name, days in (("tomorrow", 1), ("yesterday", -1), ("today", 0), ("tonight", 0)):
        if name in said.plain:
            return days, True
    for index, name in enumerate(DAYS):
        if name in said.plain:
            return (index - said.now.weekday() - 1) % 7 + 1, True
    return 0, False


def _is_safe(pattern: str) -> bool:
    """Whether a pattern from outside can be tried: a repeated group could take for ever."""
    return (
        len(pattern) <= 100
        and not re.search(r"\)[*+{?]", pattern)
        and pattern.count("*") + pattern.count("+") <= 2
    )


def _matching(pattern: str, candidates: list[str], schema: Mapping[str, Any]) -> Filled:
    try:
        compiled = re.compile(pattern)
        for candidate in candidates[:40]:
            for variant in (candidate, candidate.upper(), candidate.lower(), candidate.capitalize()):
                if compiled.search(variant[:100]):
                    return Filled(variant[:100], True)
    except (re.error, RecursionError, OverflowError):
        pass  # not a pattern of this language: leave it alone
    examples = schema.get("examples")
    return Filled(examples[0] if isinstance(examples, list) and examples else candidates[0], False)


def _numbers(text: str) -> list[Fraction]:
    words = re.findall(rf"(?<!\w)-?(?:{LITERAL.pattern})|[^\W\d_]+", text.lower())[:400]
    out: list[Fraction] = []
    at = 0
    while at < len(words) and len(out) < MAX_ITEMS:
        word = words[at]
        sign = -1 if word.startswith("-") else 1
        literal = read_literal(word.removeprefix("-"))
        if literal is not None:
            out.append(sign * literal)
        elif word in NUMBER_WORDS and word != "point":
            found = read_words(words[at : at + 20])
            if found:
                out.append(found[0])
                at += found[1]
                continue
        at += 1
    return out
