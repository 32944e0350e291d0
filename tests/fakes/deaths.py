"""Ways in which a server's side of a WebSocket can die, each for real on its socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

PATIENCE = 5.0
"""Seconds for the other side to go away as well; then the socket is dropped."""

Death = Callable[[ServerConnection], Awaitable[None]]


async def reset(connection: ServerConnection) -> None:
    """The peer is gone: TCP RST, whatever was on its way."""
    raw = connection.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.transport.abort()


async def end_of_stream(connection: ServerConnection) -> None:
    """TCP FIN without a close frame, as when a process is killed or a proxy gives up."""
    connection.transport.write_eof()
    await _gone(connection)


async def garbage(connection: ServerConnection) -> None:
    """Bytes that are no frame, as from a proxy that breaks into the stream."""
    connection.transport.write(b"\xff" * 64)
    await _gone(connection)


async def nonsense(connection: ServerConnection) -> None:
    """Frames that are no events, then a reset."""
    with contextlib.suppress(ConnectionClosed):
        for frame in ("not json", b"\x00\xff\xfe", "[]", '{"type": 5}', '{"type": "made.up"}', "{}"):
            await connection.send(frame)
    await reset(connection)


def closing(code: int) -> Death:
    """A close frame with this code (RFC 6455 §7.4) and no reason."""

    async def close(connection: ServerConnection) -> None:
        await connection.close(code)

    return close


async def _gone(connection: ServerConnection) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await connection.wait_closed()
    except TimeoutError:
        connection.transport.abort()


DEATHS: dict[str, Death] = {
    "reset": reset,
    "end of stream": end_of_stream,
    "garbage": garbage,
    "nonsense": nonsense,
    **{f"close {code}": closing(code) for code in (1000, 1001, 1007, 1008, 1011, 1012, 1013)},
}
