"""Engines that take text and give sound on one WebSocket at the same time.

What is said on the wire is a :class:`Talk`, pure, one a speech; here are the socket, the time limits
and the order: hello, ready, text as it comes, the end, the last sound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import msgspec

from neko_cli.core import classify
from neko_cli.core.errors import LinkError
from neko_cli.core.ports import Closing, Connection, Endpoint, Transport
from neko_cli.speech.tts.script import Outlet, Script
from neko_cli.speech.tts.worker import first_of

CLOSE_S = 0.2
"""For a goodbye; then the socket is dropped, because the next speech waits."""

OPEN_S = 10.0


class Begun(msgspec.Struct, frozen=True):
    """Text may be sent."""


class Heard(msgspec.Struct, frozen=True):
    """16-bit mono PCM at ``rate`` Hz, in a piece of any size."""

    pcm: bytes
    rate: int


class Over(msgspec.Struct, frozen=True):
    """All sound has come. ``reusable``: the connection takes another speech."""

    reusable: bool = False


Word = Begun | Heard | Over


class Talk(Protocol):
    """One speech on the wire; sans I/O. Frames are JSON text."""

    def hello(self) -> Sequence[str]:
        """What is said first, once the socket is open."""
        ...

    def text(self, piece: str) -> Sequence[str]:
        """A further piece of text."""
        ...

    def finish(self) -> Sequence[str]:
        """No more text."""
        ...

    def receive(self, frame: str | bytes) -> tuple[Sequence[Word], Sequence[str]]:
        """What a frame of the server means, and what is to be answered to it.

        Raises a NekoError that the server tells, ProtocolSurprise for what cannot be read.
        """
        ...


class Wire(msgspec.Struct, frozen=True):
    """Where to connect and how to talk; made in the worker's thread."""

    endpoint: Endpoint
    talk: Callable[[], Talk]
    who: str
    """The server's name in sentences."""
    silence_s: float = 20.0
    """How long it may be silent while it owes us an answer."""
    keep_s: float = 0.0
    """How long a connection that was opened ahead, or that is reusable, may wait for its next speech."""
    at_once: bool = False
    """Text may follow the hello without waiting for an answer."""


class SocketEngine:
    """A :class:`~neko_cli.speech.tts.script.VoiceEngine` over WebSockets."""

    def __init__(self, wire: Wire, transport: Transport | None = None) -> None:
        """``transport`` replaces the real one, for tests."""
        self._wire = wire
        self._transport = transport
        self._kept: tuple[Connection, float] | None = None

    async def open(self) -> None:
        """Connect, so that a wrong key or address is told now; raises NekoError."""
        self._keep(await self._connect())

    async def speak(self, script: Script, outlet: Outlet) -> None:
        """Speak one script on a connection of its own."""
        sent: list[str] = []
        kept = await self._take_kept()
        if kept is not None:
            run = _Run(self._wire, kept, script, outlet)
            try:
                await self._on(run)
                return
            except LinkError:
                if run.heard_anything:
                    raise
                sent = run.sent  # it had died while it waited
        await self._on(_Run(self._wire, await self._connect(), script, outlet, sent))

    async def aclose(self) -> None:
        """Close what waits; idempotent."""
        kept, self._kept = self._kept, None
        if kept is not None:
            await _goodbye(kept[0])

    async def _on(self, run: _Run) -> None:
        reusable = False
        try:
            reusable = await run.to_the_end()
        finally:
            if reusable and self._wire.keep_s:
                self._keep(run.connection)
            else:
                await _goodbye(run.connection)

    async def _connect(self) -> Connection:
        if self._transport is None:
            from neko_cli.core.transport.websocket import WebSocketTransport  # loads websockets

            self._transport = WebSocketTransport()
        return await self._transport.open(self._wire.endpoint, timeout=OPEN_S)

    def _keep(self, connection: Connection) -> None:
        self._kept = connection, asyncio.get_running_loop().time()

    async def _take_kept(self) -> Connection | None:
        kept, self._kept = self._kept, None
        if kept is None:
            return None
        connection, since = kept
        fresh = asyncio.get_running_loop().time() - since <= self._wire.keep_s
        if fresh and connection.closing is None:
            return connection
        await _goodbye(connection)
        return None


class _Run:
    """One speech on one connection."""

    def __init__(
        self,
        wire: Wire,
        connection: Connection,
        script: Script,
        outlet: Outlet,
        first: Sequence[str] = (),
    ) -> None:
        """``first``: pieces that were taken from the script before."""
        self.connection = connection
        self.heard_anything = False
        self.sent: list[str] = []
        self._first = first
        self._wire = wire
        self._talk = wire.talk()
        self._script = script
        self._outlet = outlet
        self._begun = asyncio.Event()
        self._finished = False
        self._pouring = False
        self._clock: asyncio.Timeout

    async def to_the_end(self) -> bool:
        """Send the text, put out the sound; whether the connection can be used again. Raises NekoError."""
        try:
            async with asyncio.TaskGroup() as group:
                await self._send(self._talk.hello())
                if self._wire.at_once:
                    self._begun.set()
                writing = group.create_task(self._write())
                reusable = await self._read()
                writing.cancel()
        except BaseExceptionGroup as found:
            raise first_of(found) from None
        return reusable

    async def _write(self) -> None:
        await self._begun.wait()
        for piece in self._first:
            await self._say(piece)
        while (next_piece := await self._script.next()) is not None:
            await self._say(next_piece)
        await self._send(self._talk.finish())
        self._finished = True
        self._wind()

    async def _say(self, piece: str) -> None:
        self.sent.append(piece)
        await self._send(self._talk.text(piece))

    async def _send(self, frames: Sequence[str]) -> None:
        for frame in frames:
            await self.connection.send(frame)

    async def _read(self) -> bool:
        try:
            async with asyncio.timeout(None) as self._clock:
                self._wind()
                async for frame in self.connection.frames():
                    words, answers = self._talk.receive(frame)
                    await self._send(answers)
                    for word in words:
                        if isinstance(word, Over):
                            return word.reusable
                        await self._take(word)
                    self._wind()
        except TimeoutError:
            raise LinkError(
                f"{self._wire.who} said nothing for {self._wire.silence_s:g} s.", code="timeout"
            ) from None
        closing = self.connection.closing or Closing(1006)
        if self._finished and closing.code == 1000:
            return False  # it says goodbye instead of saying that it is through
        raise classify.from_close(closing, who=self._wire.who)

    async def _take(self, word: Begun | Heard) -> None:
        self.heard_anything = True
        if isinstance(word, Begun):
            self._begun.set()
            return
        self._pouring = True
        self._wind()
        await self._outlet.put(word.pcm, word.rate)
        self._pouring = False

    def _wind(self) -> None:
        """Begin to wait anew; with a limit while the server owes us something, and we take it."""
        owes = self._finished or not self._begun.is_set()
        now = asyncio.get_running_loop().time()
        self._clock.reschedule(now + self._wire.silence_s if owes and not self._pouring else None)


async def _goodbye(connection: Connection) -> None:
    """Close; a server that does not answer at once is left."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            await connection.close()
