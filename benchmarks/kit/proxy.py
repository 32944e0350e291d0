"""A TCP proxy on loopback that can hold back a server's answers, and reset a connection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

PIECE = 65_536
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends RST instead of FIN."""


class _Pair:
    """One client and its connection to the server."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.client = client
        self.flows = asyncio.Event()
        self.flows.set()
        self.asked = asyncio.Event()


class Proxy:
    """Between sessions and one server; ``url`` is where sessions connect."""

    def __init__(self, url: str) -> None:
        """``url`` is the server's."""
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._pairs: list[_Pair] = []
        self._work: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = urlunsplit(self._target._replace(netloc=f"127.0.0.1:{port}"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._work:
            task.cancel()
        if self._work:
            await asyncio.wait(self._work, timeout=5)
        await self._server.wait_closed()

    def hold(self) -> None:
        """Nothing that the server says on the oldest connection passes any more."""
        self._pairs[0].flows.clear()
        self._pairs[0].asked.clear()

    async def asked(self, timeout: float = 5.0) -> None:
        """Wait until the client has said something on the oldest connection since ``hold``."""
        async with asyncio.timeout(timeout):
            await self._pairs[0].asked.wait()

    def reset(self) -> None:
        """Kill the oldest connection, as a server does that crashes."""
        pair = self._pairs.pop(0)
        client = pair.client.get_extra_info("socket")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        pair.client.transport.abort()
        pair.flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._work.add(task)
        pair = _Pair(writer)
        self._pairs.append(pair)
        try:
            from_server, to_server = await asyncio.open_connection(self._target.hostname, self._target.port)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._up(reader, to_server, pair))
                    group.create_task(self._down(from_server, writer, pair))
            finally:
                to_server.transport.abort()
        except* OSError:
            pass  # one side is gone, and with it the pair
        finally:
            writer.transport.abort()
            with contextlib.suppress(ValueError):
                self._pairs.remove(pair)
            self._work.discard(task)

    async def _up(self, reader: asyncio.StreamReader, to_server: asyncio.StreamWriter, pair: _Pair) -> None:
        while piece := await reader.read(PIECE):
            to_server.write(piece)
            await to_server.drain()
            pair.asked.set()
        to_server.close()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: _Pair) -> None:
        while piece := await reader.read(PIECE):
            await pair.flows.wait()
            writer.write(piece)
            await writer.drain()
        writer.close()
