"""``neko keys``: never an argument, never shown whole."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import clean, command, environment, neko

NEW = "sk-new-0987654321zyxwvuts"
NONE: dict[str, str | None] = {
    "OPENAI_API_KEY": None,
    "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
}


def listed(home: Path, **env: str | None) -> dict[str, str | None]:
    done = neko("keys", "list", "--json", home=home, env={**NONE, **env})
    clean(done)
    rows: list[dict[str, str | None]] = json.loads(done.stdout)
    return next(row for row in rows if row["provider"] == "openai")


def test_a_key_from_a_pipe_is_kept_listed_used_and_removed(tmp_path: Path) -> None:
    assert listed(tmp_path)["place"] is None
    done = neko("keys", "set", "openai", home=tmp_path, input=f"{NEW}\n".encode(), env=NONE)
    clean(done)
    assert done.returncode == 0
    assert NEW.encode() not in done.stderr + done.stdout
    # Told where it goes, because a file is not what was hoped for.
    assert str(tmp_path / "config" / "keys.json").encode() in done.stderr
    row = listed(tmp_path)
    assert (row["place"], row["tail"]) == ("file", "vuts")
    plain = neko("keys", home=tmp_path, env=NONE)
    assert NEW.encode() not in plain.stdout
    assert b"vuts" in plain.stdout
    assert neko("keys", "remove", "openai", home=tmp_path, env=NONE).returncode == 0
    assert listed(tmp_path)["place"] is None
    assert neko("keys", "remove", "openai", home=tmp_path, env=NONE).returncode == 2


def test_the_environment_goes_first_and_is_said_to(tmp_path: Path) -> None:
    env = {**NONE, "OPENAI_API_KEY": "sk-env-1234567890abcdefgh"}
    done = neko("keys", "set", "openai", home=tmp_path, input=NEW.encode(), env=env)
    assert b"goes before it" in done.stderr
    assert listed(tmp_path, OPENAI_API_KEY="sk-env-1234567890abcdefgh")["place"] == "environment"


def test_a_key_that_providers_share_is_told_once(tmp_path: Path) -> None:
    done = neko("keys", "list", home=tmp_path, env={**NONE, "OPENAI_API_KEY": NEW})
    clean(done)
    lines = [line for line in done.stdout.decode().splitlines() if "OPENAI_API_KEY" in line]
    mine = [line for line in lines if "AZURE" not in line]
    assert len(mine) == 1
    assert mine[0].endswith("ends in …vuts); also for openai-live and openai-chat")
    rows = json.loads(neko("keys", "list", "--json", home=tmp_path, env=NONE).stdout)
    shared = [row["providers"] for row in rows if row["variable"] == "OPENAI_API_KEY"]
    assert shared == [["openai", "openai-live", "openai-chat"]]
    assert len({row["variable"] for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("arguments", "given", "word"),
    [
        (["set", "openai"], b"", b"empty"),
        (["set", "openai"], b"two words", b"does not look like a key"),
        (["set", "nobody"], b"x", b"nobody"),
        (["set"], b"x", b"PROVIDER"),
        (["set", "openai", NEW], b"x", b"extra argument"),
    ],
)
def test_mistakes(tmp_path: Path, arguments: list[str], given: bytes, word: bytes) -> None:
    done = neko("keys", *arguments, home=tmp_path, input=given, env=NONE)
    clean(done)
    assert done.returncode == 2
    assert word in done.stderr


def test_on_a_terminal_the_key_is_asked_for_without_echo(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command("keys", "set", "openai"),
        stdin=theirs, stdout=theirs, stderr=theirs,
        env=environment(tmp_path, **NONE), start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    while b"not shown" not in seen:
        seen += os.read(ours, 1024)
    os.write(ours, f"{NEW}\n".encode())
    assert process.wait(20) == 0
    try:
        while piece := os.read(ours, 4096):
            seen += piece
    except OSError:  # Linux: the other side of the terminal is closed
        pass
    os.close(ours)
    assert NEW.encode() not in seen
    assert listed(tmp_path)["tail"] == "vuts"
