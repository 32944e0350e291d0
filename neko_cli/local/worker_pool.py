"""The worker processes of an engine: seats that start and restart them, and the queue for the ears."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from collections import deque
from pathlib import Path

import msgspec

from neko_cli.core.errors import ConfigError, InvalidRequest, NekoError, RateLimited, ServerFault
from neko_cli.core.pcm import duration_ms
from neko_cli.core.tasks import TaskOwner
from neko_cli.local.ports import EARS_RATE, Hearing, Recognised
from neko_cli.local.worker_process import WorkerDied, WorkerProcess
from neko_cli.local.worker_wire import Heard, Listen, Setup

log = logging.getLogger(__name__)

START_TIMEOUT_S = 10.0
MODEL_START_TIMEOUT_S = 60.0
"""For a worker to be ready; a large model is read from the disk."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 8.0
"""Pause before a restart; doubled with every failure in a row."""

QUEUE_TIMEOUT_S = 90.0
"""For an utterance to reach a recogniser."""

LISTEN_TIMEOUT_S, LISTEN_TIMEOUT_FACTOR = 20.0, 4.0
"""For one recognition: a fixed part, and so much for each second of sound (floor: 0.3, measured)."""

LONGEST_UTTERANCE_S = 600.0
CLOSED = "The engine is closed."
FATAL_TRIES = 2
FATAL_REMEMBERED = 64


