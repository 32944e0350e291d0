"""The way out in a real terminal: whatever ends the app, the terminal is as it was before."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("terminal_program.py")
ROOT = PROGRAM.parents[2]
RESTORED = (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l", b"\x1b[?2004l")
"""Leave the alternate screen, show the cursor, no mouse reports, no bracketed paste (xterm's ctlseqs)."""


class Terminal:
    """A program in a pseudo-terminal of 80 × 24."""

    def __init__(self, report: Path, mode: str) -> None:
        self.report = report
        self.output = b""
        self.master, slave = os.openpty()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        environ = os.environ | {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(report), mode],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environ,
            start_new_session=True,
        )

    def read(self, seconds: float) -> bool:
        """Take what the program wrote; False when nothing came or nothing more will."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.output += data
        return bool(data)

    def until(self, text: str, timeout: float = 15.0) -> None:
        """Read until the report or the screen has the text."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            self.read(0.02)
            written = self.report.read_text() if self.report.exists() else ""
            if text in written or text.encode() in self.output:
                return
        raise AssertionError(f"{text!r} did not come")

    def wait(self, timeout: float = 15.0) -> int:
        """Read until the program has ended; returns its exit code."""
        end = time.monotonic() + timeout
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.02)
        code = self.process.wait(timeout=1)
        while self.read(0.05):
            pass
        return code

    @property
    def happened(self) -> list[str]:
        return self.report.read_text().splitlines() if self.report.exists() else []

    def assert_restored(self) -> None:
        assert termios.tcgetattr(self.slave) == self.before
        for sequence in RESTORED:
            assert sequence in self.output

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for descriptor in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(descriptor)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return tmp_path / "report"


@contextlib.contextmanager
def terminal(report: Path, mode: str) -> Iterator[Terminal]:
    opened = Terminal(report, mode)
    try:
        yield opened
    finally:
        opened.close()


def test_ctrl_q_leaves_with_0_and_the_terminal_as_it_was(report: Path) -> None:
    with terminal(report, "plain") as term:
        term.until("started")
        os.write(term.master, b"\x11")
        assert term.wait() == 0
        term.assert_restored()
        assert term.happened == ["started", "cleaned up"]


def test_keys_as_terminals_send_them(report: Path) -> None:
    with terminal(report, "plain") as term:
        term.until("started")
        term.until("hands-free")
        os.write(term.master, b"\x00")  # Ctrl+Space
        term.until("muted")
        os.write(term.master, b"one\ntwo\x1b[13;2uthree\r")  # Ctrl+J, Shift+Enter (kitty), Enter
        term.until("sent 'one\\ntwo\\nthree'")
        os.write(term.master, b"\x1b[200~a\r\nb\x1b[201~\r")  # a bracketed paste, then Enter
        term.until("sent 'a\\nb'")
        os.write(term.master, b"\x11")
        assert term.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_app_cleanly(report: Path, number: signal.Signals) -> None:
    with terminal(report, "plain") as term:
        term.until("started")
        term.process.send_signal(number)
        assert term.wait() == 128 + number
        term.assert_restored()
        assert term.happened == ["started", "cleaned up"]
        assert b"Traceback" not in term.output


def test_a_signal_ends_the_app_while_the_session_is_being_made(report: Path) -> None:
    with terminal(report, "slow") as term:
        term.until("making")
        term.process.send_signal(signal.SIGTERM)
        assert term.wait() == 128 + signal.SIGTERM
        term.assert_restored()


def test_a_terminal_that_goes_away_ends_the_app_and_releases_the_session(report: Path) -> None:
    with terminal(report, "plain") as term:
        term.until("started")
        os.close(term.slave)
        os.close(term.master)
        term.process.send_signal(signal.SIGHUP)
        assert term.process.wait(timeout=15) == 128 + signal.SIGHUP
        assert term.happened == ["started", "cleaned up"]


def test_a_session_that_hangs_does_not_keep_the_terminal(report: Path) -> None:
    with terminal(report, "hung") as term:
        term.until("started")
        began = time.monotonic()
        os.write(term.master, b"\x11")
        assert term.wait() == 0
        assert time.monotonic() - began < 8
        term.assert_restored()


def test_a_crash_restores_the_terminal_and_says_one_sentence_without_content(report: Path) -> None:
    with terminal(report, "crash") as term:
        term.until("started")
        os.write(term.master, b"\x1bOS")
        assert term.wait() == 1
        term.assert_restored()
        after = b" ".join(term.output.rpartition(b"\x1b[?1049l")[2].split())
        assert b"neko stopped because of a mistake of its own (ValueError at terminal_program.py" in after
        assert b"secret" not in term.output
        assert b"Traceback" not in term.output
        assert term.happened == ["started", "cleaned up"]
