"""Cuts a long text into pieces for a synthesiser. Pure.

A piece is rendered as a whole into memory, so its length bounds memory and how long one request can
hold the synthesiser.
"""

from __future__ import annotations

import re

MAX_PIECE = 400
"""Characters of a piece: about 25 s of English speech."""

_BREAKS = (
    re.compile(r"[.!?…]+[\"')\]»”’]*\s+|[。！？]+|\n+"),
    re.compile(r"[;:,]\s+|[，、；：]"),
    re.compile(r"\s+"),
)
"""Where to cut, the best first: after a sentence, a clause, a word."""


def pieces_of(text: str, limit: int = MAX_PIECE) -> list[str]:
    """Pieces of at most ``limit`` characters that joined give the text."""
    pieces = []
    while len(text) > limit:
        end = _cut(text, limit)
        pieces.append(text[:end])
        text = text[end:]
    return [*pieces, text] if text else pieces


def _cut(text: str, limit: int) -> int:
    for pattern in _BREAKS:
        ends = [found.end() for found in pattern.finditer(text, 0, limit)]
        if ends:
            return ends[-1]
    return limit
