"""What was typed before, walked with Up and Down; the draft is kept. Pure."""

from __future__ import annotations

KEPT = 200
"""Messages that are remembered."""


class History:
    """A bounded list of messages and a place in it."""

    def __init__(self, kept: int = KEPT) -> None:
        """Start with nothing remembered."""
        self._kept = kept
        self._items: list[str] = []
        self._drafts: dict[int, str] = {}
        self._at = 0

    def add(self, text: str) -> None:
        """Remember a message and go to the end; a repetition of the last one counts once."""
        if text.strip() and (not self._items or self._items[-1] != text):
            self._items.append(text)
            del self._items[: -self._kept]
        self._drafts.clear()
        self._at = len(self._items)

    def older(self, current: str) -> str | None:
        """The message before this one; None at the first. ``current`` is kept as a draft."""
        return self._move(-1, current)

    def newer(self, current: str) -> str | None:
        """The message after this one, at last the draft; None when already there."""
        return self._move(1, current)

    def _move(self, step: int, current: str) -> str | None:
        to = self._at + step
        if not 0 <= to <= len(self._items):
            return None
        self._drafts[self._at] = current
        self._at = to
        return self._drafts.get(to, self._items[to] if to < len(self._items) else "")
