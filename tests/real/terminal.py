"""A real terminal: a program inside a tmux server of its own."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

LOOK_S = 0.05


class Terminal:
    """One program in one window; ended, with its server, by ``close``."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="neko-tmux-")
        self._socket = str(Path(self._folder.name) / "s")
        config = Path(self._folder.name) / "tmux.conf"
        config.write_text(
            "set -g default-terminal tmux-256color\nset -ga terminal-overrides ',*:Tc'\n"
            "set -g status off\nset -g escape-time 0\nset -g remain-on-exit on\n"
            "set -g exit-empty off\n"
        )
        given = {"COLORTERM": "truecolor", **(env or {})}
        assignments = [f"{key}={value}" for key, value in given.items()]
        self._status = Path(self._folder.name) / "status"
        # tmux 3.3 at times forgets the exit status of a program that was quick to end.
        status = shlex.quote(str(self._status))
        script = f'"$@"; echo $? > {status}.new; mv {status}.new {status}'
        line = " ".join(
            shlex.quote(word) for word in ["env", *assignments, "sh", "-c", script, "sh", *command]
        )
        self._tmux(
            "-f",
            str(config),
            "new-session",
            "-d",
            "-s",
            "t",
            "-x",
            str(columns),
            "-y",
            str(rows),
            "-c",
            str(cwd or Path.cwd()),
            line,
        )

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    @property
    def attach_command(self) -> list[str]:
        """What shows this terminal inside another one."""
        return ["tmux", "-S", self._socket, "attach", "-t", "t"]

    def type(self, text: str) -> None:
        """Type characters."""
        self._tmux("send-keys", "-t", "t", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names: Enter, Escape, C-q …"""
        self._tmux("send-keys", "-t", "t", *keys)

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size."""
        self._tmux("resize-window", "-t", "t", "-x", str(columns), "-y", str(rows))

    def screen(self) -> str:
        """What is on the screen, as text."""
        return self._tmux("capture-pane", "-p", "-t", "t")

    def wait_for(self, pattern: str, timeout: float = 15.0) -> str:
        """Wait until the screen matches; returns it."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            screen = self.screen()
            if re.search(pattern, screen):
                return screen
            time.sleep(LOOK_S)
        raise AssertionError(f"{pattern!r} did not appear within {timeout} s:\n{self.screen()}")

    @property
    def pid(self) -> int:
        """The program's process id."""
        shell = self._tmux("display-message", "-p", "-t", "t", "#{pane_pid}").strip()
        return int(Path(f"/proc/{shell}/task/{shell}/children").read_text().split()[0])

    def exit_status(self, timeout: float = 10.0) -> int:
        """Wait until the program has ended; returns its exit status."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self._status.exists():
                return int(self._status.read_text())
            time.sleep(LOOK_S)
        raise AssertionError(f"it still runs after {timeout} s:\n{self.screen()}")

    def close(self) -> None:
        """End the server and with it the program."""
        self._tmux("kill-server", check=False)
        self._folder.cleanup()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
