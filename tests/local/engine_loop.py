"""One event loop and engine server for many examples of a property."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from neko_cli.local.config import EngineConfig
from neko_cli.local.ports import Recognised, SaidText
from neko_cli.local.server import EngineServer
from tests.local.parts import ScriptedParts
from tests.local.wire_client import TOKEN


class EngineLoop:
    """The engine's brain answers ``reply``, and its ears hear ``heard`` in any sound."""

    heard = "noise"

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.parts = ScriptedParts()
        self.parts.brain.reply = self.reply  # type: ignore[method-assign]
        self.parts.ears.recognise = self._recognise  # type: ignore[method-assign]
        self.server = EngineServer(self.parts, EngineConfig(), token=TOKEN)
        self.loop.run_until_complete(self.start())

    async def start(self) -> None:
        """Start the server, and whatever is needed besides."""
        await self.server.start()

    async def stop(self) -> None:
        """Stop it again."""
        await self.server.aclose()

    async def reply(self, prompt: Any) -> AsyncIterator[Any]:
        """One reply."""
        yield SaidText("ok")

    async def _recognise(self, pcm: bytes, hearing: object) -> Any:
        return Recognised(self.heard, 0.5)

    def close(self) -> None:
        self.loop.run_until_complete(self.stop())
        self.loop.close()
