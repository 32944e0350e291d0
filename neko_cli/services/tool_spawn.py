"""How a tool's process is made and ended: with all that it started, which is its group."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from typing import Any

from neko_cli.core.errors import ToolError
from neko_cli.core.text import one_line
from neko_cli.services.tool_program import Start

GRACE_S = 1.0
"""Between the request to end and the end by force."""

KILL_TIMEOUT_S = 2.0
"""For a killed process to be gone; the system needs some ms."""

MAX_ERROR_BYTES = 4096
"""How much of the end of standard error is kept."""

_GROUP_LOOK_S = 0.02


class Child(asyncio.SubprocessProtocol):
    """A running program: its end, and the end of what it wrote to standard error."""

    def __init__(self) -> None:
        self.exited = asyncio.Event()
        """The program itself has ended; what it started may live on."""
        self.drained = asyncio.Event()
        """Nobody can write to its standard output and error any more."""
        self.gone = asyncio.Event()
        """Nothing of it is left with us."""
        self.errors = bytearray()
        self.transport: asyncio.SubprocessTransport | None = None
        self._open = {1, 2}

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return None if self.transport is None else self.transport.get_returncode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Standard library: it has started."""
        assert isinstance(transport, asyncio.SubprocessTransport)
        self.transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Standard library: it wrote something."""
        if fd == 2:
            self.errors += data
            del self.errors[:-MAX_ERROR_BYTES]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Standard library: one of its pipes was closed."""
        self._open.discard(fd)
        if not self._open:
            self.drained.set()

    def process_exited(self) -> None:
        """Standard library: it has ended."""
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Standard library: it has ended and all pipes are closed."""
        self.gone.set()

    def write(self, data: bytes) -> bool:
        """Write to its standard input; False when that is closed."""
        pipe = self._input()
        if pipe is None or pipe.is_closing():
            return False
        pipe.write(data)
        return True

    @property
    def unread(self) -> int:
        """Bytes that it has not taken yet."""
        pipe = self._input()
        return 0 if pipe is None else pipe.get_write_buffer_size()

    def close_input(self) -> None:
        """Nothing more is written; what was written still goes out."""
        if (pipe := self._input()) is not None:
            pipe.close()

    def _input(self) -> asyncio.WriteTransport | None:
        pipe = None if self.transport is None else self.transport.get_pipe_transport(0)
        return pipe if isinstance(pipe, asyncio.WriteTransport) else None

    async def leave(self) -> None:
        """Let go of a program that has ended; what it left running lives on."""
        if self.transport is not None:
            self.transport.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(KILL_TIMEOUT_S):
                    await self.gone.wait()

    async def end(self) -> None:
        """End it with all that it started: a request, ``GRACE_S``, then by force.

        Cancelled meanwhile, it uses force at once; nothing is ever left behind.
        """
        if self.transport is None:
            return
        if self.gone.is_set():
            self.transport.close()
            return
        group = self.transport.get_pid()
        try:
            signal_group(group, force=False)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE_S):
                    await _group_gone(group)
        finally:
            signal_group(group, force=True)
            try:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(KILL_TIMEOUT_S):
                        await self.exited.wait()
            finally:
                self.transport.close()
        await self.leave()


async def spawn(child: Child, what: str, start: Start) -> None:
    """Start a program in a group of its own; raises ToolError when the system refuses.

    Cancelled meanwhile, it ends the program with all that it started.
    """
    # The standard library, cancelled while it makes a process, ends that alone and waits for whoever
    # holds its pipes. So it is let finish, which takes some ms, and then we end the whole group.
    stopped: asyncio.CancelledError | None = None
    async with asyncio.TaskGroup() as group:
        making = group.create_task(_make(child, what, start))
        while not making.done():
            try:
                await asyncio.wait({making})
            except asyncio.CancelledError as error:
                stopped = error
    if stopped is not None:
        await child.end()
        raise stopped
    if (refusal := making.result()) is not None:
        raise refusal


async def _make(child: Child, what: str, start: Start) -> ToolError | None:
    options: dict[str, Any] = {}
    if os.name == "nt":
        options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW  # type: ignore[attr-defined]
    else:
        options["start_new_session"] = True  # Ctrl-C and the terminal are ours, not its
    try:
        await asyncio.get_running_loop().subprocess_exec(
            lambda: child,
            *start.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=start.environment,
            cwd=start.folder,
            **options,
        )
    except OSError as error:
        return ToolError(f"{what} cannot run: {one_line(error.strerror or str(error))}.")
    except ValueError:
        return ToolError(f"{what} cannot run: a zero byte is in its arguments.", permanent=True)
    return None


def signal_group(group: int, *, force: bool) -> None:
    """Ask a group to end, or end it; one that is gone already is no error.

    Windows has no such groups: there the program alone is ended, and at once.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            os.kill(group, signal.SIGTERM)
        else:
            os.killpg(group, signal.SIGKILL if force else signal.SIGTERM)


async def _group_gone(group: int) -> None:
    # The system tells of the end of a child, not of that of its children: only looking helps.
    while _group_lives(group):  # noqa: ASYNC110
        await asyncio.sleep(_GROUP_LOOK_S)


def _group_lives(group: int) -> bool:
    if sys.platform == "win32":
        return False
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
