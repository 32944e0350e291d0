"""A provider on a real socket that says what it is given, in odd pieces, and keeps all that it hears."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import Sequence
from typing import Any, BinaryIO

from tests.fakes.strict_server import Json, StrictTalk

RATE = 24_000
PIECES = (1_999, 3_001, 487, 4_801, 997)
"""Bytes of the pieces of a reply, in turn; odd, so that samples are cut in two."""

AHEAD_S = 2.0
"""How much faster than it is spoken a reply is sent."""


class SpeakingTalk(StrictTalk):
    """One connection; each request for a reply is answered with the next of ``replies``."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.heard = 0
        """Samples of the user so far; they go to the file ``heard``, so that memory says nothing of them."""
        self.hears = asyncio.Event()
        """Set once the microphone is open and runs: some of it has come."""
        self._file: BinaryIO = self.server.memory["heard"]
        self.replies: Sequence[bytes] = self.server.memory["replies"]
        self._number = 0
        self._sizes = itertools.cycle(PIECES)
        self._saying: asyncio.Task[None] | None = None

    async def greet(self) -> None:
        await self.tell("session.created", session={"type": "realtime", "id": "sess_1", "model": "speaks"})

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            if self._saying is not None:
                self._saying.cancel()

    async def on_session_update(self, event: Json) -> None:
        await self.tell("session.updated", session={"type": "realtime", "id": "sess_1", "model": "speaks"})

    async def on_input_audio_buffer_append(self, event: Json) -> None:
        sound = base64.b64decode(event["audio"])
        self.heard += len(sound) // 2
        self._file.write(sound)
        if self.heard >= RATE // 5:
            self.hears.set()

    async def on_conversation_item_create(self, event: Json) -> None:
        await self.tell("conversation.item.added", item={**event["item"], "id": f"user_{self._number}"})

    async def on_response_create(self, event: Json) -> None:
        self._saying = asyncio.create_task(self._say(self.replies[self._number]))
        self._number += 1

    async def _say(self, pcm: bytes) -> None:
        name = f"resp_{self._number}"
        where = {"response_id": name, "item_id": f"item_{name}", "output_index": 0, "content_index": 0}
        await self.tell("response.created", response={"id": name, "status": "in_progress"})
        await self.tell("response.output_audio_transcript.delta", delta="As you hear.", **where)
        loop = asyncio.get_running_loop()
        began, at = loop.time(), 0
        while at < len(pcm):
            size = next(self._sizes)
            piece = base64.b64encode(pcm[at : at + size]).decode()
            await self.tell("response.output_audio.delta", delta=piece, **where)
            at += size
            await asyncio.sleep(max(0.0, began + at / 2 / RATE - AHEAD_S - loop.time()))
        done = {"id": name, "status": "completed", "output": [], "status_details": None, "usage": None}
        await self.tell("response.done", response=done)
