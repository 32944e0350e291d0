"""What an engine is given for one speech: its text, piece by piece, and a way out for its sound."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from neko_cli.core.pcm import bytes_for
from neko_cli.speech.tts.messages import Handed, Spoken

CHUNK_MS = 100
"""Longest piece of sound: what an interruption can be late by, at most."""


class Script:
    """The text of one speech, as it comes. Used in the worker's own loop alone."""

    def __init__(
        self,
        speech: str,
        tell: Callable[[Handed | Spoken], object],
        free: Callable[[Sequence[str]], None] = lambda _: None,
    ) -> None:
        """``tell`` is told how far the engine is, ``free`` which texts need no room any more."""
        self.speech = speech
        self.stopped = False
        self._pieces: deque[str] = deque()
        self._ended = False
        self._unspoken = 0
        self._news = asyncio.Event()
        self._tell = tell
        self._free = free

    def add(self, text: str) -> None:
        """A further piece."""
        self._pieces.append(text)
        self._news.set()

    def stop(self) -> None:
        """It is given up: what waits is dropped, and what still sounds goes nowhere."""
        self.stopped = True
        self._free(tuple(self._pieces))
        self._pieces.clear()

    def end(self) -> None:
        """There is no more."""
        self._ended = True
        self._news.set()

    async def next(self, limit: int = 0) -> str | None:
        """The next piece, with those behind it up to ``limit`` characters; None at the end."""
        while not self._pieces:
            if self._ended:
                return None
            self._news.clear()
            await self._news.wait()
        pieces = [self._pieces.popleft()]
        while self._pieces and sum(map(len, pieces)) + len(self._pieces[0]) < limit:
            pieces.append(self._pieces.popleft())
        self._unspoken += len(pieces)
        self._free(pieces)
        self._tell(Handed(self.speech, len(pieces)))
        return " ".join(pieces)

    def spoken(self) -> None:
        """All that was handed out so far is complete in the sound that was put out."""
        if self._unspoken:
            self._tell(Spoken(self.speech, self._unspoken))
            self._unspoken = 0


class Outlet:
    """Takes an engine's sound in pieces of any size; waits while nobody takes it."""

    def __init__(self, put: Callable[[bytes, int], bool], room: asyncio.Event) -> None:
        """``put`` takes whole samples, or says no until ``room`` is set."""
        self._put = put
        self._room = room
        self._odd = b""
        self._rate = 0

    async def put(self, pcm: bytes, rate: int) -> None:
        """16-bit mono PCM at ``rate`` Hz; a sample cut in two by a border is put together again."""
        if rate != self._rate:
            self._odd, self._rate = b"", rate
        data = self._odd + pcm
        whole = len(data) & ~1
        self._odd = data[whole:]
        size = max(2, bytes_for(CHUNK_MS, rate))
        for at in range(0, whole, size):
            piece = data[at : min(at + size, whole)]
            while not self._put(piece, rate):
                self._room.clear()
                await self._room.wait()


class VoiceEngine(Protocol):
    """Speaks scripts one after the other; lives in a worker's thread and its event loop."""

    async def open(self) -> None:
        """Make ready; raises NekoError."""
        ...

    async def speak(self, script: Script, outlet: Outlet) -> None:
        """Speak a script to its end. Cancelled when it is interrupted, and then gone at once.

        Raises InvalidRequest for a text that cannot be spoken; any other NekoError ends the worker.
        """
        ...

    async def aclose(self) -> None:
        """Free everything; idempotent."""
        ...
