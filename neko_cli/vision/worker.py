"""Slow work on a thread of its own, with a deadline, and never two at a time.

A display server that hangs blocks whoever asked it, without end; such a thread is left behind, and no
other is made before it comes back. It is a daemon thread: the interpreter does not wait for it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class WorkerStuck(Exception):
    """The work took too long and was left behind, or earlier work still is."""


class Worker:
    """Makes a thread for each piece of work: a display's resources belong to the thread that opens them."""

    def __init__(self, name: str) -> None:
        """``name`` is that of the threads."""
        self._name = name
        self._last: Future[object] | None = None

    async def run(self, work: Callable[[], T], *, timeout: float) -> T:
        """What ``work`` returns or raises; raises WorkerStuck after ``timeout`` seconds.

        Cancelled meanwhile, it leaves the work behind too.
        """
        if self._last is not None and not self._last.done():
            raise WorkerStuck
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()

        def carry_out() -> None:
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        self._last = future  # type: ignore[assignment]  # only ever asked whether it is done
        waited = asyncio.wrap_future(future)
        # The outcome is read from ``future``; nobody reads this one, and asyncio minds.
        waited.add_done_callback(lambda late: late.cancelled() or late.exception())
        threading.Thread(target=carry_out, name=self._name, daemon=True).start()
        done, _ = await asyncio.wait({waited}, timeout=timeout)
        if not done:
            raise WorkerStuck
        return future.result()
