"""Makes a session's links and knows which one is live; whatever any other says changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from neko_cli.core import link_log
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.errors import LinkError, NekoError, our_mistake
from neko_cli.core.link import OPEN_TIMEOUT, SETUP_TIMEOUT, Link
from neko_cli.core.modes import Mode
from neko_cli.core.ports import Clock, Transport
from neko_cli.core.profile import Profile
from neko_cli.core.provider_events import InputTranscript, ProviderEvent, Ready
from neko_cli.core.tasks import TaskOwner

log = logging.getLogger(__name__)

CLOSE_TIMEOUT = 2.0
"""Seconds for a link to send what is queued and close; then it is cut."""

LINGER = 3.0
"""Seconds for words of an utterance to come over a link that was replaced."""

EARLY = 256
"""Events kept of a link that is not live yet; the oldest goes beyond that."""

Dial = Callable[[Profile, SessionSpec], Awaitable[Codec]]
"""Makes the codec for a link; may first have to start a server. Raises NekoError."""


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """How a link is made, and what it was told of the conversation."""

    profile: Profile
    title: str
    """The provider's name in sentences."""
    spec: SessionSpec
    mode: Mode
    push_to_talk: bool = False
    serial: int = 0
    """How far memory had come when it was seeded (``Memory.serial``), or when its session was left."""
    known_turn: int = -1
    """The last turn that the provider's own session, which it resumes, knows of."""
    left_out: int | None = None
    """A turn that it was not told, because its input was to be sent again."""
    cut: str = ""
    """What it was told that a cut reply had said."""
    cut_turn: int | None = None
    """The turn of that reply, whose words it is not told again when the turn ends before."""
    news: str = ""
    """What it was told that agents found."""

    @property
    def handle(self) -> str:
        """The handle by which it resumes; empty for a fresh session."""
        return self.spec.resume_handle


class LinksHost(Protocol):
    """What the links need from the session."""

    def link_opened(self) -> None:
        """The socket of the next live link is open."""
        ...

    def provider_event(self, event: ProviderEvent) -> None:
        """The live link's provider says something."""
        ...

    def link_lost(self, run: LinkRun, error: NekoError) -> None:
        """The live link is gone."""
        ...

    def standby_lost(self, run: LinkRun, error: NekoError) -> None:
        """A link that was ready, and not live, is gone."""
        ...

    def room(self) -> None:
        """The live link takes sound again."""
        ...

    def late_words(self, event: InputTranscript) -> bool:
        """Words from the link that was live before; returns whether more of them are due."""
        ...


class LinkRun:
    """One link and what belongs to it. ``up_at`` is on the session's clock, in seconds."""

    def __init__(self, link: Link, opening: Opening) -> None:
        self.link = link
        self.opening = opening
        self.task: asyncio.Task[None] | None = None
        self.settled = asyncio.Event()
        self.error: NekoError | None = None
        self.closing = False
        self.lingers = False
        self.said_all = asyncio.Event()
        """Set when no words of what was said over it are due any more."""
        self.begun_at = self.made_at = self.opened_at = 0.0
        """When its codec was asked for and made, and its socket was open, on the session's clock."""
        self.up_at = 0.0
        self.early: deque[ProviderEvent] = deque(maxlen=EARLY)
        """What its provider said before it became live."""

    @property
    def expires_at(self) -> float | None:
        """Unix time at which the provider will end it, where it says so."""
        return self.link.ready.expires_at if self.link.ready is not None else None

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return self.link.ready is not None and self.error is None and not self.closing


