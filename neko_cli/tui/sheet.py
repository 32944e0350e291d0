"""The lines that can still change, found by key; notices are numbered here. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from neko_cli.core.events import Severity
from neko_cli.core.text import sanitise
from neko_cli.tui.lines import Added, Change, Changed, Line, Mark, Role
from neko_cli.tui.telling import Told

REMEMBERED = 64
"""Lines that can still change; older ones stay as they are."""

LONGEST = 20_000
"""Characters of one line that are shown; wrapping more than that at every delta costs too much."""


def cut(text: str) -> str:
    """As much of a text as one line shows."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


class Sheet:
    """A bounded memory of lines; what is put in comes back as changes for the screen."""

    def __init__(self, forgotten: Callable[[str], None] = lambda key: None) -> None:
        """Begin with no line; ``forgotten`` is told the key of a line that can change no more."""
        self.lines: OrderedDict[str, Line] = OrderedDict()
        self.newest = ""
        """The key of the line that was made last."""
        self._forgotten = forgotten
        self._count = 0

    def fresh_key(self, kind: str) -> str:
        """A key that no line has yet."""
        self._count += 1
        return f"{kind}-{self._count}"

    def put(self, line: Line, before: str = "") -> list[Change]:
        """Add the line, or change the one with its key; nothing when it is the same."""
        known = self.lines.get(line.key)
        if known == line:
            return []
        if known is None:
            return [self.add(line, before)]
        self.lines[line.key] = line
        return [Changed(line)]

    def add(self, line: Line, before: str = "") -> Added:
        """Add a line that may change later; the oldest is forgotten beyond the bound."""
        self.newest = line.key
        self.lines[line.key] = line
        while len(self.lines) > REMEMBERED:
            key, _ = self.lines.popitem(last=False)
            self._forgotten(key)
        return Added(line, before)

    def notice(self, told: Told) -> Line:
        """A line of the program's own, under a key of its own; it is not remembered."""
        self.newest = self.fresh_key("notice")
        return self.noticed(told, self.newest)

    def noticed(self, told: Told, key: str) -> Line:
        """The same under a given key."""
        return Line(
            key=key,
            role=Role.NOTICE,
            text=cut(sanitise(told.text).strip()),
            aside=cut(sanitise(told.aside).strip()),
            severity=told.severity,
        )

    def tell(self, text: str, aside: str = "", severity: Severity = Severity.INFO) -> list[Change]:
        """Show a notice that stays as it is."""
        return [Added(self.notice(Told(text, aside, severity)))]

    def keep_waiting(self) -> None:
        """Forget everything but the messages that wait for the connection."""
        self.lines = OrderedDict((k, line) for k, line in self.lines.items() if line.mark is Mark.WAITING)

    @property
    def first_waiting(self) -> str:
        """The key of the first message that waits for the connection; empty when none does."""
        return next((key for key, line in self.lines.items() if line.mark is Mark.WAITING), "")

    def placed(self, lines: list[Line], kind: str, before: str) -> list[Change]:
        """Lines that never change, under keys of their own, above another one (empty: at the end)."""
        named = [msgspec.structs.replace(line, key=self.fresh_key(kind)) for line in lines]
        return [Added(line, before) for line in named]
