"""The list of commands, its laziness, and how a run ends."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from neko_cli import __version__
from neko_cli.__main__ import main
from neko_cli.cli import app as cli
from neko_cli.core.errors import LinkError
from tests.cli.running import clean, environment, neko

HEAVY = ("numpy", "textual", "sounddevice", "pocketsphinx", "httpx", "soxr", "websockets", "rich", "PIL")
OWN = [name for name, entry in cli.COMMANDS.items() if importlib.util.find_spec(entry.module)]


@pytest.mark.parametrize("name", OWN)
def test_every_command_is_there_with_its_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert f"Usage: neko {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", OWN)
def test_the_help_of_every_command_ends_with_examples_that_exist(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert "-install-completion" not in out
    lines = out.partition("\n  Examples:\n")[2].partition("\n\n")[0].splitlines()
    assert lines
    for line in lines:
        command = line.partition("#")[0].strip()
        assert command.startswith("neko")
        words = re.sub(r'"[^"]*"|[<>|].*', "", command).split()[1:]
        path = [word for word in words if word in {*OWN, "new", "edit", "list", "set", "test", "install"}][:2]
        assert main([*path, "--help"]) == 0
        told = capsys.readouterr().out
        assert [word for word in words if word.startswith("--") and word not in told] == []


def test_all_commands_are_written() -> None:
    assert list(cli.COMMANDS) == OWN


def test_the_list_names_every_command_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    places = [out.index(f"\n  {name} ") for name in cli.COMMANDS]
    assert places == sorted(places)


@pytest.mark.parametrize("arguments", [["--version"], ["-V"], ["--no-such", "--version"]])
def test_the_version(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = main(arguments)
    if arguments[0] == "--no-such":
        assert code == 2
    else:
        assert (code, capsys.readouterr().out) == (0, f"neko {__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        *([name, "--help"] for name in cli.COMMANDS),
    ],
)
def test_help_loads_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from neko_cli.__main__ import main\n"
        f"code = main({arguments!r})\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(f'loaded: {loaded}' if loaded or code else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(tmp_path),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_version_does_not_even_load_typer(tmp_path: Path) -> None:
    program = "\n".join(
        (
            "import sys",
            "from neko_cli.__main__ import main",
            "main(['--version'])",
            "sys.exit('typer' in sys.modules)",
        )
    )
    done = subprocess.run([sys.executable, "-c", program], env=environment(tmp_path), check=False, timeout=30)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("neko s", "say"),
        ("neko say --ti", "--timeout"),
        ("neko profiles show de", "default"),
        ("neko keys set o", "openai"),
    ],
)
def test_the_shell_completes(typed: str, offered: str, tmp_path: Path) -> None:
    words = typed.split(" ")
    env = {
        "_NEKO_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
    }
    done = neko(home=tmp_path, env=env)
    clean(done)
    assert offered in done.stdout.decode().split()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sya"], ["'sya'", "'say'"]),
        (["say", "--bogus"], ["--bogus", "neko say --help"]),
        (["profiles", "lisst"], ["'lisst'"]),
        (["profiles", "new"], ["NAME"]),
        (["serve", "--port", "99999"], ["--port"]),
        (["--bogus"], ["--bogus", "neko chat --help"]),
    ],
)
def test_usage_errors(arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("neko: ")
    assert all(word in err for word in words), err


def raiser(error: BaseException):
    made = typer.Typer(add_completion=False)

    @made.command()
    def command() -> None:
        raise error

    return typer.main.get_command(made)


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (LinkError("Gone.", hint="Wait."), 6, "neko: Gone.\n      Wait.\n"),
        (ExceptionGroup("g", [LinkError("Gone.")]), 6, "neko: Gone.\n"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 0, ""),
        (typer.Exit(3), 3, ""),
        (typer.Abort(), 130, ""),
        (SystemExit(4), 4, ""),
    ],
)
def test_how_a_command_ends(monkeypatch, capsys, error: BaseException, code: int, told: str) -> None:
    monkeypatch.setattr(cli, "load", lambda name: raiser(error))
    assert cli.run(["doctor"]) == code
    assert capsys.readouterr().err == told


def test_an_unexpected_error_is_one_sentence_without_its_text(monkeypatch, capsys) -> None:
    monkeypatch.setattr(cli, "load", lambda name: raiser(ValueError("the words")))
    assert cli.run(["doctor"]) == 1
    err = capsys.readouterr().err
    assert "ValueError" in err
    assert "the words" not in err
    assert "Traceback" not in err
