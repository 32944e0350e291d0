"""Words that a translation leaves alone: names, addresses and code, hidden behind placeholders. Pure.

A placeholder is a number in double square brackets. Translators carry it over, though some put
blanks, other brackets or other digits in; all of these are taken back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

NAMES = 100
"""Names that are looked for; longer lists cost time with each text."""

NAME_CHARS = 60
"""Longest name."""

FIRST = 71
"""The first placeholder's number: small numbers are what lists and footnotes hold."""

_ADDRESS = r"https?://[^\s<>\"'）】」]+[\w/]|\b[\w.+-]+@[\w-]+\.[\w.]*\w|`[^`\n]+`"
_HAN = "\u3400-\u9fff\uf900-\ufaff"
_UNSPACED = f"{_HAN}\u3040-\u30ff\uac00-\ud7a3"
"""Scripts that put no blanks between words, or glue endings to them."""
_PLACEHOLDER = re.compile(r"\[\[(\d+)\]\]")
_LOOSE = re.compile(r"[\[［【⟦〚]\s*[\[［【⟦〚]?\s*(\d{1,6})\s*[\]］】⟧〛]?\s*[\]］】⟧〛]")


class Masked(msgspec.Struct, frozen=True):
    """A text with placeholders, and what they stand for, by number."""

    text: str
    kept: Mapping[int, str] = {}

    def put_back(self, text: str) -> str:
        """A translation with the words in the places of their placeholders, in whatever form these are."""

        def word(found: re.Match[str]) -> str:
            return self.kept.get(int(found[1]), found[0])

        return _LOOSE.sub(word, text)


def mask(text: str, names: Sequence[str]) -> Masked:
    """Hide the names, addresses and pieces of code of a text.

    Names count with their case, or in capitals throughout: ``Will`` is no ``will``. The same words
    give the same numbers, so that equal sentences about different people are equal when masked.
    """
    wanted = _names(names)
    pattern = re.compile("|".join([_ADDRESS, *map(_as_pattern, wanted)]))
    taken = {int(number) for number in re.findall(r"\d{1,6}", text)}
    numbers: dict[str, int] = {}
    following = FIRST

    def hidden(found: re.Match[str]) -> str:
        nonlocal following
        word = found[0]
        if word not in numbers:
            while following in taken:
                following += 1
            numbers[word] = following
            following += 1
        return f"[[{numbers[word]}]]"

    masked = pattern.sub(hidden, text)
    return Masked(masked, {number: word for word, number in numbers.items()})


def placeholders(text: str) -> set[int]:
    """Numbers of the placeholders of a masked text."""
    return {int(number) for number in _PLACEHOLDER.findall(text)}


def came_through(text: str) -> set[int]:
    """Numbers of the placeholders that a translation has, in whatever form."""
    return {int(number) for number in _LOOSE.findall(text)}


def without_placeholders(text: str) -> str:
    """The words of a masked text alone."""
    return _PLACEHOLDER.sub(" ", text)


def cut_through(text: str, at: int) -> int:
    """Where a placeholder begins that a cut at ``at`` would go through; else ``at``."""
    for found in _PLACEHOLDER.finditer(text, max(0, at - 12), at + 12):
        if found.start() < at < found.end():
            return found.start()
    return at


def _names(names: Sequence[str]) -> list[str]:
    known = dict.fromkeys(" ".join(name[: NAME_CHARS + 1].split()) for name in names[:NAMES])
    fitting = [name for name in known if 0 < len(name) <= NAME_CHARS and any(map(str.isalpha, name))]
    return sorted(fitting, key=len, reverse=True)


def _as_pattern(name: str) -> str:
    forms = "|".join(re.escape(form) for form in dict.fromkeys((name, name.upper())))
    if len(name) == 1 and re.match(f"[{_HAN}]", name):
        # One character is a name only where it is no part of a longer word.
        return f"(?<![{_HAN}])(?:{forms})(?![{_HAN}])"
    if re.search(f"[{_UNSPACED}]", name):
        return f"(?:{forms})"
    letter = rf"[^\W_{_UNSPACED}]"
    return f"(?<!{letter})(?:{forms})(?!{letter})"
