"""A WebSocket proxy that keeps the sound that passes, in a thread of its own."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import threading

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from neko_cli.local.door import Door

_SILENT = logging.Logger("wiretap, silent", logging.CRITICAL + 1)
_MAX_FRAME = 16 * 1024 * 1024
_NO_STATUS, _ABNORMAL = 1005, 1006
"""Close codes that cannot be sent (RFC 6455 §7.4.1)."""


class Wiretap:
    """``with Wiretap(url) as tap: … tap.url``; passes everything on, both ways, as it comes."""

    def __init__(self, upstream: str) -> None:
        """``upstream``: where the server is, without a query."""
        self.links: list[bytearray] = []
        """The input sound of each connection, in the order of their coming."""
        self.url = ""
        self._upstream = upstream
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=(self._run(),), daemon=True
        )

    def __enter__(self) -> Wiretap:
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._loop.close()

    async def _run(self) -> None:
        door = Door()
        server = await door.open(
            self._handle, "127.0.0.1", 0, compression=None, max_size=_MAX_FRAME, logger=_SILENT
        )
        self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime"
        self._ready.set()
        await self._stop.wait()
        await door.close()
        await door.wait_closed()

    async def _handle(self, client: ServerConnection) -> None:
        sound = bytearray()
        self.links.append(sound)
        assert client.request is not None
        query = client.request.path.partition("?")[2]
        headers = {"Authorization": client.request.headers.get("Authorization", "")}
        async with (
            connect(
                f"{self._upstream}?{query}",
                additional_headers=headers,
                compression=None,
                max_size=_MAX_FRAME,
                proxy=None,
                logger=_SILENT,
            ) as server,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(_pass_on(client, server, sound))
            group.create_task(_pass_on(server, client, bytearray()))


async def _pass_on(
    source: ServerConnection | ClientConnection, target: ServerConnection | ClientConnection, sound: bytearray
) -> None:
    """Everything in one direction, and how it ended."""
    try:
        while True:
            frame = await source.recv()
            if '"input_audio_buffer.append"' in str(frame[:64]):
                sound += base64.b64decode(json.loads(frame)["audio"])
            await target.send(frame)
    except ConnectionClosed:
        code = source.close_code or _ABNORMAL
        if code in (_NO_STATUS, _ABNORMAL):
            target.transport.abort()
        else:
            await target.close(code, source.close_reason or "")
