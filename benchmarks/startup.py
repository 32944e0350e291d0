"""How long a newcomer waits: whole processes beside an empty Typer program and an empty Textual app.

    python -m benchmarks.startup [--runs N] [--only cli|chat|say] [--check]

Everything is measured in the same run and in turns, because machines differ and change. With
``--check`` the exit code is 1 when a limit is broken.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty

from benchmarks.kit.stats import Limit, Series, alternate, table
from benchmarks.kit.terminal import A_WORD, Terminal
from benchmarks.kit.wire import FirstEvents

ROOT = Path(__file__).resolve().parents[1]

EMPTY_TYPER = """
import typer

app = typer.Typer()


@app.command()
def main() -> None:
    pass


app()
"""

EMPTY_TEXTUAL = """
from textual.app import App, ComposeResult
from textual.widgets import Static


class Empty(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("hello")


Empty().run()
"""

READY = re.compile(r"[○●] ?(idle|listening)\b")
"""How the app's status line says that the character can be spoken to."""

FEWEST_RUNS = 15

VERSION_FACTOR, HELP_FACTOR = 1.2, 1.5
PAINT_FACTOR, READY_FACTOR = 2.0, 4.0
WIRE_MS = 500.0
"""The limits of the promise: see docs/development.md, Start-up time."""


def neko() -> list[str]:
    """The installed program, else the package of this folder."""
    installed = Path(sys.executable).with_name("neko")
    return [str(installed)] if installed.exists() else [sys.executable, "-m", "neko_cli"]


class Bench:
    """The programs to measure, in a home of their own."""

    def __init__(self, folder: Path) -> None:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("NEKO_", "OPENAI_"))
        }
        self.env = {**kept, "NEKO_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
        self.typer = folder / "empty_typer.py"
        self.textual = folder / "empty_textual.py"
        self.typer.write_text(EMPTY_TYPER)
        self.textual.write_text(EMPTY_TEXTUAL)

    def process(self, command: Sequence[str]) -> Callable[[], float]:
        """Milliseconds from start to end; raises CalledProcessError when the program fails."""

        def measure() -> float:
            started = time.perf_counter()
            subprocess.run(
                command, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=60
            )
            return (time.perf_counter() - started) * 1000

        return measure

    def paint(self, command: Sequence[str]) -> Callable[[], float]:
        """Milliseconds until a first word can be read on the terminal."""

        def measure() -> float:
            with Terminal(command, self.env) as terminal:
                return terminal.wait_for(A_WORD)

        return measure

    def chat(self, ready: Series, runs: int) -> Callable[[], float]:
        """The first paint of ``neko chat``; notes beside it when the character was ready."""

        def measure() -> float:
            with Terminal([*neko(), "chat"], self.env) as terminal:
                painted = terminal.wait_for(A_WORD)
                ready.times.append(terminal.wait_for(READY))
                del ready.times[:-runs]  # the round that warms up is the oldest
                return painted

        return measure

    def first_event(self, server: FirstEvents) -> Callable[[], float]:
        """Milliseconds until the first event of ``neko say`` has arrived at a server."""
        url = f"ws://127.0.0.1:{server.port}"
        command = [*neko(), "say", "hi", "--no-stdin", "--provider", "openai", "--url", url]

        def measure() -> float:
            started = time.perf_counter()
            with subprocess.Popen(
                command,
                env={**self.env, "OPENAI_API_KEY": "test"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as process:
                try:
                    arrived, _ = server.take()
                finally:
                    process.kill()
            return (arrived - started) * 1000

        return measure


@contextmanager
def prepared() -> Iterator[Bench]:
    """A bench whose folder goes away afterwards."""
    with tempfile.TemporaryDirectory(prefix="neko-bench-", ignore_cleanup_errors=True) as folder:
        yield Bench(Path(folder))


def cli(bench: Bench, runs: int) -> tuple[list[Series], list[Limit]]:
    """The quick commands."""
    empty = Series("empty Typer program")
    empty_help = Series("empty Typer program --help")
    version, overview, say = Series("neko --version"), Series("neko --help"), Series("neko say --help")
    alternate(
        runs,
        [
            (empty, bench.process([sys.executable, str(bench.typer)])),
            (version, bench.process([*neko(), "--version"])),
            (empty_help, bench.process([sys.executable, str(bench.typer), "--help"])),
            (overview, bench.process([*neko(), "--help"])),
            (say, bench.process([*neko(), "say", "--help"])),
        ],
    )
    # The quicker of the two ways to do nothing is the basis.
    basis = min(empty, empty_help, key=lambda series: series.median)
    return [empty, empty_help], [
        Limit(version, VERSION_FACTOR, basis),
        Limit(overview, HELP_FACTOR, basis),
        Limit(say, HELP_FACTOR, basis),
    ]


def chat(bench: Bench, runs: int) -> tuple[list[Series], list[Limit]]:
    """The terminal app, in a terminal of 120 x 36."""
    empty, painted = Series("empty Textual app, first paint"), Series("neko chat, first paint")
    ready = Series("neko chat, ready to talk")
    alternate(
        runs,
        [
            (empty, bench.paint([sys.executable, str(bench.textual)])),
            (painted, bench.chat(ready, runs)),
        ],
    )
    return [empty], [Limit(painted, PAINT_FACTOR, empty), Limit(ready, READY_FACTOR, empty)]


def say(bench: Bench, runs: int) -> tuple[list[Series], list[Limit]]:
    """One turn for a script, until its first event is on the wire."""
    first = Series("neko say, first event on the wire")
    with FirstEvents() as server:
        alternate(runs, [(first, bench.first_event(server))])
    return [], [Limit(first, milliseconds=WIRE_MS)]


PARTS = {"cli": cli, "chat": chat, "say": say}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and tell with ``--check`` whether all limits are kept."""
    parser = argparse.ArgumentParser(prog="startup", description="Start-up time, beside empty programs.")
    parser.add_argument("--runs", type=int, default=FEWEST_RUNS, help="runs of each (default: %(default)s)")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part alone")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a limit is broken")
    options = parser.parse_args(arguments)
    bases: list[Series] = []
    limits: list[Limit] = []
    with prepared() as bench:
        for name, part in PARTS.items():
            if not options.only or name in options.only:
                try:
                    more_bases, more_limits = part(bench, max(1, options.runs))
                except (TimeoutError, Empty, subprocess.CalledProcessError) as error:
                    print(f"{name} could not be measured: {error!r}", file=sys.stderr)
                    return 1
                bases += more_bases
                limits += more_limits
    print(table(bases, limits), flush=True)
    broken = [limit.series.name for limit in limits if not limit.kept]
    if broken:
        print(f"limits broken: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
