"""Two guards on a conversation: replies that repeat themselves, and a microphone nobody speaks into."""

from __future__ import annotations

from neko_cli.core.commands import TellSystem
from neko_cli.core.companions.repetition import INSTRUCTIONS, Repetition
from neko_cli.core.companions.silence import silence_due
from neko_cli.core.events import NoticeKind, Outcome, Severity
from neko_cli.core.host import SessionHost
from neko_cli.core.state import TurnState


class Manners:
    """Every method returns at once."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host
        self._limit = -1
        self._repetition = Repetition(0)
        self._open_at: float | None = None

    def turn_ended(self, outcome: Outcome, text: str) -> None:
        """A turn is over: one similar reply too many, and the model is told so before its next."""
        limit = self._host.profile.guard.repetition
        if limit != self._limit:
            self._limit, self._repetition = limit, Repetition(limit)
        live = self._host.links.live
        if outcome is not Outcome.COMPLETE or not self._repetition.replied(text):
            return
        if live is not None and live.link.codec.capabilities.system_items:
            self._host.send(TellSystem(INSTRUCTIONS, ask_reply=False))

    def look(self) -> None:
        """Called from time to time: an open microphone that nobody speaks into is switched off."""
        host = self._host
        quiet = host.turns.state is TurnState.IDLE and not host.hears_speech
        if not host.board.microphone_on or not quiet:
            self._open_at = None
            return
        now = host.now()
        if self._open_at is None:
            self._open_at = now
        since = max(self._open_at, host.board.last_activity, host.turns.progress_at)
        if text := silence_due(now - since, host.profile.guard):
            self._open_at = None
            host.herald.notice(text, NoticeKind.SOUND, Severity.INFO)
            host.owner.spawn(host.listening.close(), "microphone off")
