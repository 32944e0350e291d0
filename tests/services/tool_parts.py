"""What the tests of tools share: the end of a process, a named pipe, a word from another task."""

from __future__ import annotations

import asyncio
import os
import select
import time
from pathlib import Path

LIMIT = 20.0
"""Seconds for what takes milliseconds on an idle machine."""


def ends(pid: int, timeout: float = 5.0) -> bool:
    """Whether a process, also one that is not ours, is gone within so many seconds."""
    if not hasattr(os, "pidfd_open"):
        return _is_gone_by(pid, time.monotonic() + timeout)
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], timeout)[0])
    finally:
        os.close(handle)


def _is_gone_by(pid: int, when: float) -> bool:
    """The same where the system does not tell of the end of other processes."""
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if time.monotonic() >= when:
            return False
        time.sleep(0.01)


def lives(pid: int) -> bool:
    """Whether a process is there now."""
    return not ends(pid, 0)


def pipe_in(folder: Path, name: str = "pipe") -> Path:
    """A named pipe: reading waits for a writer, and writing for a reader."""
    path = folder / name
    os.mkfifo(path)
    return path


async def read(pipe: Path) -> str:
    """What a program writes into a named pipe."""
    async with asyncio.timeout(LIMIT):
        return await asyncio.to_thread(pipe.read_text)


async def written(pipe: Path) -> None:
    """Let a program go on that reads from a named pipe."""
    async with asyncio.timeout(LIMIT):
        await asyncio.to_thread(pipe.write_text, "go")


class Told:
    """Counts how often something was told, and waits for the next time."""

    def __init__(self) -> None:
        self.count = 0
        self._event = asyncio.Event()

    def __call__(self) -> None:
        self.count += 1
        self._event.set()

    async def again(self) -> None:
        """Once more than at the last look."""
        async with asyncio.timeout(LIMIT):
            await self._event.wait()
        self._event.clear()


class NoKeys:
    """A key store with what is given."""

    def __init__(self, **keys: str) -> None:
        self.keys = keys

    def find(self, names) -> str:
        return next((self.keys[name] for name in names if name in self.keys), "")
