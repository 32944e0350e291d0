"""One owner for the tasks of a long-lived object: a TaskGroup that can be opened and closed.

``asyncio.TaskGroup`` must be entered and left by one task; an object whose methods are called from
anywhere needs a host task for it. Nothing else in neko makes a bare task but what crosses threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)


class TaskOwner:
    """Starts tasks and ends them all; a task that fails is reported and ends alone."""

    def __init__(self, on_failure: Callable[[BaseException], None]) -> None:
        """``on_failure`` is told of an unexpected exception of a task; it must not raise."""
        self._on_failure = on_failure
        self._host: asyncio.Task[None] | None = None
        self._group: asyncio.TaskGroup | None = None
        self._stop = asyncio.Event()
        self._open = asyncio.Event()
        self._children: set[asyncio.Task[None]] = set()

    @property
    def is_open(self) -> bool:
        """Whether tasks can be started."""
        return self._group is not None and not self._stop.is_set()

    async def open(self) -> None:
        """Make ready; idempotent."""
        if self._host is None:
            self._stop.clear()
            self._open.clear()
            self._host = asyncio.create_task(self._run(), name="neko task owner")  # the one host
        await self._open.wait()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._open.set()
            await self._stop.wait()
            self._group = None
            for task in tuple(self._children):
                task.cancel()

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start a task; raises RuntimeError when the owner is not open."""
        if self._group is None:
            work.close()
            raise RuntimeError(f"task owner is not open, cannot start {name}")
        task = self._group.create_task(self._guard(work, name), name=name)
        self._children.add(task)
        task.add_done_callback(self._children.discard)
        # One that is cancelled before its first step has never begun its work.
        task.add_done_callback(lambda _: work.close())
        return task

    async def _guard(self, work: Coroutine[Any, Any, None], name: str) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.error("task %s failed: %s", name, type(error).__name__)
            log.debug("task %s", name, exc_info=error)
            self._on_failure(error)

    async def aclose(self, timeout: float = 5.0) -> None:
        """Cancel all tasks and wait for them; idempotent.

        A task that does not end within ``timeout`` seconds is left behind and named in the log.
        """
        host = self._host
        if host is None:
            return
        self._stop.set()
        done, _ = await asyncio.wait({host}, timeout=timeout)
        if not done:
            log.error("tasks still running: %s", sorted(t.get_name() for t in self._children))
            host.cancel()
        self._host = None
