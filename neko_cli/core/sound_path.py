"""Tells how sound goes both ways: duplex, echo, what the network's lateness costs."""

from __future__ import annotations

import msgspec

from neko_cli.core.events import SoundPath
from neko_cli.core.host import SessionHost
from neko_cli.core.ports_sound import EchoFigure
from neko_cli.core.profile import Duplex

TELL_EVERY = 1.0
"""Seconds between two tellings, at least."""

NOBODY = EchoFigure("off")


class SoundReport:
    """Looks when it is asked to; tells what has changed."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host
        self._told: SoundPath | None = None
        self._excused = False

    def look(self) -> None:
        """Publish the event when something is other than it was told; nothing without sound."""
        host, now = self._host, self._host.now()
        was_ready = self._told is not None and self._told.ready
        at_once = host.listening.is_ready is not was_ready
        if self._told is not None and now - self._told.at < TELL_EVERY and not at_once:
            return
        if not (host.board.microphone_on or host.playout.audible or at_once):
            return
        seen = self._seen(now)
        told = self._told
        if told is None or msgspec.structs.replace(seen, at=told.at) != told:
            self._told = seen
            host.publish(seen)
        reason = host.ports.echo.figure.reason if host.ports.echo is not None else ""
        if reason and not self._excused:
            self._excused = True
            host.notice(f"{reason} The microphone waits while the character speaks.")

    def _seen(self, now: float) -> SoundPath:
        host = self._host
        echo = host.ports.echo.figure if host.ports.echo is not None else NOBODY
        jitter = host.playout.jitter
        return SoundPath(
            at=now,
            full_duplex=self.is_full_duplex,
            echo=echo.state,
            erle_db=float(round(echo.erle_db)),
            buffer_ms=float(round(jitter.target_ms)),
            underruns=jitter.underruns,
            late=jitter.late_pieces,
            lost_ms=float(round(host.playout.lost_ms)),
            ready=host.listening.is_ready,
        )

    @property
    def is_full_duplex(self) -> bool:
        """Whether the microphone may be sent while the character is heard."""
        duplex, echo = self._host.profile.sound.duplex, self._host.ports.echo
        return duplex is Duplex.FULL or (duplex is Duplex.AUTO and echo is not None and echo.trusted)
