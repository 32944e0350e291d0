"""A small client of the OpenAI wire over a real socket, for tests."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

from neko_cli.local.server import OPENAI_PATH, QWEN_PATH, EngineServer

TIMEOUT = 10.0
TOKEN = "tést-token"

Json = dict[str, Any]


class WireClient:
    """Sends events and reads what comes, in order."""

    path = OPENAI_PATH

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[Json] = []

    @classmethod
    async def open(cls, server: EngineServer, *, model: str = "test-model", **session: Any) -> Self:
        url = f"ws://127.0.0.1:{server.port}{cls.path}?model={model}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        client = cls(await connect(url, additional_headers=headers, compression=None, max_size=None))
        created = await client.next()
        assert created["type"] == "session.created"
        if session:
            await client.update(**session)
        return client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def update(self, **session: Any) -> Json:
        await self.send("session.update", session={"type": "realtime", **session})
        return await self.until("session.updated")

    async def append(self, pcm: bytes, piece: int | None = None) -> None:
        piece = piece or len(pcm) or 1
        for at in range(0, len(pcm), piece):
            audio = base64.b64encode(pcm[at : at + piece]).decode()
            await self.send("input_audio_buffer.append", audio=audio)

    async def next(self) -> Json:
        async with asyncio.timeout(TIMEOUT):
            event: Json = json.loads(await self.socket.recv())
        self.seen.append(event)
        return event

    async def until(self, kind: str, where: Callable[[Json], bool] = lambda _: True) -> Json:
        """Read up to an event of a type; an error event on the way fails, unless it is asked for."""
        while True:
            event = await self.next()
            if event["type"] == kind and where(event):
                return event
            assert event["type"] != "error", event

    async def take_until(self, kind: str) -> list[Json]:
        """All events up to and with the next one of a type."""
        start = len(self.seen)
        await self.until(kind)
        return self.seen[start:]

    async def error(self) -> Json:
        """The next event, which must be an error."""
        event = await self.next()
        assert event["type"] == "error", event
        error: Json = event["error"]
        return error

    async def say(self, text: str) -> Json:
        """Put a user's text into the conversation."""
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        await self.send("conversation.item.create", item=item)
        done = await self.until("conversation.item.done")
        made: Json = done["item"]
        return made


class QwenClient(WireClient):
    """The same for the flat dialect of Qwen."""

    path = QWEN_PATH

    async def update(self, **session: Any) -> Json:
        await self.send("session.update", session=session)
        return await self.until("session.updated")


def kinds(events: list[Json]) -> list[str]:
    """The types, with runs of the same delta as one."""
    found: list[str] = []
    for event in events:
        kind = event["type"]
        if not (kind.endswith(".delta") and found and found[-1] == kind):
            found.append(kind)
    return found


def sound_of(events: list[Json]) -> bytes:
    """All sound in some events."""
    return b"".join(
        base64.b64decode(e["delta"])
        for e in events
        if e["type"] in ("response.output_audio.delta", "response.audio.delta")
    )
