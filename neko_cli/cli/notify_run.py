"""Runs a command for ``neko notify --run``: its output passes through, a running chat sees how it goes.

The command keeps our terminal and our standard input. Where we write to a terminal, it writes to one as
well (a pseudo-terminal of its own), so that it colours and flushes as usual.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from neko_cli.cli.exits import tell
from neko_cli.core.companions.agent_events import DETAIL_LIMIT, Task, TaskResult, TaskUpdate, new_id
from neko_cli.core.errors import ConfigError, NekoError
from neko_cli.core.text import one_line, sanitise
from neko_cli.services.agent_client import Line, accepted, find

PROGRESS_S = 5.0
"""Between two words about a command that still runs."""

TAIL_BYTES = 8192
DRAIN_S = 1.0
"""For the last output of a command that has ended; who it left behind may hold its output open."""

NOT_FOUND, NOT_RUNNABLE = 127, 126
SIGNALLED = 128
"""As shells count."""

FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
FROM_TERMINAL = ("SIGINT", "SIGQUIT")


class Tail:
    """The end of what a command wrote, on both streams."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = bytearray()

    def add(self, data: bytes) -> None:
        """A further piece."""
        with self._lock:
            self._bytes += data
            del self._bytes[:-TAIL_BYTES]

    @property
    def lines(self) -> list[str]:
        """Its lines as they would stand on a screen: what a carriage return wrote over is gone."""
        with self._lock:
            text = self._bytes.decode("utf-8", "replace")
        shown = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
        return [clean for line in shown if (clean := sanitise(line).rstrip())]

    def text(self, limit: int = DETAIL_LIMIT) -> str:
        """Its last lines, of so many characters at most."""
        kept: list[str] = []
        for line in reversed(self.lines):
            limit -= len(line) + 1
            if limit < 0 and kept:
                break
            kept.append(line)
        return "\n".join(reversed(kept))[-DETAIL_LIMIT:]


class Teller:
    """Tells running chats; that nobody runs is no reason to stop the command."""

    def __init__(self, run: Path, to: str, title: str, task_id: str) -> None:
        self._run = run
        self._to = to
        self._title = title
        self._id = task_id
        self._began = time.time()
        self._line: Line | None = None

    def progress(self, last: str) -> None:
        """It still runs; ``last`` is its last line. Chats that were started meanwhile are told too."""
        task = Task(
            id=self._id,
            status="running",
            type="command",
            title=self._title,
            start_time=self._began,
            error=one_line(last),
        )
        with contextlib.suppress(NekoError):
            self._connect().send(TaskUpdate(task=task))

    def ended(self, status: str, summary: str, detail: str, timeout: float) -> None:
        """It is over; raises NekoError when nobody takes that."""
        event = TaskResult(
            event_id=new_id(),
            task_id=self._id,
            channel="command",
            status=status,
            success=status == "completed",
            summary=summary,
            detail=detail,
        )
        accepted(self._connect().exchange(event, timeout))

    def close(self) -> None:
        """Leave the chats; idempotent."""
        line, self._line = self._line, None
        if line is not None:
            line.__exit__(None, None, None)

    def _connect(self) -> Line:
        there = find(self._run, self._to)
        if self._line is None or [one.socket for one in self._line.entries] != [one.socket for one in there]:
            self.close()
            self._line = Line(there).__enter__()
        return self._line


def run_and_tell(command: Sequence[str], text: str, *, to: str, timeout: float, quiet: bool) -> int:
    """Run it to its end; returns its own exit code, 128 + N for a signal. Raises ConfigError."""
    if not command:
        raise ConfigError("There is no command behind --run.", hint="neko notify --run make test")
    from neko_cli.services.folders import Folders

    shown = one_line(text or shlex.join(command), 160)
    teller = Teller(Folders.find().run, to, shown, new_id())
    tail, began = Tail(), time.monotonic()
    try:
        code = _run(command, tail, teller)
        ended = _sentence(shown, code, time.monotonic() - began)
        status = "completed" if code == 0 else "failed"
        try:
            teller.ended(status, ended, tail.text(), timeout)
        except NekoError as error:
            tell(f"{error.message} Nobody was told that {ended}")
        else:
            if not quiet:
                tell(f"Told the chat: {ended}")
    finally:
        teller.close()
    return code


