"""The places of a pool: who waits for one, which session is in it, and how that session is closed.

What is to be done is decided in ``pool_plan``; this file does it. A place that is taken belongs to
whoever was given it until they ``put_back`` its session, or ``vacate`` it because they want none.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque

from neko_cli.core.pool_plan import Place, Use, choose, close_time, due, next_due, quiet, reusable
from neko_cli.core.ports import Clock
from neko_cli.core.session import Session
from neko_cli.core.tasks import TaskOwner

log = logging.getLogger(__name__)

QUIET_TIMEOUT = 5.0
"""Seconds for a returned session to switch its microphone off and stop its reply."""

CLOSE_TIMEOUT = 15.0
"""Seconds for a session to be cleaned up; its place is free after that in any case."""


class Slot:
    """A place, the session in it, and the task that quietens or closes one that was there."""

    def __init__(self) -> None:
        self.place = Place()
        self.session: Session | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def is_reusable(self) -> bool:
        """Whether there is a session that may be handed out again."""
        return self.session is not None and reusable(self.session.state)


class _Ticket:
    """Somebody who waits; ``slot`` is cancelled when they go."""

    def __init__(self, character: str) -> None:
        self.character = character
        self.slot: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()


async def clean_up(session: Session) -> None:
    """Release a session within a deadline; never raises, because a failure must not keep its place."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await session.cleanup()
    except Exception as error:
        log.error("a session was not cleaned up: %s", type(error).__name__)
        log.debug("clean-up", exc_info=error)


class Seats:
    """A fixed number of places, given away in the order in which they were asked for."""

    def __init__(self, clock: Clock, limit: int, idle_close: float) -> None:
        self._clock = clock
        self._idle_close = idle_close
        self._slots = [Slot() for _ in range(limit)]
        self._queue: deque[_Ticket] = deque()  # each of them goes at a deadline of its own
        self._owner = TaskOwner(lambda error: None)  # which logs it; the tasks here raise nothing
        self._watch: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return sum(not ticket.slot.done() for ticket in self._queue)

    def count(self, use: Use) -> int:
        """Places with this use."""
        return sum(slot.place.use is use for slot in self._slots)

    async def open(self) -> None:
        """Make ready; idempotent."""
        await self._owner.open()
        if self._watch is None and not self._closed:
            self._watch = self._owner.spawn(self._close_idle_ones(), "pool: close idle sessions")

    def refuse(self) -> None:
        """From now on nobody is given a place, and returned sessions stay until ``aclose``."""
        self._closed = True

    async def aclose(self) -> None:
        """After ``refuse``: close every session and end every task; idempotent."""
        for _ in range(2):  # again for those that were being quietened
            for slot in self._slots:
                if slot.session is not None and slot.task is None:
                    self._close(slot, Use.BUSY)
            tasks = [slot.task for slot in self._slots if slot.task is not None]
            if tasks:
                await asyncio.wait(tasks)  # each has a deadline of its own
        await self._owner.aclose()

    async def get_in_line(self, character: str) -> Slot:
        """Wait for a place; the character's own idle session is in it when there is one."""
        ticket = _Ticket(character)
        self._queue.append(ticket)
        self._serve()
        try:
            return await ticket.slot
        except BaseException:
            if ticket.slot.done() and not ticket.slot.cancelled():
                self.vacate(ticket.slot.result())
            else:
                with contextlib.suppress(ValueError):  # gone already when others were served
                    self._queue.remove(ticket)
            raise

    def vacate(self, slot: Slot) -> None:
        """Whoever was given the place has gone before they had a session."""
        if slot.session is not None:
            self._take_back(slot)
        else:
            slot.place = Place()  # whoever gets it next waits for its task as well
        self._serve()

    def put_back(self, slot: Slot) -> None:
        """The session in a place is returned: kept for the next time if it is fit for that."""
        if self._closed:
            return
        self._take_back(slot)
        self._serve()

    # -- own work -------------------------------------------------------------------------------

    def _serve(self) -> None:
        """Give places to those who wait, in their order, as long as there are any."""
        self._changed.set()
        if self._closed:
            return
        for slot in self._slots:
            if slot.place.use is Use.IDLE and not slot.is_reusable:
                self._close(slot, Use.BUSY)
        while self._queue:
            ticket = self._queue[0]
            if not ticket.slot.done():
                index = choose(ticket.character, self._places())
                if index is None:
                    return
                slot = self._slots[index]
                if slot.session is not None and slot.place.character != ticket.character:
                    self._close(slot, Use.OUT)
                slot.place = Place(Use.OUT, ticket.character)
                ticket.slot.set_result(slot)
            self._queue.popleft()

    def _take_back(self, slot: Slot) -> None:
        session = slot.session
        if session is None or not slot.is_reusable:
            self._close(slot, Use.BUSY)
        elif quiet(session.state):
            self._lay_idle(slot, session)
        else:
            slot.place = Place(Use.BUSY, slot.place.character)
            slot.task = self._owner.spawn(self._quieten(slot, session), "pool: quieten a session")

    def _lay_idle(self, slot: Slot, session: Session) -> None:
        now = self._clock.monotonic()
        ends = close_time(now, session.profile.guard.close_minutes, self._idle_close)
        slot.place = Place(Use.IDLE, slot.place.character, now, ends)

    async def _quieten(self, slot: Slot, session: Session) -> None:
        calm = False
        try:
            async with asyncio.timeout(QUIET_TIMEOUT):
                await session.stop_listening()
                await session.interrupt()
            calm = True
        except Exception as error:  # whatever it is, the session is closed for it
            log.warning("a returned session does not fall silent: %s", type(error).__name__)
        slot.task = None
        if self._closed:
            return
        if calm and slot.is_reusable:
            self._lay_idle(slot, session)
        else:
            self._close(slot, Use.BUSY)
        self._serve()

    def _close(self, slot: Slot, use: Use) -> None:
        """Begin to close the session of a place, which has this use from now on."""
        session, slot.session = slot.session, None
        slot.place = Place(use, slot.place.character)
        if session is not None:
            slot.task = self._owner.spawn(self._run_close(slot, session), "pool: close a session")

    async def _run_close(self, slot: Slot, session: Session) -> None:
        try:
            await clean_up(session)
        finally:
            slot.task = None
            if slot.place.use is Use.BUSY:
                slot.place = Place()
                self._serve()

    async def _close_idle_ones(self) -> None:
        """Close each idle session when its time has come."""
        while True:
            self._changed.clear()
            now = self._clock.monotonic()
            for index in due(self._places(), now):
                self._close(self._slots[index], Use.BUSY)
            at = next_due(self._places())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if at is None else at - now):
                    await self._changed.wait()

    def _places(self) -> list[Place]:
        return [slot.place for slot in self._slots]
