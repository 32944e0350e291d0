"""The store when the disk is full, the file locked, damaged, gone, or not to be written."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from neko_cli.core.errors import StoreError
from neko_cli.services import store_file, store_writer
from neko_cli.services.store import Store
from neko_cli.services.store_schema import MIGRATIONS, migrate, version
from tests.services.store_parts import ID, WALL, in_store, record, said, saved, until

PROGRAM = Path(__file__).with_name("store_program.py")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "history.db"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_file, "BUSY_S", 0.2)
    monkeypatch.setattr(store_writer, "BUSY_IN_TROUBLE_S", 0.05)


class Lock:
    """Another program that holds the file for itself."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("BEGIN IMMEDIATE")

    def release(self) -> None:
        self._db.execute("ROLLBACK")
        self._db.close()


async def failed(future: asyncio.Future[None]) -> str:
    with pytest.raises(StoreError) as caught:
        await asyncio.wait_for(future, 20)
    assert caught.value.message.endswith(".")
    return caught.value.code


@pytest.mark.usefixtures("impatient")
async def test_a_locked_file_is_told_and_written_later_in_order(path: Path) -> None:
    store = Store(path)
    await store.begin(record())
    lock = Lock(path)
    assert await failed(store.write(ID, said(1, "one"), WALL)) == "locked"
    assert await failed(store.write(ID, said(2, "two"), WALL)) == "locked"
    assert saved(path) == []
    lock.release()
    await store.write(ID, said(3, "three"), WALL)
    assert saved(path) == ["one", "two", "three"]
    await store.aclose()


@pytest.mark.usefixtures("impatient")
async def test_what_failed_is_tried_again_without_a_further_entry(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_writer, "RETRY_S", 0.05)
    store = Store(path)
    await store.begin(record())
    lock = Lock(path)
    await failed(store.write(ID, said(1, "one"), WALL))
    lock.release()
    await until(lambda: saved(path) == ["one"])
    await store.aclose()
    assert saved(path) == ["one"]


@pytest.mark.usefixtures("impatient")
async def test_what_failed_is_tried_again_at_the_end(path: Path) -> None:
    store = Store(path)
    await store.begin(record())
    lock = Lock(path)
    await failed(store.write(ID, said(1, "one"), WALL))
    lock.release()
    await store.aclose()
    assert saved(path) == ["one"]


@pytest.mark.usefixtures("impatient")
async def test_of_too_many_failures_the_newest_are_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_writer, "UNSAVED", 3)
    store = Store(path)
    await store.begin(record())
    lock = Lock(path)
    for turn in range(6):
        await failed(store.write(ID, said(turn, str(turn)), WALL))
    lock.release()
    await store.write(ID, said(6, "6"), WALL)
    await store.aclose()
    assert saved(path) == ["3", "4", "5", "6"]


async def test_of_too_many_entries_at_once_the_last_fail_and_no_other(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_writer, "WAITING", 10)
    store = Store(path)
    await store.begin(record())
    lock = Lock(path)
    futures = [store.write(ID, said(turn, str(turn)), WALL) for turn in range(50)]
    lost = [turn for turn, future in enumerate(futures) if future.done()]
    assert len(lost) >= 29  # ten wait; the thread took one, or ten, or all eleven
    assert {await failed(futures[turn]) for turn in lost} == {"behind"}
    lock.release()
    await asyncio.gather(*(future for turn, future in enumerate(futures) if turn not in lost))
    await store.aclose()
    assert saved(path) == [str(turn) for turn in range(50) if turn not in lost]


async def test_a_file_of_a_newer_neko_is_left_alone(path: Path) -> None:
    await in_store(path, lambda store: store.write(ID, said(1, "old"), WALL))
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.commit()
    db.close()
    before = path.read_bytes()
    store = Store(path)
    assert await failed(store.begin(record())) == "newer"
    assert await failed(store.write(ID, said(2, "new"), WALL)) == "newer"
    await store.aclose()
    with pytest.raises(StoreError, match="newer neko"):
        store.history.sessions()
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["history.db"]


def test_migrations_bring_an_old_file_up_in_one_step_or_not_at_all(path: Path) -> None:
    path.parent.mkdir()
    db = sqlite3.connect(path, isolation_level=None)
    migrate(db)
    db.execute("INSERT INTO days VALUES ('default', '2026-11-21', 5)")
    broken = (*MIGRATIONS, ("ALTER TABLE days ADD COLUMN note TEXT", "nonsense"))
    with pytest.raises(sqlite3.OperationalError):
        migrate(db, broken)
    assert version(db) == len(MIGRATIONS)
    assert db.execute("SELECT * FROM days").fetchall() == [("default", "2026-11-21", 5)]
    migrate(db, (*MIGRATIONS, ("ALTER TABLE days ADD COLUMN note TEXT",), ("UPDATE days SET note = 'x'",)))
    assert version(db) == len(MIGRATIONS) + 2
    assert db.execute("SELECT * FROM days").fetchall() == [("default", "2026-11-21", 5, "x")]
    db.close()


