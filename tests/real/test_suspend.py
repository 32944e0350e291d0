"""Ctrl+Z and ``fg`` in a shell with job control: the terminal is the shell's meanwhile, sound is silent."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.running import ROOT
from tests.real.conftest import require
from tests.real.terminal import Terminal

pytestmark = pytest.mark.serial  # a stopped program and its shell race for the terminal on a busy machine

PROGRAM = ROOT / "tests" / "tui" / "terminal_program.py"
PROMPT = "SHELL> "
APP = "hands-free"


class Shell:
    """A person at a shell, with a program that notes what happens to its session."""

    def __init__(self, folder: Path) -> None:
        self.report = folder / "report"
        env = {"PS1": PROMPT, "HOME": str(folder), "PYTHONPATH": str(ROOT), "NEKO_HOME": str(folder)}
        self.terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], env=env)

    def enter(self, line: str) -> None:
        self.terminal.type(line)
        self.terminal.press("Enter")

    def until(self, holds: Callable[[], bool], timeout: float = 15.0) -> None:
        end = time.monotonic() + timeout
        while not holds():
            assert time.monotonic() < end, (self.happened, self.terminal.screen())
            time.sleep(0.02)

    @property
    def happened(self) -> list[str]:
        return self.report.read_text().splitlines() if self.report.exists() else []

    def stopped(self) -> None:
        """The shell has the terminal back, with echo, and the program is stopped."""
        self.terminal.wait_for("Stopped")
        assert APP not in self.terminal.screen()
        self.enter("echo $((40 + 2)) is here")
        screen = self.terminal.wait_for("^42 is here$|\\n42 is here")
        assert "echo $((40 + 2)) is here" in screen


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    require([] if shutil.which("tmux") else ["tmux"])
    opened = Shell(tmp_path)
    with opened.terminal:
        opened.terminal.wait_for(PROMPT.strip())
        yield opened


def program(shell: Shell) -> str:
    return shlex.join([sys.executable, str(PROGRAM), str(shell.report), "plain"])


def answers_and_leaves(shell: Shell) -> None:
    shell.terminal.wait_for(APP)
    shell.enter("hello again")
    shell.until(lambda: "sent 'hello again'" in shell.happened)
    shell.terminal.press("C-q")
    shell.until(lambda: shell.happened[-1] == "cleaned up")
    shell.enter("jobs; echo all done")
    assert "Stopped" not in shell.terminal.wait_for("all done$|all done\\n").rpartition("jobs; echo")[2]


@pytest.mark.parametrize("inside", ["the shell", "another program"])
def test_ctrl_z_gives_the_shell_back_and_fg_the_conversation(shell: Shell, inside: str) -> None:
    """As `make chat` is, the app may be one of several programs of the shell's job."""
    line = program(shell)
    shell.enter(line if inside == "the shell" else f"sh -c {shlex.quote(f'{line}; exit $?')}")
    shell.terminal.wait_for(APP)
    for _ in range(2):
        shell.terminal.press("C-z")
        shell.stopped()
        assert shell.happened[-1] == "paused"
        shell.enter("clear; fg")
        shell.terminal.wait_for(APP)
        shell.until(lambda: shell.happened[-1] == "resumed")
    answers_and_leaves(shell)


def test_in_the_background_it_waits_for_the_terminal(shell: Shell) -> None:
    shell.enter(program(shell))
    shell.terminal.wait_for(APP)
    shell.terminal.press("C-z")
    shell.stopped()
    shell.enter("clear; bg")
    shell.terminal.wait_for(r"\[1\]\+")
    shell.enter("clear; echo still the shell")
    shell.terminal.wait_for("\nstill the shell|^still the shell")
    shell.enter("clear; fg")
    shell.until(lambda: shell.happened[-1] == "resumed")
    answers_and_leaves(shell)


def started_with_its_number(shell: Shell) -> int:
    """Start the program; returns its process number."""
    shell.enter(f"{program(shell)} & echo $! > {shlex.quote(str(shell.report))}.pid; fg")
    shell.terminal.wait_for(APP)
    return int(shell.report.with_name("report.pid").read_text())


def test_a_signal_from_elsewhere_stops_it_silenced(shell: Shell) -> None:
    number = started_with_its_number(shell)
    os.kill(number, signal.SIGTSTP)
    shell.stopped()
    assert shell.happened[-1] == "paused"
    shell.enter("clear; fg")
    answers_and_leaves(shell)


def test_stopped_without_being_asked_it_comes_back_with_one_keyboard_and_a_whole_screen(shell: Shell) -> None:
    number = started_with_its_number(shell)
    for _ in range(3):
        os.kill(number, signal.SIGSTOP)
        shell.terminal.wait_for("Stopped")
        shell.enter("clear; fg")
        shell.terminal.wait_for(APP)
    answers_and_leaves(shell)


def test_where_no_shell_waits_it_stays(tmp_path: Path) -> None:
    require([] if shutil.which("tmux") else ["tmux"])
    report = tmp_path / "report"
    env = {"PYTHONPATH": str(ROOT), "NEKO_HOME": str(tmp_path)}
    with Terminal([sys.executable, str(PROGRAM), str(report), "plain"], env=env) as terminal:
        terminal.wait_for(APP)
        terminal.press("C-z")
        terminal.wait_for("There is no shell here to go back to.")
        terminal.press("C-q")
        assert terminal.exit_status() == 0
        assert "paused" not in report.read_text()
