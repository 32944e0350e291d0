"""The sockets on which agents are heard: our private one, and the three of N.E.K.O.'s bus.

Each side owns its sockets and reads them; what it sends never waits. The messages are those of
``core/companions/agent_events``, one JSON object in a frame.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import zmq
import zmq.asyncio

from neko_cli.core.companions.agent_events import (
    EVENT_BYTES,
    LISTEN_FOR,
    AgentEvent,
    AgentListen,
    AnalyzeAck,
    AskCancel,
    AskUser,
    EventAck,
    SessionQuery,
    ToAgent,
    UserAnswer,
    encode,
)
from neko_cli.core.companions.agent_reading import parse
from neko_cli.core.errors import ConfigError
from neko_cli.core.ports_agents import AgentEars
from neko_cli.services.agent_doorbell import Doorbell

log = logging.getLogger(__name__)

QUEUED = 500
"""Messages that may wait in a socket, each way."""

LINGER_MS = 300
"""For the last acknowledgements to leave a socket that is closed."""

HANDSHAKE_MS = 2000
LISTENERS_LIMIT = 16
ASKING_LIMIT = 16
ANSWERS_LIMIT = 32
FRAMES_LIMIT = 4
TAKE_TIMEOUT = 10.0
"""Seconds for an event to be dealt with; results are written to the disk meanwhile."""

Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]
Address = tuple[bytes, ...]


class PrivateSide:
    """One socket that its owner alone can reach; whoever sends is answered."""

    def __init__(
        self,
        context: zmq.asyncio.Context,
        bell: Doorbell,
        place: str,
        ears: AgentEars,
        acked: Callable[[str], None],
    ) -> None:
        """Go on with the socket of ``bell``, whose address is ``place``; raises ConfigError.

        ``acked`` is told of acknowledged requests.
        """
        self._ears = ears
        self._acked = acked
        self._listeners: OrderedDict[Address, float] = OrderedDict()
        self._asking: dict[tuple[Address, str], asyncio.Task[None]] = {}
        self._answered: OrderedDict[tuple[Address, str], UserAnswer] = OrderedDict()
        self._socket = _socket(context, zmq.ROUTER)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # who is gone is told as an error
        descriptor = bell.take()
        self._socket.setsockopt(zmq.USE_FD, descriptor)
        try:
            _bind(self._socket, place)
        except BaseException:
            self._socket.close(0)
            with contextlib.suppress(OSError):
                os.close(descriptor)
            raise

    async def run(self, spawn: Spawn) -> None:
        """Read until the socket is closed."""
        while True:
            frames = await self._socket.recv_multipart()
            if 2 <= len(frames) <= FRAMES_LIMIT and (event := parse(frames[-1])) is not None:
                await self._take(tuple(frames[:-1]), event, spawn)

    def request(self, data: bytes) -> bool:
        """Send to all that listen; returns whether anybody does."""
        now = time.monotonic()
        for address, until in list(self._listeners.items()):
            if until < now or not _send(self._socket, (*address, data)):
                del self._listeners[address]
        return bool(self._listeners)

    def publish(self, data: bytes) -> None:
        """The same, for what nobody acknowledges."""
        self.request(data)

    def close(self) -> None:
        """Leave the socket; idempotent."""
        self._socket.close(LINGER_MS)

    async def _take(self, address: Address, event: AgentEvent, spawn: Spawn) -> None:
        match event:
            case AnalyzeAck():
                self._acked(event.event_id)
            case AgentListen():
                self._listeners[address] = time.monotonic() + LISTEN_FOR
                self._listeners.move_to_end(address)
                while len(self._listeners) > LISTENERS_LIMIT:
                    self._listeners.popitem(last=False)
                self._answer(address, EventAck(event_id=event.event_id))
            case SessionQuery():
                self._answer(address, self._ears.info(event.event_id))
            case AskUser():
                self._ask(address, event, spawn)
            case AskCancel():
                if (task := self._asking.get((address, event.event_id))) is not None:
                    task.cancel()
            case _:
                self._answer(address, await taken(self._ears, event))

    def _ask(self, address: Address, event: AskUser, spawn: Spawn) -> None:
        """One that is sent again is asked once, also when it has been answered meanwhile."""
        key = address, event.event_id
        room = len(self._asking) < ASKING_LIMIT
        why = "" if room else "Too many questions wait already."
        self._answer(address, EventAck(event_id=event.event_id, accepted=room, message=why))
        if (known := self._answered.get(key)) is not None:
            self._answer(address, known)
        elif room and key not in self._asking:
            task = self._asking[key] = spawn(self._wait_for_answer(key, event), "question of an agent")
            task.add_done_callback(lambda _: self._asking.pop(key, None))

    async def _wait_for_answer(self, key: tuple[Address, str], event: AskUser) -> None:
        self._answered[key] = answer = await self._ears.ask(event)
        while len(self._answered) > ANSWERS_LIMIT:
            self._answered.popitem(last=False)
        self._answer(key[0], answer)

    def _answer(self, address: Address, event: ToAgent) -> None:
        _send(self._socket, (*address, encode(event)))


class NekoSide:
    """N.E.K.O.'s three sockets: session events go out, agents' events come in, requests go out."""

    def __init__(
        self,
        context: zmq.asyncio.Context,
        places: Sequence[str],
        ears: AgentEars,
        acked: Callable[[str], None],
    ) -> None:
        """Listen at the three places (session, result, analyze); raises ConfigError."""
        self._ears = ears
        self._acked = acked
        self._sockets: list[zmq.asyncio.Socket] = []
        try:
            for kind, place in zip((zmq.PUB, zmq.PULL, zmq.PUSH), places, strict=True):
                self._sockets.append(_socket(context, kind))
                _bind(self._sockets[-1], place)
        except BaseException:
            self.close()
            raise
        self._session, self._results, self._analyze = self._sockets

    async def run(self) -> None:
        """Read until the socket is closed; nothing is answered here."""
        while True:
            frames = await self._results.recv_multipart()
            event = parse(frames[-1])
            if isinstance(event, AnalyzeAck):
                self._acked(event.event_id)
            elif event is not None and not isinstance(
                event, AgentListen | SessionQuery | AskUser | AskCancel
            ):
                await taken(self._ears, event)

    def request(self, data: bytes) -> bool:
        """Send to one of the agents; returns whether there is one."""
        return _send(self._analyze, (data,))

    def publish(self, data: bytes) -> None:
        """Tell every agent."""
        _send(self._session, (data,))

    def close(self) -> None:
        """Leave the sockets; idempotent."""
        for socket in self._sockets:
            socket.close(LINGER_MS)


async def taken(ears: AgentEars, event: AgentEvent) -> EventAck:
    """What became of an event; a mistake of ours ends neither the reading nor the sender's wait."""
    try:
        async with asyncio.timeout(TAKE_TIMEOUT):
            return await ears.take(event)
    except Exception as error:
        log.error("an event of an agent failed: %s", type(error).__name__)
        log.debug("event", exc_info=error)
        return EventAck(event_id=event.event_id, accepted=False, message="Something went wrong inside neko.")


def _socket(context: zmq.asyncio.Context, kind: int) -> zmq.asyncio.Socket:
    socket = context.socket(kind)
    socket.setsockopt(zmq.SNDHWM, QUEUED)
    socket.setsockopt(zmq.RCVHWM, QUEUED)
    socket.setsockopt(zmq.MAXMSGSIZE, EVENT_BYTES)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    return socket


def _bind(socket: zmq.asyncio.Socket, place: str) -> None:
    try:
        socket.bind(place)
    except zmq.ZMQError as error:
        raise ConfigError(
            f"Agents cannot be listened to at {place}: {error.strerror}.",
            hint="Another neko, or N.E.K.O. itself, may run with the same addresses.",
        ) from error


def _send(socket: zmq.asyncio.Socket, frames: Sequence[bytes]) -> bool:
    """Send at once or not at all: whoever takes nothing, or is gone, is not waited for."""
    try:
        sent: Any = socket.send_multipart(frames, flags=zmq.NOBLOCK)  # a future, whatever its types say
    except zmq.ZMQError:  # it is closed
        return False
    if not sent.done():
        sent.cancel()
        return False
    return sent.exception() is None
