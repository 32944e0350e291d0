"""Runs a program in a pseudo-terminal and tells when something can be read on its screen."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

SEQUENCE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI, for instance colours
    rb"|[\]P_^X][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC, DCS and the like, for instance a title
    rb"|[ -/]*[0-OQ-WYZ\\`-~])"  # everything shorter
)
"""One whole escape sequence (ECMA-48)."""

A_WORD = re.compile(r"[^\W\d_]{3}")
"""Three letters in a row: something that a person can read."""


def readable(output: bytes) -> str:
    """What of a terminal's output is text; a sequence that is not complete yet is left out."""
    text = SEQUENCE.sub(b"", output)
    return text.partition(b"\x1b")[0].decode("utf-8", "replace")


class Terminal:
    """A program in a pseudo-terminal of its own session; leaving the context ends all of it."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], *, columns: int = 120, rows: int = 36
    ) -> None:
        self._command = list(command)
        self._env = {**env, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self._size = struct.pack("HHHH", rows, columns, 0, 0)
        self._pid = 0
        self._screen = -1
        self._output = b""
        self._started = 0.0

    def __enter__(self) -> Terminal:
        self._started = time.perf_counter()
        self._pid, self._screen = pty.fork()
        if self._pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, self._size)
            try:
                os.execvpe(self._command[0], self._command, self._env)
            finally:
                os._exit(127)
        return self

    @property
    def text(self) -> str:
        """What could be read so far, all screens after one another."""
        return readable(self._output)

    def wait_for(self, pattern: re.Pattern[str], timeout: float = 30.0) -> float:
        """Milliseconds from the start of the process until the pattern can be read.

        Raises TimeoutError with the text so far when it does not come, or the program ends before.
        """
        deadline = time.monotonic() + timeout
        while not pattern.search(self.text):
            left = deadline - time.monotonic()
            if left <= 0 or not self._read(left):
                seen = " ".join(self.text.split())[-500:]
                raise TimeoutError(f"{pattern.pattern!r} was not shown by {self._command}: {seen!r}")
        return (time.perf_counter() - self._started) * 1000

    def _read(self, timeout: float) -> bool:
        """Take what there is; False when the program has closed the terminal."""
        ready, _, _ = select.select([self._screen], [], [], timeout)
        if not ready:
            return True
        try:
            piece = os.read(self._screen, 65_536)
        except OSError:  # EIO is how Linux says that the other side is closed
            return False
        self._output += piece
        return bool(piece)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
            if self._ended(patience=0.0):
                break
            with contextlib.suppress(ProcessLookupError):
                # The session of pty.fork: the program and what it started, nothing else.
                os.killpg(self._pid, number)
            if self._ended(patience):
                break
        os.close(self._screen)

    def _ended(self, patience: float) -> bool:
        deadline = time.monotonic() + patience
        while self._pid:
            done, _ = os.waitpid(self._pid, os.WNOHANG)
            if done:
                self._pid = 0
            elif time.monotonic() >= deadline:
                return False
            else:
                # A program that is ending still writes; a full terminal would hold it up.
                self._read(0.01)
        return True
