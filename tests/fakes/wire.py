"""A provider in memory: the test plays the server, frame by frame, and is strict about it."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

from neko_cli.core.errors import LinkError, NekoError
from neko_cli.core.ports import Closing, Endpoint

PATIENCE = 5.0
"""Seconds that a step may take before the test fails."""


class FakeConnection:
    """One connection; ``server`` is the test's side of it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._to_client: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._closing: Closing | None = None
        self._ids = itertools.count(1)
        self.answers_pings = True
        """Whether ``probe`` finds the server alive."""
        self.probes: list[float] = []
        """The time limits of all probes so far, in seconds."""

    # -- the client's side ------------------------------------------------------------------

    @property
    def closing(self) -> Closing | None:
        return self._closing

    async def frames(self) -> AsyncIterator[str | bytes]:
        while True:
            frame = await self._to_client.get()
            if frame is None:
                return
            yield frame

    async def send(self, frame: str | bytes) -> None:
        if self._closing is not None:
            raise LinkError("gone")
        self.to_server.put_nowait(json.loads(frame))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self._closing is None:
            self._closing = Closing(code, reason, by_us=True)
            self._to_client.put_nowait(None)

    async def probe(self, timeout: float) -> bool:
        self.probes.append(timeout)
        return self.answers_pings and self._closing is None

    # -- the test's side --------------------------------------------------------------------

    async def expect(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next frame from the client must be of this type and hold these fields."""
        async with asyncio.timeout(PATIENCE):
            event = await self.to_server.get()
        assert event["type"] == kind, f"expected {kind}, the client sent {event}"
        for key, value in fields.items():
            assert event.get(key) == value, f"{key}: expected {value!r}, the client sent {event}"
        return event

    def nothing_more(self) -> None:
        """The client has sent nothing that the script did not expect."""
        assert self.to_server.empty(), f"unexpected: {self.to_server.get_nowait()}"

    def tell(self, kind: str, **fields: Any) -> None:
        """Send an event to the client."""
        self.raw(json.dumps({"type": kind, "event_id": f"event_{next(self._ids)}", **fields}))

    def raw(self, frame: str | bytes) -> None:
        """Send anything to the client."""
        self._to_client.put_nowait(frame)

    def drop(self, code: int = 1006, reason: str = "") -> None:
        """End the connection from the server's side."""
        if self._closing is None:
            self._closing = Closing(code, reason)
            self._to_client.put_nowait(None)

    async def configured(self) -> dict[str, Any]:
        """Play the hand-shake of an OpenAI GA server; returns the session that was asked for."""
        self.tell("session.created", session={"type": "realtime", "id": "sess_1", "model": "m"})
        update = await self.expect("session.update")
        self.tell("session.updated", session={"type": "realtime", "id": "sess_1", "model": "m"})
        return dict(update["session"])

    def reply(
        self, reply_id: str, text: str, *, sound_ms: int = 0, status: str = "completed", **more: Any
    ) -> None:
        """A whole reply at once, as servers that are faster than real time send it."""
        self.begin(reply_id)
        self.words(reply_id, text, spoken=bool(sound_ms))
        if sound_ms:
            self.sound(reply_id, sound_ms)
        self.done(reply_id, status, **more)

    def begin(self, reply_id: str) -> None:
        self.tell("response.created", response={"id": reply_id, "status": "in_progress"})

    def words(self, reply_id: str, text: str, *, spoken: bool = False) -> None:
        kind = "response.output_audio_transcript.delta" if spoken else "response.output_text.delta"
        self.tell(
            kind,
            response_id=reply_id,
            item_id=f"item_{reply_id}",
            output_index=0,
            content_index=0,
            delta=text,
        )

    def sound(self, reply_id: str, ms: int) -> None:
        pcm = base64.b64encode(b"\x10\x20" * (24 * ms)).decode()
        self.tell(
            "response.output_audio.delta",
            response_id=reply_id,
            item_id=f"item_{reply_id}",
            output_index=0,
            content_index=0,
            delta=pcm,
        )

    def done(self, reply_id: str, status: str = "completed", **details: Any) -> None:
        self.tell(
            "response.done",
            response={
                "id": reply_id,
                "status": status,
                "output": [],
                "status_details": details or None,
                "usage": None,
            },
        )


class FakeTransport:
    """Hands out connections, or the error that the test wants."""

    def __init__(self) -> None:
        self.connections: asyncio.Queue[FakeConnection] = asyncio.Queue()
        self.error: NekoError | None = None

    async def open(self, endpoint: Endpoint, *, timeout: float = 10.0) -> FakeConnection:
        if self.error is not None:
            raise self.error
        connection = FakeConnection(endpoint)
        self.connections.put_nowait(connection)
        return connection

    async def accepted(self) -> FakeConnection:
        """The next connection that the client opens."""
        async with asyncio.timeout(PATIENCE):
            return await self.connections.get()
