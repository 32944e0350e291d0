"""The servers of a profile that speak MCP: started when they are named, ended when they are not.

The official package is an extra, and takes most of a second to import: it is loaded when a profile
names a server, in a thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from neko_cli.core.errors import ToolError
from neko_cli.core.ports import KeyStore
from neko_cli.core.retry import RetryPolicy
from neko_cli.core.tables import ToolServer
from neko_cli.core.tasks import TaskOwner
from neko_cli.services.tool_link import PATIENCE_S, RETRIES, ServerLink
from neko_cli.services.tool_view import View

log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 5.0
"""For a server to be left in order: it is asked, waited for, and ended by force before that."""


class ToolServers:
    """The links to servers, each in a task of its own."""

    def __init__(
        self,
        keys: KeyStore,
        changed: Callable[[], None],
        *,
        patience: float = PATIENCE_S,
        policy: RetryPolicy = RETRIES,
    ) -> None:
        """``changed`` is called when another view of a server would be given than before."""
        self._keys = keys
        self._changed = changed
        self._patience = patience
        self._policy = policy
        self._links: dict[str, tuple[ServerLink, asyncio.Task[None]]] = {}
        self._tasks = TaskOwner(self._failed)
        self._busy = asyncio.Lock()

    async def update(self, wanted: Mapping[str, ToolServer]) -> dict[str, View]:
        """Have these servers and no others; what can be offered of each, in this order.

        Waits until all are there or ``patience`` is over. A server that stays as it was is not touched,
        unless it was given up: then it is tried again.
        """
        async with self._busy:
            await self._end(
                [
                    name
                    for name, (link, _) in self._links.items()
                    if link.is_done or wanted.get(name) != link.entry
                ]
            )
            if wanted:
                await self._tasks.open()
            for name, entry in wanted.items():
                if name not in self._links:
                    link = ServerLink(
                        name,
                        entry,
                        self._keys,
                        self._changed,
                        patience=self._patience,
                        policy=self._policy,
                    )
                    self._links[name] = link, self._tasks.spawn(link.run(), f"tool server {name}")
            links = {name: self._links[name][0] for name in wanted}
        return {name: await link.shown() for name, link in links.items()}

    async def call(self, server: str, tool: str, arguments: Mapping[str, Any], limit: float) -> str:
        """Carry out a tool of a server within ``limit`` seconds; JSON text. Raises ToolError."""
        found = self._links.get(server)
        if found is None:
            raise ToolError(f'The tool server "{server}" is not there at the moment.')
        return await found[0].call(tool, arguments, limit)

    async def close(self) -> None:
        """End all servers within a few seconds; idempotent."""
        for link, _ in self._links.values():
            link.stop()  # before waiting: who waits for one of them goes on at once
        async with self._busy:
            try:
                await self._end(list(self._links))
            finally:
                await self._tasks.aclose()

    async def _end(self, names: list[str]) -> None:
        ending = [self._links.pop(name) for name in names]
        for link, _ in ending:
            link.stop()
        tasks = {task for _, task in ending}
        for cancels in (False, True):
            if not tasks:
                return
            if cancels:
                log.error("tool servers that do not end: %s", sorted(task.get_name() for task in tasks))
                for task in tasks:
                    task.cancel()
            _, tasks = await asyncio.wait(tasks, timeout=STOP_TIMEOUT_S)

    def _failed(self, error: BaseException) -> None:
        """A link's task failed by a mistake of ours; the owner has logged it."""
        self._changed()
