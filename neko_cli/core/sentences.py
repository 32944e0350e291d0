"""Sentences of a text that is still being written. Pure.

Nothing is lost: the pieces joined are the text. A sentence goes to the voice as soon as it is
certain that it ended, which needs what follows it: ``3.`` may become ``3.14``.
"""

from __future__ import annotations

import re

MAX_SENTENCE = 400
"""Characters after which a text without an end is cut, at a comma or a space; about 25 s of speech."""

_TITLES = frozenset(
    "mr mrs ms dr prof st vs e.g i.e approx gen col lt sgt capt rev hon mt z.b bzw usw bsp d.h u.a ca sra "
    "mme mlle ph.d".split()
)
"""Abbreviations that something always follows."""

_BEFORE_NUMBERS = frozenset(
    "no nr fig vol p pp art sec ch jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat "
    "sun".split()
)
"""Abbreviations when a number follows, else words that may end a sentence."""

_ENDS_BEFORE_CAPITAL = frozenset("a.m p.m etc inc ltd co corp jr sr dept u.s u.k".split())
"""Abbreviations that end a sentence when a capital follows."""

_CLOSERS = "\"')]}»”’」』）】"
_END = re.compile(rf"(?:[.!?…]+[{re.escape(_CLOSERS)}*_]*(?=\s)|[。！？]+[{re.escape(_CLOSERS)}]*|\n)\s*")
_WORD_BEFORE = re.compile(r"([\w.]+)\Z")
_SOFT_BREAK = re.compile(r"[,;:、，；]\s*|\s+")


class SentenceSplitter:
    """Cuts streaming text into sentences, each with the white space behind it."""

    def __init__(self) -> None:
        self._text = ""

    def push(self, text: str) -> list[str]:
        """Add a piece of text; returns the sentences that are certain to be complete."""
        self._text += text
        sentences: list[str] = []
        while (cut := self._cut()) is not None:
            sentences.append(self._text[:cut])
            self._text = self._text[cut:]
        return sentences

    def flush(self) -> list[str]:
        """The rest, when no more text will come."""
        rest, self._text = self._text, ""
        return [rest] if rest else []

    def _cut(self) -> int | None:
        for match in _END.finditer(self._text):
            # White space at the very end may grow, and its first letter tells an abbreviation.
            if match.end() == len(self._text):
                break
            if self._ends_sentence(match.start(), match.end()):
                return match.end()
        if len(self._text) <= MAX_SENTENCE:
            return None
        breaks = [m.end() for m in _SOFT_BREAK.finditer(self._text, MAX_SENTENCE // 2, MAX_SENTENCE)]
        return breaks[-1] if breaks else MAX_SENTENCE

    def _ends_sentence(self, start: int, after: int) -> bool:
        before, mark, following = self._text[:start], self._text[start], self._text[after]
        if not before.strip():
            return False
        if mark != "." or self._text[start + 1 : start + 2] == ".":
            return True
        if "\n" in self._text[start:after]:
            return True
        word = _WORD_BEFORE.search(before[-40:])
        if word is None:
            return True
        last = word.group(1).lower()
        if last in _TITLES or (last in _BEFORE_NUMBERS and following.isdigit()):
            return False
        if last in _ENDS_BEFORE_CAPITAL:
            return following.isupper()
        if len(last) == 1 and last.isalpha() and last != "i" and word.group(1).isupper():
            return False  # an initial: "J. Smith"
        if last.isdigit() and not before[: -len(last)].strip():
            return False  # the number of a list: "1. First"
        return not following.islower()
