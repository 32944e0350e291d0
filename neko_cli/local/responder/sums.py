"""Finds a calculation in a sentence and says its result."""

from __future__ import annotations

import re

from neko_cli.local.responder.answer import Answer, Heard
from neko_cli.local.responder.arithmetic import SumTrouble, evaluate
from neko_cli.local.responder.numbers import read_words, spoken

_ASKED = re.compile(
    r"^(?:.{0,60}?\b)?(?:what is|what does|what do you get for|how much is|how much are"
    r"|how many is|calculate|compute|"
    r"work out|evaluate|solve|what would be|what are|what equals"
    r"|equals what)\s+(?:the (?:result|value) of\s+)?(?P<sum>.+)$"
)
_SHAPES = (
    (re.compile(r"^add (.+) (?:and|to) (.+)$"), "({}) + ({})"),
    (re.compile(r"^subtract (.+) from (.+)$"), "({1}) - ({0})"),
    (re.compile(r"^multiply (.+) (?:by|and|with) (.+)$"), "({}) * ({})"),
    (re.compile(r"^divide (.+) by (.+)$"), "({}) / ({})"),
    (re.compile(r"^(?:the )?sum of (.+) and (.+)$"), "({}) + ({})"),
    (re.compile(r"^(?:the )?product of (.+) and (.+)$"), "({}) * ({})"),
    (re.compile(r"^(?:the )?difference (?:between|of) (.+) and (.+)$"), "({}) - ({})"),
)
_ORDER = re.compile(r"^(?:calculate|compute|evaluate)\b")
_COUNT = re.compile(r"^count (?:from (?P<start>[\w -]{1,30}?) )?(?:up |down )?to (?P<end>[\w -]{1,30})$")
MAX_COUNT = 30
"""Numbers that are counted aloud."""

_TRAIL = re.compile(r"(?:\s*(?:=|\bequals?\b|\bmake\b|\bis\b|\bplease\b|[?.!,;:]))+\s*$")
_LEAD = re.compile(r"^(?:(?:please|and|so|now|ok|okay|hey|then|can you|could you)[, ]+)+")
_SIGN = re.compile(r"\*\*|(?<![a-z])-|[+*/^%\u00d7\u00f7\u2212\u221a]|(?<=\d) ?x ?(?=\d)")
_DATE_LIKE = re.compile(r"^[\d()+ ]*\d+(?:[-/.]\d+)+$")


def answer_sum(heard: Heard) -> Answer | None:
    """The result of the calculation in the sentence, or None when there is none."""
    low = heard.text.lower()
    count = _COUNT.match(heard.core)
    if count:
        return _counted(count["start"] or "1", count["end"])
    for candidate, asked in _candidates(low):
        if not asked and _DATE_LIKE.match(candidate) and " " not in candidate:
            continue
        try:
            result = evaluate(candidate)
        except SumTrouble as trouble:
            return Answer(str(trouble))
        if result is not None:
            said, whole = spoken(result.value)
            about = "" if whole and result.exact else "about "
            return Answer(f"{_read_out(candidate)} is {about}{said}.")
    if _ORDER.match(heard.core):
        return Answer("I could not read that as a calculation. Try something like 12 times 3.5.")
    return None


def _counted(start: str, end: str) -> Answer | None:
    found = [read_words(text.replace("-", " ").split()) for text in (start, end)]
    if found[0] is None or found[1] is None:
        return None
    first, last = (int(one[0]) for one in found if one is not None)
    if abs(last - first) > MAX_COUNT:
        return Answer(f"That would take me too long; I count {MAX_COUNT} steps at most.")
    step = 1 if last >= first else -1
    return Answer(f"{', '.join(str(number) for number in range(first, last + step, step))}.")


def _candidates(low: str) -> list[tuple[str, bool]]:
    bare = _TRAIL.sub("", _LEAD.sub("", low.strip())).strip()
    asked = _ASKED.match(bare)
    found: list[tuple[str, bool]] = []
    for text, explicit in ([(asked["sum"], True)] if asked else []) + [(bare, False)]:
        text = _TRAIL.sub("", text).strip()
        for shape, into in _SHAPES:
            match = shape.match(text)
            if match:
                found.append((into.format(*match.groups()), True))
        found.append((text, explicit))
    return found


def _read_out(expression: str) -> str:
    """The calculation as it was understood, short ones only."""
    if len(expression) > 60:
        return "That"
    said = re.sub(r"\((\d[\d.,]*|[a-z -]+)\)", r"\1", expression).strip()
    said = re.sub(r"%(?= ?[\d(])", " modulo ", said)
    said = " ".join(_SIGN.sub(lambda match: f" {_NAMES[match.group().strip()]} ", said).split())
    return said[0].upper() + said[1:]


_NAMES = {
    "**": "to the power of", "x": "times",
    "+": "plus", "-": "minus", "\u2212": "minus", "*": "times", "\u00d7": "times", "/": "divided by",
    "\u00f7": "divided by", "^": "to the power of", "%": "percent", "\u221a": "the square root of",
}  # fmt: skip
