"""One worker process as the engine sees it: start, requests by id, death."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from neko_cli.core.errors import ConfigError, NekoError, ServerFault
from neko_cli.core.tasks import TaskOwner
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

KILL_TIMEOUT_S = 5.0
"""For a killed process to be gone; the system needs some ms."""

FRAMES_WAITING = 32
"""Frames of one request that wait to be taken; credit keeps it well below."""

_READ_LIMIT = 1 << 20
_SECRET_ENDINGS = ("_API_KEY", "_TOKEN", "_SECRET", "_PASSWORD")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class WorkerDied(ServerFault):
    """The process ended or was ended while a request was with it."""


def worker_environment(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of a worker: no keys, one computing thread, our package importable."""
    chosen = {name: value for name, value in given.items() if not name.upper().endswith(_SECRET_ENDINGS)}
    chosen.update(dict.fromkeys(_ONE_THREAD, "1"))
    chosen["PYTHONFAULTHANDLER"] = "1"
    chosen["HF_HUB_OFFLINE"] = "1"
    # The safe path (-P) leaves out the current folder, so a checkout that is not installed is named.
    package_parent = Path(__file__).resolve().parents[2]
    if package_parent not in {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}:
        paths = [str(package_parent), chosen.get("PYTHONPATH", "")]
        chosen["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return chosen


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
        self.on_idle: Callable[[], None] | None = None
        """Called when no request is with the worker any more."""

    @classmethod
    async def spawn(cls, role: str, log_path: Path | None) -> WorkerProcess:
        """Make the process; raises ConfigError when the system refuses."""
        return cls(role, await _spawn(role, log_path))

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
        """End the process now; what waits for it fails."""
        self._dead = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def aclose(self) -> None:
        """Kill the process and wait until it is gone; idempotent."""
        self.kill()
        self._fail_all()
        try:
            async with asyncio.timeout(KILL_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
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
            pass  # the process ended; that is told below
        except WireError:
            log.error("the %s worker sent what is no frame", self.role)
        finally:
            self.kill()
            self._fail_all()
        code = await self._process.wait()
        _close_pipe(self._process)
        log.info("the %s worker ended with code %d", self.role, code)

    def _take(self, frame: FromWorker) -> None:
        if isinstance(frame, Ready):
            log.debug("the %s worker was ready after %.0f ms", self.role, frame.ms)
            if not self._ready.done():
                self._ready.set_result(None)
            return
        if frame.id == WORKER_ID:
            if isinstance(frame, Fault) and not self._ready.done():
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


async def _spawn(role: str, log_path: Path | None) -> asyncio.subprocess.Process:
    options: dict[str, Any] = {}
    if os.name == "nt":
        options["creationflags"] = subprocess.BELOW_NORMAL_PRIORITY_CLASS | subprocess.CREATE_NO_WINDOW  # type: ignore[attr-defined]
    else:
        options["start_new_session"] = True  # Ctrl-C in the terminal is for us, not for it
    try:
        with contextlib.ExitStack() as stack:
            errors: Any = subprocess.DEVNULL
            if log_path is not None:
                log_path.parent.mkdir(parents=True, exist_ok=True)
                errors = stack.enter_context(log_path.open("ab"))
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "neko_cli.local.worker",
                role,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=worker_environment(os.environ),
                limit=_READ_LIMIT,
                **options,
            )
    except OSError as error:
        raise ConfigError(f"The {role} cannot be started: {error.strerror or error}.") from error


def _close_pipe(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
