"""One connection to a provider: one generation, one TaskGroup, one ordered outbox."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from neko_cli.core import classify, pcm
from neko_cli.core.codecs.base import Codec, KeepsTime, TakesLeave
from neko_cli.core.commands import AppendAudio, Command
from neko_cli.core.errors import LinkError, NekoError
from neko_cli.core.ports import Closing, Connection, Transport
from neko_cli.core.provider_events import (
    ProviderEvent,
    ProviderFault,
    Ready,
    ReplyEnded,
    SessionClosed,
    Surprise,
    Unknown,
)
from neko_cli.core.redaction import secrets_of, without_keys

OPEN_TIMEOUT = 10.0
SETUP_TIMEOUT = 10.0
"""Seconds to wait for the socket, and then for the configured session (protocols.md §13)."""

AUDIO_WAITING_MS = 8_000
"""Microphone sound that may wait for a slow socket; the oldest goes first beyond that."""

ROOM_MS = 2_000
"""Below this much waiting sound, a fast sender may go on."""

FILL_MS = 100.0
"""Silence that stands in for the microphone, where a provider's time is the sound that it is sent."""

FILL_MOST_MS = 500.0
"""A longer gap, as after a sleep, is not made up for."""

BURST = 16
"""Frames read or sent before other tasks get their turn."""


class LinkListener(Protocol):
    """Who is told what comes in; every method returns at once."""

    def link_room(self, generation: int) -> None:
        """The outbox takes sound again."""
        ...

    def link_opened(self, generation: int) -> None:
        """The socket is open."""
        ...

    def link_ready(self, generation: int, ready: Ready) -> None:
        """The provider has accepted the configuration."""
        ...

    def link_event(self, generation: int, event: ProviderEvent) -> None:
        """Anything else that the provider says."""
        ...


