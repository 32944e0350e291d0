"""Answers questions of how much one measure is in another."""

from __future__ import annotations

import re
from fractions import Fraction

from neko_cli.local.responder.answer import Answer, Heard
from neko_cli.local.responder.numbers import LITERAL, read_literal, read_words, spoken
from neko_cli.local.responder.unit_table import UNITS, Unit

_NAMES = "|".join(sorted((re.escape(name) for name in UNITS), key=len, reverse=True))
_NUMBER = rf"(?P<number>-?(?:{LITERAL.pattern})|(?:minus )?[a-z]+(?:[ -][a-z]+){{0,7}}?)"
_BOTH = (
    re.compile(
        rf"(?:^|\b(?:is|are|much|convert|turn|does) ){_NUMBER} ?(?P<source>{_NAMES}) "
        rf"(?:in|to|into|as) (?:an? )?(?P<target>{_NAMES})$"
    ),
    re.compile(
        rf"how (?:many|much) (?P<target>{_NAMES}) (?:are there |are |is |is it |there are |do "
        rf"|does |make |makes )*(?:in )?"
        rf"(?:there (?:are )?in )?{_NUMBER} ?(?P<source>{_NAMES})(?: have| has| make| makes)?$"
    ),
    re.compile(rf"(?P<target>{_NAMES}) in {_NUMBER} ?(?P<source>{_NAMES})$"),
)
_TRIM = re.compile(r"[?!.,;]+$")
_VERB = re.compile(r"^(?:convert|turn|change|what is|how much is|is|are|much|does)\s+")
_DIGITS = 6
"""Significant digits of a conversion: more than anybody can use by ear."""


def answer_units(heard: Heard) -> Answer | None:
    """The conversion asked for, or None when the sentence asks for none."""
    low = " ".join(_TRIM.sub("", heard.text.lower().replace(" please", "").strip()).split())
    if len(low) > 160:
        return None
    for pattern in _BOTH:
        match = pattern.search(low)
        if match is None:
            continue
        value = _number(match["number"])
        if value is not None:
            return _converted(value, UNITS[match["source"]], UNITS[match["target"]])
    return None


def _number(text: str) -> Fraction | None:
    text = _VERB.sub("", text)
    sign = -1 if text.startswith(("-", "minus ")) else 1
    bare = text.removeprefix("-").removeprefix("minus ").strip()
    literal = read_literal(bare)
    if literal is not None:
        return sign * literal
    words = bare.replace("-", " ").split()
    if words in (["a"], ["an"], ["one"]):
        return Fraction(sign)
    found = read_words(words)
    return sign * found[0] if found and found[1] == len(words) else None


def _converted(value: Fraction, source: Unit, target: Unit) -> Answer:
    if source.kind != target.kind:
        return Answer(
            f"{_first(source.many)} measure {source.kind} and {target.many} measure {target.kind}, "
            "so one cannot be turned into the other."
        )
    base = value * source.factor + source.offset
    if source.kind == "temperature" and base < Fraction(-27315, 100):
        return Answer("That is below absolute zero, so there is no such temperature.")
    result = (base - target.offset) / target.factor
    before, _ = spoken(value)
    after, exact = spoken(result, _DIGITS)
    said = f"{before} {_unit(source, value)} is {'' if exact else 'about '}{after} {_unit(target, result)}"
    years = (
        "year" in (source.one, target.one) and "day" not in (source.one, target.one) and source is not target
    )
    year = " when a year has 365 days" if years else ""
    return Answer(f"{_first(said)}{year}.")


def _unit(unit: Unit, value: Fraction) -> str:
    return unit.one if abs(value) == 1 else unit.many


def _first(text: str) -> str:
    return text[0].upper() + text[1:]
