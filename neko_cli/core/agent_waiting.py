"""Results of agents between their receipt and their being told: on disk, and in the callbacks' queue."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from neko_cli.core.companions.callbacks import AgentResult
from neko_cli.core.errors import StoreError
from neko_cli.core.host import SessionHost
from neko_cli.core.ports_agents import ResultShelf
from neko_cli.core.tasks import TaskOwner

WAITING_LIMIT = 1000
"""Results that may wait; more are refused, and who sends them is told so."""

SPARE = 10
"""Places among the callbacks that are left for what the session itself has to tell."""

KEEP_TIMEOUT = 3.0
"""Seconds for a result to be on disk; then it waits in memory alone, and that is told."""

SHELF_TIMEOUT = 5.0


class WaitingResults:
    """Keeps the account: a result leaves the disk when it was told, and not before."""

    def __init__(
        self, host: SessionHost, shelf: ResultShelf | None, owner: TaskOwner, notice: Callable[[str], None]
    ) -> None:
        """``notice`` tells trouble to the user."""
        self._host = host
        self._shelf = shelf
        self._owner = owner
        self._notice = notice
        self._backlog: deque[AgentResult] = deque()  # bounded by who adds: see is_full
        self._kept: set[str] = set()  # ids of results that are on disk
        self._gone: list[str] = []  # … and need not be

    def __len__(self) -> int:
        """Results and questions that were not told yet."""
        callbacks = self._host.callbacks
        return len(self._backlog) + len(callbacks) + len(callbacks.out)

    @property
    def is_full(self) -> bool:
        """Whether no more may be added."""
        return len(self) >= WAITING_LIMIT

    @property
    def all(self) -> tuple[AgentResult, ...]:
        """What waits, the next one first; without what is being told."""
        return (*self._host.callbacks.waiting, *self._backlog)

    async def add(self, result: AgentResult) -> None:
        """Take a result; it is on disk when this returns, unless the disk refuses."""
        if self._shelf is not None:
            try:
                async with asyncio.timeout(KEEP_TIMEOUT):
                    await self._shelf.keep(result, self._host.profile.character.name)
            except (TimeoutError, StoreError) as error:
                why = error.message if isinstance(error, StoreError) else "The disk does not answer."
                self._notice(f"Results of agents wait in memory alone: {why}")
            else:
                self._kept.add(result.id)
        self._backlog.append(result)

    def add_first(self, result: AgentResult) -> None:
        """Take what is to be told before all else, and is not kept."""
        if self._host.callbacks.room > 0:
            self._host.callbacks.restore([result])
        else:
            self._backlog.appendleft(result)

    def bring_forward(self, result_id: str) -> bool:
        """It is to be told before all others; False where it does not wait."""
        found = self._find(result_id)
        if found is None:
            return False
        self.take_back(result_id)
        self.add_first(found)
        return True

    def dismiss(self, result_id: str) -> bool:
        """It is not told, and goes from the disk; False where it does not wait."""
        found = self._find(result_id)
        if found is None:
            return False
        self.take_back(result_id)
        self.told([found])
        return True

    def take_back(self, result_id: str) -> None:
        """Nobody wants it any more; what is being told is told all the same."""
        self._host.callbacks.drop([result_id])
        self._backlog = deque(one for one in self._backlog if one.id != result_id)

    def fill(self) -> None:
        """Bring into the callbacks what fits; what is out may come back, and must find room."""
        callbacks = self._host.callbacks
        while self._backlog and callbacks.room > SPARE:
            callbacks.add(self._backlog.popleft())

    def told(self, results: list[AgentResult]) -> None:
        """These need not be kept any more."""
        ids = [one.id for one in results if one.id in self._kept]
        self._gone += ids
        self._kept.difference_update(ids)
        if self._gone and self._owner.is_open:
            self._owner.spawn(self._clear(), "told results")

    async def take_up(self) -> None:
        """What sessions that ended did not tell is ours now."""
        if self._shelf is None:
            return
        try:
            async with asyncio.timeout(SHELF_TIMEOUT):
                left = await self._shelf.waiting(self._host.profile.character.name)
        except (TimeoutError, StoreError):
            self._notice("What agents found earlier cannot be read.")
            return
        self._backlog.extend(left)
        self._kept.update(one.id for one in left)

    async def leave(self) -> None:
        """What is on disk waits there, for whoever comes next; it is not told from memory as well."""
        if self._shelf is None:
            return
        try:
            await self._clear()
        finally:
            self._host.callbacks.drop(self._kept)
            self._backlog = deque(one for one in self._backlog if one.id not in self._kept)
            self._kept.clear()
            await self._shelf.release()

    def _find(self, result_id: str) -> AgentResult | None:
        return next((one for one in self.all if one.id == result_id), None)

    async def _clear(self) -> None:
        gone, self._gone = self._gone, []
        if not gone or self._shelf is None:
            return
        try:
            async with asyncio.timeout(SHELF_TIMEOUT):
                await self._shelf.told(gone)
        except (TimeoutError, StoreError):
            self._gone += gone
            self._notice("What agents found cannot be removed from the disk; it may be told once more.")
        except BaseException:
            self._gone += gone
            raise
