"""May a tool be used? The questions that wait for the user, and when an answer counts. Pure.

An answer counts only when the user can have meant this question: not in the first moment that it is
shown (the key was on its way to something else), not from a key that is held down, and not where a
command was begun before the question came.
"""

from __future__ import annotations

import msgspec

from neko_cli.core.companions.tools import Permission
from neko_cli.core.events import AnyEvent, SessionEnded, ToolQuestion, ToolResult
from neko_cli.core.text import one_line
from neko_cli.tui.talk import REPEAT

QUIET = 0.7
"""Seconds of its sight in which a question takes no key; also longer than keyboards wait to repeat."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question; ``who`` and ``about`` are safe to show, ``arguments`` are as they came."""

    call_id: str
    who: str
    tool: str
    about: str
    arguments: str
    came: float
    until: float

    @property
    def name(self) -> str:
        """The tool's name, safe to show."""
        return one_line(self.tool, 80)


class Questions:
    """Those that are open, the oldest in front; times are on the app's own clock."""

    def __init__(self) -> None:
        """Begin with none."""
        self.covered = False
        """Whether something stands over the chat, so that no question can be seen."""
        self._open: list[Asked] = []
        self._seen: tuple[str, float] | None = None
        self._pressed = 0.0

    @property
    def front(self) -> Asked | None:
        """The one that is shown."""
        return self._open[0] if self._open else None

    @property
    def behind(self) -> int:
        """How many wait behind it."""
        return max(0, len(self._open) - 1)

    def apply(self, event: AnyEvent, who: str, now: float) -> None:
        """An event that asks, or that ends a question."""
        match event:
            case ToolQuestion():
                self._drop(event.call_id)
                asked = Asked(
                    call_id=event.call_id,
                    who=who,
                    tool=event.name,
                    about=one_line(event.about, 1_000),
                    arguments=event.arguments,
                    came=now,
                    until=now + event.seconds,
                )
                self._open.append(asked)
            case ToolResult():
                self._drop(event.call_id)
            case SessionEnded():
                self.clear()
            case _:
                return
        self.look(now)

    def clear(self) -> None:
        """Nobody asks any more."""
        self._open.clear()
        self._seen = None

    def look(self, now: float) -> None:
        """Time has passed, or the chat can be seen again: drop what is too late, see what is in front."""
        self._open = [asked for asked in self._open if asked.until > now]
        front = self.front
        if front is None:
            self._seen = None
        elif not self.covered and (self._seen is None or self._seen[0] != front.call_id):
            self._seen = front.call_id, now

    def settled(self, now: float) -> bool:
        """Whether the question in front has been seen long enough for a key to mean it."""
        front = self.front
        return (
            front is not None
            and self._seen is not None
            and self._seen[0] == front.call_id
            and now - self._seen[1] >= QUIET
        )

    def pressed(self, permission: Permission, now: float) -> list[Asked]:
        """A key or a click answers; returns what is answered by it."""
        held, self._pressed = now - self._pressed < REPEAT, now
        return [] if held or not self.settled(now) else self._take(permission, now)

    def typed(self, permission: Permission, about: str, now: float) -> list[Asked]:
        """A command answers that was begun when ``about`` was in front; returns what is answered by it."""
        self.look(now)
        front = self.front
        return [] if front is None or front.call_id != about else self._take(permission, now)

    def _take(self, permission: Permission, now: float) -> list[Asked]:
        """What is said for the session is said to everything that waits for the same tool."""
        front = self._open[0]
        lasting = permission in (Permission.SESSION, Permission.NEVER)
        taken = [asked for asked in self._open if asked is front or (lasting and asked.tool == front.tool)]
        self._open = [asked for asked in self._open if asked not in taken]
        self.look(now)
        return taken

    def _drop(self, call_id: str) -> None:
        self._open = [asked for asked in self._open if asked.call_id != call_id]
