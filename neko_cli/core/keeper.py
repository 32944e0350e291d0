"""Keeps a session's link: runs the Link table, starts and ends links, and holds early messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from neko_cli.core.board import Board
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.errors import LinkError, NekoError, our_mistake
from neko_cli.core.events import Connected
from neko_cli.core.link import OPEN_TIMEOUT, SETUP_TIMEOUT, Link
from neko_cli.core.ports import Clock, Transport
from neko_cli.core.provider_events import ProviderEvent, Ready
from neko_cli.core.state import LINK, LinkEffect, LinkInput, LinkState, step
from neko_cli.core.tasks import TaskOwner

log = logging.getLogger(__name__)

CLOSE_TIMEOUT = 2.0
"""Seconds for a link to send what is queued and close; then it is cut."""

Dial = Callable[[SessionSpec], Awaitable[Codec]]
"""Makes the codec for a link; may first have to start a server. Raises NekoError."""


class KeeperHost(Protocol):
    """What the keeper needs from the session."""

    def spec(self) -> SessionSpec:
        """How the next link is to be configured."""
        ...

    def link_up(self, link: Link) -> None:
        """A link is configured."""
        ...

    def tell_failure(self, error: NekoError) -> None:
        """The link is down, and this is why."""
        ...

    def abort_turn(self) -> None:
        """The link is down: what was going on over it has failed."""
        ...

    def provider_event(self, event: ProviderEvent) -> None:
        """The provider says something."""
        ...


class Keeper:
    """At most one link at a time; whatever an older generation says is dropped."""

    def __init__(
        self,
        host: KeeperHost,
        board: Board,
        owner: TaskOwner,
        transport: Transport,
        clock: Clock,
        dial: Dial,
        provider: str,
    ) -> None:
        self._host = host
        self._board = board
        self._owner = owner
        self._transport = transport
        self._clock = clock
        self._dial = dial
        self._provider = provider
        self._task: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._error: NekoError | None = None
        self._attempt = 0
        self.generation = 0
        self.link: Link | None = None

    @property
    def is_up(self) -> bool:
        """Whether the link is configured."""
        return self._board.link is LinkState.UP

    def begin(self) -> None:
        """A link is on its way from here on: ``start`` makes it, ``stop`` calls it off."""
        self._attempt += 1
        self._error = None
        self._up.clear()
        self._step(LinkInput.START, "start")

    async def start(self) -> None:
        """After ``begin``: make a link and wait until it is configured.

        Raises NekoError when that fails, and LinkError when ``stop`` came in between.
        """
        attempt = self._attempt
        try:
            codec = await self._dial(self._host.spec())
        except NekoError as error:
            if attempt == self._attempt:
                self._lose(error)
            raise
        except BaseException:
            if attempt == self._attempt:
                self._step(LinkInput.STOP, "stopped")
            raise
        self._expect(attempt)
        self.generation += 1
        self.link = Link(codec, self._transport, self.generation, self, title=self._provider)
        self._task = self._owner.spawn(self._run(self.link), f"link {self.generation}")
        try:
            async with asyncio.timeout(OPEN_TIMEOUT + SETUP_TIMEOUT + 1.0):
                await self._up.wait()
        except TimeoutError:
            if attempt == self._attempt:
                self._lose(LinkError("The provider did not answer in time."))
        except BaseException:
            if attempt == self._attempt:
                await self.stop("stopped")
            raise
        self._expect(attempt)
        if self._error is not None:
            raise self._error

    def _expect(self, attempt: int) -> None:
        if attempt != self._attempt:
            raise LinkError("The session was ended while it was starting.", code="ended")

    async def stop(self, reason: str) -> None:
        """End the link in order: send what is queued, close, else cut. Idempotent."""
        link, task, was_up = self.link, self._task, self.is_up
        self._attempt += 1
        self._up.set()
        self._step(LinkInput.STOP, reason)
        self.link = self._task = None
        if link is not None and task is not None and not task.done():
            link.close()
            # A link that is not configured has nothing to send and is cut at once.
            _, late = await asyncio.wait({task}, timeout=CLOSE_TIMEOUT if was_up else 0.0)
            for waiting in late:
                waiting.cancel()
                await asyncio.wait({waiting}, timeout=CLOSE_TIMEOUT)

    async def _run(self, link: Link) -> None:
        try:
            await link.run()
        except NekoError as error:
            if link is self.link:
                self._lose(error)
        except Exception as error:  # a mistake of ours; without this the session would seem to be up
            while isinstance(error, ExceptionGroup):
                error = error.exceptions[0]
            log.error("the link broke", exc_info=error)
            if link is self.link:
                self._lose(our_mistake(error))

    def _lose(self, error: NekoError) -> None:
        self._error = error
        task, self.link, self._task = self._task, None, None
        if task is not None and not task.done() and task is not asyncio.current_task():
            task.cancel()
        self._step(LinkInput.LOST, error.category, error)
        self._up.set()

    def _step(self, given: LinkInput, reason: str, error: NekoError | None = None) -> None:
        before = self._board.link
        self._board.link, effects = step(LINK, before, given)
        if self._board.link is before:
            return
        for effect in effects:
            match effect:
                case LinkEffect.TELL_CONNECTED:
                    self._board.refresh(reason)
                    if self.link is not None:
                        self._host.link_up(self.link)
                case LinkEffect.TELL_FAILURE:
                    if error is not None:
                        self._host.tell_failure(error)
                case LinkEffect.ABORT_TURN:
                    self._board.connected = None
                    self._host.abort_turn()
        self._board.refresh(reason)

    def link_opened(self, generation: int) -> None:
        """The socket is open."""
        if generation == self.generation:
            self._step(LinkInput.OPENED, "opened")

    def link_ready(self, generation: int, ready: Ready) -> None:
        """The provider has accepted the configuration."""
        if generation != self.generation or self.link is None:
            return
        expires = ready.expires_at - self._clock.time() if ready.expires_at else None
        self._board.connected = Connected(
            at=self._board.now(),
            provider=self._provider,
            model=ready.model,
            expires_in=round(expires, 1) if expires is not None else None,
        )
        self._step(LinkInput.CONFIGURED, "configured")
        self._up.set()

    def link_event(self, generation: int, event: ProviderEvent) -> None:
        """Anything else that the provider says."""
        if generation == self.generation and self.link is not None:
            self._host.provider_event(event)
