"""A WebSocket server on loopback that only notes when the first event of each client arrives."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
import time
from types import TracebackType

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

GREETING = json.dumps({"type": "session.created", "event_id": "event_1", "session": {"type": "realtime"}})
"""What a realtime server says first."""


class FirstEvents:
    """Runs the server in a thread; ``take`` gives the arrival of one client's first event."""

    def __init__(self) -> None:
        self._arrivals: queue.Queue[tuple[float, str]] = queue.Queue()
        self._started = threading.Event()
        self._stop = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="recording server", daemon=True)
        self.port = 0

    def __enter__(self) -> FirstEvents:
        self._thread.start()
        if not self._started.wait(10):
            raise TimeoutError("the recording server did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def take(self, timeout: float = 20.0) -> tuple[float, str]:
        """Time (``time.perf_counter``) and type of the next client's first event."""
        return self._arrivals.get(timeout=timeout)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server: Server
        async with serve(self._client, "127.0.0.1", 0, compression=None) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            self._started.set()
            await self._stop.wait()

    async def _client(self, connection: ServerConnection) -> None:
        try:
            await connection.send(GREETING)
            event = await connection.recv()
            self._arrivals.put((time.perf_counter(), str(json.loads(event).get("type"))))
            await connection.wait_closed()
        except ConnectionClosed:
            # The client is ended as soon as its first event is in.
            return
