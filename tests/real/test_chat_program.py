"""``neko chat`` in a real terminal, against a provider on a real socket."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cli.provider import Provider
from tests.cli.running import KEY, ROOT
from tests.real.conftest import require
from tests.real.terminal import Terminal

ON_AGAIN = "AFTERWARDS"


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Callable[..., tuple[Terminal, Provider]]]:
    """Starts the app in a terminal; a shell goes on after it, so that what it leaves can be seen."""
    require([] if shutil.which("tmux") else ["tmux"])
    with ExitStack() as stack:

        def run(*arguments: str, behaviour: str = "answer", **size: int) -> tuple[Terminal, Provider]:
            provider = stack.enter_context(Provider(behaviour))
            program = f"{sys.executable} -m neko_cli"
            line = f"{program} --provider openai --url {provider.url} {' '.join(arguments)}"
            script = f"{line}; echo {ON_AGAIN} $?; read x; echo got $x"
            env = {
                "NEKO_HOME": str(tmp_path),
                "OPENAI_API_KEY": KEY,
                "PYTHONPATH": str(ROOT),
                "HOME": str(tmp_path),
            }
            terminal = Terminal(["bash", "-c", script], env=env, **size)
            return stack.enter_context(terminal), provider

        yield run


def pid_of_the_app(terminal: Terminal) -> int:
    """The child of the shell that the terminal runs."""
    children = Path(f"/proc/{terminal.pid}/task/{terminal.pid}/children").read_text().split()
    return int(children[0])


def the_shell_goes_on(terminal: Terminal, code: str) -> None:
    """The app is gone, and the terminal echoes and takes lines as before."""
    terminal.wait_for(f"{ON_AGAIN} {code}")
    terminal.type("words")
    terminal.press("Enter")
    screen = terminal.wait_for("got words")
    assert "\nwords" in screen or screen.startswith("words") or re.search(r"^words", screen, re.MULTILINE)
    assert "Traceback" not in screen


def test_a_message_is_answered_and_the_terminal_is_restored(chat) -> None:
    terminal, _ = chat("--text")
    terminal.wait_for("Neko")
    terminal.type("hello there")
    terminal.press("Enter")
    terminal.wait_for("You said: hello there")
    terminal.press("C-q")
    the_shell_goes_on(terminal, "0")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, "143"), (signal.SIGHUP, "129")])
def test_a_signal_restores_the_terminal(chat, number: signal.Signals, code: str) -> None:
    terminal, _ = chat("--text")
    terminal.wait_for("Neko")
    os.kill(pid_of_the_app(terminal), number)
    the_shell_goes_on(terminal, code)


@pytest.mark.parametrize(("columns", "rows"), [(20, 5), (40, 12), (120, 36)])
def test_any_size_of_terminal(chat, columns: int, rows: int) -> None:
    terminal, provider = chat("--text", columns=columns, rows=rows)
    assert provider.connected.wait(15)
    terminal.type("hi")
    terminal.press("Enter")
    assert provider.arrived.wait(15)
    terminal.press("C-q")
    terminal.wait_for(f"{ON_AGAIN} 0")


def test_a_wrong_profile_is_told_without_opening_the_screen(chat) -> None:
    terminal, _ = chat("--profile", "nobody")
    screen = terminal.wait_for(f"{ON_AGAIN} 2")
    assert "There is no profile" in screen
