"""The store when all is well: what is kept, when, and by whom."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from neko_cli.core.errors import StoreError
from neko_cli.core.events import (
    Event,
    Notice,
    NoticeKind,
    Outcome,
    ReplyText,
    Severity,
    SpeechStarted,
    TurnEnded,
    Usage,
)
from neko_cli.core.ports import Journal
from neko_cli.services.store import Store
from neko_cli.services.store_writer import Writer
from tests.services.store_parts import ID, WALL, answered, in_store, record, said, saved, until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "history.db"


def rows(path: Path, statement: str) -> list[tuple]:
    db = sqlite3.connect(path)
    try:
        return db.execute(statement).fetchall()
    finally:
        db.close()


def as_journal(store: Journal) -> Journal:
    return store


async def test_it_is_a_journal(path: Path) -> None:
    store = Store(path)
    assert await asyncio.wait_for(as_journal(store).begin(record()), 5) is None
    await store.aclose()


async def test_nothing_is_made_before_the_first_entry(path: Path) -> None:
    before = threading.active_count()
    store = Store(path)
    await store.aclose()
    assert not path.parent.exists()
    assert threading.active_count() == before


async def test_an_entry_is_on_disk_when_its_future_is_done(path: Path) -> None:
    store = Store(path)
    await store.begin(record())
    for turn in range(20):
        await store.write(ID, said(turn, f"line {turn}"), WALL)
        # Another connection, while the store still has its own.
        assert saved(path)[-1] == f"line {turn}"
    await store.aclose()


async def test_the_file_and_its_folder_belong_to_their_owner_alone(path: Path) -> None:
    store = Store(path)
    await store.begin(record())
    files = list(path.parent.iterdir())
    assert {file.name for file in files} == {"history.db", "history.db-wal", "history.db-shm"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    await store.aclose()
    assert [file.name for file in path.parent.iterdir()] == ["history.db"]


async def test_a_file_that_others_could_read_is_made_private(path: Path) -> None:
    path.parent.mkdir()
    path.touch(mode=0o644)
    path.chmod(0o644)
    await in_store(path, lambda store: store.write(ID, said(1, "hello"), WALL))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_every_commit_is_flushed_and_the_journal_is_a_log(path: Path) -> None:
    store = Store(path)
    await store.begin(record())

    async def pragma(name: str) -> object:
        work = store._writer.submit(lambda db, indexed: db.execute(f"PRAGMA {name}").fetchone()[0])
        return await work

    assert await pragma("journal_mode") == "wal"
    assert await pragma("synchronous") == 2
    assert await pragma("foreign_keys") == 1
    assert await pragma("secure_delete") == 1
    await store.aclose()


async def test_what_waits_is_written_together(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    transaction = Writer._transaction

    def counted(self: Writer, db: sqlite3.Connection, batch: list) -> None:
        sizes.append(len(batch))
        transaction(self, db, batch)

    monkeypatch.setattr(Writer, "_transaction", counted)
    store = Store(path)
    await store.begin(record())
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    futures = [store.write(ID, said(turn, f"line {turn}"), WALL) for turn in range(100)]
    await until(lambda: len(sizes) == 2)  # the thread waits for the blocker with what it has taken
    blocker.execute("COMMIT")
    blocker.close()
    await asyncio.gather(*futures)
    await store.aclose()
    assert len(saved(path)) == 100
    assert len(sizes) <= 3
    assert sum(sizes) == 101


async def test_the_loop_goes_on_while_the_disk_does_not(path: Path) -> None:
    store = Store(path)
    await store.begin(record())
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    written = store.write(ID, said(1, "hello"), WALL)
    for _ in range(1000):
        await asyncio.sleep(0)
    assert not written.done()
    blocker.execute("ROLLBACK")
    await asyncio.wait_for(written, 10)
    blocker.close()
    await store.aclose()


KEPT_EVENTS: list[tuple[Event, str, tuple]] = [
    (said(3, "what time is it", spoken=True), "messages", (ID, 3, "user", "what time is it", 1, "")),
    (answered(3, "ten", Outcome.INTERRUPTED), "messages", (ID, 3, "assistant", "ten", 0, "interrupted")),
    (
        Notice(at=0, kind=NoticeKind.AGENT, severity=Severity.INFO, text="done"),
        "notices",
        (ID, "agent", "info", "done"),
    ),
    (Usage(at=0, turn=3, input_tokens=5, cached_tokens=2), "usage", (ID, 3, 5, 0, 0, 0, 2)),
    (
        TurnEnded(at=0, turn=4, outcome=Outcome.FAILED, text="", heard_ms=12.5),
        "turns",
        (ID, 4, "failed", 12.5, None),
    ),
]
COLUMNS = {
    "messages": "session, turn, role, text, spoken, outcome",
    "notices": "session, kind, severity, text",
    "usage": "session, turn, input_tokens, output_tokens, input_audio_tokens, output_audio_tokens,"
    " cached_tokens",
    "turns": "session, number, outcome, heard_ms, first_audio_ms",
}


@pytest.mark.parametrize(("event", "table", "row"), KEPT_EVENTS)
async def test_what_is_kept_of_an_event(path: Path, event: Event, table: str, row: tuple) -> None:
    await in_store(path, lambda store: store.write(ID, event, WALL))
    assert rows(path, f"SELECT {COLUMNS[table]}, at FROM {table}") == [(*row, WALL)]


@pytest.mark.parametrize(
    "event",
    [
        said(1, "what ti", final=False),
        said(1, "  \n"),
        ReplyText(at=0, turn=1, delta="te"),
        SpeechStarted(at=0, turn=1),
    ],
)
async def test_other_events_are_done_at_once_and_leave_nothing(path: Path, event: Event) -> None:
    store = Store(path)
    assert store.write(ID, event, WALL).done()
    await store.aclose()
    assert not path.exists()


async def test_a_turn_without_an_answer_is_no_message(path: Path) -> None:
    await in_store(path, lambda store: store.write(ID, answered(1, "", Outcome.CANCELLED), WALL))
    assert rows(path, "SELECT number, outcome FROM turns") == [(1, "cancelled")]
    assert saved(path) == []


async def test_a_corrected_transcript_replaces_the_earlier_one(path: Path) -> None:
    async def talk(store: Store) -> None:
        await store.write(ID, said(1, "what time is it", spoken=True), WALL)
        await store.write(ID, said(1, "What time is it?", spoken=True), WALL + 1)

    await in_store(path, talk)
    assert saved(path) == ["What time is it?"]
    assert len(Store(path).history.search(["time is it?"])) == 1


async def test_several_utterances_of_one_turn_are_all_kept(path: Path) -> None:
    async def talk(store: Store) -> None:
        for text in ("yes", "yes please", "set it to seven", "set it to eight"):
            await store.write(ID, said(1, text, spoken=True), WALL)
        await store.write(ID, said(2, "yes", spoken=True), WALL)
        await store.write(ID, said(2, "yes"), WALL)
        for text in ("?!", "…"):
            await store.write(ID, said(3, text), WALL)

    await in_store(path, talk)
    assert saved(path) == ["yes", "yes please", "set it to seven", "set it to eight", "yes", "yes", "?!", "…"]


async def test_a_session_that_goes_on_keeps_its_beginning(path: Path) -> None:
    store = Store(path)
    await store.begin(record())
    later = record(character="Mio", profile="mio")
    await store.begin(
        type(later)(**{**{f: getattr(later, f) for f in later.__struct_fields__}, "started_at": 9e9})
    )
    await store.aclose()
    assert rows(path, "SELECT character, profile, started_at FROM sessions") == [("Mio", "mio", WALL)]


async def test_a_session_that_was_deleted_while_it_goes_on_is_there_again(path: Path) -> None:
    async def talk(store: Store) -> None:
        await store.write(ID, said(1, "before"), WALL)
        store.history.delete([ID])
        await store.write(ID, said(2, "after"), WALL)

    await in_store(path, talk)
    assert saved(path) == ["after"]
    assert Store(path).session(ID) == record()


async def test_an_event_of_a_session_that_never_began_is_kept_all_the_same(path: Path) -> None:
    store = Store(path)
    await store.write("unknown", said(1, "hello"), WALL)
    await store.aclose()
    assert saved(path) == ["hello"]


async def test_text_that_is_no_unicode_is_kept_as_far_as_it_goes(path: Path) -> None:
    async def talk(store: Store) -> None:
        await store.write(ID, said(1, "a\ud83d\ude00b\ud800c\x00d"), WALL)

    await in_store(path, talk)
    assert saved(path) == ["a\U0001f600b\ufffdc\x00d"]


async def test_an_entry_that_does_not_fit_fails_alone(path: Path) -> None:
    store = Store(path)
    await store.begin(record())
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    good = [store.write(ID, said(1, "one"), WALL)]
    bad = store.write(ID, said(2**70, "too far"), WALL)
    good.append(store.write(ID, said(2, "two"), WALL))
    blocker.execute("ROLLBACK")
    blocker.close()
    await asyncio.gather(*good)
    with pytest.raises(StoreError, match="does not fit") as caught:
        await bad
    assert caught.value.code == "unfit"
    await store.aclose()
    assert saved(path) == ["one", "two"]


async def test_a_waiter_that_goes_away_changes_nothing(path: Path) -> None:
    store = Store(path)
    await store.begin(record())
    store.write(ID, said(1, "one"), WALL).cancel()
    await store.write(ID, said(2, "two"), WALL)
    await store.aclose()
    assert saved(path) == ["one", "two"]


async def test_a_failure_that_nobody_waits_for_is_no_warning(tmp_path: Path) -> None:
    told: list[dict] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    store = Store(tmp_path)  # a folder is no database
    lost = store.begin(record())
    await asyncio.wait({lost}, timeout=10)
    assert lost.done()
    del lost
    store.write(ID, said(1, "hello"), WALL)
    await store.aclose()
    store.write(ID, said(1, "closed"), WALL)
    gc.collect()
    await asyncio.sleep(0)
    assert told == []


async def test_closing_writes_what_waits_and_can_be_repeated(path: Path) -> None:
    store = Store(path)
    futures = [store.write(ID, said(turn, str(turn)), WALL) for turn in range(50)]
    await asyncio.gather(store.aclose(), store.aclose())
    await store.aclose()
    assert all(future.done() and future.exception() is None for future in futures)
    assert saved(path) == [str(turn) for turn in range(50)]
    assert "neko-history" not in {thread.name for thread in threading.enumerate() if thread.is_alive()}
    with pytest.raises(StoreError, match="closed"):
        await store.write(ID, said(1, "late"), WALL)


async def test_closing_does_not_wait_for_ever(path: Path) -> None:
    store = Store(path)
    await store.begin(record())
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    store.write(ID, said(1, "hello"), WALL)
    start = time.monotonic()
    await store.aclose(timeout=0.1)
    assert time.monotonic() - start < 1.5
    blocker.execute("ROLLBACK")
    blocker.close()
    await store.aclose()
    assert saved(path) == ["hello"]


async def test_minutes_are_counted_by_profile_and_local_day(path: Path) -> None:
    store = Store(path)
    noon = time.mktime((2026, 11, 21, 12, 0, 0, 0, 0, -1))
    await store.begin(record())
    await store.begin(record("other", profile="mio"))
    store.used(ID, 30.0, noon)
    store.used(ID, 12.5, noon + 3600)
    store.used(ID, 1.0, noon - 86_400)
    store.used("other", 7.0, noon)
    assert await store.used_today("default", noon + 60) == 42.5
    assert await store.used_today("mio", noon) == 7.0
    assert await store.used_today("default", noon - 86_400) == 1.0
    assert await store.used_today("nobody", noon) == 0.0
    store.history.delete([ID])
    assert await store.used_today("default", noon) == 42.5
    await store.aclose()
    again = Store(path)
    assert await again.used_today("default", noon) == 42.5
    assert again.history.used_today("default", noon) == 42.5
    await again.aclose()


async def test_minutes_are_counted_when_nothing_can_be_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    await asyncio.wait({store.begin(record())}, timeout=10)
    store.used(ID, 30.0, WALL)
    assert await store.used_today("default", WALL) == 30.0
    await store.aclose()


def test_the_database_is_loaded_at_the_first_use_alone() -> None:
    probe = "import sys, neko_cli.services.store; sys.exit('sqlite3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], timeout=30, check=False).returncode == 0


WRITER = """
import asyncio, sys
from pathlib import Path
from neko_cli.core.events import UserText
from neko_cli.services.store import Store

async def main(path, name):
    store = Store(path)
    sys.stdin.readline()
    for turn in range(40):
        await store.write(name, UserText(at=0.0, turn=turn, text=f"{name} {turn}", final=True), 1.0)
    await store.aclose()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""


def test_several_processes_write_into_a_file_that_none_has_made_yet(path: Path) -> None:
    names = ("one", "two", "three")
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name], stdin=subprocess.PIPE)
        for name in names
    ]
    for process in running:
        process.communicate(b"go\n", timeout=40)
    assert [process.returncode for process in running] == [0, 0, 0]
    found = saved(path)
    for name in names:
        assert [text for text in found if text.startswith(name)] == [f"{name} {turn}" for turn in range(40)]
