"""The character speaks first, where the profile wants it: when, ``companions/proactive`` decides."""

from __future__ import annotations

from neko_cli.core.commands import AskReply
from neko_cli.core.companions.proactive import INSTRUCTIONS, Cause, Initiative, Situation, notice_text
from neko_cli.core.host import SessionHost
from neko_cli.core.state import LinkState, TurnInput

NOTICE_GOOD = 300.0
"""Seconds after which a notice is no news any more."""

TYPING_GOOD = 120.0
"""Seconds without a further key after which a line that was begun is taken to be left."""


class SpeakingFirst:
    """Every method returns at once."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host
        self._initiative = Initiative()
        self._typed_at: float | None = None
        self._notice: tuple[float, str] | None = None

    def note_typing(self, on: bool) -> None:
        """There is something in the field that the user types into, or no longer."""
        self._host.board.touch()
        self._typed_at = self._host.now() if on else None

    def user_spoke(self) -> None:
        """The user said or typed something: what the program told before is answered by that."""
        self._typed_at = self._notice = None
        self._initiative.user_spoke()

    def noticed(self, text: str) -> None:
        """An agent or a tool has told the user something that no result tells; the newest counts."""
        self._notice = self._host.now(), text

    def look(self) -> None:
        """Called from time to time: have it say something, when it may."""
        host, now = self._host, self._host.now()
        if self._notice is not None and now - self._notice[0] > NOTICE_GOOD:
            self._notice = None
        cause = self._initiative.may_speak(host.profile.proactive, now, self._situation(now))
        if cause is None:
            return
        notice, self._notice = self._notice, None
        words = notice_text(notice[1]) if cause is Cause.NOTICE and notice is not None else INSTRUCTIONS
        host.turns.feed(TurnInput.REPLY_ASKED)
        host.slot.ask(AskReply(words))
        self._initiative.spoke_first(now)

    def _situation(self, now: float) -> Situation:
        host = self._host
        return Situation(
            idle_s=now - max(host.board.last_activity, host.turns.progress_at, host.relay.handed_at),
            talking=not host.is_at_rest or host.hears_speech,
            typing=self._typed_at is not None and now - self._typed_at <= TYPING_GOOD,
            muted=host.playout.muted or host.requests.paused,
            link_up=host.board.link is LinkState.UP,
            notice_waits=self._notice is not None,
        )
