"""Decisions about translations: whether a text needs one, how it is cut, and whether an answer is one.

Pure. Who is asked, and when no more, is ``translate_order``; asking is ``core/translating``.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from neko_cli.core.companions.detect import chinese_script, detect, letters, readable
from neko_cli.core.companions.detect_words import CYRILLIC, LATIN
from neko_cli.core.companions.kept_words import (
    came_through,
    cut_through,
    placeholders,
    without_placeholders,
)
from neko_cli.core.companions.languages import base, normalise
from neko_cli.core.sentences import SentenceSplitter

MAX_TEXT = 6000
"""Characters of the longest text that is translated: nobody reads on while it takes minutes."""

WORTH_IT = 2
"""Letters that a text needs; fewer are a sign or an initial."""

CERTAIN = 24
"""Letters from which on the language of an answer is believed where many share the script; names and
loans fool shorter ones."""

PLAIN = 4
"""Letters that are enough where the script tells the language."""

LONGER = 4.0
"""How much longer than the text an answer may be. Sentences grow by a half between languages."""

SLACK = 40
"""Characters that short texts may differ by: "Hi" can become a whole greeting."""

DENSE = 2.5
"""Letters that a character of Chinese, Japanese or Korean stands for."""

_DENSE = re.compile("[\u3041-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]")
_SENTENCE_END = re.compile(r"\s+|(?<=[、，；。！？])")


class Need(msgspec.Struct, frozen=True):
    """A text must be translated; ``sure`` tells that its language was seen and not only expected."""

    source: str
    target: str
    sure: bool


class Verdict(StrEnum):
    """What an answer is worth."""

    GOOD = "good"
    EMPTY = "empty"
    SAME = "same"
    LOST = "lost"
    """A placeholder is missing, or one came that we did not send."""
    LENGTH = "length"
    LANGUAGE = "language"


def needed(masked: str, *, spoken: str, wanted: str) -> Need | None:
    """Whether a masked text must be translated, and between which languages.

    Args:
        masked: the text, its names and addresses behind placeholders.
        spoken: the language that it is expected to be in, in any form; may be empty.
        wanted: the language of the user, in any form; empty wants no translation.
    """
    target, expected = normalise(wanted), normalise(spoken)
    words = readable(without_placeholders(masked))
    if not target or len(masked) > MAX_TEXT or letters(words) < WORTH_IT:
        return None
    source = detect(words, hint=expected)
    # Where it is not the expected language, the user's own is as good a guess as another close one.
    if source not in (expected, target) and detect(words, hint=target) == target:
        return None
    if not source:
        if not expected or expected == target:
            return None
        return Need(expected, target, sure=False)
    if base(source) == base(target) == "zh":
        other = "Hans" if target == "zh-Hant" else "Hant"
        if chinese_script(words) != other:
            return None
        return Need("zh" if other == "Hans" else "zh-Hant", target, sure=True)
    return None if source == target else Need(source, target, sure=True)


def judge(text: str, answer: str, need: Need) -> Verdict:
    """Whether an answer can be the translation of a (masked) text."""
    said = answer.strip()
    if not said:
        return Verdict.EMPTY
    wanted = placeholders(text)
    if not wanted <= came_through(said) or placeholders(said) - came_through(text):
        return Verdict.LOST
    if said.casefold() == text.strip().casefold():
        return Verdict.SAME
    long, short = _weight(said), _weight(text)
    if long > LONGER * short + SLACK or short > LONGER * long + SLACK:
        return Verdict.LENGTH
    words = readable(without_placeholders(said))
    found = detect(words, hint=need.target)
    if letters(words) < (CERTAIN if found in LATIN or found in CYRILLIC else PLAIN):
        return Verdict.GOOD
    if base(found) == base(need.target) == "zh":
        other = "Hans" if need.target == "zh-Hant" else "Hant"
        return Verdict.LANGUAGE if chinese_script(words) == other else Verdict.GOOD
    return Verdict.LANGUAGE if found and found != need.target else Verdict.GOOD


def pieces(text: str, limit: int) -> list[str]:
    """The text in pieces of at most ``limit`` characters, cut at the ends of sentences; joined, the text.

    A sentence that is longer than the limit is cut at a blank or a comma, else anywhere, but never
    through a placeholder, which must fit.
    """
    splitter = SentenceSplitter()
    found: list[str] = []
    start = end = at = 0
    for sentence in splitter.push(text) + splitter.flush():
        at += len(sentence)
        sentence_end = cut_through(text, at)
        if sentence_end - start > limit and end > start:
            found.append(text[start:end])
            start = end
        while sentence_end - start > limit:
            cut = start + _cut(text[start:sentence_end], limit)
            found.append(text[start:cut])
            start = cut
        end = max(start, sentence_end)
    return [*found, text[start:]] if start < len(text) else found


def _cut(text: str, limit: int) -> int:
    ends = [match.end() for match in _SENTENCE_END.finditer(text, limit // 2, limit)]
    # A placeholder at the very beginning that does not fit goes through whole or not at all.
    return cut_through(text, ends[-1] if ends else limit) or limit


def _weight(text: str) -> float:
    dense = len(_DENSE.findall(text))
    return len(text) + (DENSE - 1) * dense
