"""The README and docs/agents.md promise only what the program does."""

from __future__ import annotations

import json
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


TELL_HELP = """
import contextlib, io, json, sys
from neko_cli.cli.app import run

def help_of(command):
    with contextlib.redirect_stdout(io.StringIO()) as told:
        code = run([*command, "--help"])
    return told.getvalue() if code == 0 else ""

commands = json.load(sys.stdin)
json.dump([help_of(command) for command in commands], sys.stdout)
"""


def helps(commands: set[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """What ``neko COMMAND --help`` prints for each command, or '' when there is no such command."""
    asked = sorted(commands)
    done = subprocess.run(
        [sys.executable, "-c", TELL_HELP],
        cwd=ROOT,
        env={**os.environ, "TERM": "dumb", "COLUMNS": "300", "NO_COLOR": "1"},
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
        check=True,
    )
    return dict(zip(asked, json.loads(done.stdout), strict=True))


def command_of(arguments: list[str]) -> tuple[str, ...]:
    """Which command a call is of; () without one, which is `neko chat`."""
    if not arguments or not is_word(arguments[0]):
        return ()
    groups = {"profiles", "keys", "devices", "local", "history"}
    grouped = arguments[0] in groups and len(arguments) > 1 and is_word(arguments[1])
    return tuple(arguments[: 2 if grouped else 1])


def is_word(argument: str) -> bool:
    return re.fullmatch(r"[a-z][a-z-]*", argument) is not None


@pytest.mark.parametrize(("page", "least"), [("README.md", 20), ("docs/agents.md", 10)])
def test_every_command_and_option_of_a_page_exists(page: str, least: int) -> None:
    found = calls(page)
    assert len(found) > least
    wrong = []
    told = helps({(), ("chat",), *map(command_of, found)})
    for arguments in found:
        command = command_of(arguments)
        text = told[command] if command else told[()] + told["chat",]
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
