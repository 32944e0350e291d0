"""Shows the character what the user lets it see: one picture at a time, each one told."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Callable

import msgspec

from neko_cli.core.commands import ScreenFrame
from neko_cli.core.companions.eyes import (
    CONSENT,
    Consent,
    ConsentEffect,
    ConsentInput,
    Moment,
    ScreenError,
    Seen,
    has_changed,
    seen_text,
    wait_for_frame,
)
from neko_cli.core.companions.sources import Source, parse_source
from neko_cli.core.errors import ConfigError, LinkError, NekoError
from neko_cli.core.events import ScreenShown, Severity
from neko_cli.core.ports import Clock, Eye, Look
from neko_cli.core.state import step
from neko_cli.core.watch_host import EyesState, WatchHost

LOOK_EVERY = 0.25
"""Seconds between looks at the session, which does not tell when somebody begins to talk."""

BLIND_EVERY = 5.0
"""Seconds at least between attempts while nothing can be seen."""

DESCRIBE_WITHIN = 30.0
"""Seconds for a description; one that comes later tells of a screen that is gone."""

DESCRIBE_REST = 60.0
"""Seconds without asking again after a description failed."""

NO_DESCRIBER = (
    "This model cannot see pictures. Give describe_url in the profile's [eyes] to have them described."
)

SEES_AGAIN = "What is shown can be seen again."


class Watching:
    """The eyes of one session. ``run`` is its task; the other methods return at once."""

    def __init__(
        self,
        host: WatchHost,
        eye: Eye,
        clock: Clock,
        *,
        changed: Callable[[EyesState], None] | None = None,
    ) -> None:
        """``changed`` is told every new state."""
        self._host = host
        self._eye = eye
        self._clock = clock
        self._changed = changed
        self._state = EyesState()
        self._source: Source | None = None
        self._round = 0  # another one after everything that a picture on its way must not outlive
        self._poked = asyncio.Event()
        self._last_at: float | None = None
        self._seen: tuple[int, str, Seen] | None = None
        self._told: set[str] = set()
        self._describe_after = 0.0
        self._blind = False
        self._error: NekoError | None = None
        self._shown = False
        self._stirred = asyncio.Event()

    @property
    def state(self) -> EyesState:
        """As it is now."""
        return self._state

    def start(self, source: Source | None = None, *, for_run: bool = False) -> None:
        """Switch the eyes on, which asks first where nobody has agreed.

        ``source`` None takes the profile's; ``for_run`` says that the command line has asked for it.
        """
        self._source = source
        self._round += 1  # a picture of another source is on its way in vain
        self._told.clear()
        self._seen, self._last_at, self._describe_after = None, None, 0.0
        self._shown, self._blind = False, False
        self._well()
        self._feed(ConsentInput.OPTION if for_run else ConsentInput.WANT)

    def answer(self, yes: bool) -> None:
        """The user's answer to the question; False also takes a consent back later."""
        self._feed(ConsentInput.YES if yes else ConsentInput.NO)

    def stop(self) -> None:
        """Switch the eyes off; what is on its way is not sent."""
        self._feed(ConsentInput.STOP)

    def went_elsewhere(self) -> None:
        """The session talks to another provider now: who agreed did not agree to that."""
        self._feed(ConsentInput.ELSEWHERE)

    def pause(self, on: bool) -> None:
        """Look away for a while; what is on its way is not sent. Nothing happens while they are off."""
        if self._state.on:
            self._become(paused=on)

    async def shown(self) -> None:
        """Wait until a picture was shown since the eyes were switched on.

        Raises NekoError: none can be had as things stand, or they are off.
        """
        while not self._shown:
            if not self._state.on:
                raise ConfigError("Nothing is shown: the eyes are off.")
            if self._error is not None:
                raise self._error
            self._stirred.clear()
            await self._stirred.wait()

    async def run(self) -> None:
        """Look until cancelled."""
        try:
            while True:
                wait = self._wait()
                if wait > 0.0:
                    self._poked.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(min(wait, LOOK_EVERY)):
                            await self._poked.wait()
                else:
                    await self._look()
        finally:
            self._round += 1

    # -- own work ---------------------------------------------------------------------------

    def _feed(self, given: ConsentInput) -> None:
        consent, effects = step(CONSENT, self._state.consent, given)
        on = self._state.on
        if effects:
            on = ConsentEffect.LOOK in effects
        source = self._current().label if on or consent is Consent.ASKING else ""
        trouble = self._state.trouble if on and self._state.on else ""
        paused = self._state.paused and ConsentEffect.LOOK not in effects and on
        self._become(on=on, paused=paused, consent=consent, source=source, trouble=trouble)

    def _become(self, **fields: object) -> None:
        new = msgspec.structs.replace(self._state, **fields)
        if new == self._state:
            return
        if (new.on, new.paused) != (self._state.on, self._state.paused):
            self._round += 1
        self._state = new
        self._poked.set()
        self._stirred.set()
        if self._changed is not None:
            self._changed(new)

    def _current(self) -> Source:
        return self._source or parse_source(str(self._host.table.source))

    def _wait(self) -> float:
        """Seconds until the next look; LOOK_EVERY where it is not known."""
        host, now, can = self._host, self._clock.monotonic(), self._host.capabilities
        describer = host.describer
        describes = describer is not None and now >= self._describe_after
        if self._seen is not None and self._seen[:2] != (host.link, self._current().label):
            self._seen = None  # the next link has seen nothing, and another source is another picture
        if self._state.on and can is not None:
            if not can.images and describer is None:
                self._trouble(ConfigError(NO_DESCRIBER))
            elif self._state.trouble == NO_DESCRIBER:
                self._well()
        wait = wait_for_frame(
            host.table,
            Moment(
                now=now,
                allowed=self._state.on,
                paused=self._state.paused,
                can=can,
                describes=describes,
                talking=host.is_talking,
                last_at=self._last_at,
            ),
        )
        if wait is not None and self._blind and self._last_at is not None:
            wait = max(wait, self._last_at + BLIND_EVERY - now)
        return LOOK_EVERY if wait is None else wait

    async def _look(self) -> None:
        host, round_, link = self._host, self._round, self._host.link
        can, table, source = host.capabilities, host.table, self._current()
        if can is None:
            return
        self._last_at = self._clock.monotonic()
        before = self._seen[2] if self._seen is not None else None
        look = Look(
            source=source,
            blur=table.blur,
            media_types=can.image_types,
            limit=can.image_limit if can.images else None,
        )
        try:
            glance = await self._eye.glance(look, lambda seen: has_changed(before, seen, table.change))
        except ScreenError as error:
            self._see_nothing(error)
            return
        except NekoError as error:
            self._trouble(error)
            return
        self._sees()
        if glance.picture is None or not self._holds(round_, link):
            return
        # What could not be sent is not tried again before it has changed.
        self._seen = (link, source.label, glance.seen)
        if can.images:
            await self._send(glance.picture, source)
        else:
            await self._describe(glance.picture, source, round_, link)

    def _holds(self, round_: int, link: int) -> bool:
        """Whether what was looked at may still leave: nothing was switched, and the link is the same."""
        state, host = self._state, self._host
        allowed = state.on and not state.paused and round_ == self._round
        return allowed and host.capabilities is not None and link == host.link

    async def _send(self, picture: ScreenFrame, source: Source) -> None:
        try:
            await self._host.show(picture)
        except NekoError as error:
            self._trouble(error)
            return
        self._publish(picture, source)

    async def _describe(self, picture: ScreenFrame, source: Source, round_: int, link: int) -> None:
        describer = self._host.describer
        if describer is None:
            return  # the profile was changed during the look
        try:
            async with asyncio.timeout(DESCRIBE_WITHIN):
                text = await describer.describe(picture, language=self._host.language)
        except TimeoutError:
            self._no_description(LinkError(f"No description of the picture within {DESCRIBE_WITHIN:g} s."))
            return
        except NekoError as error:
            told = copy.copy(error)
            told.message = f"The picture was not described: {error.message}"
            self._no_description(told)
            return
        if self._holds(round_, link):
            self._host.tell(seen_text(text, source.label))
            self._publish(picture, source, text)

    def _publish(self, picture: ScreenFrame, source: Source, description: str | None = None) -> None:
        self._shown = True
        self._well()
        self._stirred.set()
        self._host.publish(
            ScreenShown(
                at=self._host.now(),
                source=source.label,
                width=picture.width,
                height=picture.height,
                bytes=len(picture.data),
                sent=description is None,
                description=description or "",
            )
        )

    def _no_description(self, error: NekoError) -> None:
        """Told once; a lasting failure ends descriptions until the eyes are switched on anew."""
        self._seen = None
        lasting = error.permanent
        self._describe_after = float("inf") if lasting else self._clock.monotonic() + DESCRIBE_REST
        self._trouble(error)

    def _see_nothing(self, error: ScreenError) -> None:
        """One notice for each time that the sight is lost, whatever it is said to be later."""
        if not self._state.on:
            return
        if not self._blind:
            self._blind = True
            self._host.notice(str(error), Severity.WARNING)
        self._stand(error)

    def _sees(self) -> None:
        if self._blind:
            self._blind = False
            self._well()
            self._host.notice(SEES_AGAIN, Severity.SUCCESS)

    def _trouble(self, error: NekoError) -> None:
        """It can be seen, and not be shown; each sentence is told once."""
        if not self._state.on:
            return
        text = str(error)
        if text not in self._told:
            self._told.add(text)
            self._host.notice(text, Severity.WARNING)
        self._stand(error)

    def _stand(self, error: NekoError) -> None:
        self._error = error
        self._become(trouble=str(error))

    def _well(self) -> None:
        self._error = None
        self._become(trouble="")
