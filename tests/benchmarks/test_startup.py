"""The benchmark measures what it says: real processes, a real terminal, a real socket."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time

import pytest
from websockets.sync.client import connect

from benchmarks import startup
from benchmarks.kit.stats import Limit, Series, alternate, table
from benchmarks.kit.terminal import A_WORD, Terminal, readable
from benchmarks.kit.wire import FirstEvents
from tests.hygiene.tree import ROOT

posix = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")


def test_escape_sequences_are_not_text() -> None:
    assert readable(b"\x1b[?1049h\x1b]0;a title\x07\x1b[38;2;1;2;3mhi\x1b(B \x1bP+q\x1b\\there") == "hi there"


@pytest.mark.parametrize("start", [b"\x1b", b"\x1b[", b"\x1b[38;2", b"\x1b]0;title", b"\x1bPabc"])
def test_an_unfinished_sequence_is_not_text(start: bytes) -> None:
    assert readable(b"ok" + start) == "ok"


@posix
def test_time_runs_until_the_word_is_on_the_screen() -> None:
    script = "printf '\\033[2J'; sleep 0.2; printf 'h\\033[1mello'; sleep 30"
    with Terminal(["sh", "-c", script], os.environ) as terminal:
        elapsed = terminal.wait_for(A_WORD, timeout=10)
    assert elapsed >= 200


@posix
def test_a_program_that_ends_without_the_word_is_told() -> None:
    with (
        Terminal(["sh", "-c", "echo no luck"], os.environ) as terminal,
        pytest.raises(TimeoutError, match="no luck"),
    ):
        terminal.wait_for(re.compile("ready"), timeout=10)


@posix
def test_a_program_that_does_not_want_to_end_is_ended() -> None:
    with Terminal(["sh", "-c", "trap '' HUP; echo number $$; exec sleep 60"], os.environ) as terminal:
        terminal.wait_for(re.compile(r"number \d+\s"), timeout=10)
        found = re.search(r"number (\d+)", terminal.text)
        assert found
        pid = int(found.group(1))
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_first_event_of_a_client_is_noted_once() -> None:
    with FirstEvents() as server:
        before = time.perf_counter()
        with connect(f"ws://127.0.0.1:{server.port}/v1/realtime", proxy=None) as client:
            assert json.loads(client.recv(timeout=10))["type"] == "session.created"
            client.send(json.dumps({"type": "session.update", "session": {}}))
            client.send(json.dumps({"type": "response.create"}))
            arrived, kind = server.take(timeout=10)
        assert before <= arrived <= time.perf_counter()
        assert kind == "session.update"


def test_runs_alternate_and_the_first_round_does_not_count() -> None:
    order: list[str] = []
    a, b = Series("a"), Series("b")

    def note(name: str) -> float:
        order.append(name)
        return float(len(order))

    alternate(2, [(a, lambda: note("a")), (b, lambda: note("b"))])
    assert order == ["a", "b"] * 3
    assert (a.times, b.times) == ([3.0, 5.0], [4.0, 6.0])


def test_a_limit_follows_the_basis_of_the_same_run() -> None:
    basis, quick, slow = Series("basis", [100, 120, 110]), Series("quick", [130]), Series("slow", [140])
    kept, broken = Limit(quick, 1.2, basis), Limit(slow, 1.2, basis)
    assert (kept.allowed, kept.kept, broken.kept) == (pytest.approx(132), True, False)
    lines = table([basis], [kept, broken]).splitlines()
    assert lines[-2].endswith("kept")
    assert lines[-1].endswith("BROKEN")


@pytest.mark.parametrize(("limit", "code"), [(10_000.0, 0), (0.001, 1)])
def test_check_fails_when_a_limit_is_broken(limit: float, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def part(bench: startup.Bench, runs: int) -> tuple[list[Series], list[Limit]]:
        series = Series("an interpreter")
        alternate(runs, [(series, bench.process([sys.executable, "-c", ""]))])
        return [], [Limit(series, milliseconds=limit)]

    monkeypatch.setattr(startup, "PARTS", {"cli": part})
    assert startup.main(["--runs", "1", "--check"]) == code


def test_it_runs_as_a_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.startup", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0
    assert "--check" in done.stdout
