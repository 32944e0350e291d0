"""Words and signs that tell a feeling, by language; a mark behind a word says how strongly.

``word+`` is strong, ``word-`` weak; phrases join their words by ``_``. Labels besides the five that
every profile has take part only where the profile names them.
"""

from __future__ import annotations

import msgspec

Words = dict[str, str]
"""Label to words, parted by blanks."""

STRENGTHS = {"+": 1.6, "-": 0.6}
"""How much a marked word counts; others count 1."""


class Lexicon(msgspec.Struct, frozen=True):
    """One language's words, and those that turn, raise or lower what stands near them."""

    words: Words
    negations: frozenset[str]
    intensifiers: frozenset[str]
    dampeners: frozenset[str]
    turns: tuple[str, ...]
    """Words like "but": what follows them counts more than what stands before."""


def entries(words: str) -> list[tuple[str, float]]:
    """The words of one label with their strengths."""
    found = []
    for entry in words.split():
        strength = STRENGTHS.get(entry[-1], 1.0) if len(entry) > 1 else 1.0
        plain = entry[:-1] if strength != 1.0 else entry
        found.append((plain.replace("_", " "), strength))
    return found
