"""What the tests of the store share."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from neko_cli.core.events import Outcome, TurnEnded, UserText
from neko_cli.core.ports import SessionRecord
from neko_cli.services.store import Store

ID = "20261121-101500-x7k2"
WALL = 1_795_000_000.0


def record(name: str = ID, *, character: str = "Neko", profile: str = "default") -> SessionRecord:
    return SessionRecord(
        id=name,
        character=character,
        profile=profile,
        provider="embedded",
        model="builtin",
        mode="text",
        started_at=WALL,
    )


def said(turn: int, text: str, *, final: bool = True, spoken: bool = False) -> UserText:
    return UserText(at=0.0, turn=turn, text=text, final=final, spoken=spoken)


def answered(turn: int, text: str, outcome: Outcome = Outcome.COMPLETE) -> TurnEnded:
    return TurnEnded(at=0.0, turn=turn, text=text, outcome=outcome)


def saved(path: Path) -> list[str]:
    """The texts of all messages in the order in which they were written."""
    db = sqlite3.connect(path)
    try:
        return [row[0] for row in db.execute("SELECT text FROM messages ORDER BY id")]
    finally:
        db.close()


async def until(condition: Callable[[], bool], patience: float = 10.0) -> None:
    """Wait for what another thread brings about and tells nobody."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.01)


async def in_store(path: Path, work: Callable[[Store], Awaitable[None]]) -> None:
    """Run something with a store whose session has begun, and close it."""
    store = Store(path)
    try:
        await store.begin(record())
        await work(store)
    finally:
        await store.aclose()
