"""The README and docs/agents.md promise only what the program does."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys

import pytest

from tests.hygiene.tree import ROOT

CODE = re.compile(r"```[a-z]*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
CALL = re.compile(r"(?:^|[\s|(;&$])neko((?:[ \t]+[^\s|;&`)#]+)*)", re.MULTILINE)


def calls(page: str) -> list[list[str]]:
    """Arguments of every ``neko …`` in a page's code."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for block, inline in CODE.findall(text):
        for match in CALL.finditer(block or inline):
            found.append(match.group(1).split())
    return found


@functools.cache
def help_of(*command: str) -> str:
    """What ``neko COMMAND --help`` prints, or '' when there is no such command."""
    done = subprocess.run(
        [sys.executable, "-m", "neko_cli", *command, "--help"],
        cwd=ROOT,
        env={**os.environ, "TERM": "dumb", "COLUMNS": "300", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.stdout if done.returncode == 0 else ""


def is_word(argument: str) -> bool:
    return re.fullmatch(r"[a-z][a-z-]*", argument) is not None


@pytest.mark.parametrize(("page", "least"), [("README.md", 20), ("docs/agents.md", 10)])
def test_every_command_and_option_of_a_page_exists(page: str, least: int) -> None:
    found = calls(page)
    assert len(found) > least
    wrong = []
    for arguments in found:
        command: list[str] = []
        if arguments and is_word(arguments[0]):
            command.append(arguments[0])
            groups = {"profiles", "keys", "devices", "local", "history"}
            if arguments[0] in groups and len(arguments) > 1 and is_word(arguments[1]):
                command.append(arguments[1])
        # Without a command it is `neko chat`.
        text = help_of(*command) if command else help_of() + help_of("chat")
        if not text:
            wrong.append(f"neko {' '.join(command)}: no such command")
            continue
        options = [argument.split("=")[0] for argument in arguments if re.match(r"--?[a-z]", argument)]
        wrong += [
            f"neko {' '.join(command)} has no {option}"
            for option in options
            if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text)
        ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("target", ["chat", "test"])
def test_the_readme_opens_with_the_two_commands(target: str) -> None:
    opening = (ROOT / "README.md").read_text(encoding="utf-8")[:1200]
    assert f"make {target}" in opening


def test_every_make_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"`make ([a-z-]+)", document.read_text(encoding="utf-8")):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{document.name}: make {target}"


def test_every_link_to_a_file_leads_somewhere() -> None:
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (document.parent / link).exists(), f"{document.name}: {link}"
