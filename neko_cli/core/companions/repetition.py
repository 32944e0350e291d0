"""Notices when the character says nearly the same thing again and again. Pure."""

from __future__ import annotations

import unicodedata
from collections import deque

SIMILAR = 0.8
"""Part of the pieces of two texts that both have (Jaccard) from which they are alike; the seeds' figure."""

PIECE = 3
"""Characters of a piece; the seeds' figure. It needs no words, so it holds for Chinese and Japanese too."""

SHORTEST = 8
"""Weight below which a reply says too little to repeat itself: “yes” may be right three times."""

COMPARED_CHARS = 4000
"""How much of a long reply is looked at."""

INSTRUCTIONS = (
    "Your last replies were nearly the same. Do not say it once more: take up what the user said last in "
    "another way, ask something new, or change the subject."
)
"""For the reply that is asked for next, or as a message from the program."""


def normal(text: str) -> str:
    """The letters and digits of a text in one form; signs, blanks and case do not matter."""
    folded = unicodedata.normalize("NFKC", text[:COMPARED_CHARS]).casefold()
    # A second time, because folding can leave marks that belong to the letter before.
    return "".join(char for char in unicodedata.normalize("NFKC", folded) if char.isalnum())


def weight(text: str) -> int:
    """How much a normalised text says: a sign of Chinese, Japanese or Korean says more than a letter."""
    return sum(3 if _is_dense(char) else 1 for char in text)


def similarity(one: str, other: str) -> float:
    """How alike two normalised texts are, 0 … 1."""
    first, second = _pieces(one), _pieces(other)
    if not first or not second:
        return 1.0 if one == other else 0.0
    return len(first & second) / len(first | second)


class Repetition:
    """Watches the replies of one conversation."""

    def __init__(self, limit: int) -> None:
        """``limit``: how many similar replies in a row are too many; below 2 none are."""
        self._limit = limit
        self._last: deque[str] = deque(maxlen=max(1, limit - 1))

    def replied(self, text: str) -> bool:
        """One more whole reply; True when it is one too many. Counting then begins anew."""
        if self._limit < 2:
            return False
        said = normal(text)
        if weight(said) < SHORTEST:
            return False
        alike = [similarity(said, earlier) >= SIMILAR for earlier in self._last]
        if len(alike) == self._limit - 1 and all(alike):
            self._last.clear()
            return True
        self._last.append(said)
        return False


def _pieces(text: str) -> set[str]:
    if 0 < len(text) < PIECE:
        return {text}
    return {text[start : start + PIECE] for start in range(len(text) - PIECE + 1)}


def _is_dense(char: str) -> bool:
    point = ord(char)
    return (
        0x3040 <= point <= 0x30FF  # kana
        or 0x3400 <= point <= 0x9FFF  # Chinese characters
        or 0xAC00 <= point <= 0xD7A3  # Hangul syllables
        or 0x20000 <= point <= 0x3FFFF
    )