class Links:
    """All links of one session; at most one is live."""

    def __init__(
        self, host: LinksHost, owner: TaskOwner, transport: Transport, clock: Clock, dial: Dial
    ) -> None:
        self._host = host
        self._owner = owner
        self._transport = transport
        self._clock = clock
        self._dial = dial
        self._runs: dict[int, LinkRun] = {}
        self._generation = 0
        self._era = 0  # changes when all links are closed
        self.live: LinkRun | None = None
        self.last: LinkRun | None = None
        """The link that is live, or was the last to be."""

    async def open(self, opening: Opening) -> LinkRun:
        """A link that is configured and not live yet.

        Raises NekoError when there is none. When the caller is cancelled, the link ends with it.
        """
        era = self._era
        begun = self._clock.monotonic()
        codec = await self._dial(opening.profile, opening.spec)
        if era != self._era:
            raise LinkError("The session was ended while it was connecting.", code="ended")
        self._generation += 1
        link = Link(
            codec,
            self._transport,
            self._generation,
            self,
            now=self._clock.monotonic,
            title=opening.title,
        )
        run = LinkRun(link, opening)
        self._runs[link.generation] = run
        run.begun_at, run.made_at = begun, self._clock.monotonic()
        link_log.say(link_log.opens(link.generation, opening))
        run.task = self._owner.spawn(self._run(run), f"link {link.generation}")
        try:
            async with asyncio.timeout(OPEN_TIMEOUT + SETUP_TIMEOUT + 1.0):
                await run.settled.wait()
        except TimeoutError:
            self.cut(run)
            raise LinkError("The provider did not answer in time.") from None
        except BaseException:
            self.cut(run)
            raise
        if run.error is not None:
            raise run.error
        return run

    def promote(self, expected: LinkRun | None, run: LinkRun) -> bool:
        """Make a link the live one, if the live one is still the expected and the new one is open."""
        if self.live is not expected or not run.is_open:
            return False
        link_log.say(link_log.live(run, self.last, self._clock.monotonic()))
        self.live = self.last = run
        return True

    def retire(self, run: LinkRun, *, linger: bool = False) -> None:
        """A link that is live no more ends in its own time: control is sent, sound is not.

        With ``linger`` it stays open for a moment, because words of what was said may still come.
        """
        if self.live is run:
            self.live = None
        run.closing = True
        run.lingers = linger
        link_log.say(link_log.retired(run, self._clock.monotonic()))
        if linger:
            run.link.drop_sound()
        else:
            run.link.close(drop_sound=True)
        if self._owner.is_open:
            self._owner.spawn(self._retire(run), f"end of link {run.link.generation}")
        else:
            self.cut(run)

    async def _retire(self, run: LinkRun) -> None:
        if run.lingers:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LINGER):
                    await run.said_all.wait()
            run.lingers = False
            run.link.close(drop_sound=True)
        await self._end(run, _time_to_close(run))

    async def close(self, run: LinkRun, *, drop_sound: bool = False) -> None:
        """End a link in order: what is queued is sent (but for sound), then it closes, else it is cut."""
        if self.live is run:
            self.live = None
        if not run.closing:
            link_log.say(link_log.retired(run, self._clock.monotonic()))
        run.closing = True
        run.link.close(drop_sound=drop_sound)
        # A link that is not configured has nothing to send and is cut at once.
        await self._end(run, _time_to_close(run) if run.link.ready is not None else 0.0)

    def cut(self, run: LinkRun) -> None:
        """End a link at once, as when the other side is gone."""
        if self.live is run:
            self.live = None
        run.closing = True
        link_log.say(link_log.cut(run, self._clock.monotonic()))
        if run.task is not None and run.task is not asyncio.current_task():
            run.task.cancel()

    async def close_all(self) -> None:
        """End all links; what is being dialled comes to nothing. Idempotent."""
        self._era += 1
        self.live = None
        runs = tuple(self._runs.values())
        for run in runs:
            run.closing = True
        await asyncio.gather(*(self.close(run) for run in runs))

    async def _end(self, run: LinkRun, timeout: float) -> None:
        task = run.task
        if task is None or task.done():
            return
        _, late = await asyncio.wait({task}, timeout=timeout)
        for waiting in late:
            waiting.cancel()
            await asyncio.wait({waiting}, timeout=CLOSE_TIMEOUT)

    async def _run(self, run: LinkRun) -> None:
        try:
            await run.link.run()
            link_log.say(link_log.closed(run, self._clock.monotonic()))
        except NekoError as error:
            self._lost(run, error)
        except Exception as error:  # a mistake of ours; without this the session would seem to be up
            while isinstance(error, ExceptionGroup):
                error = error.exceptions[0]
            log.error("the link broke", exc_info=error)
            self._lost(run, our_mistake(error))
        finally:
            self._runs.pop(run.link.generation, None)
            run.settled.set()

    def _lost(self, run: LinkRun, error: NekoError) -> None:
        run.error = error
        link_log.say(link_log.ended(run, error, self._clock.monotonic()))
        if run.closing:
            return
        if self.live is run:
            self.live = None
            self._host.link_lost(run, error)
        elif run.settled.is_set():
            self._host.standby_lost(run, error)

    # -- what links tell --------------------------------------------------------------------

    def link_room(self, generation: int) -> None:
        """The outbox takes sound again."""
        if self._is_live(generation):
            self._host.room()

    def link_opened(self, generation: int) -> None:
        """The socket is open."""
        self._runs[generation].opened_at = self._clock.monotonic()
        if self.live is None and generation == self._generation:
            self._host.link_opened()

    def link_ready(self, generation: int, ready: Ready) -> None:
        """The provider has accepted the configuration."""
        run = self._runs.get(generation)
        if run is not None:
            run.up_at = self._clock.monotonic()
            link_log.say(link_log.configured(run))
            run.settled.set()

    def link_event(self, generation: int, event: ProviderEvent) -> None:
        """Anything else that the provider says."""
        if self._is_live(generation):
            self._host.provider_event(event)
        elif (run := self._runs.get(generation)) is None:
            return
        elif not run.closing:
            run.early.append(event)
        elif run.lingers and isinstance(event, InputTranscript) and not self._host.late_words(event):
            run.said_all.set()

    def _is_live(self, generation: int) -> bool:
        return self.live is not None and self.live.link.generation == generation


def _time_to_close(run: LinkRun) -> float:
    """Seconds for a link to end in order; some providers take a while to end a session."""
    return CLOSE_TIMEOUT + run.link.codec.capabilities.leave_within
