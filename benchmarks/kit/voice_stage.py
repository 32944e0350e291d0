"""One client on a private sound server, in conversation with a scripted one."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from benchmarks.kit.voice_sink import Heard, Sink
from tests.real.pulse import PulseBox
from tests.real.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0
COLUMNS, ROWS = 120, 36
PROFILE = "voice"

PLAIN = '[sound]\nduplex = "full"\necho = "off"\n[turns]\ndetection = "server"\nduck = false\n'
ECHO = '[sound]\nduplex = "auto"\necho = "auto"\n[turns]\ndetection = "server"\nduck = false\n'
ALL = '[sound]\nduplex = "auto"\necho = "auto"\n[turns]\ndetection = "local"\n'
"""What a profile says: neither echo cancelling nor our own detector; the former; both."""


@dataclass(frozen=True)
class Client:
    """How a client is run: gives its process id inside the context."""

    name: str
    run: Callable[[Stage, str], contextlib.AbstractContextManager[int]]
    sends: bool = True
    """Whether it sends what the microphone hears all the time, and not what a detector takes for speech."""


class Stage:
    """Sound server, recordings of both devices, server and client; all of it ends with the context."""

    def __init__(self, client: Client, *, greeting: dict[str, Any] | None = None) -> None:
        """``greeting`` is a reply that the server gives as soon as it is configured."""
        self._client = client
        self._greeting = greeting
        self._told: Queue[dict[str, Any]] = Queue()
        self._stack = ExitStack()
        self.events: list[dict[str, Any]] = []
        """All that the server has told, in order."""
        self.pid = 0

    def __enter__(self) -> Stage:
        with ExitStack() as stack:
            self.box = stack.enter_context(PulseBox())
            self.env = {**self.box.env, "PYTHONPATH": str(ROOT)}
            self._speaker = stack.enter_context(Sink("speaker.monitor", self.box.folder, self.env))
            self._microphone = stack.enter_context(Sink("mic_in.monitor", self.box.folder, self.env))
            self._server = stack.enter_context(self._serving())
            url = f"ws://127.0.0.1:{self.wait('port')['port']}"
            self.pid = stack.enter_context(self._client.run(self, url))
            self.wait("microphone" if self._client.sends else "session")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    @contextmanager
    def _serving(self) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "benchmarks.kit.voice_server", str(self.box.folder)]
        command += [json.dumps(self._greeting)] if self._greeting else []
        server = subprocess.Popen(
            command, env=self.env, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert server.stdin is not None
        assert server.stdout is not None
        reader = threading.Thread(target=self._read, args=(server.stdout,), daemon=True)
        reader.start()
        try:
            yield server
        finally:
            server.terminate()
            server.wait(10)
            reader.join(10)
            with contextlib.suppress(BrokenPipeError):
                server.stdin.close()
            server.stdout.close()

    def _read(self, lines: Any) -> None:
        for line in lines:
            self._told.put(json.loads(line))

    def do(self, order: str, **details: Any) -> None:
        """Have the server do something."""
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps({"do": order, **details}) + "\n")
        self._server.stdin.flush()

    def wait(self, kind: str, timeout: float = PATIENCE_S) -> dict[str, Any]:
        """The next finding of a kind; raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                event = self._told.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                raise TimeoutError(f"{self._client.name}: no {kind!r} from the server") from None
            self.events.append(event)
            if event["event"] == kind:
                return event

    def seen(self, kind: str) -> dict[str, Any]:
        """The first finding of a kind, which may have been told before; raises TimeoutError."""
        for event in self.events:
            if event["event"] == kind:
                return event
        return self.wait(kind)

    def heard(self) -> Heard:
        """What the loudspeaker has played so far."""
        return self._speaker.heard()

    def said(self) -> Heard:
        """What the microphone was given so far."""
        return self._microphone.heard()

    def arrived(self) -> Heard:
        """What the server was sent of it so far."""
        folder = self.box.folder
        return Heard(folder / "microphone.pcm", folder / "microphone.times", 24_000, evenly=False)


def neko(tables: str = PLAIN) -> Client:
    """``neko chat`` in a terminal, with these tables in its profile."""

    @contextmanager
    def run(stage: Stage, url: str) -> Iterator[int]:
        home = stage.box.folder / "neko"
        profiles = home / "config" / "profiles"
        profiles.mkdir(parents=True)
        (profiles / f"{PROFILE}.toml").write_text(f'extends = "openai"\n{tables}')
        env = {**stage.env, "NEKO_HOME": str(home), "OPENAI_API_KEY": "sk-test", "LC_ALL": "C.UTF-8"}
        command = [sys.executable, "-m", "neko_cli", "chat", "--profile", PROFILE, "--url", url]
        with Terminal(command, columns=COLUMNS, rows=ROWS, env=env, cwd=ROOT) as terminal:
            terminal.wait_for("hands-free|listening", PATIENCE_S)
            yield terminal.pid
            terminal.press("C-q")
            terminal.exit_status()

    return Client("neko chat", run, sends=tables is not ALL)


def control() -> Client:
    """The bare client."""

    @contextmanager
    def run(stage: Stage, url: str) -> Iterator[int]:
        command = [sys.executable, "-m", "benchmarks.kit.voice_control", url]
        process = subprocess.Popen(command, env=stage.env, cwd=ROOT, stderr=subprocess.DEVNULL)
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(10)

    return Client("control", run)


class Usage:
    """What a process and all that it started use."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def cpu_s(self) -> float:
        """Processor time so far, of the threads that still run."""
        total = 0
        for process in self._all():
            for task in Path(f"/proc/{process}/task").iterdir():
                with contextlib.suppress(OSError):
                    total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def resident_mb(self) -> float:
        """Memory in RAM, in units of 10^6 bytes."""
        page = os.sysconf("SC_PAGE_SIZE")
        pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in self._all())
        return pages * page / 1e6

    def _all(self) -> list[int]:
        found, at = [self._pid], 0
        while at < len(found):
            for task in Path(f"/proc/{found[at]}/task").iterdir():
                with contextlib.suppress(OSError):
                    found += map(int, (task / "children").read_text().split())
            at += 1
        return found
