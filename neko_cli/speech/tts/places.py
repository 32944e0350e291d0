"""Where in a written text the pieces that are read aloud end. Pure.

A piece holds letters and digits of the text in their order, and may leave some out (code, addresses), so
its end is the earliest place by which all of its own have come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence


class Places:
    """The text of one speech, and the ends of the pieces that were not spoken yet."""

    def __init__(self) -> None:
        self._text = ""  # what comes after the last end
        self._at = 0
        self._ends: deque[int] = deque()
        self.reached = 0
        """Characters of the text up to the end of the last piece that was spoken."""

    def text(self, delta: str) -> None:
        """More text; it comes before the pieces that are made of it."""
        self._text += delta

    def add(self, pieces: Sequence[str]) -> None:
        """Further pieces, in the order of the text."""
        for piece in pieces:
            self._ends.append(self._end_of(piece))

    def next(self) -> None:
        """The first of the pieces is over."""
        if self._ends:
            self.reached = self._ends.popleft()

    def drop(self) -> None:
        """The newest piece will not be spoken."""
        if self._ends:
            self._ends.pop()

    def _end_of(self, piece: str) -> int:
        found = 0
        for char in filter(str.isalnum, piece):
            place = self._text.find(char, found)
            if place < 0:
                break  # a letter that the text writes otherwise: what was found is near enough
            found = place + 1
        while found < len(self._text) and not (self._text[found].isalnum() or self._text[found].isspace()):
            found += 1  # the mark that ends it
        self._text = self._text[found:]
        self._at += found
        return self._at