def _run(command: Sequence[str], tail: Tail, teller: Teller) -> int:
    inputs: list[int] = []
    outputs: list[int] = []
    children: list[subprocess.Popen[bytes]] = []
    early: list[int] = []
    with _forwarding(children, early):
        for stream in (1, 2):
            reading, writing = _channel(stream)
            inputs.append(reading)
            outputs.append(writing)
        try:
            children.append(subprocess.Popen(command, stdout=outputs[0], stderr=outputs[1]))
            for number in early:
                children[0].send_signal(number)
        except OSError as error:
            for number in inputs:
                os.close(number)
            missing = isinstance(error, FileNotFoundError)
            tell(f"{one_line(command[0], 80)} cannot be run: {error.strerror}.")
            tail.add((error.strerror or "").encode())
            return NOT_FOUND if missing else NOT_RUNNABLE
        finally:
            for number in outputs:
                os.close(number)
        threads = [
            threading.Thread(target=_copy, args=(source, stream, tail), name="neko-copy", daemon=True)
            for source, stream in zip(inputs, (1, 2), strict=True)
        ]
        for thread in threads:
            thread.start()
        code = _wait(children[0], tail, teller)
        ends = time.monotonic() + DRAIN_S
        for thread in threads:
            thread.join(max(0.0, ends - time.monotonic()))
    return code if code >= 0 else SIGNALLED - code


def _wait(child: subprocess.Popen[bytes], tail: Tail, teller: Teller) -> int:
    """Until it ends, with a word about it now and then."""
    teller.progress("")
    while True:
        try:
            return child.wait(PROGRESS_S)
        except subprocess.TimeoutExpired:
            teller.progress((tail.lines or [""])[-1])


def _copy(source: int, stream: int, tail: Tail) -> None:
    """Pass on what comes until there is no more; a reader of ours that is gone ends the command's output."""
    try:
        while data := os.read(source, 65_536):
            tail.add(data)
            view = memoryview(data)
            while view:
                view = view[os.write(stream, view) :]
    except OSError:  # our reader is gone, or a pseudo-terminal has ended, which is told so
        pass
    finally:
        os.close(source)


def _channel(stream: int) -> tuple[int, int]:
    """Where to read what the command writes, and where it writes: as we do, to a terminal or a pipe."""
    if sys.platform != "win32" and os.isatty(stream):
        import pty
        import termios

        with contextlib.suppress(OSError, termios.error):
            reading, writing = pty.openpty()
            modes: list[Any] = termios.tcgetattr(writing)
            modes[1] &= ~termios.OPOST  # the real terminal does that
            termios.tcsetattr(writing, termios.TCSANOW, modes)
            termios.tcsetwinsize(writing, termios.tcgetwinsize(stream))
            return reading, writing
    return os.pipe()


@contextlib.contextmanager
def _forwarding(children: Sequence[subprocess.Popen[bytes]], early: list[int]) -> Iterator[None]:
    """Signals go to the command, which decides what becomes of us; ``early`` are those before it runs.

    Ctrl-C in a terminal reaches the command by itself: it is not told twice.
    """
    typed = _at_terminal()

    def forward(number: int, frame: FrameType | None) -> None:
        if typed and signal.Signals(number).name in FROM_TERMINAL:
            return
        if not children:
            early.append(number)
        for child in children:
            with contextlib.suppress(OSError):
                child.send_signal(number)

    before = {}
    for name in FORWARDED:
        number = getattr(signal, name, None)
        # One that our parent wants ignored (nohup) stays so for the command as well.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, forward)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _at_terminal() -> bool:
    """Whether we are in the foreground of a terminal, whose keys reach the command too."""
    if sys.platform == "win32":
        return True
    try:
        number = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(number) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(number)


def _sentence(shown: str, code: int, seconds: float) -> str:
    took = duration(seconds)
    if code == 0:
        return f"{shown}: completed after {took}."
    if code > SIGNALLED:
        with contextlib.suppress(ValueError):
            return f"{shown}: ended by {signal.Signals(code - SIGNALLED).name} after {took}."
    return f"{shown}: failed with exit code {code} after {took}."


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
