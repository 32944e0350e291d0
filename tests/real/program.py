"""The installed program, run as a user runs it, with a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROFILE = """
extends = "default"
[local]
brain = "builtin"
vocabulary = ["what time is it", "what is two plus two", "tell me your name", "stop talking please"]
"""
"""A profile whose closed grammar makes the floor recogniser right."""


class Home:
    """A folder for everything that neko keeps, and how to run neko with it."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        profiles = folder / "config" / "profiles"
        profiles.mkdir(parents=True)
        self._profile = profiles / "test.toml"
        self._profile.write_text(PROFILE)
        keep = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        self.env = {**keep, "NEKO_HOME": str(folder), "LC_ALL": "C.UTF-8", **(env or {})}

    def with_tables(self, text: str) -> None:
        """Add tables to the profile."""
        self._profile.write_text(PROFILE + text)

    @property
    def neko(self) -> list[str]:
        """The command."""
        return [sys.executable, "-m", "neko_cli"]

    def run(
        self, *arguments: str, text: str | None = None, timeout: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end; without ``text`` its input is empty."""
        return subprocess.run(
            [*self.neko, *arguments],
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self.env,
            check=False,
        )
