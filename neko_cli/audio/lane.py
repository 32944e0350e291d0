"""One thread for every call into the sound library, each call with a deadline.

PortAudio is not thread-safe, and a hung sound daemon blocks its stop and close calls for 30 s.
So all calls are made in order on one daemon thread; a caller waits for its deadline at most and
then leaves the call behind. Calls that were left behind still happen when the library comes back.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class LaneStuck(Exception):
    """A call did not return within its deadline and was left behind."""


class Lane:
    """A daemon thread that runs calls in order; the thread starts with the first call.

    A daemon thread, because the interpreter must not wait for a hung library at its exit.
    """

    def __init__(self, name: str) -> None:
        """A lane whose thread is called ``name``."""
        self._name = name
        self._jobs: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._guard = threading.Lock()
        self._overdue: Future[Any] | None = None

    @property
    def stuck(self) -> bool:
        """Whether a call that was left behind is still inside the library."""
        return self._overdue is not None and not self._overdue.done()

    async def run(
        self, work: Callable[[], T], *, deadline: float, undo: Callable[[T], object] | None = None
    ) -> T:
        """Run ``work`` and return its result; raises LaneStuck after ``deadline`` seconds.

        When the lane is stuck already it raises at once. A call that was given up (also by
        cancellation) before it began is not made; one that succeeds later is undone with
        ``undo``, on the lane.
        """
        if self.stuck:
            raise LaneStuck
        future = self._submit(work)
        try:
            await self._wait(future, deadline)
        except BaseException:
            self._give_up(future, undo)
            raise
        return future.result()

    async def finish(self, work: Callable[[], object], *, deadline: float) -> None:
        """Run ``work`` for certain, if need be later; raises LaneStuck after ``deadline`` seconds."""
        was_stuck = self.stuck
        future = self._submit(work)
        if was_stuck:
            raise LaneStuck
        await self._wait(future, deadline)
        future.result()

    async def _wait(self, future: Future[Any], deadline: float) -> None:
        waited = asyncio.wrap_future(future)
        # The caller reads the outcome from ``future``; nobody reads this one, and asyncio minds.
        waited.add_done_callback(lambda late: late.cancelled() or late.exception())
        done, _ = await asyncio.wait({waited}, timeout=deadline)
        if not done:
            self._overdue = future
            log.warning("a call to the sound library did not return within %.1f s", deadline)
            raise LaneStuck

    def _give_up(self, future: Future[Any], undo: Callable[[Any], object] | None) -> None:
        if future.cancel() or undo is None:
            return

        def put_back(late: Future[Any]) -> None:
            if late.exception() is None:
                self._submit(lambda: undo(late.result()))

        future.add_done_callback(put_back)

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self._jobs.put((future, work))
        with self._guard:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
                self._thread.start()
        return future

    def _serve(self) -> None:
        while True:
            future, work = self._jobs.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = work()
            except BaseException as error:  # every failure belongs to the caller
                future.set_exception(error)
            else:
                future.set_result(result)
            del future, work  # a stream must not live on in a waiting thread
