"""An event loop whose time jumps to the next timer when nothing is ready. No threads, no sockets."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

BUSY_LIMIT = 20_000
"""Rounds without any passing of time after which the program counts as spinning."""

LATEST = 6 * 3600.0
"""Virtual seconds after which a run has lost its way."""


class SimulationError(Exception):
    """The simulated program can never go on: it waits for nothing, spins, or lives for ever."""


class _NumberedTask(asyncio.Task):  # type: ignore[type-arg]
    """A task whose hash is its number, so that sets of tasks have the same order in every run."""

    _numbers = itertools.count()

    def __init__(self, *args: Any, **options: Any) -> None:
        self.number = next(_NumberedTask._numbers)
        super().__init__(*args, **options)

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        return self is other


class _Selector:
    """Stands where the loop waits for sockets; here waiting is what moves the clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        self._loop.pass_time(timeout)
        return []

    def close(self) -> None:
        pass


class VirtualLoop(asyncio.BaseEventLoop):
    """``time()`` starts at 0 and moves only when nothing else is left to do."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._busy = 0
        self._selector = _Selector(self)
        self._clock_resolution = 1e-9
        self.jumped = 0.0
        """Seconds by which the clock was pushed on by ``jump``."""
        self.unhandled: list[str] = []
        """What nobody caught."""
        self.set_exception_handler(self._collect)
        self.set_task_factory(lambda loop, coro, **options: _NumberedTask(coro, loop=loop, **options))
        _NumberedTask._numbers = itertools.count()

    def time(self) -> float:
        """Virtual seconds."""
        return self._now

    def jump(self, seconds: float) -> None:
        """Time passes without anything being run, as when the process is stopped."""
        self._now += seconds
        self.jumped += seconds

    def pass_time(self, timeout: float | None) -> None:
        """Move the clock to the next timer; raises SimulationError when there will never be one."""
        if timeout is None:
            raise SimulationError("deadlock: nothing is ready and no timer runs\n" + self.describe())
        if timeout <= 0.0:
            self._busy += 1
            if self._busy > BUSY_LIMIT:
                raise SimulationError("the program spins without time passing\n" + self.describe())
            return
        self._busy = 0
        # The timer's own time, not now + timeout: sums of floats would fall a little short of it.
        self._now = max(self._now, self._scheduled[0].when())  # type: ignore[attr-defined]
        if self._now - self.jumped > LATEST:
            raise SimulationError("the run never ends\n" + self.describe())

    def timers(self) -> list[str]:
        """Timers that still run."""
        return [repr(handle) for handle in self._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]

    def describe(self) -> str:
        """All tasks, and where each of them waits."""
        lines = []
        tasks = sorted(asyncio.all_tasks(self), key=lambda task: task.number)  # type: ignore[attr-defined]
        for task in tasks:
            frames = task.get_stack(limit=1)
            place = f"{frames[0].f_code.co_filename}:{frames[0].f_lineno}" if frames else "?"
            lines.append(f"  {task.get_name()}: {place}")
        return "\n".join(lines)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end, then close the loop."""
        try:
            return self.run_until_complete(work)
        finally:
            self._abandon()
            self.close()

    def _abandon(self) -> None:
        """Cancel what a failed run has left, so that nothing complains when it is collected."""
        left = [task for task in asyncio.all_tasks(self) if not task.done()]
        for task in left:
            task.cancel()
        for _ in range(200):
            if not left or all(task.done() for task in left):
                return
            self._ready.append(asyncio.Handle(self.stop, (), self))  # type: ignore[attr-defined]
            self._busy = 0
            self.run_forever()

    def _collect(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.unhandled.append(f"{context.get('message')}: {error!r}")

    # What BaseEventLoop leaves to its subclasses; there are no sockets and no threads here.

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        """Threads run in real time."""
        raise SimulationError(f"{func!r} wants a thread; the simulation has none")
