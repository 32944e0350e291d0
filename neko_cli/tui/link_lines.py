"""Lost links, fresh links and energy in the transcript: an outage is one line. Pure."""

from __future__ import annotations

from neko_cli.core.events import (
    AnyEvent,
    Connected,
    Energy,
    Failure,
    Notice,
    NoticeKind,
    Severity,
    StatusChanged,
    Swap,
)
from neko_cli.tui import telling
from neko_cli.tui.lines import Added, Change
from neko_cli.tui.sheet import Sheet
from neko_cli.tui.telling import Told


class LinkLines:
    """Follows the connection; ``details`` tells every swap, with its figures."""

    def __init__(self, sheet: Sheet, *, details: bool = False) -> None:
        """Write into ``sheet``."""
        self.last_failure = ""
        """The message that was told last, until there is a connection again."""
        self.final = False
        """Whether it was told as one after which nothing is tried any more."""
        self._sheet = sheet
        self._details = details
        self._outage = ""
        self._since = 0.0
        self._mended = ""
        self._swap_due = False
        self._energy: dict[str, Energy] = {}

    def begin(self) -> None:
        """A session begins: what was known of an earlier one is out of date."""
        self.last_failure = self._outage = self._mended = ""
        self.final = self._swap_due = False
        self._energy.clear()

    def apply(self, event: AnyEvent, character: str) -> list[Change] | None:
        """What this event changes; None when it is not about the connection."""
        mended, self._mended = self._mended, ""
        match event:
            case StatusChanged():
                self._mended = mended
                return []
            case Failure():
                return self._failed(event)
            case Connected():
                self.last_failure = ""
                self.final = False
                self._mended = self._outage or mended
                return self._ended(telling.back(event.at - self._since)) if self._outage else []
            case Notice(kind=NoticeKind.SESSION, severity=Severity.SUCCESS) if self._outage or mended:
                after = telling.span(event.at - self._since)
                self._outage = self._mended = self._outage or mended
                return self._ended(Told(event.text, after, event.severity))
            case Notice(kind=NoticeKind.ENERGY):
                # What the character's display says to its level: not a warning of the program's.
                return self._tell(Told(f"“{event.text}”"))
            case Swap():
                self._mended = mended
                # Anything may be told between an outage's end and the swap that belongs to it.
                ends_outage, self._swap_due = self._swap_due, False
                return self._tell(
                    telling.swap(event, character, in_outage=ends_outage, details=self._details)
                )
            case Energy():
                self._mended = mended
                before, self._energy[event.mode] = self._energy.get(event.mode), event
                return self._tell(telling.energy(event, before))
        return None

    def _failed(self, event: Failure) -> list[Change]:
        self.last_failure = event.message
        self.final = event.fatal
        if event.fatal or event.retry_in is not None:
            self._swap_due = not event.fatal
        told = telling.failure(event)
        if self._outage in self._sheet.lines:
            return self._sheet.put(self._sheet.noticed(told, self._outage))
        if event.retry_in is None:
            return self._tell(told)
        line = self._sheet.notice(told)
        self._outage, self._since = line.key, event.at
        return [self._sheet.add(line)]

    def _ended(self, told: Told) -> list[Change]:
        """The outage's own line tells its end; where that can change no more, another one does."""
        key, self._outage = self._outage, ""
        if key in self._sheet.lines:
            return self._sheet.put(self._sheet.noticed(told, key))
        return self._tell(told)

    def _tell(self, told: Told | None) -> list[Change]:
        return [] if told is None else [Added(self._sheet.notice(told))]