def pause_after(failures: int) -> float:
    """Seconds before the next start after so many failures in a row; pure."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (failures - 1)) if failures > 0 else 0.0


class FatalRequests:
    """Remembers requests during which a worker died; one that did so twice is not tried again."""

    def __init__(self) -> None:
        self._deaths: dict[bytes, int] = {}

    def check(self, *parts: object) -> None:
        """Raise ServerFault for a request that killed workers FATAL_TRIES times."""
        if self._deaths and self._deaths.get(_digest(parts), 0) >= FATAL_TRIES:
            raise ServerFault(
                "This request made the engine fail twice and is not tried again.", permanent=True
            )

    def note(self, *parts: object) -> None:
        """A worker died during this request."""
        digest = _digest(parts)
        self._deaths[digest] = self._deaths.pop(digest, 0) + 1
        while len(self._deaths) > FATAL_REMEMBERED:
            del self._deaths[next(iter(self._deaths))]


def _digest(parts: tuple[object, ...]) -> bytes:
    return hashlib.blake2b(msgspec.msgpack.encode(parts), digest_size=16).digest()


class Seat:
    """The place of one worker process: started when it is needed, again after a crash."""

    def __init__(
        self, role: str, setup: Setup, tasks: TaskOwner, *, log_path: Path | None, start_timeout: float
    ) -> None:
        self.role = role
        self.worker: WorkerProcess | None = None
        self._setup = setup
        self._tasks = tasks
        self._log_path = log_path
        self._start_timeout = start_timeout
        self._lock = asyncio.Lock()
        self._failures = 0
        self._not_before = 0.0
        self._lacking: ConfigError | None = None
        self._closing = asyncio.Event()

    @property
    def started(self) -> bool:
        """Whether a process is there or on its way."""
        return self._lock.locked() or (self.worker is not None and self.worker.alive)

    async def ready(self) -> WorkerProcess:
        """A worker that takes requests; raises ConfigError, ServerFault.

        After a failure the next start waits; what was lacking is told again at once.
        """
        async with self._lock:
            if self._closing.is_set():
                raise ServerFault(CLOSED)
            if self.worker is not None:
                if self.worker.alive:
                    return self.worker
                await self._bury(self.worker)
            await self._pause()
            await self._tasks.open()
            try:
                self.worker = await WorkerProcess.spawn(self.role, self._log_path)
                if self._closing.is_set():
                    await self.worker.aclose()
                    raise ServerFault(CLOSED)
                await self.worker.begin(self._setup, self._tasks, self._start_timeout)
            except BaseException as error:
                self.worker = None
                if isinstance(error, NekoError):
                    self._lacking = error if isinstance(error, ConfigError) else None
                    self._count_failure()
                raise
            self._lacking = None
            return self.worker

    async def _pause(self) -> None:
        pause = self._not_before - time.monotonic()
        if pause <= 0:
            return
        if self._lacking is not None:
            raise self._lacking
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._closing.wait()
        if self._closing.is_set():
            raise ServerFault(CLOSED)

    def succeeded(self) -> None:
        """A request was answered: the next failure is the first again."""
        self._failures = 0

    async def aclose(self) -> None:
        """End the worker, also one that is just starting; idempotent."""
        self._closing.set()
        if self.worker is not None:
            await self.worker.aclose()
        async with self._lock:  # a process that was being made is ended here
            if self.worker is not None:
                await self.worker.aclose()
                self.worker = None

    async def _bury(self, worker: WorkerProcess) -> None:
        self.worker = None
        self._count_failure()
        await worker.aclose()

    def _count_failure(self) -> None:
        self._failures += 1
        self._not_before = time.monotonic() + pause_after(self._failures)


class WorkerEars:
    """Recognition by a few worker processes behind one queue, first come first served."""

    def __init__(self, seats: list[Seat], *, queue: int) -> None:
        """``queue``: utterances that may wait; more are refused with RateLimited."""
        self._free = list(seats)
        self._seats = tuple(seats)
        self._queue = queue
        self._waiting: deque[asyncio.Future[Seat]] = deque()
        self._fatal = FatalRequests()

    async def recognise(self, pcm: bytes, hearing: Hearing) -> Recognised:
        """Recognise one utterance at EARS_RATE.

        Raises RateLimited when too many wait, InvalidRequest when it is too long, ConfigError when
        the recogniser cannot do it, ServerFault when recognition fails.
        """
        seconds = duration_ms(len(pcm), EARS_RATE) / 1000.0
        if seconds > LONGEST_UTTERANCE_S:
            raise InvalidRequest(f"An utterance may last {LONGEST_UTTERANCE_S:.0f} s at most.")
        self._fatal.check(pcm, hearing)
        seat = await self._take_seat()
        try:
            worker = await seat.ready()
            timeout = LISTEN_TIMEOUT_S + LISTEN_TIMEOUT_FACTOR * seconds
            channel = worker.open(lambda number: Listen(number, pcm, hearing), timeout)
            frame = await channel.next()
            seat.succeeded()
        except WorkerDied:
            self._fatal.note(pcm, hearing)
            raise
        finally:
            self._leave_seat(seat)
        if not isinstance(frame, Heard):
            raise ServerFault("Speech recognition gave no answer.")
        return frame.result

    async def warm_up(self) -> None:
        """Start one recogniser; the others start when two people speak at the same time."""
        await self._seats[0].ready()

    async def aclose(self) -> None:
        """Refuse who waits, and end the workers; idempotent."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(ServerFault(CLOSED))
        for seat in self._seats:
            await seat.aclose()

    async def _take_seat(self) -> Seat:
        if self._free and not self._waiting:
            best = next((seat for seat in self._free if seat.started), self._free[0])
            self._free.remove(best)
            return best
        if len(self._waiting) >= self._queue:
            raise RateLimited("Too many utterances wait to be recognised.", retry_after=2.0)
        waiter: asyncio.Future[Seat] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(QUEUE_TIMEOUT_S):
                return await waiter
        except (TimeoutError, asyncio.CancelledError) as error:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._give(waiter.result())
            elif waiter in self._waiting:
                self._waiting.remove(waiter)
            if isinstance(error, TimeoutError):
                raise RateLimited("No recogniser became free in time.", retry_after=5.0) from None
            raise

    def _leave_seat(self, seat: Seat) -> None:
        """Give the seat away; after a cancel only when the worker is through with what it has."""
        worker = seat.worker
        if worker is None or worker.idle or not worker.alive:
            self._give(seat)
            return

        def idle() -> None:
            worker.on_idle = None
            self._give(seat)

        worker.on_idle = idle

    def _give(self, seat: Seat) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(seat)
                return
        self._free.append(seat)


def make_seat(
    role: str,
    setup: Setup,
    tasks: TaskOwner,
    *,
    log_path: Path | None,
    with_model: bool,
) -> Seat:
    """A seat with the time to start that its engine needs."""
    timeout = MODEL_START_TIMEOUT_S if with_model else START_TIMEOUT_S
    return Seat(role, setup, tasks, log_path=log_path, start_timeout=timeout)
