"""The embedded engine as a program of its own: ``neko serve`` with ears, a voice and its own brain."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType

TOKEN = "benchmark-token"
SENTENCE = "what is two plus two"

PROFILE = f"""
extends = "default"
[local]
brain = "builtin"
vocabulary = ["{SENTENCE}", "tell me your name"]
"""


class Engine:
    """Starts the server; ``url`` is where sessions connect, with ``TOKEN``. Leaving the context ends it."""

    def __init__(self, *, session_limit: float | None = None) -> None:
        """``session_limit`` is how long it lets a session live, in seconds."""
        self.url = ""
        self._limit = ["--insecure-test", "--session-limit", str(session_limit)] if session_limit else []
        self._folder = tempfile.TemporaryDirectory(prefix="neko-bench-", ignore_cleanup_errors=True)
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Engine:
        home = Path(self._folder.name)
        profiles = home / "config" / "profiles"
        profiles.mkdir(parents=True)
        (profiles / "benchmark.toml").write_text(PROFILE)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NEKO_")}
        command = [sys.executable, "-m", "neko_cli", "serve", "--port", "0", "--json", "--quiet"]
        self._process = subprocess.Popen(
            [*command, "--profile", "benchmark", *self._limit],
            env={**kept, "NEKO_HOME": str(home), "NEKO_TOKEN": TOKEN},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait(10)
            self._folder.cleanup()
            raise TimeoutError("the engine did not start")
        self.url = json.loads(line)["url"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._folder.cleanup()
