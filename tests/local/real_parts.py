"""Real ears and a real voice for tests, and a way to see that a process is gone."""

from __future__ import annotations

import asyncio
import os
import select
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from neko_cli.local.config import EngineConfig
from neko_cli.local.parts import LocalParts
from neko_cli.local.ports import Hearing, Speech
from neko_cli.local.worker_pool import Seat

COMMANDS = ("What time is it?", "Open the front door", "Tell me a story", "Cancel the alarm")
HEARING = Hearing(vocabulary=COMMANDS)


class NoBrain:
    """A brain that is not asked; notes that it was closed."""

    closed = 0

    def reply(self, prompt: Any) -> AsyncIterator[Any]:
        raise AssertionError("these tests need no reply")

    async def aclose(self) -> None:
        self.closed += 1


@asynccontextmanager
async def parts_of(folder: Path, **settings: Any) -> AsyncIterator[LocalParts]:
    """Parts with these settings; at the end every process that was started must be gone."""
    config = EngineConfig(**settings)
    parts = LocalParts(config, models_dir=folder, brain=NoBrain(), log_path=folder / "engine.log")
    started: list[int] = []
    try:
        yield parts
        started = pids(parts)
    finally:
        async with asyncio.timeout(10):
            await parts.aclose()
    assert all(is_gone(pid, 2.0) for pid in started)


def seats(parts: LocalParts) -> list[Seat]:
    """The places for worker processes: those of the ears, then that of the voice."""
    return [*parts.ears._workers._seats, parts.voice._worker._seat]


def voice_seat(parts: LocalParts) -> Seat:
    return seats(parts)[-1]


def pids(parts: LocalParts) -> list[int]:
    """The processes that run now."""
    return [seat.worker.pid for seat in seats(parts) if seat.worker is not None and seat.worker.alive]


async def said(parts: LocalParts, text: str, speech: Speech | None = None) -> bytes:
    """All of the speech for a text."""
    return b"".join([chunk async for chunk in parts.voice.speak(text, speech or Speech())])


async def until(condition: Callable[[], object], timeout: float = 10.0) -> None:
    """Let the event loop run until something holds; TimeoutError when it never does."""
    async with asyncio.timeout(timeout):
        while True:
            if condition():
                return
            await asyncio.sleep(0)


def is_gone(pid: int, timeout: float) -> bool:
    """Whether a process ends within ``timeout`` seconds; one that nobody collects counts as ended."""
    if not hasattr(os, "pidfd_open"):
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.01)
        return False
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with closing(os.fdopen(handle, "rb")) as file:
        return bool(select.select([file], [], [], timeout)[0])
