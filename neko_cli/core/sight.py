"""The eyes as a part of a session: made when they are first wanted, running while the session does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from neko_cli.core.companions.eyes import Consent, goes_to
from neko_cli.core.companions.sources import parse_source
from neko_cli.core.errors import ConfigError, LinkError
from neko_cli.core.events import AnyEvent, EyesChanged, NoticeKind, Severity
from neko_cli.core.host import SessionHost
from neko_cli.core.ports import Clock, Describer, Eye
from neko_cli.core.profile import Profile
from neko_cli.core.watch_host import EyesState
from neko_cli.core.watched_session import WatchedSession
from neko_cli.core.watching import Watching

MakeEye = Callable[[], Eye]
"""Makes what sees, at its first use."""

FindDescriber = Callable[[Profile], Describer | None]
"""Who describes pictures by this profile; returns at once, and the same one for the same profile."""

ELSEWHERE = "Your screen is no longer shown: pictures would go to somebody else from here on."


class Sight:
    """What the user lets the character see. Every method but ``shown`` returns at once."""

    def __init__(self, host: SessionHost, make_eye: MakeEye | None, clock: Clock) -> None:
        """Without ``make_eye`` there is nothing that could be seen."""
        self._host = host
        self._make_eye = make_eye
        self._clock = clock
        self._eyes: Watching | None = None
        self._task: asyncio.Task[None] | None = None
        self._held = False

    @property
    def state(self) -> EyesState:
        """As it is now."""
        return self._eyes.state if self._eyes is not None else EyesState()

    def current(self) -> list[AnyEvent]:
        """What a late subscriber is told; nothing while the eyes were never wanted."""
        return [_event(self._host.now(), self.state)] if self.state != EyesState() else []

    def show(self, source: str = "", *, for_run: bool = False) -> EyesState:
        """See ``Screen.show``."""
        wanted = parse_source(source) if source.strip() else None
        if self._make_eye is None:
            raise ConfigError("There are no eyes here: nothing can be shown.")
        if self._eyes is None:
            host = WatchedSession(self._host)
            self._eyes = Watching(host, self._make_eye(), self._clock, changed=self._changed)
        self._held = False
        self._eyes.start(wanted, for_run=for_run)
        self.run()
        return self.state

    async def shown(self) -> None:
        """See ``Screen.shown``."""
        if self._eyes is None:
            raise ConfigError("Nothing is shown: the eyes are off.")
        if self._task is None or self._task.done():
            raise LinkError("There is no connection.")
        await self._eyes.shown()

    def answer(self, yes: bool) -> None:
        """The user's answer to the question; False also takes a consent back later."""
        if self._eyes is not None:
            self._eyes.answer(yes)

    def pause(self, on: bool) -> None:
        """Look away for a while."""
        if self._eyes is not None:
            self._held = False
            self._eyes.pause(on)

    def hide(self) -> None:
        """Switch the eyes off."""
        if self._eyes is not None:
            self._eyes.stop()

    def hold(self, on: bool) -> None:
        """The session itself is paused: nothing leaves, whether or not the user has looked away."""
        if self._eyes is None or not self.state.on:
            self._held = False
        elif on and not self.state.paused:
            self._held = True
            self._eyes.pause(True)
        elif not on and self._held:
            self._held = False
            self._eyes.pause(False)

    def run(self) -> None:
        """The session runs: look, when the eyes are wanted; an earlier start may look already."""
        owner = self._host.owner
        if self._eyes is not None and owner.is_open and (self._task is None or self._task.done()):
            self._task = owner.spawn(self._eyes.run(), "eyes")

    def profile_changed(self, old: Profile) -> None:
        """Who agreed to one provider did not agree to another one."""
        if self._eyes is None or goes_to(old) == goes_to(self._host.profile):
            return
        was = self.state.on
        self._eyes.went_elsewhere()
        if was and not self.state.on:
            self._host.herald.notice(ELSEWHERE, NoticeKind.SESSION, Severity.WARNING)

    def _changed(self, state: EyesState) -> None:
        self._host.publish(_event(self._host.now(), state))


def _event(now: float, state: EyesState) -> EyesChanged:
    return EyesChanged(
        at=now,
        on=state.on,
        paused=state.paused,
        asking=state.consent is Consent.ASKING,
        source=state.source,
        trouble=state.trouble,
    )
