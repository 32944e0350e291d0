"""The two ways to a server that speaks MCP, as transports of the official package: a program, an address.

The program's standard error goes to the log, never to the terminal. A line or a message that nobody
could want is the end of the link, not of our memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from neko_cli.core.addresses import is_loopback
from neko_cli.core.redaction import redact
from neko_cli.core.text import one_line
from neko_cli.services.http_rules import checked_url
from neko_cli.services.tool_program import Start
from neko_cli.services.tool_spawn import Child, spawn

if TYPE_CHECKING:
    import httpx2
    from mcp.client import Transport
    from mcp.shared.message import SessionMessage

log = logging.getLogger(__name__)

LEAVE_S = 1.0
"""For a server to end by itself when its input is closed, as the protocol asks it to."""

MAX_LINE_BYTES = 4 * 1024 * 1024
"""A message of a server."""

MAX_UNREAD_BYTES = 4 * 1024 * 1024
"""What a server may leave unread before it counts as gone."""

HTTP_TIMEOUT_S = 15.0
"""To connect, and to send."""

HTTP_SILENCE_S = 600.0
"""Between two parts of an answer: a call may take that long, and a subscription is silent by nature."""


def load_package() -> None:
    """Import the official package (most of a second); raises ImportError where it is missing."""
    import httpx2  # noqa: F401
    import mcp.client.streamable_http  # noqa: F401


class Incoming:
    """Reads what a transport brings, and tells of its end; the package's ``ReadStream``."""

    def __init__(
        self, take: Callable[[], Any], close: Callable[[], Any] | None, ended: Callable[[], None]
    ) -> None:
        """``take`` gives the next message or raises StopAsyncIteration; ``ended`` is told of the end."""
        self._take = take
        self._close = close
        self._ended = ended

    async def receive(self) -> SessionMessage | Exception:
        """The next message."""
        return await self.__anext__()

    def __aiter__(self) -> Incoming:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            message: SessionMessage | Exception = await self._take()
        except Exception:
            self._ended()  # the end of the stream, or of what brings it; being cancelled is neither
            raise
        return message

    async def aclose(self) -> None:
        """Read no more."""
        if self._close is not None:
            await self._close()

    async def __aenter__(self) -> Incoming:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Outgoing:
    """Writes what a transport takes; the package's ``WriteStream``.

    The session enters and leaves it; that neither begins nor ends the transport.
    """

    def __init__(self, send: Callable[[SessionMessage], Awaitable[None]]) -> None:
        """``send`` writes one message."""
        self._send = send

    async def send(self, item: SessionMessage) -> None:
        """Write a message."""
        await self._send(item)

    async def aclose(self) -> None:
        """Write no more."""

    async def __aenter__(self) -> Outgoing:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


class _ServerChild(Child):
    """A server: lines on standard output, words for the log on standard error."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.lines = asyncio.StreamReader(limit=MAX_LINE_BYTES)
        self._name = name

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        pipe = self.transport.get_pipe_transport(1)
        assert pipe is not None
        self.lines.set_transport(pipe)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            self.lines.feed_data(data)
            return
        super().pipe_data_received(fd, data)
        if log.isEnabledFor(logging.DEBUG):
            for line in data.decode("utf-8", "replace").splitlines():
                log.debug("tool server %s: %s", self._name, one_line(redact(line)))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        super().pipe_connection_lost(fd, exc)
        if fd == 1:
            self.lines.feed_eof()


class StdioTransport:
    """A server as a program; entered once. ``errors`` is the end of what it wrote to standard error."""

    def __init__(self, what: str, name: str, start: Start, ended: Callable[[], None]) -> None:
        """``ended`` is called when nothing more can come."""
        self._what = what
        self._start = start
        self._ended = ended
        self._child = _ServerChild(name)

    @property
    def errors(self) -> bytes:
        """The last few KiB."""
        return bytes(self._child.errors)

    async def __aenter__(self) -> tuple[Incoming, Outgoing]:
        await spawn(self._child, self._what, self._start)
        return Incoming(self._next, None, self._ended), Outgoing(self._send)

    async def __aexit__(self, *_: object) -> None:
        try:
            self._child.close_input()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_S):
                    await self._child.exited.wait()
        finally:
            await self._child.end()

    async def _send(self, message: SessionMessage) -> None:
        line = message.message.model_dump_json(by_alias=True, exclude_unset=True) + "\n"
        if not self._child.write(line.encode()) or self._child.unread > MAX_UNREAD_BYTES:
            self._ended()

    async def _next(self) -> SessionMessage:
        from mcp.shared.message import SessionMessage
        from mcp.types.jsonrpc import jsonrpc_message_adapter

        while True:
            try:
                line = await self._child.lines.readline()
            except ValueError:
                log.warning("a tool server sent more than %d bytes in a line", MAX_LINE_BYTES)
                raise StopAsyncIteration from None
            if not line:
                raise StopAsyncIteration
            try:
                return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
            except ValueError:
                # Words of a program that does not keep its output clean.
                await asyncio.sleep(0)  # lines that wait already must not keep everything else waiting


def http_transport(
    url: str, key: str, ended: Callable[[], None], answered: Callable[[int], None]
) -> Transport:
    """A server at an address that ``checked_url`` has allowed.

    ``answered`` is told the status of each response; ``ended`` is called when nothing more can come.
    """
    return _http(url, key, ended, answered)


@contextlib.asynccontextmanager
async def _http(
    url: str, key: str, ended: Callable[[], None], answered: Callable[[int], None]
) -> AsyncIterator[tuple[Incoming, Any]]:
    from mcp.client.streamable_http import streamable_http_client

    async with (
        await asyncio.to_thread(_http_client, url, key, answered) as client,
        streamable_http_client(url, http_client=client) as (incoming, outgoing),
    ):
        yield Incoming(incoming.__anext__, incoming.aclose, ended), outgoing


def _http_client(url: str, key: str, answered: Callable[[int], None]) -> httpx2.AsyncClient:
    """In a thread: it loads certificates."""
    import httpx2

    async def look(response: httpx2.Response) -> None:
        answered(response.status_code)

    return httpx2.AsyncClient(
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout=httpx2.Timeout(HTTP_TIMEOUT_S, read=HTTP_SILENCE_S),
        trust_env=not is_loopback(checked_url(url).hostname or ""),
        event_hooks={"response": [look]},
    )
