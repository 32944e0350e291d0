"""A chat that is killed between the receipt of results and their being told loses none of them."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from neko_cli.core.companions.agent_events import TaskResult
from neko_cli.services import agent_client
from neko_cli.services.folders import Folders

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="private sockets")

PATIENCE = 30.0
ROOT = Path(__file__).resolve().parents[2]


class Chat:
    """A chat in a process of its own; lines that it prints wait in a queue."""

    def __init__(self, home: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.agent_session", str(home), *options],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.strip())
        self.lines.put("")

    def until(self, start: str) -> str:
        """The next line that begins so."""
        while True:
            line = self.lines.get(timeout=PATIENCE)
            assert line, f"the chat ended before it said {start}"
            if line.startswith(start):
                return line

    def __enter__(self) -> Chat:
        self.until("ready")
        return self

    def __exit__(self, *_: Any) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait(PATIENCE)
            self._reader.join(PATIENCE)
            if self.process.stdout is not None:
                self.process.stdout.close()


def send(home: Path, *numbers: int) -> None:
    run = Folders.find({"NEKO_HOME": str(home)}).run
    for number in numbers:
        event = TaskResult(event_id=f"e{number}", summary=f"Task #{number}# is done.")
        assert agent_client.deliver(agent_client.find(run), event, PATIENCE)[0].accepted


def test_kill_9_after_the_receipt_loses_nothing(tmp_path: Path) -> None:
    with Chat(tmp_path, "--silent") as chat:
        send(tmp_path, *range(5))
        chat.process.send_signal(signal.SIGKILL)
        chat.process.wait(PATIENCE)
    with Chat(tmp_path, "--name", "Mio") as other:
        send(tmp_path, 7)
        assert "#7#" in (line := other.until("told"))
        assert "#1#" not in line, "told by somebody else"
    with Chat(tmp_path) as chat:
        told = chat.until("told")
        assert all(told.count(f"#{number}#") == 1 for number in range(5))
        send(tmp_path, 8)
        told = chat.until("told")
        assert "#8#" in told
        assert "#1#" not in told
    assert list(tmp_path.rglob("agent-results/*/*.json")) == []


def test_what_was_told_is_not_told_again_after_an_orderly_end(tmp_path: Path) -> None:
    with Chat(tmp_path) as chat:
        send(tmp_path, 1)
        assert "#1#" in chat.until("told")
    with Chat(tmp_path) as chat:
        send(tmp_path, 2)
        told = chat.until("told")
        assert "#2#" in told
        assert "#1#" not in told
