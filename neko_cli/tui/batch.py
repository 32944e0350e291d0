"""Events that wait to be shown: merged, so that a fast reply costs few redraws. Pure."""

from __future__ import annotations

import msgspec

from neko_cli.core.events import AnyEvent, Levels, ReplyAudio, ReplyText, Usage

FULL = 256
"""Waiting events above which the reader waits for the screen."""

WORDS_INTERVAL = 1 / 12
"""Seconds between two redraws: nobody reads faster, and each costs some milliseconds."""

LEVELS_INTERVAL = 1 / 6
"""The same while meters move, which cost more than all the words of a reply: words come with them then, and
are spoken more slowly than that."""

UNSHOWN = (ReplyAudio, Usage)
"""Sound and counters are nothing to show."""


class Batch:
    """Keeps every event in order, except that deltas merge and only the last meter reading stays."""

    def __init__(self) -> None:
        """Start empty."""
        self._events: list[AnyEvent] = []
        self._levels: Levels | None = None

    def add(self, event: AnyEvent) -> None:
        """Add what has just come; what is not shown is left out."""
        if isinstance(event, UNSHOWN):
            return
        match event:
            case Levels():
                self._levels = event
            case ReplyText():
                last = self._events[-1] if self._events else None
                if isinstance(last, ReplyText) and last.turn == event.turn:
                    merged = msgspec.structs.replace(last, delta=last.delta + event.delta)
                    self._events[-1] = merged
                else:
                    self._events.append(event)
            case _:
                self._events.append(event)

    @property
    def full(self) -> bool:
        """Whether it should be shown before more is read."""
        return len(self._events) >= FULL

    @property
    def pending(self) -> bool:
        """Whether anything waits."""
        return bool(self._events) or self._levels is not None

    @property
    def interval(self) -> float:
        """Seconds to leave after the last redraw before this one is shown."""
        return LEVELS_INTERVAL if self._levels is not None else WORDS_INTERVAL

    def take(self) -> list[AnyEvent]:
        """All that waits, in order, the meters last; the batch is empty after it."""
        events: list[AnyEvent] = [*self._events, *([self._levels] if self._levels else [])]
        self._events = []
        self._levels = None
        return events
