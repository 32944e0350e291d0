"""What strict providers on real sockets share: a door, connections that can be dropped, complaints."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from neko_cli.local.door import Door

Json = dict[str, Any]


class StrictTalk:
    """One connection; a subclass answers events in ``on_…`` methods. Breaches are noted in ``wrong``."""

    def __init__(self, server: StrictServer[Any], connection: ServerConnection) -> None:
        assert connection.request is not None
        parts = urlsplit(connection.request.path)
        self.server = server
        self.path = parts.path
        self.query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.got: list[Json] = []
        """All events of the client but its sound."""
        self.closed = asyncio.Event()
        self.code: int | None = None
        """With which code the connection was closed by the client; None when it was not."""
        self._connection = connection
        self._ids = itertools.count(1)

    def complain(self, what: str) -> None:
        """The client broke the protocol."""
        self.server.wrong.append(what)

    async def tell(self, kind: str, **fields: Any) -> None:
        """Send an event."""
        await self._connection.send(
            json.dumps({"type": kind, "event_id": f"event_{next(self._ids)}", **fields})
        )

    async def drop(self) -> None:
        """The connection breaks without a word."""
        self._connection.transport.abort()
        await self._connection.wait_closed()

    async def greet(self) -> None:
        """What the server says before the client has said anything."""

    async def run(self) -> None:
        """From the first word to the end."""
        try:
            await self.greet()
            async for message in self._connection:
                event = json.loads(message)
                if "audio" not in event:
                    self.got.append(event)
                handler = getattr(self, "on_" + str(event.get("type")).replace(".", "_"), None)
                if handler is None:
                    self.complain(f"{event.get('type')} does not belong here")
                else:
                    await handler(event)
        except ConnectionClosed:
            pass  # the client has gone
        finally:
            received = self._connection.protocol.close_rcvd
            self.code = received.code if received is not None else None
            self.closed.set()


T = TypeVar("T", bound=StrictTalk)


class StrictServer(Generic[T]):
    """``async with StrictServer(Talk) as server: … server.url``."""

    def __init__(self, kind: type[T]) -> None:
        self.talks: list[T] = []
        self.wrong: list[str] = []
        """All breaches of the protocol."""
        self.memory: dict[str, Any] = {}
        """What the provider keeps between connections."""
        self._kind = kind
        self._door = Door()
        self._news = asyncio.Condition()
        self.url = ""

    async def __aenter__(self) -> StrictServer[T]:
        quiet = logging.Logger("strict server, silent", logging.CRITICAL + 1)
        server = await self._door.open(
            self._handle, "127.0.0.1", 0, compression=None, close_timeout=0.5, logger=quiet
        )
        self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._door.close()
        await self._door.wait_closed()

    async def talk(self, number: int) -> T:
        """The connection of that number, counted from 0, once it is there."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.talks) > number)
        return self.talks[number]

    async def _handle(self, connection: ServerConnection) -> None:
        talk = self._kind(self, connection)
        async with self._news:
            self.talks.append(talk)
            self._news.notify_all()
        await talk.run()
