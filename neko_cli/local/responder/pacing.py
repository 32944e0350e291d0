"""Cuts a reply into pieces for streaming, and to a number of tokens."""

from __future__ import annotations

from collections.abc import Iterator

CHARS_PER_TOKEN = 4
"""The usual rough figure for English text."""

PIECE_CHARS = 18
"""A piece ends at the first blank after so many characters."""

PIECE_CHARS_UNSPACED = 8
"""A piece of text that has no blanks."""


def limited(text: str, max_tokens: int) -> str:
    """The text within a token limit (0 is none), cut at a blank where there is one."""
    room = max_tokens * CHARS_PER_TOKEN
    if max_tokens <= 0 or len(text) <= room:
        return text
    cut = text[:room]
    if text[room] != " " and " " in cut:
        cut = cut.rsplit(" ", 1)[0]
    return cut.rstrip() or text[:room]


def pieces(text: str) -> Iterator[str]:
    """Small groups of words; joined they give the text exactly."""
    start = at = 0
    while at < len(text):
        at += 1
        long = at - start
        spaced = long >= PIECE_CHARS and text[at - 1] == " "
        unspaced = long >= PIECE_CHARS_UNSPACED and ord(text[at - 1]) > 0x2E80
        if spaced or unspaced or long >= 4 * PIECE_CHARS:
            yield text[start:at]
            start = at
    if start < len(text):
        yield text[start:]
