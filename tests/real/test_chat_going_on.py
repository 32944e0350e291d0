"""``neko chat`` over the ends of things: a stay in the shell, the end of the program, an edited profile."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.provider import Provider
from tests.cli.running import KEY, ROOT
from tests.real.conftest import require
from tests.real.terminal import Terminal

PROGRAM = f"{sys.executable} -m neko_cli --text --mute-voice"
ON_AGAIN = re.compile(r"neko --resume, or neko --session (\S+)")


def profile(folder: Path, text: str) -> None:
    file = folder / "config" / "profiles" / "cat.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Terminal]:
    """A person at a shell; the embedded engine answers."""
    require([] if shutil.which("tmux") else ["tmux"])
    env = {"PS1": "SHELL> ", "HOME": str(tmp_path), "NEKO_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    env["OPENAI_API_KEY"] = KEY
    with Terminal(["bash", "--norc", "--noprofile", "-i"], env=env, rows=30) as terminal:
        terminal.wait_for("SHELL>")
        yield terminal


def enter(terminal: Terminal, line: str) -> None:
    terminal.type(line)
    terminal.press("Enter")


def test_a_conversation_goes_on_after_a_stay_in_the_shell_and_after_its_end(shell: Terminal) -> None:
    enter(shell, PROGRAM)
    shell.wait_for("idle")
    enter(shell, "my name is Jo")
    shell.wait_for("Nice to meet you")
    shell.press("C-z")
    shell.wait_for("Stopped")
    enter(shell, "clear; fg")
    shell.wait_for("idle")
    enter(shell, "what is 2 plus 2?")
    shell.wait_for("2 plus 2 is 4")
    shell.press("C-q")
    found = ON_AGAIN.search(shell.wait_for(ON_AGAIN.pattern))
    assert found is not None
    for chosen in ("--resume", f"--session {found[1]}"):
        enter(shell, f"clear; {PROGRAM} {chosen}")
        screen = shell.wait_for("── now ──")
        assert screen.index("earlier") < screen.index("my name is Jo") < screen.index("2 plus 2 is 4")
        enter(shell, "what is my name?")
        shell.wait_for(r"(?s)now ──.*Your name is Jo")
        shell.press("C-q")
        shell.wait_for("neko --resume")


def test_where_nothing_was_said_nothing_is_promised(shell: Terminal) -> None:
    enter(shell, PROGRAM)
    shell.wait_for("idle")
    shell.press("C-q")
    assert "--resume" not in shell.wait_for("SHELL>\n*$").rpartition("SHELL>")[0].replace(PROGRAM, "")


def test_an_edit_of_the_profile_holds_from_the_next_turn_on_and_a_mistake_changes_nothing(
    shell: Terminal, tmp_path: Path
) -> None:
    profile(tmp_path, '[character]\nname = "Mio"\n')
    enter(shell, f"{PROGRAM} --profile cat")
    shell.wait_for("Mio · ○ idle")
    profile(tmp_path, '[character]\nname = "Mira"\n')
    shell.wait_for("Mira goes on from here")
    profile(tmp_path, '[character]\nnmae = "Kuro"\n')
    shell.wait_for("The profile has a mistake")
    enter(shell, "what is 2 plus 2?")
    screen = shell.wait_for("2 plus 2 is 4")
    assert "Mira" in screen
    enter(shell, "/profile default")
    shell.wait_for("Neko goes on from here")
    shell.press("C-q")
    shell.wait_for("neko --resume")


def test_a_connection_that_was_closed_comes_back_while_the_line_is_still_typed(
    shell: Terminal, tmp_path: Path
) -> None:
    profile(tmp_path, '[guard]\npark_minutes = 0.05\n[swap]\nstandby = "cold"\n')
    with Provider("answer") as provider:
        enter(shell, f"{PROGRAM} --profile cat --provider openai --url {provider.url}")
        shell.wait_for("asleep")
        assert len(provider.of("session.update")) == 1
        shell.type("h")
        shell.wait_for(r"(?s)idle(?!.*(?:asleep|reconnecting)).*\bh\b")
        assert len(provider.of("session.update")) == 2
        assert not provider.arrived.is_set()
        enter(shell, "ello")
        shell.wait_for("You said: hello")
        shell.wait_for("asleep")
        links = len(provider.of("session.update"))
        shell.press("C-q")
        shell.wait_for("neko --resume")
        assert len(provider.of("session.update")) == links
