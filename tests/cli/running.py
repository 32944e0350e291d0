"""Runs the program as a user does: another process, other folders, chosen standard streams."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-test-1234567890abcdefghij"
PATIENCE = 30


def environment(home: Path, **more: str | None) -> dict[str, str]:
    """An environment with folders of its own and a key; None removes a variable."""
    env: dict[str, str | None] = {
        **os.environ,
        "NEKO_HOME": str(home),
        "OPENAI_API_KEY": KEY,
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "error",
        **more,
    }
    return {name: value for name, value in env.items() if value is not None}


def command(*arguments: str) -> list[str]:
    """The command line of the program."""
    return [sys.executable, "-m", "neko_cli", *arguments]


def neko(
    *arguments: str,
    home: Path,
    input: bytes | None = b"",
    env: Mapping[str, str | None] | None = None,
    timeout: float = PATIENCE,
) -> subprocess.CompletedProcess[bytes]:
    """Run to the end; the output is taken from pipes."""
    return subprocess.run(
        command(*arguments),
        input=input,
        capture_output=True,
        env=environment(home, **(env or {})),
        timeout=timeout,
        check=False,
    )


def start(
    arguments: Sequence[str],
    *,
    home: Path,
    env: Mapping[str, str | None] | None = None,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start and go on; the test waits for it."""
    return subprocess.Popen(
        command(*arguments),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(home, **(env or {})),
    )


def clean(result: subprocess.CompletedProcess[bytes]) -> None:
    """No traceback, no complaint of the interpreter, and no key anywhere."""
    for stream in (result.stdout, result.stderr):
        for bad in (b"Traceback", b"Exception ignored", b"Fatal Python error", b"Warning", KEY.encode()):
            assert bad not in stream, stream.decode(errors="replace")
