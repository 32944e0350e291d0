"""One client's WebSocket: what every wire needs of it, whatever is said over it."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from neko_cli.local.outbox import Outbox, Overflow

log = logging.getLogger(__name__)

FLUSH_S = 2.0
"""How long the last words to a client may take before its socket is closed."""

CLOSE_NORMAL = 1000
CLOSE_GOING_AWAY = 1001
CLOSE_INVALID = 1007
CLOSE_POLICY = 1008
CLOSE_INTERNAL = 1011

MAX_REASON_BYTES = 123
"""RFC 6455 §5.5: a control frame holds 125 bytes, two of them the code."""


class SocketGone(Exception):
    """The connection ended; ends every task that belongs to it."""


class Link:
    """A socket and what waits to be sent on it.

    Args:
        socket: the accepted connection.
        text: whether messages go out in text frames; else in binary ones.
    """

    def __init__(self, socket: ServerConnection, *, text: bool = True) -> None:
        self._socket = socket
        self._text = text
        self._outbox = Outbox()

    @property
    def alive(self) -> bool:
        """Whether the client can still be reached."""
        return self._socket.state is State.OPEN

    def put(self, message: bytes, *, last: bool = False) -> None:
        """Queue a message at once; whatever comes after the ``last`` one is never sent."""
        self._outbox.put(message, last=last)

    async def room(self) -> None:
        """Wait until the client has taken most of what was queued."""
        await self._outbox.room()

    async def send(self) -> None:
        """Write what is queued, for ever; raises SocketGone, and Overflow for one who does not read."""
        try:
            await self._outbox.run(self._send_one)
        except ConnectionClosed:
            raise SocketGone from None

    async def _send_one(self, message: bytes) -> None:
        await self._socket.send(message, text=self._text)

    async def receive(self) -> str | bytes:
        """The next frame; raises SocketGone."""
        try:
            return await self._socket.recv()
        except ConnectionClosed:
            raise SocketGone from None

    async def watch(self) -> None:
        """Raise SocketGone when the socket goes, also while a command is being worked on."""
        await self._socket.wait_closed()
        raise SocketGone

    async def cut(self, code: int, reason: str) -> None:
        """Close without sending what is queued."""
        self._outbox.seal()
        await self._socket.close(code, close_reason(reason))

    async def close(self, code: int, reason: str) -> None:
        """Let nothing more be queued, send what is, and close; at most FLUSH_S and a handshake."""
        self._outbox.seal()
        try:
            async with asyncio.timeout(FLUSH_S):
                await self._outbox.flushed()
        except TimeoutError:
            log.debug("a client did not take its last message before its session ended")
        await self.cut(code, reason)


class Client(Protocol):
    """One connected program, as a wire sees it."""

    link: Link

    def open(self, group: asyncio.TaskGroup) -> None:
        """Begin; all tasks belong to ``group``."""
        ...

    async def expire(self) -> None:
        """Wait for the session's longest duration, and end it as the provider does."""
        ...

    async def receive(self) -> None:
        """Read and do the client's commands until SocketGone."""
        ...


async def hold(client: Client) -> None:
    """Hold one session; returns when the socket is gone and all its tasks have ended."""
    try:
        async with asyncio.TaskGroup() as group:
            client.open(group)
            group.create_task(client.link.send())
            group.create_task(client.expire())
            group.create_task(client.link.watch())
            await client.receive()
    except* SocketGone:
        pass
    except* Overflow:
        log.warning("a client was let go because it did not read")
        await client.link.cut(CLOSE_POLICY, "messages are not being read")


def close_reason(text: str) -> str:
    """As much of a sentence as a close frame may hold."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= MAX_REASON_BYTES:
        return raw.decode()
    return raw[: MAX_REASON_BYTES - 3].decode("utf-8", "ignore") + "…"
