"""The scripted session's screen: consent as in a real one, and pictures when the test says so."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from neko_cli.core.companions.eyes import CONSENT, Consent, ConsentEffect, ConsentInput
from neko_cli.core.companions.sources import parse_source
from neko_cli.core.errors import ConfigError, NekoError
from neko_cli.core.events import AnyEvent, EyesChanged
from neko_cli.core.profile import Profile
from neko_cli.core.state import step
from neko_cli.core.watch_host import EyesState


class ScriptedScreen:
    """Implements ``neko_cli.core.session.Screen``; changes of its state are told as events."""

    def __init__(self, emit: Callable[[AnyEvent], None], profile: Callable[[], Profile]) -> None:
        self.calls: list[tuple[object, ...]] = []
        """Every call so far: its name, then its arguments."""
        self.error: NekoError | None = None
        """What who waits for a picture is told; None shows one at once."""
        self._emit = emit
        self._profile = profile
        self._state = EyesState()
        self._source = ""

    @property
    def state(self) -> EyesState:
        """What the indicator shows."""
        return self._state

    def show(self, source: str = "", *, for_run: bool = False) -> EyesState:
        """Ask, or be on at once, as a real one."""
        self.calls.append(("show", source, for_run))
        self._source = parse_source(source or str(self._profile().eyes.source)).label
        self._feed(ConsentInput.OPTION if for_run else ConsentInput.WANT)
        return self._state

    def answer(self, yes: bool) -> None:
        """Switch on, or off."""
        self.calls.append(("answer", yes))
        self._feed(ConsentInput.YES if yes else ConsentInput.NO)

    async def shown(self) -> None:
        """Return at once, or raise what the test has put into ``error``."""
        self.calls.append(("shown",))
        if self.error is not None:
            raise self.error
        if not self._state.on:
            raise ConfigError("Nothing is shown: the eyes are off.")

    def pause(self, on: bool) -> None:
        """Look away."""
        self.calls.append(("pause", on))
        if self._state.on:
            self.become(paused=on)

    def hide(self) -> None:
        """Switch off."""
        self.calls.append(("hide",))
        self._feed(ConsentInput.STOP)

    def elsewhere(self) -> None:
        """The session talks to another provider now."""
        self._feed(ConsentInput.ELSEWHERE)

    def become(self, **fields: object) -> None:
        """Change fields of the state, for instance ``trouble``; a change is told."""
        new = msgspec.structs.replace(self._state, **fields)
        if new == self._state:
            return
        self._state = new
        self._emit(self._event())

    def current(self) -> list[AnyEvent]:
        """What a late subscriber is told."""
        return [self._event()] if self._state != EyesState() else []

    def _event(self) -> EyesChanged:
        new = self._state
        return EyesChanged(
            at=0.0,
            on=new.on,
            paused=new.paused,
            asking=new.consent is Consent.ASKING,
            source=new.source,
            trouble=new.trouble,
        )

    def _feed(self, given: ConsentInput) -> None:
        consent, effects = step(CONSENT, self._state.consent, given)
        on = ConsentEffect.LOOK in effects if effects else self._state.on
        source = self._source if on or consent is Consent.ASKING else ""
        paused = self._state.paused and on and ConsentEffect.LOOK not in effects
        self.become(on=on, paused=paused, consent=consent, source=source, trouble="")
