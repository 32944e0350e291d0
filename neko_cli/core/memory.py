"""What was said, bounded: the character's short-term memory, and the summary of what went before.

Messages stand in the order of the conversation, also when a transcript comes late. What a fresh link
was told about the conversation (see ``context``) never gets in here.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterable

import msgspec

from neko_cli.core.marks import RECOLLECTION, without
from neko_cli.core.ports import Past

SHORT_TERM_MESSAGES = 50
"""Messages kept; the oldest goes beyond that."""

WAITING_MESSAGES = 400
"""Messages that may wait for a summary; the oldest is dropped beyond that, and counted."""

FALLBACK_TURNS = 4
"""Turns that must do where no summary is to be had (figure of the design)."""

USER = "user"
ASSISTANT = "assistant"
_RANKS = {USER: 0, ASSISTANT: 1}


class Remembered(msgspec.Struct, frozen=True):
    """One message; ``role`` is user or assistant, ``text`` what was typed, said or really heard."""

    role: str
    text: str
    turn: int


class _Entry(msgspec.Struct):
    """A message with the number of its arrival."""

    serial: int
    order: float
    message: Remembered
    covered: bool = False
    """Whether the summary tells it."""

    @property
    def place(self) -> tuple[int, int, float, int]:
        """Where it stands: by turn, the user before the assistant, then as they were said."""
        return self.message.turn, _RANKS[self.message.role], self.order, self.serial


def _place(entry: _Entry) -> tuple[int, int, float, int]:
    return entry.place


class Memory:
    """Short-term messages in order, a summary of the older ones, and those that wait for it."""

    def __init__(self, limit: int = SHORT_TERM_MESSAGES) -> None:
        """Keep ``limit`` messages word by word."""
        self.limit = max(1, limit)
        self._entries: list[_Entry] = []
        self._waiting: list[_Entry] = []
        self._newest: deque[_Entry] = deque(maxlen=self.limit + WAITING_MESSAGES)
        self._taken: frozenset[int] = frozenset()
        self._serial = 0
        self.summary = ""
        """What was said before the messages; empty when there is none yet."""
        self.summary_upto = 0
        """The last turn that the summary tells."""
        self.dropped = 0
        """Messages that were dropped unsummarised, because too many waited."""

    @property
    def serial(self) -> int:
        """Grows with each message; see :meth:`since`."""
        return self._serial

    @property
    def waiting(self) -> list[Remembered]:
        """Messages beyond the short-term limit that no summary tells yet, oldest first."""
        return _messages(self._waiting)

    def add(self, role: str, text: str, turn: int, *, order: float | None = None) -> None:
        """Remember a message where its turn belongs; empty ones are not worth it.

        ``order`` is :attr:`serial` at the time when it was said, for words that come later than that.

        A recollection block that the character says by itself is not taken in, since it would be told
        to later links as something new.

        Raises:
            ValueError: the role is neither user nor assistant.
        """
        if role not in _RANKS:
            raise ValueError("only the user and the assistant are remembered")
        if role == ASSISTANT:
            text = without(RECOLLECTION, text)
        if not text.strip():
            return
        self._serial += 1
        entry = _Entry(self._serial, self._serial if order is None else order, Remembered(role, text, turn))
        insort(self._entries, entry, key=_place)
        self._newest.append(entry)
        while len(self._entries) > self.limit:
            self._make_wait(self._entries.pop(0))

    def recent(self, limit: int = 10) -> list[Remembered]:
        """The newest messages, oldest first."""
        return _messages(self._entries[-limit:]) if limit > 0 else []

    def since(self, serial: int) -> list[Remembered]:
        """Messages that came after a value of :attr:`serial`, in the order of the conversation.

        These are what a link that was seeded then has not been told, late transcripts of earlier turns
        included. Reaches back over as many messages as memory can hold at all.
        """
        return _messages(sorted((entry for entry in self._newest if entry.serial > serial), key=_place))

    def fallback(self, turns: int = FALLBACK_TURNS) -> list[Remembered]:
        """The messages of the last turns, for a link that cannot wait for a summary."""
        return _messages(_last_turns(self._entries, turns))

    def unsummarised(self, turns: int = FALLBACK_TURNS) -> list[Remembered]:
        """What to tell beside the summary: all that it leaves out, and the last turns in any case."""
        last = {entry.serial for entry in _last_turns(self._entries, turns)}
        return _messages(
            [
                *self._waiting,
                *(entry for entry in self._entries if not entry.covered or entry.serial in last),
            ]
        )

    def search(self, words: str) -> list[Remembered]:
        """Messages that hold all the words, whatever their case; those that wait are among them."""
        wanted = words.casefold().split()
        return [
            message
            for message in _messages(self._waiting + self._entries)
            if all(word in message.text.casefold() for word in wanted)
        ]

    def take_for_summary(self, keep_turns: int | None = None) -> list[Remembered]:
        """What the next summary must tell besides the present one, oldest first.

        They stay here until :meth:`summarised` says that it was done, so a summary that fails loses
        nothing.

        Args:
            keep_turns: also take what is still short-term, except the last so many turns (before a
                link is replaced because its context is too large; 0 at the end of a call). By
                default only those that wait.
        """
        taken = list(self._waiting)
        if keep_turns is not None:
            kept = {entry.serial for entry in _last_turns(self._entries, keep_turns)}
            taken += [entry for entry in self._entries if not entry.covered and entry.serial not in kept]
        self._taken = frozenset(entry.serial for entry in taken)
        return _messages(taken)

    def summarised(self, text: str, upto_turn: int) -> None:
        """The new summary, which tells what was taken last, up to a turn. An empty one is none."""
        if not text.strip():
            return
        self.summary = text
        self.summary_upto = max(self.summary_upto, upto_turn)
        done = {
            entry.serial
            for entry in self._waiting + self._entries
            if entry.serial in self._taken and entry.message.turn <= upto_turn
        }
        self._taken -= done
        self._waiting = [entry for entry in self._waiting if entry.serial not in done]
        for entry in self._entries:
            if entry.serial in done:
                entry.covered = True

    def restore(self, past: Past) -> None:
        """Take over what is known of an earlier run, in place of everything held here."""
        self.clear()
        self.summary = past.summary
        for message in past.messages:
            # A role that is none comes from a damaged file.
            if message.role in _RANKS:
                self.add(message.role, message.text, message.turn)
        if past.summary:
            first = past.messages[0].turn if past.messages else past.last_turn + 1
            self.summary_upto = max(0, first - 1)

    def clear(self) -> None:
        """Forget everything; serial numbers go on."""
        self._entries.clear()
        self._waiting.clear()
        self._newest.clear()
        self._taken = frozenset()
        self.summary = ""
        self.summary_upto = 0
        self.dropped = 0

    def __len__(self) -> int:
        """Messages held word by word."""
        return len(self._entries)

    def _make_wait(self, entry: _Entry) -> None:
        if entry.covered:
            return
        insort(self._waiting, entry, key=_place)
        if len(self._waiting) > WAITING_MESSAGES:
            del self._waiting[0]
            self.dropped += 1


def _messages(entries: Iterable[_Entry]) -> list[Remembered]:
    return [entry.message for entry in entries]


def _last_turns(entries: list[_Entry], turns: int) -> list[_Entry]:
    if turns <= 0:
        return []
    last = set(sorted({entry.message.turn for entry in entries})[-turns:])
    return [entry for entry in entries if entry.message.turn in last]
