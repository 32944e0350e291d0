"""What a session shows of itself: one status, one link word, one snapshot."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from neko_cli.core.events import (
    AnyEvent,
    Connected,
    InputMode,
    LinkWord,
    SessionState,
    Status,
    StatusChanged,
)
from neko_cli.core.state import LINK_WORDS, LinkState, TurnState, status_of


class Board:
    """Derives the status from the two machines and tells it when it changes."""

    def __init__(
        self,
        now: Callable[[], float],
        publish: Callable[[AnyEvent], None],
        voice_id: Callable[[], str],
    ) -> None:
        self.now = now
        self._publish = publish
        self._voice_id = voice_id
        self._status = Status.IDLE
        self._word = LinkWord.OFFLINE
        self.link = LinkState.DOWN
        self.turn = TurnState.IDLE
        self.microphone_on = False
        self.input_mode = InputMode.TEXT
        self.connected: Connected | None = None
        self.last_activity = 0.0
        self.energy = 1
        """Level of the mode in use."""

    def refresh(self, reason: str) -> None:
        """Tell the status when it, or the link word, is another one now."""
        status = status_of(self.link, self.turn, microphone_on=self.microphone_on)
        word = LINK_WORDS[self.link]
        if (status, word) == (self._status, self._word):
            return
        old, self._status, self._word = self._status, status, word
        self._publish(StatusChanged(at=self.now(), old=old, new=status, reason=reason, link=word))

    def touch(self) -> None:
        """The user did something."""
        self.last_activity = self.now()

    def snapshot(self) -> SessionState:
        """The state as a record."""
        return SessionState(
            status=self._status,
            is_active=self.link is LinkState.UP,
            is_listening=self.microphone_on,
            is_speaking=self.turn in (TurnState.SPEAKING, TurnState.DRAINING),
            input_mode=self.input_mode,
            voice_id=self._voice_id(),
            link=self._word,
            energy=self.energy,
            last_activity=self.last_activity,
        )

    def current(self) -> list[AnyEvent]:
        """What a late subscriber is told first."""
        state = StatusChanged(
            at=self.now(), old=self._status, new=self._status, reason="now", link=self._word
        )
        if self.connected is None:
            return [state]
        told, left = self.connected, self.connected.expires_in
        if left is not None:
            left = round(max(0.0, left - (self.now() - told.at)), 1)
        return [state, msgspec.structs.replace(told, at=self.now(), expires_in=left)]
