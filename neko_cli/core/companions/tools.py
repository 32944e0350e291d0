"""Which tool calls are carried out: what is known, allowed, and not too much. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from neko_cli.core.tables import Tool, ToolServer, ToolsTable

MINUTE = 60.0

INSISTING = 2
"""So many times the calls of a turn, all told, and the turn ends without another reply."""

SERVER_MARK = "__"
"""Stands between a server's name and that of its tool."""


class Verdict(StrEnum):
    """What becomes of a call."""

    RUN = "run"
    ASK = "ask"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"
    DENIED = "denied"
    FLOOD = "flood"


class Permission(StrEnum):
    """What a user says to a call."""

    ONCE = "once"
    SESSION = "session"
    """To this one and all later ones of the same tool, until the program ends."""
    NO = "no"
    NEVER = "never"
    """Neither this one nor a later one, until the program ends."""


REFUSALS: Mapping[Verdict, str] = {
    Verdict.UNKNOWN: "There is no such tool.",
    Verdict.UNREADABLE: "The arguments are not a JSON object.",
    Verdict.DENIED: "The user does not allow this tool.",
    Verdict.FLOOD: "Too many calls. Answer with what you have, without calling a tool.",
}
"""What the model is told of a call that is not carried out."""


class ToolGuard:
    """Judges the calls of one session, one after another."""

    def __init__(self) -> None:
        self._granted: set[str] = set()
        self._denied: set[str] = set()
        self._recent: deque[float] = deque()
        self._turn = -1
        self._in_turn = 0

    def judge(
        self,
        table: ToolsTable,
        known: Collection[str],
        name: str,
        arguments: Mapping[str, Any] | None,
        *,
        turn: int,
        now: float,
    ) -> Verdict:
        """What becomes of one call more; it is counted. ``now`` is in seconds, on any steady clock.

        ``arguments`` is None when they could not be read.
        """
        self._count(turn, now)
        if name not in known:
            return Verdict.UNKNOWN
        if arguments is None:
            return Verdict.UNREADABLE
        if self._in_turn > table.calls_per_turn or len(self._recent) > table.calls_per_minute:
            return Verdict.FLOOD
        if name in self._denied:
            return Verdict.DENIED
        return Verdict.RUN if name in self._granted or is_allowed(table, name) else Verdict.ASK

    def insists(self, table: ToolsTable, turn: int) -> bool:
        """Whether the model goes on calling in this turn though it was told not to."""
        return turn == self._turn and self._in_turn > INSISTING * table.calls_per_turn

    def said(self, name: str, permission: Permission) -> bool:
        """The user has answered; returns whether the call is carried out."""
        if permission is Permission.SESSION:
            self._granted.add(name)
        elif permission is Permission.NEVER:
            self._denied.add(name)
        return permission in (Permission.ONCE, Permission.SESSION)

    def _count(self, turn: int, now: float) -> None:
        self._in_turn = self._in_turn + 1 if turn == self._turn else 1
        self._turn = turn
        self._recent.append(now)
        while self._recent and self._recent[0] <= now - MINUTE:
            self._recent.popleft()


def is_allowed(table: ToolsTable, name: str) -> bool:
    """Whether the profile lets a tool run without asking."""
    entry = entry_of(table, name)
    by_itself = entry is not None and entry.allow
    return by_itself or any(fnmatchcase(name, pattern) for pattern in table.allow)


def time_limit(table: ToolsTable, name: str) -> float:
    """Seconds that a call of a tool may take."""
    entry = entry_of(table, name)
    return (entry.time_limit if entry is not None else 0.0) or table.time_limit


def entry_of(table: ToolsTable, name: str) -> Tool | ToolServer | None:
    """Where the profile speaks of a tool; None when it does not."""
    own = table.command.get(name) or table.python.get(name)
    server, mark, _ = name.partition(SERVER_MARK)
    return own or (table.mcp.get(server) if mark else None)


def read_arguments(text: str) -> dict[str, Any] | None:
    """The arguments of a call; None when they are no JSON object. No text means that there are none."""
    try:
        found = msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def same_call(name: str, arguments: Mapping[str, Any] | None) -> str:
    """A text that is equal for calls that ask for the same."""
    return f"{name} {msgspec.json.encode(arguments, order='deterministic').decode()}"


def error_output(message: str) -> str:
    """What a model is told of a call that failed."""
    return msgspec.json.encode({"error": message}).decode()


def error_of(output: str) -> str:
    """The sentence in the output of a call that failed; empty when there is none."""
    try:
        found = msgspec.json.decode(output)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    error = found.get("error") if isinstance(found, dict) else None
    return error if isinstance(error, str) else ""


def pending_output(name: str) -> str:
    """What a model is told of a call that still runs when the user has gone on."""
    note = f"{name} is still running. Its result is told later; do not wait for it, and do not call it again."
    return msgspec.json.encode({"status": "running", "note": note}).decode()
