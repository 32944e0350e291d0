"""Reads what a session tells, and objects to whatever no session may tell."""

from __future__ import annotations

import asyncio
from typing import TypeVar, cast, get_args

from neko_cli.core.events import (
    AnyEvent,
    Connected,
    LinkWord,
    ReplyAudio,
    ReplyText,
    SessionEnded,
    Status,
    StatusChanged,
    TurnEnded,
    TurnStarted,
)
from neko_cli.core.session import Session

E = TypeVar("E")

KINDS = get_args(AnyEvent)


def expect(holds: object, sentence: str) -> None:
    """Raise AssertionError with the sentence, also under ``python -O``, unless it holds."""
    if not holds:
        raise AssertionError(sentence)


class Rules:
    """What holds for the events of any session, one after another. Pure.

    The first is the current state; times never go back; each status says where it comes from and why,
    in the five words; turns begin with growing numbers, one after another, and end once; the
    character speaks within its turn alone; after ``session_ended`` nothing is told.
    """

    def __init__(self) -> None:
        self._at = 0.0
        self._told: tuple[Status, LinkWord] | None = None
        self._newest = 0
        self._open: int | None = None
        self._settled: set[int] = set()
        self._over = False

    def check(self, event: AnyEvent) -> None:
        """Raise AssertionError when this event may not follow the earlier ones."""
        expect(isinstance(event, KINDS), f"it told {type(event).__name__}, which is no event")
        expect(not self._over, f"{event} was told after session_ended")
        expect(event.at >= self._at, f"{event} is told at {event.at}, after something at {self._at}")
        self._at = event.at
        if self._told is None:
            current = isinstance(event, StatusChanged) and event.old is event.new
            expect(current, f"a reader is told the current state first, and not {event}")
        match event:
            case StatusChanged():
                self._check_status(event)
            case TurnStarted(turn=turn):
                expect(turn > self._newest, f"turn {turn} began after turn {self._newest}")
                expect(self._open is None, f"turn {turn} began before turn {self._open} had ended")
                self._newest = self._open = turn
            case TurnEnded(turn=turn):
                expect(turn not in self._settled, f"turn {turn} ended twice")
                # A reader that came in the middle of a turn was not told of its beginning.
                known = turn == self._open or (self._open is None and turn > self._newest)
                expect(known, f"turn {turn} ended, but it is not the one that goes on")
                self._settled.add(turn)
                self._newest, self._open = turn, None
            case ReplyText(turn=turn) | ReplyAudio(turn=turn):
                expect(turn not in self._settled, f"the character went on with turn {turn} after its end")
                expect(turn >= self._newest, f"the character speaks in turn {turn}, which is long over")
            case SessionEnded(reason=reason):
                expect(reason, "session_ended gives no reason")
                self._over = True

    def _check_status(self, event: StatusChanged) -> None:
        for status in (event.old, event.new):
            expect(isinstance(status, Status), f"{status!r} is none of the five statuses")
        expect(isinstance(event.link, LinkWord), f"{event.link!r} is no link word")
        expect(event.reason, f"{event} gives no reason")
        if self._told is not None:
            expect(event.old is self._told[0], f"{event} does not follow from {self._told[0]}")
            expect((event.new, event.link) != self._told, f"{event} tells no change")
        self._told = (event.new, event.link)


class Witness:
    """A subscription whose events are checked as they are read; ``seen`` keeps them."""

    def __init__(self, session: Session, patience: float) -> None:
        """Subscribe; an event is waited for ``patience`` seconds at most."""
        self.seen: list[AnyEvent] = []
        self._reader = session.events()
        self._patience = patience
        self._rules = Rules()

    async def next(self) -> AnyEvent | None:
        """The next event; None when the subscription has ended."""
        try:
            async with asyncio.timeout(self._patience):
                event = await anext(self._reader)
        except StopAsyncIteration:
            return None
        self._rules.check(event)
        self.seen.append(event)
        return event

    async def until(self, kind: type[E], **fields: object) -> E:
        """The next event of this kind with these fields; AssertionError when none comes."""
        wanted = f"{kind.__name__} {fields or ''}".strip()
        try:
            while (event := await self.next()) is not None:
                if isinstance(event, kind) and all(getattr(event, k) == v for k, v in fields.items()):
                    return event
        except TimeoutError:
            raise AssertionError(f"{wanted} was not told; told was {self.names()}") from None
        raise AssertionError(f"the events ended without {wanted}; told was {self.names()}")

    async def rest(self) -> None:
        """Read to the end; AssertionError when there is none."""
        try:
            while await self.next() is not None:
                pass
        except TimeoutError:
            raise AssertionError(f"the events do not end; told was {self.names()}") from None

    async def leave(self) -> None:
        """Stop reading."""
        await self._reader.aclose()

    def told(self, kind: type[E]) -> list[E]:
        """All events of a kind that were read so far."""
        return [cast(E, event) for event in self.seen if isinstance(event, kind)]

    def names(self) -> str:
        """The kinds of all events so far, for messages."""
        return ", ".join(type(event).__name__ for event in self.seen) or "nothing"

    def after_greeting(self) -> list[AnyEvent]:
        """What was told after the current state (a ``StatusChanged``, then ``Connected`` when up)."""
        told = self.seen[1:]
        return told[1:] if told and isinstance(told[0], Connected) else told
