"""Several characters at once in one process, each with a session of its own.

::

    pool = Pool(make, clock=RealClock())
    async with pool.lease("mio") as session:
        await session.start_session(InputMode.TEXT)
    ...
    await pool.close_all()
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import Any

from neko_cli.core.errors import ConfigError, NekoError
from neko_cli.core.pool_plan import Use
from neko_cli.core.pool_seats import CLOSE_TIMEOUT, Seats, Slot, clean_up
from neko_cli.core.ports import Clock
from neko_cli.core.session import Session

log = logging.getLogger(__name__)

LIMIT = 3
"""Sessions at once: the seeds' figure."""

IDLE_CLOSE = 3600.0
"""Seconds after which an idle session is closed: the seeds' figure."""

WAIT = 30.0
"""Seconds that a lease waits for its session."""

MakeSession = Callable[[str], Awaitable[Session]]
"""Makes the session of a character; raises NekoError. When it is cancelled it leaves nothing open."""


class Lease:
    """A session that is handed out until it is released. Made by ``Pool.lease``."""

    def __init__(self, pool: Pool, character: str, timeout: float) -> None:
        self.character = character
        self.timeout = timeout
        """Seconds to wait for the session."""
        self._pool = pool
        self._asked = False
        self._slot: Slot | None = None

    @property
    def session(self) -> Session:
        """The session; RuntimeError before it is handed out and after it was released."""
        if self._slot is None or self._slot.session is None:
            raise RuntimeError("this lease holds no session")
        return self._slot.session

    def __await__(self) -> Generator[Any, None, Lease]:
        """Wait for the session; raises NekoError when there is none in time."""
        return self._take().__await__()

    async def __aenter__(self) -> Session:
        """Wait for the session; raises NekoError when there is none in time."""
        await self._take()
        return self.session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the session back."""
        self._pool.release(self)

    async def _take(self) -> Lease:
        if self._asked:
            raise RuntimeError("a lease is good for one time")
        self._asked = True
        self._slot = await self._pool._arrive(self.character, self.timeout)
        return self


class Pool:
    """Hands out sessions, at most ``limit`` at once, in the order in which they were asked for.

    No more than ``limit`` sessions are open, idle ones included. A returned session waits, quiet, for
    its character's next lease, until its time is up or another character needs the place.
    """

    def __init__(
        self, make: MakeSession, *, clock: Clock, limit: int = LIMIT, idle_close: float = IDLE_CLOSE
    ) -> None:
        """An empty pool.

        Args:
            make: makes the session of a character, started or not.
            clock: monotonic time for the idle ones.
            limit: sessions at once.
            idle_close: seconds after which an idle session is closed whose profile says nothing
                about it (``[guard] close_minutes = 0``); 0 never closes those.

        Raises:
            ConfigError: a limit below 1.
        """
        if limit < 1:
            raise ConfigError("A pool needs room for at least one session.")
        self._make = make
        self._limit = limit
        self._seats = Seats(clock, limit, idle_close)
        self._scopes: set[asyncio.Timeout] = set()
        self._arriving = 0
        self._arrived = asyncio.Event()
        self._closed = False
        self._closing = asyncio.Lock()

    @property
    def handed_out(self) -> int:
        """Sessions that are in somebody's hands, or being made for them."""
        return self._seats.count(Use.OUT)

    @property
    def idle(self) -> int:
        """Open sessions that nobody uses."""
        return self._seats.count(Use.IDLE)

    @property
    def waiting(self) -> int:
        """Leases that wait for a place."""
        return self._seats.waiting

    def lease(self, character: str, *, timeout: float = WAIT) -> Lease:
        """A session of this character: ``async with`` gives the session, ``await`` the lease.

        Waiting for it raises NekoError after ``timeout`` seconds (code ``pool_full`` while no place
        is free, ``pool_slow`` while the session is being made) and when the pool is closed (code
        ``pool_closed``), and whatever making the session raises.
        """
        return Lease(self, character, timeout)

    def release(self, lease: Lease) -> None:
        """Take a session back; idempotent, returns at once.

        One that failed or was ended is closed. Of any other the microphone is switched off and the
        reply stopped before it waits for its character's next lease.
        """
        slot, lease._slot = lease._slot, None
        if slot is not None:
            self._seats.put_back(slot)

    async def close_all(self) -> None:
        """Close every session, also those in somebody's hands; idempotent.

        Whoever waits gets an error, and so does whoever asks from now on.
        """
        self._closed = True
        self._seats.refuse()
        async with self._closing:
            now = asyncio.get_running_loop().time()
            for scope in self._scopes:
                if not scope.expired():
                    scope.reschedule(now)
            await self._until_nobody_arrives()
            await self._seats.aclose()

    async def _arrive(self, character: str, timeout: float) -> Slot:
        """Wait for a place and have a session in it."""
        self._refuse_when_closed()
        self._arriving += 1
        try:
            await self._seats.open()
            self._refuse_when_closed()
            slot = await self._within(character, timeout)
            if self._closed and slot.session is not None:
                session, slot.session = slot.session, None
                await clean_up(session)
            self._refuse_when_closed()
            return slot
        finally:
            self._arriving -= 1
            self._arrived.set()

    async def _within(self, character: str, timeout: float) -> Slot:
        slot: Slot | None = None
        try:
            async with asyncio.timeout(timeout) as scope:
                self._scopes.add(scope)
                try:
                    slot = await self._seats.get_in_line(character)
                    await self._fill(slot, character)
                    return slot
                finally:
                    self._scopes.discard(scope)
        except TimeoutError:
            self._refuse_when_closed()
            if not scope.expired():
                raise  # it is the maker's own
            raise self._too_late(character, timeout, placed=slot is not None) from None

    async def _fill(self, slot: Slot, character: str) -> None:
        """When the session that was there is closed, make what is wanted, unless it is there."""
        try:
            if slot.task is not None:
                await asyncio.wait({slot.task})
            if slot.session is None:
                slot.session = await self._make(character)
        except BaseException:
            self._seats.vacate(slot)
            raise

    async def _until_nobody_arrives(self) -> None:
        """Whoever was waiting has been told; a maker that does not heed it is not waited for long."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                while self._arriving:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            log.error("sessions are still being made: %d", self._arriving)

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise NekoError("The sessions of this program are being closed.", code="pool_closed") from None

    def _too_late(self, character: str, timeout: float, *, placed: bool) -> NekoError:
        if placed:
            message = f"The session with {character} was not ready within {timeout:g} seconds."
            return NekoError(message, code="pool_slow", permanent=False)
        return NekoError(
            f"All {self._limit} sessions are in use; none was returned within {timeout:g} seconds.",
            hint="End one of the other conversations.",
            code="pool_full",
            permanent=False,
        )
