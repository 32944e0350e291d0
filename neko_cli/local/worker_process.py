"""One worker process as the engine sees it: start, requests by id, death."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from neko_cli.core.errors import NekoError, ServerFault
from neko_cli.core.tasks import TaskOwner
from neko_cli.local.worker_spawn import spawn_worker
from neko_cli.local.worker_wire import (
    HEADER,
    WORKER_ID,
    Chunk,
    Fault,
    FromWorker,
    Ready,
    Setup,
    ToWorker,
    WireError,
    body_length,
    decode_from_worker,
    encode,
    error_of,
)

log = logging.getLogger(__name__)

END_TIMEOUT_S = 1.0
"""For a process that closed its output, or was killed, to be gone."""

KILL_TIMEOUT_S = 5.0
"""For a killed process to be gone; the system needs some ms."""

FRAMES_WAITING = 32
"""Frames of one request that wait to be taken; credit keeps it well below."""


class WorkerDied(ServerFault):
    """The process ended or was ended while a request was with it."""


class Channel:
    """What comes back for one request, in order."""

    def __init__(self, number: int) -> None:
        self.id = number
        self.finished = False
        self._dropped = False
        self._frames: asyncio.Queue[FromWorker | NekoError] = asyncio.Queue(FRAMES_WAITING)

    def put(self, frame: FromWorker | NekoError) -> bool:
        """Add a frame; False when more came than were asked for."""
        if not isinstance(frame, Chunk):
            self.finished = True
        if self._dropped:
            return True
        try:
            self._frames.put_nowait(frame)
        except asyncio.QueueFull:
            return False
        return True

    def drop(self) -> None:
        """Nobody takes what still comes."""
        self._dropped = True
        while not self._frames.empty():
            self._frames.get_nowait()

    async def next(self) -> FromWorker:
        """The next frame; raises what a Fault says, and WorkerDied."""
        frame = await self._frames.get()
        if isinstance(frame, NekoError):
            raise frame
        if isinstance(frame, Fault):
            raise error_of(frame)
        return frame


class WorkerProcess:
    """A worker. Made by :meth:`spawn`, ready after :meth:`begin`; used once, never restarted."""

    def __init__(self, role: str, process: asyncio.subprocess.Process) -> None:
        self.role = role
        self._process = process
        self._channels: dict[int, Channel] = {}
        self._deadlines: dict[int, asyncio.TimerHandle] = {}
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._last_id = WORKER_ID
        self._dead = False
        self._killed = False
        self._leaving = False
        self.on_idle: Callable[[], None] | None = None
        """Called when no request is with the worker any more."""

    @classmethod
    async def spawn(cls, role: str, log_path: Path | None) -> WorkerProcess:
        """Make the process; raises ConfigError when the system refuses."""
        return cls(role, await spawn_worker(role, log_path))

    async def begin(self, setup: Setup, tasks: TaskOwner, timeout: float) -> None:
        """Let it load its engine, and wait until it is ready.

        Raises ConfigError when it lacks something, ServerFault when it is not ready within
        ``timeout`` seconds. After an error the process is gone.
        """
        try:
            tasks.spawn(self._read(), f"{self.role} worker")
            self.send(setup)
            async with asyncio.timeout(timeout):
                await self._ready
        except TimeoutError:
            await self.aclose()
            raise ServerFault(f"The {self.role} did not start within {timeout:.0f} s.") from None
        except WorkerDied:
            await self.aclose()
            raise ServerFault(
                f"The {self.role} ended while loading {setup.name!r}.",
                hint="Its files may be damaged: install it again, or choose another one.",
            ) from None
        except BaseException:
            await self.aclose()
            raise

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether requests can be sent."""
        return not self._dead and self._process.returncode is None

    @property
    def idle(self) -> bool:
        """Whether no request is with the worker, not even one that nobody waits for."""
        return not self._channels

    def open(self, make: Callable[[int], ToWorker], timeout: float) -> Channel:
        """Send a request made with a new id; the process is killed when it is overdue."""
        self._last_id += 1
        channel = Channel(self._last_id)
        self._channels[channel.id] = channel
        self.allow(channel, timeout)
        if not self.alive:
            self._fail_all()
        else:
            self.send(make(channel.id))
        return channel

    def allow(self, channel: Channel, timeout: float) -> None:
        """Give a request so many seconds from now until its last frame."""
        self.hold(channel)
        if not channel.finished:
            loop = asyncio.get_running_loop()
            self._deadlines[channel.id] = loop.call_later(timeout, self._overdue, channel.id)

    def hold(self, channel: Channel) -> None:
        """Stop the clock of a request: the worker waits for us."""
        if (timer := self._deadlines.pop(channel.id, None)) is not None:
            timer.cancel()

    def send(self, message: ToWorker) -> None:
        """Write a frame; what is written is bounded by the requests that we allow."""
        pipe = self._process.stdin
        if pipe is not None and not pipe.is_closing():
            pipe.write(encode(message))

    def kill(self) -> None:
        """End the process now, once; what waits for it fails."""
        self._dead = True
        if self._killed:
            return
        self._killed = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def aclose(self) -> None:
        """End the process and wait until it is gone; idempotent."""
        if not self._leaving:
            self.kill()
        self._fail_all()
        await self._collect()

    async def _collect(self) -> None:
        """Wait until the process is gone.

        One that told a fault at its start or closed its output ends by itself. Killing it then would
        let two parties of the standard library collect it, and one of them complain.
        """
        for timeout in (END_TIMEOUT_S, KILL_TIMEOUT_S):
            try:
                async with asyncio.timeout(timeout):
                    await self._process.wait()
                break
            except TimeoutError:
                self.kill()
        else:
            log.error("the %s worker %d does not end", self.role, self.pid)
        _close_pipe(self._process)

    async def _read(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        try:
            while True:
                header = await pipe.readexactly(HEADER.size)
                self._take(decode_from_worker(await pipe.readexactly(body_length(header))))
        except (asyncio.IncompleteReadError, ConnectionError):
            self._leaving = True
        except WireError:
            log.error("the %s worker sent what is no frame", self.role)
        finally:
            self._fail_all()
            if not self._leaving:
                self.kill()
        await self._collect()
        code = self._process.returncode
        log.info("the %s worker ended with code %d", self.role, code)

    def _take(self, frame: FromWorker) -> None:
        if isinstance(frame, Ready):
            log.debug("the %s worker was ready after %.0f ms", self.role, frame.ms)
            if not self._ready.done():
                self._ready.set_result(None)
            return
        if frame.id == WORKER_ID:
            if isinstance(frame, Fault) and not self._ready.done():
                self._leaving = True
                self._ready.set_exception(error_of(frame))
            return
        channel = self._channels.get(frame.id)
        if channel is None:
            return
        if not channel.put(frame):
            raise WireError("more frames than credit")
        if channel.finished:
            self._forget(channel.id)

    def _forget(self, number: int) -> None:
        self._channels.pop(number, None)
        if (timer := self._deadlines.pop(number, None)) is not None:
            timer.cancel()
        if not self._channels and self.on_idle is not None:
            self.on_idle()

    def _overdue(self, number: int) -> None:
        log.warning("the %s worker took too long and is ended", self.role)
        self._deadlines.pop(number, None)
        self.kill()
        self._fail_all()

    def _fail_all(self) -> None:
        self._dead = True
        error = WorkerDied(f"The {self.role} stopped unexpectedly.", hint="Try again.")
        if not self._ready.done():
            self._ready.set_exception(error)
            self._ready.exception()  # whoever waited is told; nobody waiting is no fault either
        for number, channel in tuple(self._channels.items()):
            channel.put(error)
            self._forget(number)


def _close_pipe(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
