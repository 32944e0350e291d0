"""The user's side of the sound: microphone on and off, push-to-talk, and consent. No widget here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from neko_cli.core.errors import AudioError, NoMicrophone
from neko_cli.core.session import Session
from neko_cli.tui.view import Mic, mic_of

REPEAT = 0.15
"""Seconds between two presses under which the second is the keyboard repeating a held key."""


class Talk:
    """What the user wants of the microphone, carried out on a session.

    Args:
        wanted: False is a text chat.
        push_to_talk: the mode to begin in.
        consent: whether the user has agreed that sound may go to this provider.
        ask: asks for that consent.
        on_consent: called once when it was given.
        trouble: told when the microphone cannot be switched on.
        clock: seconds.
    """

    def __init__(
        self,
        *,
        wanted: bool,
        push_to_talk: bool,
        consent: bool,
        ask: Callable[[], Awaitable[bool]],
        on_consent: Callable[[], None] | None,
        trouble: Callable[[AudioError], None],
        clock: Callable[[], float],
    ) -> None:
        self.wanted = wanted
        self.consent = consent
        self._available = wanted
        self._push_to_talk = push_to_talk
        self._ask = ask
        self._on_consent = on_consent
        self._trouble = trouble
        self._clock = clock
        self._pressed_at = -REPEAT
        self._lock = asyncio.Lock()

    def mic(self, session: Session | None) -> Mic:
        """The microphone's word now."""
        return mic_of(
            available=self._available,
            push_to_talk=self._push_to_talk,
            listening=session is not None and session.state.is_listening,
        )

    def repeated(self) -> bool:
        """Whether this press is the keyboard's, or an earlier one is still being carried out."""
        now = self._clock()
        again = now - self._pressed_at < REPEAT
        self._pressed_at = now
        return again or self._lock.locked()

    async def begin(self, session: Session) -> None:
        """After the start of a session: open, muted or in push-to-talk mode."""
        async with self._lock:
            if self._push_to_talk:
                await session.set_push_to_talk(True)
            elif self._available and self.consent:
                await self._listen(session)

    async def toggle(self, session: Session) -> None:
        """The microphone on or off; in push-to-talk mode, begin or end one's turn."""
        async with self._lock:
            if session.state.is_listening:
                await session.stop_listening(commit=self._push_to_talk)
            elif await self._agreed():
                await self._listen(session)

    async def toggle_mode(self, session: Session) -> None:
        """Change between hands-free and push-to-talk; hands-free opens the microphone."""
        async with self._lock:
            await session.set_push_to_talk(not self._push_to_talk)
            self._push_to_talk = not self._push_to_talk
            if not self._push_to_talk and self._available and self.consent:
                await self._listen(session)

    async def drop(self, session: Session) -> None:
        """Microphone off, without sending what was being said."""
        async with self._lock:
            await session.stop_listening(commit=False)

    async def _agreed(self) -> bool:
        if not self.consent:
            self.consent = await self._ask()
            if self.consent and self._on_consent is not None:
                self._on_consent()
        return self.consent

    async def _listen(self, session: Session) -> None:
        """Microphone on; without one the chat goes on as text."""
        try:
            await session.start_listening()
        except AudioError as error:
            self._available = not isinstance(error, NoMicrophone)
            self._trouble(error)
        else:
            self._available = True
