"""What waits to be sent to one client: ordered and bounded.

Two ways in. Small control messages never wait (``put``), so that reading a client's commands is
never held up by a client that is slow to read: otherwise both sides could wait for one another.
The makers of replies wait for ``room`` before each delta, so that the socket's back-pressure
reaches the voice and the brain. Nothing is dropped; a client that reads nothing at all until
MAX_WAITING_BYTES wait is let go (``Overflow``).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

ROOM_BYTES = 32 * 1024
"""Replies wait while more than this is unsent: half a second of 24 kHz PCM in base64."""

MAX_WAITING_BYTES = 32 * 1024 * 1024
"""Enough for two of the largest items, which ``retrieve`` sends."""


class Overflow(Exception):
    """The client does not read."""


class Outbox:
    """Messages on their way to one socket."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._roomy = asyncio.Event()
        self._roomy.set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._sealed = False

    def put(self, message: bytes, *, last: bool = False) -> None:
        """Queue a message at once; whatever comes after the ``last`` one is never sent."""
        if self._sealed:
            return
        self._sealed = last
        self._waiting.append(message)
        self._bytes += len(message)
        self._filled.set()
        self._empty.clear()
        if self._bytes > ROOM_BYTES:
            self._roomy.clear()

    def seal(self) -> None:
        """Let nothing more be queued; what waits is still sent."""
        self._sealed = True

    async def room(self) -> None:
        """Wait until little is unsent. Gives way to others even when there is room.

        Without a time limit of its own: a client that is gone ends the session by its pings.
        """
        await asyncio.sleep(0)
        await self._roomy.wait()

    async def flushed(self) -> None:
        """Wait until everything was handed to the socket."""
        await self._empty.wait()

    async def run(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Send what is queued, for ever; raises what ``send`` raises, and Overflow."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._waiting:
                if self._bytes > MAX_WAITING_BYTES:
                    raise Overflow
                message = self._waiting.popleft()
                await send(message)
                self._bytes -= len(message)
                if self._bytes <= ROOM_BYTES:
                    self._roomy.set()
            self._empty.set()
