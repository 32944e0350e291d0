"""kill -9 of the whole program at any moment loses no line that it printed as final."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.real.program import Home

AT_ONCE = 3
"""Programs that write to one history at the same time."""

LONGEST_S = 0.5
"""How long one lives after its first line; a turn takes about 5 ms."""

STARTING_S = 0.8
"""One in ``EARLY`` is killed at any moment of its start as well."""

EARLY = 8
LINES = 3_000
PATIENCE = 30.0


class Life:
    """One program, from its start to its death; what it printed as whole lines."""

    def __init__(self, home: Home, number: int, chance: random.Random, *, json_events: bool) -> None:
        self.number = number
        self.json_events = json_events
        self.early = number % EARLY == 0
        self._home = home
        self._lifetime = chance.uniform(0, STARTING_S if self.early else LONGEST_S)
        self.printed: list[str] = []

    def question(self, number: int) -> str:
        """What it is asked in a turn: no other life is asked the same."""
        return f"what is {self.number} plus {number}"

    def run(self, folder: Path) -> Life:
        """Start the program with many lines to answer, and kill it."""
        lines = folder / f"lines-{self.number}.txt"
        lines.write_text("".join(f"{self.question(n)}\n" for n in range(1, LINES + 1)))
        more = ("--json",) if self.json_events else ()
        with lines.open() as source:
            program = subprocess.Popen(
                [*self._home.neko, "say", "--profile", "test", "--lines", *more],
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._home.env,
            )
        assert program.stdout is not None
        output = self._read(program.stdout.fileno())
        program.kill()
        rest, complaints = program.communicate(timeout=PATIENCE)
        # Else it had ended before it was killed, and this would show nothing.
        assert program.returncode == -signal.SIGKILL, (program.returncode, complaints)
        assert complaints == b"", complaints
        self.printed = (output + rest).decode().split("\n")[:-1]
        return self

    def _read(self, pipe: int) -> bytes:
        """Take what it prints until its time has come."""
        output = b""
        begun = time.monotonic()
        end = begun + (self._lifetime if self.early else PATIENCE)
        counting = self.early
        while (left := end - time.monotonic()) > 0:
            if not select.select([pipe], [], [], left)[0]:
                break
            piece = os.read(pipe, 65_536)
            if not piece:
                break
            output += piece
            if not counting and self._is_talking(output):
                counting, end = True, time.monotonic() + self._lifetime
        return output

    def _is_talking(self, output: bytes) -> bool:
        return b'"turn_ended"' in output if self.json_events else b"\n" in output

    def final(self) -> list[tuple[str, int, str]]:
        """Role, turn and text of all that was printed as final."""
        if not self.json_events:
            return [("assistant", turn, text) for turn, text in enumerate(self.printed, 1)]
        lines = []
        for event in map(json.loads, self.printed):
            if event["type"] == "user_text" and event["final"]:
                lines.append(("user", event["turn"], event["text"]))
            elif event["type"] == "turn_ended":
                lines.append(("assistant", event["turn"], event["text"]))
        return lines


def kept(home: Home) -> dict[int, list[tuple[str, int, str]]]:
    """Role, turn and text of all messages that ``neko history`` has, by the number of the life."""
    done = home.run("history", "export", "--all", "--format", "jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    sessions: dict[str, list[dict[str, Any]]] = {}
    for record in map(json.loads, done.stdout.splitlines()):
        if record["type"] == "message":
            sessions.setdefault(record["session"], []).append(record)
    lives = {}
    for messages in sessions.values():
        number = int(messages[0]["text"].split()[2])
        assert number not in lives, f"life {number} is kept as two sessions"
        lives[number] = [(message["role"], message["turn"], message["text"]) for message in messages]
    return lives


@pytest.mark.parametrize("json_events", [True, False], ids=["json", "plain"])
@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(20, marks=pytest.mark.timeout(120)),
        pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(900)]),
    ],
)
def test_every_line_that_was_printed_as_final_is_in_the_history(
    kills: int, json_events: bool, tmp_path: Path
) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    folder = tmp_path / "home"
    home = Home(folder)
    planned = [Life(home, number, chance, json_events=json_events) for number in range(kills)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        lives = list(pool.map(lambda life: life.run(tmp_path), planned))
    history = kept(home)
    for life in lives:
        final, told = life.final(), f"seed {seed}, life {life.number}"
        assert final or life.early, f"{told}: nothing was printed"
        there = history.get(life.number, [])
        comparable = [entry for entry in there if json_events or entry[0] == "assistant"]
        # In order, each once; what was written and not yet printed may follow.
        assert comparable[: len(final)] == final, told
        assert len(comparable) - len(final) <= 2, told
        asked = [text for role, _, text in there if role == "user"]
        assert asked == [life.question(n) for n in range(1, len(asked) + 1)], told
    assert sum(len(life.final()) for life in lives) > 5 * kills
    database = folder / "data" / "history.db"
    with sqlite3.connect(database) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()
    assert list(database.parent.glob("*.broken-*")) == []
