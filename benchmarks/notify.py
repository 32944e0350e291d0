"""How long a result is on its way: from another process into a running chat, acknowledged and on disk.

    python -m benchmarks.notify [--runs N] [--check]

``round trip`` is what ``neko notify`` waits for beyond its own start: find who runs, connect, send, wait
for the acknowledgement, which comes after the result is on disk. ``whole process`` is the command as
people type it, beside ``neko --version``. With ``--check`` the exit code is 1 when a limit is broken.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.kit.stats import Limit, Series, alternate, table
from neko_cli.core.companions.agent_events import SessionQuery, TaskResult, new_id
from neko_cli.services import agent_client
from neko_cli.services.folders import Folders

ROOT = Path(__file__).resolve().parents[1]
RUNS = 200
ROUND_TRIP_MS = 50.0
PROCESS_MS = 600.0
START_S = 30.0


def _timed(work: Callable[[], object]) -> Callable[[], float]:
    def measure() -> float:
        started = time.perf_counter()
        work()
        return (time.perf_counter() - started) * 1000

    return measure


def measure(home: Path, runs: int) -> tuple[list[Series], list[Limit]]:
    """Start a chat in a process of its own, and send it results in turns with empty questions."""
    run = Folders.find({"NEKO_HOME": str(home)}).run
    env = {**os.environ, "NEKO_HOME": str(home), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.agent_session", str(home)],
        cwd=ROOT,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as chat:
        assert chat.stdout is not None
        assert chat.stdin is not None
        try:
            if chat.stdout.readline().strip() != b"ready":
                raise subprocess.SubprocessError("the chat did not start")
            # Nobody may keep it from writing what it tells.
            threading.Thread(target=chat.stdout.read, name="chat's words", daemon=True).start()
            query, trip = Series("question to a chat, no disk"), Series("round trip of a result")
            whole, version = Series("neko notify, whole process"), Series("neko --version")

            def ask() -> None:
                with agent_client.Line(agent_client.find(run)) as line:
                    (receipt,) = line.exchange(SessionQuery(event_id=new_id()), START_S)
                    assert receipt.ack is not None

            def tell() -> None:
                event = TaskResult(event_id=new_id(), summary="build finished")
                agent_client.deliver(agent_client.find(run), event, START_S)

            def program(*arguments: str) -> Callable[[], float]:
                command = [sys.executable, "-m", "neko_cli", *arguments]
                return _timed(
                    lambda: subprocess.run(command, env=env, check=True, capture_output=True, timeout=60)
                )

            alternate(runs, [(query, _timed(ask)), (trip, _timed(tell))])
            alternate(max(5, runs // 20), [(version, program("--version")), (whole, program("notify", "x"))])
        finally:
            chat.stdin.close()
            try:
                chat.wait(START_S)
            finally:
                chat.kill()
    return [query, version], [Limit(trip, milliseconds=ROUND_TRIP_MS), Limit(whole, milliseconds=PROCESS_MS)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and tell with ``--check`` whether all limits are kept."""
    parser = argparse.ArgumentParser(prog="notify", description="Results on their way to a running chat.")
    parser.add_argument("--runs", type=int, default=RUNS, help="results to send (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a limit is broken")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="neko-bench-", ignore_cleanup_errors=True) as folder:
        try:
            bases, limits = measure(Path(folder), max(1, options.runs))
        except (TimeoutError, OSError, subprocess.SubprocessError) as error:
            print(f"notify could not be measured: {error!r}", file=sys.stderr)
            return 1
    print(table(bases, limits), flush=True)
    broken = [limit.series.name for limit in limits if not limit.kept]
    if broken:
        print(f"limits broken: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
