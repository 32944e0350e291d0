"""Writes standard output and files without holding up the event loop.

A slow reader of our output (a pager, a sound player) must not keep the link's pings from being
answered. So writing happens on a thread, one call at a time, in order. It is a daemon: a reader
that stopped reading cannot keep the program from ending at Ctrl-C.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO, ParamSpec, TypeVar

from neko_cli.core.errors import ConfigError

P = ParamSpec("P")
T = TypeVar("T")


class Writer:
    """A thread that carries out blocking calls in order; every call is awaited by its caller.

    Unlike ``asyncio.to_thread`` it never keeps the program from ending: a call that is stuck is
    left behind when its caller is cancelled. The reading of a pipe uses one as well.
    """

    def __init__(self) -> None:
        """The thread is started at the first call."""
        # Bounded by the lock: one call at a time, and those that were stuck when we ended.
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._turn = asyncio.Lock()
        self._thread: threading.Thread | None = None
        self._calls = 0

    @property
    def busy(self) -> bool:
        """Whether a call is being carried out: whoever reads our output is slow."""
        return self._calls > 0

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``call`` on the thread; returns or raises what it does (BrokenPipeError above all)."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="neko-output", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            try:
                result = call(*args, **kwargs)
            except BaseException as error:  # handed to the caller, whatever it is
                _tell(loop, done, None, error)
            else:
                _tell(loop, done, result, None)

        self._calls += 1
        try:
            async with self._turn:
                self._jobs.put(job)
                return await done
        finally:
            self._calls -= 1

    def close(self) -> None:
        """Let the thread end after its current call; does not wait."""
        if self._thread is not None:
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _tell(
    loop: asyncio.AbstractEventLoop, done: asyncio.Future[Any], result: Any, error: BaseException | None
) -> None:
    def settle() -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)

    # The loop is closed when the program was interrupted meanwhile: nobody waits then.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(settle)


class StandardOutput(io.RawIOBase):
    """Standard output without a buffer and without the lock of ``sys.stdout``.

    A thread that is stuck inside ``sys.stdout`` holds its lock, and the interpreter would wait for
    that lock when it ends.
    """

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any, /) -> int:
        """Write all of it; raises BrokenPipeError when the reader went away."""
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view):
            done += os.write(1, view[done:])
        return done


class Output:
    """Standard output as text or bytes, flushed at once."""

    def __init__(self, writer: Writer, stream: BinaryIO | None = None, encoding: str = "") -> None:
        """Write to ``stream`` (by default the process's standard output) in ``encoding``."""
        self._writer = writer
        self._stream: BinaryIO | io.RawIOBase = StandardOutput() if stream is None else stream
        self._encoding = encoding or getattr(sys.stdout, "encoding", "") or "utf-8"

    async def text(self, text: str) -> None:
        """Write text in the terminal's encoding; what that cannot show becomes ``?``."""
        if text:
            await self.data(text.encode(self._encoding, "replace"))

    async def json(self, line: str) -> None:
        """Write one line of JSON, always UTF-8."""
        await self.data(line.encode() + b"\n")

    async def data(self, data: bytes) -> None:
        """Write bytes; raises BrokenPipeError when the reader went away."""
        await self._writer.run(self._put, data)

    def _put(self, data: bytes) -> None:
        try:
            self._stream.write(data)
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ConfigError(f"Standard output cannot be written: {error.strerror}.") from error
