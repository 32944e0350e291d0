"""What a forgotten session may cost: minutes of connection, and links parked while idle. Pure."""

from __future__ import annotations

import time
from enum import StrEnum

import msgspec

from neko_cli.core.capabilities import Capabilities
from neko_cli.core.profile import GuardTable

WARN_SHARE = 0.8
"""The part of a limit after which it is told that it will be reached."""

WARN_LEFT = 60.0
"""Seconds before a limit when it is told once more."""

IDLE_MARGIN = 30.0
"""Seconds by which parking is ahead of a provider that closes idle links: it counts from when a reply
was made, and we from when it was heard."""

_NEARLY = 1e-3
"""Seconds by which sums of floats may be off."""


class Standing(StrEnum):
    """How it stands with the limits."""

    FINE = "fine"
    WARN = "warn"
    STOP = "stop"


class Scope(StrEnum):
    """What a limit is for."""

    SESSION = "session"
    DAY = "day"


class Verdict(msgspec.Struct, frozen=True):
    """What to do now; ``left`` is in seconds, ``text`` a sentence for the user, empty when fine."""

    standing: Standing
    scope: Scope | None = None
    left: float = 0.0
    text: str = ""


FINE = Verdict(Standing.FINE)


class Budget:
    """The connection time of one session, against the profile's limits for a session and a day."""

    def __init__(self, guard: GuardTable, used_today_s: float = 0.0) -> None:
        """``used_today_s``: seconds that all sessions of the profile used today before this one."""
        self._limits = {
            scope: minutes * 60.0
            for scope, minutes in ((Scope.SESSION, guard.max_minutes), (Scope.DAY, guard.max_minutes_day))
            if minutes > 0
        }
        self._others_today = max(0.0, used_today_s)
        self._before_today = 0.0
        self._day: tuple[int, int] | None = None
        self._told: dict[Scope, set[float]] = {scope: set() for scope in Scope}

    def look(self, now: float, connected_s: float) -> Verdict:
        """What to do at this moment. Each warning is given once; a stop as long as it holds.

        Args:
            now: Unix time in seconds; on another local day the day's time counts afresh.
            connected_s: seconds of connection that this session has used since it began.
        """
        self._note_day(now, connected_s)
        left = {scope: limit - self._used(scope, connected_s) for scope, limit in self._limits.items()}
        for scope in sorted(left, key=lambda scope: left[scope]):
            if left[scope] <= _NEARLY:
                return Verdict(Standing.STOP, scope, 0.0, _stop_text(scope, self._limits[scope]))
            due = {mark for mark in self._marks(scope) if left[scope] <= mark + _NEARLY}
            if due - self._told[scope]:
                self._told[scope] |= due
                return Verdict(
                    Standing.WARN, scope, left[scope], _warn_text(scope, self._limits[scope], left[scope])
                )
        return FINE

    def used_elsewhere(self, used_today_s: float) -> None:
        """What all other sessions of the profile have used today by now."""
        self._others_today = max(0.0, used_today_s)

    def _note_day(self, now: float, connected_s: float) -> None:
        local = time.localtime(now)
        day = (local.tm_year, local.tm_yday)
        if self._day is not None and day != self._day:
            self._others_today = 0.0
            self._before_today = connected_s
            self._told[Scope.DAY].clear()
        self._day = day

    def _used(self, scope: Scope, connected_s: float) -> float:
        if scope is Scope.SESSION:
            return connected_s
        return self._others_today + max(0.0, connected_s - self._before_today)

    def _marks(self, scope: Scope) -> tuple[float, ...]:
        """The seconds left at which a warning is due, the first one first."""
        limit = self._limits[scope]
        marks = {limit * (1.0 - WARN_SHARE)} | ({WARN_LEFT} if limit > WARN_LEFT else set())
        return tuple(sorted(marks, reverse=True))


def park_due(idle_s: float, capabilities: Capabilities, guard: GuardTable) -> bool:
    """Whether an idle link is to be closed until somebody speaks or types.

    Never where idling costs nothing, or the profile sets no time. Before the provider closes it: what
    it would close is of no use to anybody. That no turn is going on is the caller's business.
    """
    if capabilities.idle_is_free or guard.park_minutes <= 0:
        return False
    limit, closed = guard.park_minutes * 60.0, capabilities.idle_close
    if closed is not None:
        limit = min(limit, max(closed - IDLE_MARGIN, closed / 2))
    return idle_s >= limit


def _warn_text(scope: Scope, limit: float, left: float) -> str:
    return f"{_span(left)} left of the {_span(limit)} that {_whose(scope)} may use."


def _stop_text(scope: Scope, limit: float) -> str:
    return f"The {_span(limit)} that {_whose(scope)} may use are over."


def _whose(scope: Scope) -> str:
    return "this session" if scope is Scope.SESSION else "this profile's sessions of one day"


def _span(seconds: float) -> str:
    """A duration in words, rounded to what one wants to know."""
    if seconds < 90:
        count, unit = max(1, round(seconds)), "second"
        return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return f"{seconds / 60:.1f}".removesuffix(".0") + " minutes"
