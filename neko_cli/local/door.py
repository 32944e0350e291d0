"""A WebSocket server that leaves nothing behind: it knows each connection from its first moment.

websockets' own ``Server.close`` waits for the handlers that it knows when it is called. A connection
that was accepted just before has none yet; it gets one when nobody waits any more, and the task is
still pending when the loop is closed. One that sends no request is waited for as long as a
handshake may take.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.protocol import State

ACCEPT_STEPS = 3
"""Turns of the loop from accepting a TCP connection to its handler (asyncio takes two)."""

Handler = Callable[[ServerConnection], Awaitable[None]]


async def stop_accepting(listeners: Sequence[socket.socket]) -> None:
    """Accept nobody any more; who was accepted already has its protocol when this returns.

    Python 3.11 loses a connection that is on its way in when its server is closed.
    """
    with contextlib.suppress(NotImplementedError):  # there are loops without readers (Windows)
        for listener in listeners:
            asyncio.get_running_loop().remove_reader(listener.fileno())
    for _ in range(ACCEPT_STEPS):
        await asyncio.sleep(0)


class Door:
    """Opens a server and closes it completely; for one server, once."""

    def __init__(self) -> None:
        self._server: Server | None = None
        self._connections: set[ServerConnection] = set()
        self._closing = False

    async def open(self, handler: Handler, host: str, port: int, **options: Any) -> Server:
        """Listen; ``options`` are those of ``websockets.asyncio.server.serve``. Raises OSError."""
        self._server = await serve(handler, host, port, create_connection=self._kind(), **options)
        return self._server

    async def close(self, *, code: int = 1001, reason: str = "") -> None:
        """Accept nobody any more, say goodbye to who is connected, and cut who has not said a word.

        Returns while handlers may still be at work: see ``wait_closed``. Idempotent.
        """
        if self._server is None or self._closing:
            return
        self._closing = True
        try:
            await stop_accepting(self._server.sockets)
        finally:
            for connection in self._connections:
                if connection.state is State.CONNECTING:
                    connection.transport.abort()
            self._server.close(code=code, reason=reason)

    async def wait_closed(self) -> None:
        """After ``close``: wait until every handler has ended."""
        if self._server is not None:
            await self._server.wait_closed()
            while tasks := {task for task in self._server.handler_tasks if not task.done()}:
                await asyncio.wait(tasks)

    def _kind(self) -> type[ServerConnection]:
        """Connections that tell this door of their coming and going."""
        door = self

        class Guest(ServerConnection):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                door._connections.add(self)
                if door._closing:
                    self.transport.abort()

            def connection_lost(self, exc: Exception | None) -> None:
                door._connections.discard(self)
                super().connection_lost(exc)

        return Guest