def with_rubbish(path: Path) -> None:
    path.write_bytes(b"this is no database at all. " * 500)


def with_a_broken_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)  # behind the header: https://www.sqlite.org/fileformat.html
        file.write(b"\xff" * 3000)


@pytest.mark.parametrize("damage", [with_rubbish, with_a_broken_page])
async def test_a_damaged_file_is_set_aside_whole_and_told_once(path: Path, damage) -> None:
    await in_store(path, lambda store: store.write(ID, said(1, "old"), WALL))
    damage(path)
    path.with_name("history.db-shm").write_bytes(b"")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="damaged"):
        Store(path).history.sessions()
    store = Store(path)
    with pytest.raises(StoreError, match="a new one is begun") as caught:
        await asyncio.wait_for(store.begin(record()), 10)
    assert caught.value.code == "set_aside"
    await store.write(ID, said(2, "new"), WALL)
    await store.aclose()
    assert saved(path) == ["new"]
    assert store.session(ID) == record()
    (aside,) = store_file.broken_files(path)
    assert aside.name in caught.value.message
    assert aside.read_bytes() == before


async def test_what_is_set_aside_never_replaces_what_was_set_aside_before(path: Path) -> None:
    for turn in range(3):
        await in_store(path, lambda store, turn=turn: store.write(ID, said(1, f"new {turn}"), WALL))
        with_rubbish(path)
        store = Store(path)
        await failed(store.begin(record()))
        await store.aclose()
    assert len(store_file.broken_files(path)) == 3


def test_the_log_goes_with_its_file(path: Path) -> None:
    path.parent.mkdir()
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).write_text(ending)
    name = store_file.set_aside(path, store_file.identity(path))
    assert {file.name: file.read_text() for file in path.parent.iterdir()} == {
        name: "",
        f"{name}-wal": "-wal",
        f"{name}-shm": "-shm",
    }


def test_a_file_that_another_process_has_replaced_is_not_set_aside(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("damaged")
    found = store_file.identity(path)
    path.rename(path.with_name("elsewhere"))
    path.write_text("fresh")
    assert store_file.set_aside(path, found) == ""
    assert path.read_text() == "fresh"


async def test_a_file_that_was_deleted_under_us_is_made_again(path: Path) -> None:
    store = Store(path)
    await store.begin(record())
    await store.write(ID, said(1, "one"), WALL)
    path.unlink()
    await store.write(ID, said(2, "two"), WALL)
    assert saved(path) == ["two"]
    assert store.session(ID) == record()
    await store.write(ID, said(3, "three"), WALL)
    await store.aclose()
    assert saved(path) == ["two", "three"]


async def test_a_folder_that_cannot_be_made_is_told_as_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "data" / "history.db")
    with pytest.raises(StoreError, match="cannot be opened or written") as caught:
        await store.begin(record())
    assert caught.value.code == "readonly"
    assert "NEKO_HOME" in caught.value.hint
    (tmp_path / "file").unlink()
    await store.write(ID, said(1, "one"), WALL)
    await store.aclose()
    assert saved(tmp_path / "file" / "data" / "history.db") == ["one"]


def run(*words: str, before: tuple[str, ...] = ()) -> None:
    """Run a scenario in a process of its own, whose limits and rights it changes."""
    done = subprocess.run(
        [*before, sys.executable, str(PROGRAM), *words],
        capture_output=True, text=True, timeout=50, check=False,
        cwd=PROGRAM.parents[2], env={"PYTHONPATH": str(PROGRAM.parents[2]), "PYTHONWARNINGS": "error"},
    )  # fmt: skip
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "done\n")


def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    run("limit", str(tmp_path))


def test_a_read_only_file_is_told_and_can_still_be_read() -> None:
    run("readonly")


def private_mounts() -> tuple[str, ...]:
    """The command that gives a process mounts of its own; empty where that is not allowed."""
    if shutil.which("unshare") is None:
        return ()
    for command in (("unshare", "-m"), ("unshare", "-Urm")):
        probe = subprocess.run([*command, "true"], capture_output=True, timeout=10, check=False)
        if probe.returncode == 0:
            return command
    return ()


@pytest.fixture
def small_disk(tmp_path: Path) -> tuple[tuple[str, ...], Path]:
    command = private_mounts()
    if not command:
        pytest.skip("no mounts of one's own here")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = f'mount -t tmpfs -o size=400k tmpfs "{folder}" && exec "$@"'
    probe = subprocess.run([*command, "sh", "-c", mount, "sh", "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("no mounts of one's own here")
    return (*command, "sh", "-c", mount, "sh"), folder


def test_a_full_disk(small_disk: tuple[tuple[str, ...], Path]) -> None:
    before, folder = small_disk
    run("full", str(folder), before=before)
