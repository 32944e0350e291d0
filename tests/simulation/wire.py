"""Connections in memory: in order, with delays, and with every way of dying that a network has."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from neko_cli.core.errors import LinkError
from neko_cli.core.ports import Closing
from tests.simulation.loop import VirtualLoop

SEND_TIMEOUT = 10.0
"""Seconds after which the real transport gives up a send."""

CLOSE_TIMEOUT = 1.0
"""Seconds within which the real transport closes."""


class Pipe:
    """One direction: delivers in order, each item after its delay."""

    def __init__(
        self,
        loop: VirtualLoop,
        deliver: Callable[[Any], None],
        delay: Callable[[], float],
        bytes_per_s: float = 0.0,
    ) -> None:
        """``bytes_per_s`` is how fast the line is; 0 takes no time at all."""
        self._loop = loop
        self.bytes_per_s = bytes_per_s
        self._free_at = 0.0
        self._deliver = deliver
        self._delay = delay
        self._queue: deque[tuple[float, int, Any]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0.0
        self._held_until = 0.0
        self.waiting_bytes = 0
        self.is_open = True

    def put(self, item: Any, size: int = 0) -> None:
        """Send an item on its way; nothing arrives once the pipe is shut."""
        if not self.is_open:
            return
        at = self._loop.time()
        if self.bytes_per_s:
            at = self._free_at = max(self._free_at, at) + size / self.bytes_per_s
        self._last = max(self._last, at + self._delay())
        self.waiting_bytes += size
        self._queue.append((self._last, size, item))
        if self._timer is None:
            self._arm()

    def hold(self, seconds: float) -> None:
        """Nothing arrives for so long; what was sent comes afterwards."""
        self._held_until = max(self._held_until, self._loop.time() + seconds)

    def shut(self) -> None:
        """What is under way is lost, and all that comes later."""
        self.is_open = False
        self._queue.clear()
        self.waiting_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        due = max(self._queue[0][0], self._held_until)
        self._timer = self._loop.call_at(due, self._pump)

    def _pump(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._queue and now >= self._held_until and self._queue[0][0] <= now:
            _, size, item = self._queue.popleft()
            self.waiting_bytes -= size
            self._deliver(item)
        if self._queue and self._timer is None:
            self._arm()


class Server(Protocol):
    """What a wire needs from the provider's end."""

    def receive(self, frame: str | bytes) -> None:
        """A frame from the client."""
        ...

    def client_left(self) -> None:
        """The client closed, or its connection broke."""
        ...


class _Ping:
    pass


class _Close:
    def __init__(self, closing: Closing | None) -> None:
        self.closing = closing


class Wire:
    """One connection, seen from the client: see ``ports.Connection``."""

    def __init__(
        self,
        number: int,
        loop: VirtualLoop,
        delay: Callable[[], float],
        bytes_per_s: float = 0.0,
        *,
        takes: int = 4_096,
    ) -> None:
        """Make one.

        ``bytes_per_s`` is how fast the way to the server is, 0 takes no time at all; ``takes`` is what
        may be on that way before a sender has to wait, in bytes.
        """
        self.number = number
        self._takes = takes
        self._loop = loop
        self._up = Pipe(loop, self._arrive_up, delay, bytes_per_s)
        self._down = Pipe(loop, self._arrive_down, delay)
        self._incoming: deque[str | bytes] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._pong = asyncio.Event()
        self._gone = asyncio.Event()
        self._asked_to_close: Closing | None = None
        self._vanished = False
        self.server: Server | None = None
        self.closing: Closing | None = None
        self.ended_at = 0.0
        self.troubled_until = 0.0
        """Until when what is sent does not arrive, in seconds."""

    @property
    def is_open(self) -> bool:
        """Whether the client still has to close it, or be told of its end."""
        return self.closing is None

    # The client's side

    def frames(self) -> AsyncIterator[str | bytes]:
        return self

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        return self

    async def __anext__(self) -> str | bytes:
        while not self._incoming:
            if self.closing is not None:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._incoming.popleft()

    async def send(self, frame: str | bytes) -> None:
        if self.closing is None and self._up.waiting_bytes > self._takes:
            await self._wait_for_room()
        if self.closing is not None:
            raise LinkError("The connection is gone.", code="1006")
        self._up.put(frame, len(frame))

    async def _wait_for_room(self) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                while self._up.waiting_bytes > self._takes and self.closing is None:
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            self._end(Closing(1006, "the peer takes nothing"))
            self._lose_client()
            raise LinkError("The connection takes no more.", code="1006") from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self.closing is not None:
            return
        self._asked_to_close = Closing(code, reason, by_us=True)
        self._up.put(_Close(self._asked_to_close))
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._gone.wait()
        except TimeoutError:
            self._end(self._asked_to_close)
            self._lose_client()
        except asyncio.CancelledError:
            self._end(self._asked_to_close)
            self._lose_client()
            raise

    async def probe(self, timeout: float) -> bool:
        if self.closing is not None:
            return False
        self._pong.clear()
        self._up.put(_Ping())
        try:
            async with asyncio.timeout(timeout):
                await self._pong.wait()
        except TimeoutError:
            return False
        return self.closing is None

    # The server's side

    def tell(self, frame: str | bytes) -> None:
        """A frame for the client."""
        self._down.put(frame, len(frame))

    def shut(self, code: int, reason: str = "") -> None:
        """The server closes, after what it has sent before; 1006 ends without a close frame."""
        self._down.put(_Close(Closing(code, reason)))

    def reset(self) -> None:
        """The connection breaks at once: what is under way is lost."""
        self._end(Closing(1006))
        self._lose_client()

    def vanish(self) -> None:
        """Nothing arrives any more, in neither direction, and nobody is told."""
        self._vanished = True
        self.troubled_until = float("inf")
        for pipe in (self._up, self._down):
            waiting = pipe.waiting_bytes
            pipe.shut()
            pipe.waiting_bytes = waiting
        # A socket goes on taking what is sent until its buffer is full.
        self._up.put = self._swallow  # type: ignore[method-assign]

    def speed_up(self) -> None:
        """The line takes no time any more, from the next frame on."""
        self._up.bytes_per_s = 0.0

    def stall(self, seconds: float, *, up: bool, down: bool) -> None:
        """Nothing arrives for a while, then all of it."""
        self.troubled_until = max(self.troubled_until, self._loop.time() + seconds)
        if up:
            self._up.hold(seconds)
        if down:
            self._down.hold(seconds)

    def _swallow(self, item: Any, size: int = 0) -> None:
        self._up.waiting_bytes += size

    def _arrive_up(self, item: Any) -> None:
        self._room.set()
        if isinstance(item, _Ping):
            self._down.put(item)
        elif isinstance(item, _Close):
            if self.server is not None:
                self.server.client_left()
            self._down.put(item)
        elif self.server is not None:
            self.server.receive(item)

    def _arrive_down(self, item: Any) -> None:
        if isinstance(item, _Ping):
            self._pong.set()
        elif isinstance(item, _Close):
            self._end(item.closing or Closing(1006))
        else:
            self._incoming.append(item)
            self._wake.set()

    def _end(self, closing: Closing) -> None:
        if self.closing is not None:
            return
        self.closing = closing
        self.ended_at = self._loop.time()
        self._up.shut()
        self._down.shut()
        for event in (self._wake, self._pong, self._gone, self._room):
            event.set()

    def _lose_client(self) -> None:
        """The server learns of it too, unless nothing reaches it any more."""
        if self.server is not None and not self._vanished:
            self.server.client_left()
