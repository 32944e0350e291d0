"""Starts one writer of final lines after another and kills each at a random moment.

Run as a program: ``history_writer.py FILE KILLS SEED``. Each writer is a fork, so that the modules
are loaded once. It reports a line through a pipe when the line's future is done, and not before;
that is when a session tells it as final. Prints what was reported, as JSON: a list for each writer.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import select
import signal
import sqlite3  # noqa: F401 - loaded before the forks, which would each load it
import sys
import time
from pathlib import Path

from neko_cli.core.events import Outcome, TurnEnded, UserText
from neko_cli.core.ports import SessionRecord
from neko_cli.services.store import Store

LONGEST_S = 0.03
"""How long a writer lives after its first line."""


async def write_for_ever(path: Path, session: str, report: int) -> None:
    """Three lines at a time, as a session does that tells several things at once."""
    store = Store(path)
    await store.begin(
        SessionRecord(
            id=session, character="Neko", profile="default", provider="embedded", model="",
            mode="text", started_at=time.time(),
        )
    )  # fmt: skip
    turn = 0
    while True:
        told: list[str] = []
        waiting = []
        for _ in range(3):
            turn += 1
            user, reply = f"{session} user {turn}", f"{session} reply {turn} {'word ' * (turn % 50)}".strip()
            events = (
                UserText(at=0.0, turn=turn, text=user, final=True),
                TurnEnded(at=0.0, turn=turn, text=reply, outcome=Outcome.COMPLETE),
            )
            waiting += [store.write(session, event, time.time()) for event in events]
            told += [user, reply]
        for line, written in zip(told, waiting, strict=True):
            await written
            os.write(report, f"{line}\n".encode())


def one_life(path: Path, session: str, lifetime: float) -> list[str]:
    """Start a writer, kill it so many seconds after its first line; the lines that it reported."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        try:
            asyncio.run(write_for_ever(path, session, theirs))
        finally:
            os._exit(1)  # only a mistake comes here
    os.close(theirs)
    seen = b""
    end: float | None = None
    limit = time.monotonic() + 20
    while end is None or time.monotonic() < end:
        left = (limit if end is None else end) - time.monotonic()
        if left <= 0 or not select.select([ours], [], [], left)[0]:
            break
        piece = os.read(ours, 65_536)
        if not piece:
            break
        seen += piece
        if end is None:
            end = time.monotonic() + lifetime
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise SystemExit(f"{session} ended by itself")
    while piece := os.read(ours, 65_536):
        seen += piece
    os.close(ours)
    return seen.decode().split("\n")[:-1]


def main(path: Path, kills: int, seed: int) -> None:
    """Report everything on standard output."""
    chance = random.Random(seed)
    lives = [one_life(path, f"s{number}", chance.uniform(0, LONGEST_S)) for number in range(kills)]
    print(json.dumps(lives))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
