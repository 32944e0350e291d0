"""kill -9 at any moment loses no line that was told as final."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

from neko_cli.services.store_reading import History
from neko_cli.services.store_schema import INDEX

PROGRAM = Path(__file__).with_name("history_writer.py")
KILLS = 200


def test_no_final_line_is_lost_to_200_kills(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    path = tmp_path / "history.db"
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(path), str(KILLS), str(seed)],
        capture_output=True, text=True, timeout=50, check=False,
        cwd=PROGRAM.parents[2], env={"PYTHONPATH": str(PROGRAM.parents[2])},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), seed
    lives: list[list[str]] = json.loads(done.stdout)
    assert len(lives) == KILLS
    assert all(lives), f"seed {seed}: a writer told nothing"
    history = History(path)
    for number, told in enumerate(lives):
        kept = [message.text for message in history.messages(f"s{number}")]
        # In order, each once; what was written and not yet told may follow.
        assert kept[: len(told)] == told, f"seed {seed}, life {number}"
        assert len(kept) - len(told) <= 6, f"seed {seed}, life {number}"
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    db.execute(f"INSERT INTO {INDEX} ({INDEX}, rank) VALUES ('integrity-check', 1)")
    db.close()
    assert list(path.parent.glob("*.broken-*")) == []
