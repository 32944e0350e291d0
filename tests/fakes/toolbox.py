"""A toolbox whose tools answer when the test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from neko_cli.core.commands import ToolSpec
from neko_cli.core.ports import Offer
from neko_cli.core.tables import ToolsTable


class FakeToolbox:
    """Offers ``names``; each call is a future that the test settles."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.problems: tuple[str, ...] = ()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.running: dict[str, asyncio.Future[str]] = {}
        self.cancelled: list[str] = []
        self.offers = 0
        self.closed = 0
        self.slow = 0.0
        """Seconds that an offer takes."""
        self._news = asyncio.Event()
        self._changed: Callable[[], None] = lambda: None

    async def offer(self, wanted: ToolsTable) -> Offer:
        self.offers += 1
        await asyncio.sleep(self.slow)
        known = [*self.names, *wanted.command]
        return Offer(
            tuple(ToolSpec(name, f"Does {name}.", {"type": "object"}) for name in known), self.problems
        )

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        self.calls.append((name, dict(arguments)))
        future = self.running[name] = asyncio.get_running_loop().create_future()
        self._news.set()
        try:
            return await future
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise

    def watch(self, changed: Callable[[], None]) -> None:
        self._changed = changed

    def change(self, *names: str) -> None:
        """Other tools are there now."""
        self.names = list(names)
        self._changed()

    async def close(self) -> None:
        self.closed += 1

    async def called(self, name: str) -> asyncio.Future[str]:
        """Wait until a tool is being carried out."""
        async with asyncio.timeout(5):
            while name not in self.running:
                self._news.clear()
                await self._news.wait()
        return self.running[name]
