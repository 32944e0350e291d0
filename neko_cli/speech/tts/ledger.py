"""Which speeches are alive, and what of them must be said again when a worker is replaced. Pure.

Nothing is said twice: a piece that was begun when its worker died is left out. Nothing is lost that was
not begun: those pieces go to the next worker.
"""

from __future__ import annotations

from collections import deque

import msgspec

from neko_cli.speech.speaker_text import SpeakerText
from neko_cli.speech.tts.places import Places

MAX_SPEECHES = 32
"""Speeches at the same time; a conversation has one, or two for a moment."""

MAX_FORGOTTEN = 256
MAX_TRIES = 3
"""Workers that may fail with a text before they have made a sound of it; then the text is left out."""


class Again(msgspec.Struct, frozen=True):
    """A speech that the next worker goes on with; with no piece when it only waits for text."""

    speech: str
    pieces: tuple[str, ...]
    finished: bool


class _Speech:
    def __init__(self) -> None:
        self.text = SpeakerText()
        self.places = Places()
        self.pieces: deque[str] = deque()
        """Sent to the worker, and not known to be complete."""
        self.handed = 0
        """How many of them the engine has got."""
        self.begun = False
        """Whether sound has come since the last piece that is known to be complete."""
        self.tries = 0
        """Workers that failed with these pieces and without a sound."""
        self.finished = False
        self.sent_any = False
        """Whether the present worker knows of it."""
        self.whole = True


class Ledger:
    """The books of a voice; used by one thread."""

    def __init__(self) -> None:
        self._live: dict[str, _Speech] = {}
        self._forgotten: deque[str] = deque(maxlen=MAX_FORGOTTEN)

    @property
    def speeches(self) -> tuple[str, ...]:
        """Those that are alive, the oldest first."""
        return tuple(self._live)

    def say(self, speech: str, delta: str) -> list[str]:
        """Add text; returns the pieces that go to the worker now. Nothing for a speech that is over."""
        book = self._book(speech)
        if book is None or book.finished:
            return []
        book.places.text(delta)
        return self._sent(book, book.text.push(delta))

    def finish(self, speech: str) -> tuple[list[str], bool]:
        """No more text: the last pieces, and whether the worker has to be told of the end at all."""
        book = self._book(speech)
        if book is None or book.finished:
            return [], False
        book.finished = True
        pieces = self._sent(book, book.text.flush())
        return pieces, book.sent_any

    def refused(self, speech: str) -> None:
        """The worker had no room for the newest piece."""
        if (book := self._live.get(speech)) is not None and book.pieces:
            book.pieces.pop()
            book.places.drop()
            book.whole = False

    def sound(self, speech: str) -> bool:
        """Sound has come; whether it may be played."""
        book = self._live.get(speech)
        if book is not None:
            book.begun, book.tries = True, 0
        return book is not None

    def handed(self, speech: str, pieces: int) -> None:
        """So many further pieces went to the engine."""
        if (book := self._live.get(speech)) is not None:
            book.handed += pieces

    def spoken(self, speech: str, pieces: int) -> int | None:
        """So many further pieces are complete; returns how many characters of the text end there."""
        book = self._live.get(speech)
        if book is None:
            return None
        for _ in range(min(pieces, len(book.pieces))):
            book.pieces.popleft()
            book.places.next()
        book.handed = max(0, book.handed - pieces)
        book.begun = False
        return book.places.reached

    def done(self, speech: str) -> bool | None:
        """A speech is over: whether it was whole; None when nobody waits for it."""
        book = self._live.pop(speech, None)
        if book is None:
            return None
        self._forgotten.append(speech)
        return book.whole

    def interrupt(self) -> None:
        """All speeches are over."""
        self._forgotten.extend(self._live)
        self._live.clear()

    def again(self) -> list[Again]:
        """What the next worker gets: all that the last one had not begun to speak."""
        found = []
        for speech, book in self._live.items():
            if book.handed and not book.begun:
                book.tries += 1
            if book.begun or book.tries >= MAX_TRIES:
                book.tries = 0
                for _ in range(min(book.handed, len(book.pieces))):
                    book.pieces.popleft()
                    book.places.next()
                book.whole = False
            book.begun, book.handed, book.sent_any = False, 0, bool(book.pieces)
            found.append(Again(speech, tuple(book.pieces), book.finished))
        return found

    def _sent(self, book: _Speech, pieces: list[str]) -> list[str]:
        book.pieces.extend(pieces)
        book.places.add(pieces)
        book.sent_any = book.sent_any or bool(pieces)
        return pieces

    def _book(self, speech: str) -> _Speech | None:
        if speech not in self._live:
            if speech in self._forgotten or len(self._live) >= MAX_SPEECHES:
                return None
            self._live[speech] = _Speech()
        return self._live[speech]
