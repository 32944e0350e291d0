"""Numbers in words and digits: reading both, and saying results so that they can be heard."""

from __future__ import annotations

import re
from fractions import Fraction

MAX_DIGITS = 60
"""Digits of one literal; more is not a number that anybody says."""

_ONES = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
        "sixteen seventeen eighteen nineteen".split()
    )
}
_TENS = {
    word: value * 10
    for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)
}
_TENS["fourty"] = 40

MAX_WHOLE = 10**18
"""Whole numbers below this are written out."""

_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {"half": Fraction(1, 2), "quarter": Fraction(1, 4), "third": Fraction(1, 3)}
_FRESH = ("", "hundred", "scale", "and")
"""What may stand before a new group of ones or tens."""

NUMBER_WORDS = frozenset([*_ONES, *_TENS, *_SCALES, "hundred", "dozen", "point"])

LITERAL = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:e[+-]?\d{1,3})?|\.\d+")
"""A number in digits, with thousands separators or an exponent."""


def read_literal(text: str) -> Fraction | None:
    """A number in digits; None when it is none or too long to be meant."""
    if not LITERAL.fullmatch(text) or len(text) > MAX_DIGITS:
        return None
    return Fraction(text.replace(",", ""))


def read_words(words: list[str]) -> tuple[Fraction, int] | None:
    """The number at the start of the words, and how many of them it takes.

    ``twenty three``, ``one hundred and five``, ``two point five``, ``a hundred``, ``3 million``,
    ``half a``. None when there is no number.
    """
    part = _part(words)
    if part is not None:
        return part
    if len(words) > 1 and words[0] in ("a", "an") and words[1] in ("hundred", "dozen", *_SCALES):
        words = ["one", *words[1:]]
    total, group, used, seen = Fraction(0), Fraction(0), 0, False
    last = ""
    while used < len(words):
        word = words[used]
        literal = read_literal(word)
        if literal is not None and not seen:
            group, last = literal, "literal"
        elif word in _ONES and (last in _FRESH or (last == "tens" and 0 < _ONES[word] < 10)):
            group, last = group + _ONES[word], "ones"
        elif word in _TENS and last in _FRESH:
            group, last = group + _TENS[word], "tens"
        elif word == "hundred" and last in ("ones", "literal", "tens"):
            group, last = group * 100, "hundred"
        elif word == "dozen" and last in ("ones", "literal", "tens"):
            group, last = group * 12, "dozen"
        elif word in _SCALES and last in ("ones", "tens", "hundred", "literal", "point"):
            total, group, last = total + group * _SCALES[word], Fraction(0), "scale"
        elif word == "and" and last in ("hundred", "scale") and _is_small(words[used + 1 : used + 2]):
            last = "and"
        elif word == "point" and last in ("ones", "tens", "hundred"):
            digits, after = _digits(words[used + 1 :])
            if not digits:
                break
            group, used, last = group + Fraction(f"0.{digits}"), used + after, "point"
        else:
            break
        seen = True
        used += 1
    if seen and words[used : used + 1] == ["and"]:
        extra = _part(words[used + 1 :])
        if extra is not None and words[used + 1] in ("a", "one"):
            return total + group + extra[0], used + 1 + extra[1]
    return (total + group, used) if seen else None


def _is_small(words: list[str]) -> bool:
    return bool(words) and (words[0] in _ONES or words[0] in _TENS)


def _part(words: list[str]) -> tuple[Fraction, int] | None:
    """``half a``, ``a quarter of a``: a fraction of what follows."""
    used = 1 if len(words) > 1 and words[0] in ("a", "one") and words[1] in _PARTS else 0
    if used >= len(words) or words[used] not in _PARTS:
        return None
    value = _PARTS[words[used]]
    used += 1
    used += words[used : used + 1] == ["of"]
    used += len(words) > used and words[used] in ("a", "an")
    return value, used


def _digits(words: list[str]) -> tuple[str, int]:
    """The digits that follow a decimal point, and how many words they take."""
    digits, used = "", 0
    for word in words[:20]:
        if word in _ONES and _ONES[word] < 10:
            digits += str(_ONES[word])
        elif word.isascii() and word.isdigit() and len(digits) + len(word) <= 20:
            digits += word
        else:
            break
        used += 1
    return digits, used


def spoken(value: Fraction, digits: int = 10) -> tuple[str, bool]:
    """A number for eyes and ears, and whether it is exact.

    At most ``digits`` significant digits; thousands are separated from 10,000 on; from 10^18 on
    it is said with a power of ten.
    """
    sign = "minus " if value < 0 else ""
    size = abs(value)
    if size.denominator == 1 and size < MAX_WHOLE:
        return sign + _grouped(str(size.numerator)), True
    if size and (size >= MAX_WHOLE or size < Fraction(1, 10**6)):
        power, front = _scientific(size)
        return f"{sign}{front} times 10 to the power of {'minus ' if power < 0 else ''}{abs(power)}", False
    whole = size.numerator // size.denominator
    places = max(0, digits - (len(str(whole)) if whole else 0))
    scaled = size * 10**places
    rounded = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    text = str(rounded).rjust(places + 1, "0")
    before, after = (text[:-places], text[-places:].rstrip("0")) if places else (text, "")
    return sign + _grouped(before) + (f".{after}" if after else ""), scaled.denominator == 1


def _grouped(digits: str) -> str:
    return digits if len(digits) < 5 else f"{int(digits):,}"


def _scientific(size: Fraction) -> tuple[int, str]:
    power = len(str(size.numerator)) - len(str(size.denominator))
    front = size / Fraction(10) ** power
    if front < 1:
        power, front = power - 1, front * 10
    text = f"{float(front):.4g}"
    return (power + 1, "1") if text == "10" else (power, text)
