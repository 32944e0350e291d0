"""Programs with real sound, each in a process of its own (for PortAudio), that play a scene with a test."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.real.pulse import PulseBox

ROOT = Path(__file__).parents[2]


class Scene:
    """One that runs: it prints a JSON line for each finding, and waits for a line where it is to go on."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def findings(self) -> dict[str, Any]:
        """The next line that it prints."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the scene ended with {self._process.wait(timeout=10)}"
        found: dict[str, Any] = json.loads(line)
        return found

    def go_on(self) -> None:
        """Let it go on."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def wait(self) -> None:
        """Wait for a clean end."""
        assert self._process.wait(timeout=15) == 0


def scenes(program: str) -> Callable[..., contextlib.AbstractContextManager[Scene]]:
    """Runs the scenes of a program, a module of ``tests.real``."""

    @contextlib.contextmanager
    def scene(box: PulseBox, *args: str, env: dict[str, str] | None = None) -> Iterator[Scene]:
        """Run one inside the box, with more environment; whatever happens, it is gone afterwards."""
        process = subprocess.Popen(
            [sys.executable, "-m", f"tests.real.{program}", *args],
            env={**box.env, **(env or {})},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield Scene(process)
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    return scene
