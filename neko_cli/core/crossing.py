"""Events on their way from a session's thread to another one: in order, bounded, with one wake for many.

The reader is woken a moment later, but before it gets an answer: while it draws what it was told, it shares
the interpreter with who plays, and a reply's first block is to be with the device by then.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

from neko_cli.core.elsewhere import Elsewhere
from neko_cli.core.errors import LinkError
from neko_cli.core.events import AnyEvent
from neko_cli.core.events_base import Event
from neko_cli.core.session import Subscription

UNREAD = 256
"""Events that may be on their way to the reader; further ones wait (bounded) in the session's own stream."""

MOMENT_S = 0.02
"""The longest wait of a reply's first piece (``jitter.LEAST_MS``), and a block of the device."""


class Crossing:
    """A subscription that is read on another thread than the session's (``Subscription``)."""

    def __init__(
        self, there: Elsewhere, subscription: Subscription, leave_out: tuple[type[Event], ...] = ()
    ) -> None:
        """Read ``subscription`` there, for the running loop's thread; without events of some types."""
        self._there = there
        self._subscription = subscription
        self._leave_out = leave_out
        self._here = asyncio.get_running_loop()
        self._came: deque[AnyEvent] = deque()
        self._wake = asyncio.Event()
        self._nudged = False
        self._due: asyncio.TimerHandle | None = None  # there
        self._room = asyncio.Event()  # there
        self._reading: asyncio.Task[None] | None = None  # there
        self._over = False
        self._error: Exception | None = None
        there.tell(self._begin)

    def __aiter__(self) -> AsyncIterator[AnyEvent]:
        """The events in order."""
        return self

    async def __anext__(self) -> AnyEvent:
        """The next event."""
        while not self._came:
            if self._over:
                raise self._error or StopAsyncIteration
            self._wake.clear()
            if not self._came and not self._over:
                await self._wake.wait()
        event = self._came.popleft()
        if len(self._came) == UNREAD // 2:
            self._there.tell(self._room.set)
        return event

    async def aclose(self) -> None:
        """Stop reading."""
        with contextlib.suppress(LinkError):
            await self._there.do(self._end)

    # -- there ----------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._there.before_answers.append(self._wake_reader)
        self._reading = asyncio.get_running_loop().create_task(self._read(), name="events for the screen")
        self._reading.add_done_callback(self._done)

    async def _read(self) -> None:
        try:
            async for event in self._subscription:
                if isinstance(event, self._leave_out):
                    continue
                self._came.append(event)
                self._nudge()
                while len(self._came) >= UNREAD:
                    self._wake_reader()
                    self._room.clear()
                    if len(self._came) >= UNREAD:
                        await self._room.wait()
        except Exception as error:  # the reader's business
            self._error = error

    def _done(self, _: asyncio.Task[None]) -> None:
        self._over = True
        self._there.before_answers.remove(self._wake_reader)
        self._wake_reader()

    async def _end(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        await self._subscription.aclose()

    def _nudge(self) -> None:
        """Wake the reader soon, once for all that comes until it runs."""
        if self._due is None and not self._nudged:
            self._due = asyncio.get_running_loop().call_later(MOMENT_S, self._wake_reader)

    def _wake_reader(self) -> None:
        """Now, if anything has come that it was not told of."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if not self._nudged and (self._came or self._over):
            self._nudged = True
            with contextlib.suppress(RuntimeError):  # nobody reads any more
                self._here.call_soon_threadsafe(self._wake_up)

    def _wake_up(self) -> None:
        self._nudged = False
        self._wake.set()
