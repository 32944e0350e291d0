"""Broadcast of a session's events to any number of readers, none of which can stall the session.

Each reader has a queue of its own. Replaceable events (meter readings, a text that grows) collapse,
pieces of a reply merge, everything else is kept. A reader that falls ``LIMIT`` events (or
``SOUND_LIMIT`` bytes of sound) behind is cut off: its stream ends with a ``Failure`` that says so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

import msgspec

from neko_cli.core.errors import Category
from neko_cli.core.events import (
    AnyEvent,
    Failure,
    Levels,
    ReplyAudio,
    ReplyText,
    SessionEnded,
    UserText,
)

LIMIT = 4096
"""Events a reader may fall behind."""

SOUND_LIMIT = 64 * 1024 * 1024
"""Bytes of sound a reader may fall behind: over 20 minutes at 24 kHz."""

MERGE_BYTES = 48_000
"""Pieces of sound are merged up to a second at 24 kHz; longer copies would cost more than they save."""


def merged(last: AnyEvent, new: AnyEvent) -> AnyEvent | None:
    """One event that says what both say, or None when both are needed. Pure."""
    match last, new:
        case Levels(), Levels():
            return new
        case UserText(final=False), UserText() if last.turn == new.turn:
            return new
        case ReplyText(), ReplyText() if last.turn == new.turn:
            return msgspec.structs.replace(last, delta=last.delta + new.delta)
        case ReplyAudio(), ReplyAudio() if last.turn == new.turn and last.rate == new.rate:
            if len(last.pcm) + len(new.pcm) > MERGE_BYTES:
                return None
            return msgspec.structs.replace(last, ms=last.ms + new.ms, pcm=last.pcm + new.pcm)
    return None


class Reader:
    """One reader's queue; an async iterator that ends after ``SessionEnded`` or when closed."""

    def __init__(self, owner: Broadcast, *, samples: bool, levels: bool) -> None:
        self._owner = owner
        self._samples = samples
        self._levels = levels
        self._queue: deque[AnyEvent] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._over = False

    def put(self, event: AnyEvent) -> None:
        """Queue an event; never blocks."""
        if self._over or (isinstance(event, Levels) and not self._levels):
            return
        if isinstance(event, ReplyAudio) and event.pcm:
            if not self._samples:
                event = msgspec.structs.replace(event, pcm=b"")
            self._bytes += len(event.pcm)
        joined = merged(self._queue[-1], event) if self._queue else None
        if joined is not None:
            self._queue[-1] = joined
        elif len(self._queue) >= LIMIT or self._bytes > SOUND_LIMIT:
            self._cut_off(event.at)
        else:
            self._queue.append(event)
        if isinstance(event, SessionEnded):
            self._over = True
        self._wake.set()

    def _cut_off(self, at: float) -> None:
        self._queue.clear()
        self._bytes = 0
        self._queue.append(
            Failure(
                at=at,
                category=Category.UNEXPECTED,
                code="reader_too_slow",
                message="This reader fell too far behind the conversation.",
                fatal=True,
            )
        )
        self._over = True

    def __aiter__(self) -> Reader:
        """The reader itself."""
        return self

    async def __anext__(self) -> AnyEvent:
        """The next event; waits for it."""
        while not self._queue:
            if self._over:
                self._owner.forget(self)
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        event = self._queue.popleft()
        if isinstance(event, ReplyAudio):
            self._bytes -= len(event.pcm)
        return event

    async def aclose(self) -> None:
        """Stop reading; idempotent."""
        self._over = True
        self._queue.clear()
        self._wake.set()
        self._owner.forget(self)


class Broadcast:
    """All readers of one session."""

    def __init__(self) -> None:
        self._readers: set[Reader] = set()

    @property
    def wants_levels(self) -> bool:
        """Whether anybody reads the meters."""
        return any(reader._levels for reader in self._readers)

    def subscribe(
        self, current: Iterable[AnyEvent], *, samples: bool = False, levels: bool = False
    ) -> Reader:
        """A new reader, which is told the current state first."""
        reader = Reader(self, samples=samples, levels=levels)
        for event in current:
            reader.put(event)
        self._readers.add(reader)
        return reader

    def publish(self, event: AnyEvent) -> None:
        """Tell every reader."""
        for reader in tuple(self._readers):
            reader.put(event)

    def forget(self, reader: Reader) -> None:
        """A reader has gone."""
        self._readers.discard(reader)
