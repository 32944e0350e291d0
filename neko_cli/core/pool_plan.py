"""Which place of a pool a character gets, and when an idle session has waited long enough. Pure.

A pool has as many places as sessions may be open. A place that is handed out or busy is taken; one
that is idle or free can be had. So whoever must wait waits only while every place is taken, and
nobody who comes later can be served before them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from neko_cli.core.events import LinkWord, SessionState, Status


class Use(StrEnum):
    """What a place is used for."""

    FREE = "free"
    OUT = "out"
    """Handed out, or being made for somebody."""
    IDLE = "idle"
    BUSY = "busy"
    """Its session was returned and is being quietened or closed."""


class Place(msgspec.Struct, frozen=True):
    """One place of a pool; times are monotonic seconds."""

    use: Use = Use.FREE
    character: str = ""
    idle_since: float = 0.0
    close_at: float | None = None
    """When an idle session is closed; None leaves it."""


def choose(character: str, places: Sequence[Place]) -> int | None:
    """Index of the place for this character, or None when all are taken.

    Its own idle session comes first (the one that was used last), then a free place, then the place
    of the session that has been idle longest, which is to be closed.
    """
    idle = [(place.idle_since, index) for index, place in enumerate(places) if place.use is Use.IDLE]
    own = [(since, index) for since, index in idle if places[index].character == character]
    if own:
        return max(own)[1]
    free = next((index for index, place in enumerate(places) if place.use is Use.FREE), None)
    if free is not None:
        return free
    return min(idle)[1] if idle else None


def close_time(now: float, minutes: float, otherwise: float) -> float | None:
    """When a session that falls idle now is closed; None never.

    Args:
        now: monotonic seconds.
        minutes: the profile's ``[guard] close_minutes``; 0 says nothing.
        otherwise: seconds that hold where the profile says nothing; 0 never closes.
    """
    seconds = minutes * 60 or otherwise
    return now + seconds if seconds else None


def due(places: Sequence[Place], now: float) -> list[int]:
    """Indices of the idle places whose time has come."""
    return [
        index
        for index, place in enumerate(places)
        if place.use is Use.IDLE and place.close_at is not None and place.close_at <= now
    ]


def next_due(places: Sequence[Place]) -> float | None:
    """When the next idle session is to be closed; None when none is."""
    times = [place.close_at for place in places if place.use is Use.IDLE and place.close_at is not None]
    return min(times, default=None)


def reusable(state: SessionState) -> bool:
    """Whether a session in this state may be handed out again."""
    return state.status is not Status.ERROR and state.link is not LinkWord.CLOSED


def quiet(state: SessionState) -> bool:
    """Whether nothing goes on in a session: no microphone, no open turn."""
    return state.status is Status.IDLE and not state.is_listening and not state.is_speaking