class Link:
    """Connects, configures, reads and writes until it ends; ``run`` is called once."""

    def __init__(
        self,
        codec: Codec,
        transport: Transport,
        generation: int,
        listener: LinkListener,
        *,
        now: Callable[[], float] = time.monotonic,
        title: str = "The provider",
    ) -> None:
        """``now`` gives seconds on any steady clock; ``title`` names the provider in sentences."""
        self._title = title
        self.codec = codec
        self.generation = generation
        self._transport = transport
        self._listener = listener
        self._now = now
        self._outbox: deque[Command] = deque()
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._ready = asyncio.Event()
        self._closing = False
        self._left = asyncio.Event()
        self._covered = 0.0  # until when the provider has sound, by ``now``
        self._fault: NekoError | None = None
        self._secrets: tuple[str, ...] = ()
        self._connection: Connection | None = None
        self.ready: Ready | None = None
        self.heard_at = 0.0
        """When the last frame came, by ``now``."""
        self.sounded = asyncio.Event()
        """Set once the first sound is on the socket."""
        self.sounded_at = 0.0
        """When that was, by ``now``."""
        self.dropped_ms = 0.0
        """Microphone sound lost because the socket was too slow, in ms."""
        self.surprises = 0
        """Frames that could not be decoded, or whose type is unknown."""

    async def run(self) -> None:
        """Live from connect to close.

        Returns when ``close`` was asked for; raises a NekoError that says why it ended otherwise.
        """
        endpoint = self.codec.endpoint()
        self._secrets = secrets_of(endpoint.url, endpoint.headers)
        try:
            await self._run(await self._transport.open(endpoint, timeout=OPEN_TIMEOUT))
        except NekoError as error:
            raise self._safe(error) from None

    async def _run(self, connection: Connection) -> None:
        self._connection = connection
        self.heard_at = self._now()
        try:
            self._listener.link_opened(self.generation)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(connection), name="link reader")
                group.create_task(self._write(connection), name="link writer")
                group.create_task(self._expect_ready(), name="link setup")
                if self.codec.capabilities.needs_sound and isinstance(self.codec, KeepsTime):
                    group.create_task(self._keep_time(connection, self.codec), name="link silence")
        except BaseExceptionGroup as errors:
            ours, others = errors.split(NekoError)
            raise (_first(ours) if ours is not None else others or errors) from None
        finally:
            await connection.close()

    @property
    def has_room(self) -> bool:
        """Whether a fast sender may go on."""
        return self._waiting_ms() <= ROOM_MS

    @property
    def closing(self) -> Closing | None:
        """How its connection ended, once it has."""
        return self._connection.closing if self._connection is not None else None

    @property
    def waiting_ms(self) -> float:
        """Sound that is not on the socket yet, in ms."""
        return self._waiting_ms()

    def send(self, command: Command) -> None:
        """Queue a command; sound beyond the bound pushes out the oldest sound, control never goes."""
        if isinstance(command, AppendAudio):
            self._waiting_bytes += len(command.pcm)
            self._trim()
        self._outbox.append(command)
        self._wake.set()

    async def probe(self, timeout: float) -> bool:
        """Whether the other side still answers."""
        return self._connection is not None and await self._connection.probe(timeout)

    def drop_sound(self) -> None:
        """Forget the sound that is not on the socket yet: it goes to another link."""
        self._outbox = deque(c for c in self._outbox if not isinstance(c, AppendAudio))
        self._waiting_bytes = 0

    def close(self, *, drop_sound: bool = False) -> None:
        """Ask the link to end once everything queued has been sent; or all but the sound."""
        if drop_sound:
            self.drop_sound()
        self._closing = True
        self._wake.set()

    def _lost(self, closing: Closing | None) -> NekoError:
        """Why the connection ended, from its close code and reason."""
        return classify.from_close(closing or Closing(1006), who=self._title)

    def _waiting_ms(self) -> float:
        return pcm.duration_ms(self._waiting_bytes, self.codec.capabilities.input_rate)

    def _trim(self) -> None:
        """Drop the oldest sound while more than the bound waits."""
        rate = self.codec.capabilities.input_rate
        while self._waiting_ms() > AUDIO_WAITING_MS:
            for index, command in enumerate(self._outbox):
                if isinstance(command, AppendAudio):
                    del self._outbox[index]
                    self._waiting_bytes -= len(command.pcm)
                    self.dropped_ms += pcm.duration_ms(len(command.pcm), rate)
                    break
            else:
                return

    async def _expect_ready(self) -> None:
        try:
            async with asyncio.timeout(SETUP_TIMEOUT):
                await self._ready.wait()
        except TimeoutError:
            raise LinkError(
                "The server accepted the connection but never configured the session.",
                hint="Is it a realtime speech server? Check --url and the provider's name.",
                code="setup_timeout",
            ) from None

    async def _read(self, connection: Connection) -> None:
        handled = 0
        async for frame in connection.frames():
            self.heard_at = self._now()
            for event in self.codec.decode(frame):
                self._take(event)
            handled += 1
            if handled % BURST == 0:
                await asyncio.sleep(0)
        self._left.set()
        if not self._closing:
            raise self._fault or self._lost(connection.closing)

    def _take(self, event: ProviderEvent) -> None:
        match event:
            case Ready():
                if not self._ready.is_set():
                    self.ready = event
                    self._ready.set()
                    self._listener.link_ready(self.generation, event)
            case SessionClosed():
                self._left.set()
            case Unknown() | Surprise():
                self.surprises += 1
                if not self._ready.is_set() and self.surprises > 8:
                    raise LinkError(
                        "The server does not speak the provider's protocol.",
                        hint="Check --url and the provider's name.",
                        code="wrong_protocol",
                    )
            case ProviderFault(ends_link=True):
                self._fault = event.error
                raise event.error
            case ProviderFault(benign=False) if not self._ready.is_set():
                raise event.error
            case ProviderFault() | ReplyEnded() if event.error is not None:
                self._safe(event.error)
                self._listener.link_event(self.generation, event)
            case _:
                self._listener.link_event(self.generation, event)

    def _safe(self, error: NekoError) -> NekoError:
        """The error without our keys, which a server may repeat whatever they look like."""
        error.message = without_keys(error.message, self._secrets)
        error.hint = without_keys(error.hint, self._secrets)
        return error

    async def _write(self, connection: Connection) -> None:
        for frame in self.codec.hello():
            await connection.send(frame)
        await self._ready.wait()
        handled = 0
        while True:
            while self._outbox:
                command = self._outbox.popleft()
                sound = isinstance(command, AppendAudio)
                full = not self.has_room
                if isinstance(command, AppendAudio):
                    self._waiting_bytes -= len(command.pcm)
                    self._cover(len(command.pcm))
                for frame in self.codec.encode(command):
                    await connection.send(frame)
                if sound and not self.sounded.is_set():
                    self.sounded_at = self._now()
                    self.sounded.set()
                if full and self.has_room:
                    self._listener.link_room(self.generation)
                handled += 1
                if handled % BURST == 0:
                    await asyncio.sleep(0)  # a socket that takes everything makes nobody wait
            if self._closing:
                await self._take_leave(connection)
                await connection.close()
                return
            self._wake.clear()
            await self._wake.wait()

    async def _take_leave(self, connection: Connection) -> None:
        """End the session in order, where the provider wants that; it has a limited time for it."""
        if not isinstance(self.codec, TakesLeave):
            return
        for frame in self.codec.goodbye():
            await connection.send(frame)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.codec.capabilities.leave_within):
                await self._left.wait()

    def _cover(self, n_bytes: int) -> None:
        ms = pcm.duration_ms(n_bytes, self.codec.capabilities.input_rate)
        self._covered = max(self._covered, self._now()) + ms / 1000.0

    async def _keep_time(self, connection: Connection, codec: KeepsTime) -> None:
        """Send silence wherever no sound comes: the provider's time would stand still without it."""
        await self._ready.wait()
        self._covered = self._now()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FILL_MS / 1000.0):
                    await self._left.wait()
            if self._left.is_set() or self._closing:
                return
            gap_ms = (self._now() - self._covered) * 1000.0
            if gap_ms < FILL_MS or self._waiting_bytes:
                continue
            self._covered = self._now()
            try:
                for frame in codec.silence(min(gap_ms, FILL_MOST_MS)):
                    await connection.send(frame)
            except LinkError:
                if not self._closing:
                    raise


def _first(errors: BaseExceptionGroup[NekoError]) -> NekoError:
    """One error of a group: the first that is permanent, else the first."""
    flat: list[NekoError] = []
    for error in errors.exceptions:
        flat.extend([_first(error)] if isinstance(error, BaseExceptionGroup) else [error])
    return next((error for error in flat if error.permanent), flat[0])
