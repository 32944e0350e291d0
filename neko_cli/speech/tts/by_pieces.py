"""Engines that speak one finished text at a time: local synthesisers, and services over HTTP."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

from neko_cli.speech.tts.script import Outlet, Script

TOGETHER = 240
"""Characters of pieces that wait and are spoken as one: better melody, fewer requests."""


class PieceSource(Protocol):
    """Makes sound of one text."""

    async def open(self) -> None:
        """Make ready; raises NekoError."""
        ...

    def speak(self, text: str) -> AsyncGenerator[tuple[bytes, int], None]:
        """Chunks of 16-bit mono PCM with their rate in Hz; closing the iterator stops it at once."""
        ...

    async def aclose(self) -> None:
        """Free everything; idempotent."""
        ...


class ByPieces:
    """A :class:`~neko_cli.speech.tts.script.VoiceEngine` made of a source; it knows what was spoken."""

    def __init__(self, source: PieceSource, *, together: int = TOGETHER) -> None:
        """``together``: characters up to which waiting pieces are spoken as one; 0 keeps them apart."""
        self._source = source
        self._together = together

    async def open(self) -> None:
        """Make ready; raises NekoError."""
        await self._source.open()

    async def speak(self, script: Script, outlet: Outlet) -> None:
        """Speak a script; its first piece by itself, so that it is heard early."""
        limit = 0
        while (text := await script.next(limit)) is not None:
            limit = self._together
            async with aclosing(self._source.speak(text)) as chunks:
                async for pcm, rate in chunks:
                    await outlet.put(pcm, rate)
            script.spoken()

    async def aclose(self) -> None:
        """Free the source; idempotent."""
        await self._source.aclose()
