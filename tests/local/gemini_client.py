"""A small client of the Gemini wire over a real socket, for tests."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from neko_cli.local.server import GEMINI_PATH, EngineServer
from tests.local.wire_client import TOKEN

TIMEOUT = 10.0
MODEL = "models/test-model"
V1BETA = GEMINI_PATH.format("v1beta")

Json = dict[str, Any]


class GeminiClient:
    """Sends messages and reads what comes, in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[Json] = []

    @classmethod
    async def connect(cls, server: EngineServer, path: str = V1BETA) -> GeminiClient:
        """A connection without a setup."""
        url = f"ws://127.0.0.1:{server.port}{path}"
        headers = {"x-goog-api-key": TOKEN.encode().decode("iso-8859-1")}
        return cls(await connect(url, additional_headers=headers, compression=None, max_size=None))

    @classmethod
    async def open(cls, server: EngineServer, path: str = V1BETA, **setup: Any) -> GeminiClient:
        """A connection that is set up; written replies unless the setup says otherwise."""
        client = await cls.connect(server, path)
        generation = {"responseModalities": ["TEXT"]}
        await client.send(setup={"model": MODEL, "generationConfig": generation, **setup})
        assert "setupComplete" in await client.next()
        return client

    async def __aenter__(self) -> GeminiClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def say(self, text: str, *, complete: bool = True) -> None:
        """A turn of the user's, in writing."""
        turns = [{"role": "user", "parts": [{"text": text}]}]
        await self.send(clientContent={"turns": turns, "turnComplete": complete})

    async def speak(self, pcm: bytes, rate: int = 24_000, piece: int = 4800) -> None:
        """Sound as it is recorded."""
        for at in range(0, len(pcm), piece):
            data = base64.b64encode(pcm[at : at + piece]).decode()
            await self.send(realtimeInput={"audio": {"data": data, "mimeType": f"audio/pcm;rate={rate}"}})

    async def next(self) -> Json:
        """The next message; they come in binary frames, as Google's."""
        async with asyncio.timeout(TIMEOUT):
            frame = await self.socket.recv()
        assert isinstance(frame, bytes)
        message: Json = json.loads(frame)
        self.seen.append(message)
        return message

    async def until(self, *path: str) -> Json:
        """Read up to a message that has a field, as ``serverContent``, ``turnComplete``."""
        while True:
            message = await self.next()
            if has(message, *path):
                return message

    async def turn(self) -> list[Json]:
        """All messages up to and with the end of the model's turn."""
        start = len(self.seen)
        await self.until("serverContent", "turnComplete")
        return self.seen[start:]

    async def handle(self) -> str:
        """The next handle by which the session can be resumed."""
        while True:
            update = await self.until("sessionResumptionUpdate", "newHandle")
            return str(update["sessionResumptionUpdate"]["newHandle"])

    async def closed(self) -> tuple[int, str]:
        """Code and reason with which the server closes; what it says before is read."""
        while True:
            try:
                await self.next()
            except ConnectionClosed as closed:
                frame = closed.rcvd
                break
        assert frame is not None, "the connection broke off"
        return frame.code, frame.reason


def has(message: Json, *path: str) -> bool:
    """Whether a message has a field."""
    for name in path:
        if not isinstance(message, dict) or name not in message:
            return False
        message = message[name]
    return True


def kinds(messages: list[Json]) -> list[str]:
    """What the messages are, with runs of the same as one."""
    found: list[str] = []
    for message in messages:
        for name in message:
            if name == "usageMetadata":
                continue
            kind = ".".join(message[name]) if name == "serverContent" else name
            if not (found and found[-1] == kind):
                found.append(kind)
    return found


def text_of(messages: list[Json]) -> str:
    """All written words of the model in some messages."""
    return "".join(part.get("text", "") for part in _parts(messages))


def sound_of(messages: list[Json]) -> bytes:
    """All sound of the model in some messages."""
    blobs = [part["inlineData"] for part in _parts(messages) if "inlineData" in part]
    assert all(blob["mimeType"] == "audio/pcm;rate=24000" for blob in blobs)
    return b"".join(base64.b64decode(blob["data"]) for blob in blobs)


def _parts(messages: list[Json]) -> list[Json]:
    turns = [m["serverContent"]["modelTurn"] for m in messages if has(m, "serverContent", "modelTurn")]
    assert all(turn["role"] == "model" for turn in turns)
    return [part for turn in turns for part in turn["parts"]]
