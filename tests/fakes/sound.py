"""Sound devices whose time the test holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from neko_cli.core.errors import AudioError


class FakeSpeaker:
    """A loudspeaker that plays only when the test says so."""

    def __init__(self, rate: int = 24_000, *, error: AudioError | None = None, slow: bool = False) -> None:
        """``slow`` opens when ``ready`` is set."""
        self.ready = asyncio.Event()
        if not slow:
            self.ready.set()
        self.rate = rate
        self.name = "fake"
        self.level = -20.0
        self.played = 0
        self.queue = bytearray()
        self.is_open = False
        self.opened = 0
        self.error = error
        self.everything = bytearray()
        self._empty = asyncio.Event()
        self._empty.set()
        self._came = asyncio.Event()

    @property
    def queued_ms(self) -> float:
        return len(self.queue) / 2 / self.rate * 1000

    async def open(self) -> None:
        if self.error is not None:
            raise self.error
        await self.ready.wait()
        self.is_open = True
        self.opened += 1

    def play(self, pcm: bytes) -> int:
        assert self.is_open, "sound for a loudspeaker that is closed"
        self.queue += pcm
        self._empty.clear()
        self._came.set()
        return len(pcm)

    async def holds(self, ms: float) -> None:
        """Wait until so much is queued."""
        async with asyncio.timeout(5.0):
            while self.queued_ms < ms:
                self._came.clear()
                await self._came.wait()

    def clear(self) -> None:
        self.queue.clear()
        self._empty.set()

    def advance(self, ms: float) -> None:
        """Let so much be heard."""
        n = min(len(self.queue), int(self.rate * ms / 1000) * 2)
        self.everything += self.queue[:n]
        del self.queue[:n]
        self.played += n // 2
        if not self.queue:
            self._empty.set()

    async def drained(self) -> None:
        await self._empty.wait()

    async def close(self) -> None:
        self.is_open = False


class FakeMicrophone:
    """A microphone that hears what the test puts in; None ends it, an error kills it."""

    def __init__(self, rate: int = 24_000, *, error: AudioError | None = None) -> None:
        self.rate = rate
        self.name = "fake"
        self.level = -30.0
        self.is_open = False
        self.error = error
        self._frames: asyncio.Queue[bytes | AudioError | None] = asyncio.Queue()
        self.taken = 0

    async def open(self) -> None:
        if self.error is not None:
            raise self.error
        self.is_open = True

    def hear(self, frame: bytes | AudioError) -> None:
        self._frames.put_nowait(frame)

    async def frames(self) -> AsyncIterator[bytes]:
        while True:
            frame = await self._frames.get()
            if frame is None:
                return
            if isinstance(frame, AudioError):
                raise frame
            yield frame
            self.taken += 1

    async def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._frames.put_nowait(None)
