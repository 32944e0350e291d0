"""From a session's events to the screen: reads without waiting for redraws, shows in small batches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from neko_cli.core.events import AnyEvent
from neko_cli.core.session import Subscription
from neko_cli.tui.batch import LEVELS_INTERVAL, Batch

Show = Callable[[Sequence[AnyEvent]], Awaitable[None]]
"""Takes a batch of events to the screen."""


class Bridge:
    """One reader and one painter, in one group, until the subscription ends."""

    def __init__(self, subscription: Subscription, show: Show) -> None:
        self._subscription = subscription
        self._show = show
        self._batch = Batch()
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._calm = asyncio.Event()
        self._waiting = False
        self._showing = False
        self._ended = False

    async def run(self) -> None:
        """Until the events end or this is cancelled; the subscription is closed in any case."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(), name="tui-read")
                group.create_task(self._paint(), name="tui-paint")
        finally:
            await self._subscription.aclose()

    async def drained(self) -> None:
        """Wait until everything that was told before this call is shown."""
        await asyncio.sleep(0)  # the reader hears of it in the loop's next round
        while not self._waiting or self._showing or self._batch.pending:
            self._calm.clear()
            await self._calm.wait()

    def _wait(self) -> None:
        self._waiting = True
        self._calm.set()

    async def _read(self) -> None:
        self._wait()
        async for event in self._subscription:
            self._waiting = False
            self._batch.add(event)
            if self._batch.pending:
                self._changed.set()
            if self._batch.full:
                # Unread events wait (bounded) in the session's own stream.
                self._room.clear()
                await self._room.wait()
            self._wait()
        self._wait()
        self._ended = True
        self._changed.set()

    async def _paint(self) -> None:
        loop = asyncio.get_running_loop()
        painted = loop.time() - LEVELS_INTERVAL
        while not (self._ended and not self._batch.pending):
            await self._changed.wait()
            await asyncio.sleep(max(0.0, painted + self._batch.interval - loop.time()))
            self._changed.clear()
            events = self._batch.take()
            self._room.set()
            if events:
                painted = loop.time()
                self._showing = True
                await self._show(events)
                self._showing = False
                self._calm.set()
            if self._ended:
                self._changed.set()
