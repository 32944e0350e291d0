"""What was said, bounded: the character's short-term memory."""

from __future__ import annotations

from collections import deque

import msgspec

SHORT_TERM_MESSAGES = 50
"""Messages kept; the oldest goes beyond that."""


class Remembered(msgspec.Struct, frozen=True):
    """One message; ``role`` is user or assistant, ``text`` what was typed, said or really heard."""

    role: str
    text: str
    turn: int


class Memory:
    """Short-term messages in order."""

    def __init__(self, limit: int = SHORT_TERM_MESSAGES) -> None:
        self._messages: deque[Remembered] = deque(maxlen=limit)

    def add(self, role: str, text: str, turn: int) -> None:
        """Remember a message; empty ones are not worth it."""
        if text.strip():
            self._messages.append(Remembered(role, text, turn))

    def recent(self, limit: int = 10) -> list[Remembered]:
        """The newest messages, oldest first."""
        return list(self._messages)[-limit:] if limit > 0 else []

    def search(self, words: str) -> list[Remembered]:
        """Messages that hold all the words, whatever their case."""
        wanted = words.casefold().split()
        return [m for m in self._messages if all(word in m.text.casefold() for word in wanted)]

    def clear(self) -> None:
        """Forget everything."""
        self._messages.clear()

    def __len__(self) -> int:
        """Messages held."""
        return len(self._messages)
