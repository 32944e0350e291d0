"""Small programs that give a picture on standard output, each with a deadline."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence

MAX_OUTPUT = 512 * 1024 * 1024
"""Bytes of a picture that are taken; an uncompressed one of three 4K monitors has 75 million."""


def find_program(name: str, environment: Mapping[str, str]) -> str:
    """Where a program is; empty when it is not installed."""
    return shutil.which(name, path=environment.get("PATH", "")) or ""


def output_of(arguments: Sequence[str], environment: Mapping[str, str], *, timeout: float) -> bytes | None:
    """What a program writes; None when it fails or takes longer than ``timeout`` seconds (it is ended)."""
    try:
        done = subprocess.run(
            arguments,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 and len(done.stdout) <= MAX_OUTPUT else None
