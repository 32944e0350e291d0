"""Another thread's event loop: what is asked of it is done there, in the order in which it was asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any, TypeVar

from neko_cli.core.errors import LinkError

T = TypeVar("T")

PATIENCE_S = 5.0
"""Seconds that ``ask`` waits: what it asks for returns at once."""

GRACE_S = 2.0
"""Seconds that a cancelled piece of work gets to end."""


class Elsewhere:
    """A loop on another thread. Every method raises LinkError once that loop is closed, but ``tell``."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """What is done there sees a copy of the caller's context of now."""
        self._loop = loop
        self._context = copy_context()
        self._waiting: set[_Waiting] = set()
        self._is_over = False
        self.before_answers: list[Callable[[], None]] = []
        """Called there before an answer leaves: what is to be known first goes first."""

    def over(self) -> None:
        """The loop has ended: whatever was asked of it and never begun is answered with LinkError."""
        self._is_over = True
        for waiting in tuple(self._waiting):
            with contextlib.suppress(RuntimeError):  # nobody waits any more
                waiting.here.call_soon_threadsafe(waiting.fail)

    def tell(self, what: Callable[[], object]) -> None:
        """Have it done soon, whatever comes of it; nothing happens once the loop is closed."""
        with contextlib.suppress(LinkError):
            self._call(what)

    def ask(self, what: Callable[[], T]) -> T:
        """Have something done that returns at once, and wait for what it returns or raises."""
        done: Future[T] = Future()

        def do() -> None:
            try:
                done.set_result(what())
            except BaseException as error:
                done.set_exception(error)

        self._call(do)
        try:
            return done.result(PATIENCE_S)
        except TimeoutError:
            raise LinkError("The conversation does not answer.", code="stuck") from None

    async def do(self, what: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Have a coroutine carried out; who is cancelled cancels it, and waits ``GRACE_S`` for its end."""
        here = asyncio.get_running_loop()
        done: asyncio.Future[T] = here.create_future()
        tasks: list[asyncio.Task[T]] = []

        def begin() -> None:
            task = self._loop.create_task(_in_order(what), name="from elsewhere")
            tasks.append(task)
            task.add_done_callback(ended)

        def ended(task: asyncio.Task[T]) -> None:
            for first in self.before_answers:
                first()
            with contextlib.suppress(RuntimeError):  # nobody waits any more
                here.call_soon_threadsafe(settle, task)

        def settle(task: asyncio.Task[T]) -> None:
            if done.done():
                return
            if task.cancelled():
                done.cancel()
            elif (error := task.exception()) is not None:
                done.set_exception(error)
            else:
                done.set_result(task.result())

        waiting = _Waiting(here, done)
        self._waiting.add(waiting)
        try:
            self._call(begin)
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            if not done.done():
                self.tell(lambda: [task.cancel() for task in tasks])
                await asyncio.wait({done}, timeout=GRACE_S)
            if done.done() and not done.cancelled():
                done.exception()  # it came too late for anybody to care
            raise
        finally:
            self._waiting.discard(waiting)

    def _call(self, what: Callable[[], object]) -> None:
        try:
            if self._is_over:
                raise RuntimeError
            self._loop.call_soon_threadsafe(what, context=self._context)
        except RuntimeError:
            raise _closed() from None


class _Waiting:
    """Somebody who waits for work elsewhere."""

    def __init__(self, here: asyncio.AbstractEventLoop, done: asyncio.Future[Any]) -> None:
        self.here = here
        self._done = done

    def fail(self) -> None:
        """Nobody is there who would do it."""
        if not self._done.done():
            self._done.set_exception(_closed())


def _closed() -> LinkError:
    return LinkError("The conversation is over.", code="closed")


async def _in_order(what: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The work; what it told others on its thread has been read before it is over."""
    try:
        return await what()
    finally:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
