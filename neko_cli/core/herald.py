"""What readers are told of links, energy and everything that is not the character's own words."""

from __future__ import annotations

import msgspec

from neko_cli.core import link_log
from neko_cli.core.energy import Change
from neko_cli.core.errors import NekoError
from neko_cli.core.events import Connected, Energy, Failure, Notice, NoticeKind, Severity
from neko_cli.core.host import SessionHost
from neko_cli.core.links import LinkRun
from neko_cli.core.ports import Clock


class Herald:
    """Says things once, in the order in which they happened."""

    def __init__(self, host: SessionHost, clock: Clock) -> None:
        self._host = host
        self._clock = clock

    def connected(self, run: LinkRun) -> None:
        """A link is live."""
        host = self._host
        expires = run.expires_at - self._clock.time() if run.expires_at else 0.0
        host.board.connected = Connected(
            at=host.now(),
            provider=run.opening.title,
            model=run.link.ready.model if run.link.ready is not None else "",
            expires_in=round(expires, 1) if expires > 0.0 else None,
        )
        host.publish(host.board.connected)

    def outage(self, error: NekoError, retry_in: float) -> None:
        """The link was lost; one line, however many attempts it takes."""
        told = Failure.of(error, at=self._host.now())
        self._host.publish(msgspec.structs.replace(told, retry_in=round(retry_in, 1)))

    def back(self) -> None:
        """The outage is over."""
        self.notice("The connection is back.", NoticeKind.SESSION, Severity.SUCCESS)

    def energy(self, change: Change | None) -> None:
        """A level changed: the event, and what the character says to it."""
        if change is None:
            return
        link_log.say(link_log.energy(change))
        host, book = self._host, self._host.next_link.energy
        host.board.energy = book.level(host.next_link.mode)
        host.publish(
            Energy(
                at=host.now(),
                mode=change.mode,
                level=change.level,
                max=change.max,
                model=change.model,
                reason=change.reason,
            )
        )
        if text := book.prompt(change.mode):
            self.notice(text, NoticeKind.ENERGY)

    def notice(self, text: str, kind: NoticeKind, severity: Severity = Severity.WARNING) -> None:
        """A line for the user."""
        self._host.publish(Notice(at=self._host.now(), kind=kind, severity=severity, text=text))
