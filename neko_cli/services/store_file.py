"""The history's file: opened, made private, set aside when it is damaged; its errors as sentences."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from neko_cli.core.errors import StoreError
from neko_cli.services.folders import make_private
from neko_cli.services.store_schema import MIGRATIONS, migrate, prepare_index, version

if TYPE_CHECKING:
    from sqlite3 import Connection

FILE = "history.db"
PRIVATE = 0o600

BUSY_S = 2.0
"""How long another process may hold the file before that is an error."""

_KEPT = "What is not saved is kept in memory, and saved when it works again."

# Result codes: https://www.sqlite.org/rescode.html (the low byte is the primary one).
_WORDS = {
    3: "readonly",
    5: "locked",
    6: "locked",
    8: "readonly",
    10: "disk",
    11: "corrupt",
    13: "full",
    14: "readonly",
    26: "corrupt",
}
MOVED = 1032
"""SQLITE_READONLY_DBMOVED: the file was renamed or deleted while it was open."""

_SENTENCES = {
    "readonly": ("The history {path} cannot be opened or written.", "NEKO_HOME names another place for it."),
    "locked": ("The history {path} is locked by another program.", _KEPT),
    "disk": ("The disk refuses to read or write the history {path}.", _KEPT),
    "full": ("The disk is full, so the history cannot be written.", f"Make room. {_KEPT}"),
    "corrupt": (
        "The history {path} is damaged.",
        "The next conversation sets it aside and begins a new one.",
    ),
    "": ("The history {path} cannot be used.", "`neko doctor --bundle report.zip` helps to report it."),
}
_FOR_NOW = frozenset({"locked", "disk", "full"})


def store_error(error: Exception, path: Path) -> StoreError:
    """SQLite's error as a sentence; its ``code`` is readonly, locked, disk, full, corrupt or empty."""
    number = getattr(error, "sqlite_errorcode", 0) or 0
    word = _WORDS.get(number & 0xFF, "")
    message, hint = _SENTENCES[word]
    return StoreError(message.format(path=path), hint=hint, code=word, permanent=word not in _FOR_NOW)


def has_moved(error: Exception) -> bool:
    """Whether the file is no longer where it was opened."""
    return getattr(error, "sqlite_errorcode", 0) == MOVED


def identity(path: Path) -> tuple[int, int] | None:
    """Which file is at that place; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_there(path: Path) -> bool:
    """Whether there is a history; raises StoreError where its folder may not be looked into."""
    try:
        return path.exists()
    except OSError as error:
        raise _cannot_open(path, error) from error


def open_file(path: Path, *, patience: float | None = None) -> tuple[Connection, bool]:
    """Open the history for reading and writing, made and migrated where need be. Blocks.

    Args:
        path: the file; it is readable by its owner alone (0600), and so is a folder that is made.
        patience: seconds to wait for another process; ``BUSY_S`` without.

    Returns:
        The connection (autocommit; to be used by this thread alone), and whether it has an index.

    Raises:
        StoreError: it cannot be opened; it is damaged; a newer neko wrote it.
    """
    import sqlite3

    patience = BUSY_S if patience is None else patience
    _make_file(path)
    try:
        db = sqlite3.connect(path, timeout=patience, isolation_level=None)
    except sqlite3.Error as error:
        raise store_error(error, path) from error
    try:
        migrate_first = version(db) != len(MIGRATIONS)
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA secure_delete = ON")
        if migrate_first:
            migrate(db)
        _use_wal(db, patience)
        db.execute("PRAGMA synchronous = FULL")
        return db, prepare_index(db)
    except sqlite3.Error as error:
        db.close()
        raise store_error(error, path) from error
    except BaseException:
        db.close()
        raise


def open_for_reading(path: Path) -> tuple[Connection, bool]:
    """Open the history to read it, also where nothing can be written. Blocks; raises StoreError."""
    import sqlite3

    try:
        return open_file(path)
    except StoreError as error:
        if error.code != "readonly" or not path.is_file():
            raise
    # Without a log beside it the file is complete, and no lock can be had where nothing is writable.
    log = path.with_name(f"{path.name}-wal")
    alone = "" if log.exists() and log.stat().st_size else "&immutable=1"
    try:
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro{alone}", uri=True, timeout=BUSY_S, isolation_level=None
        )
        try:
            if version(db) != len(MIGRATIONS):
                raise StoreError(f"The history {path} is of another version and cannot be changed here.")
            db.execute("SELECT count(*) FROM sessions").fetchone()
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        raise store_error(error, path) from error
    return db, False  # the index is no gain for a single look


def _make_file(path: Path) -> None:
    try:
        make_private(path.parent)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE))
        if os.name == "posix" and path.stat().st_mode & 0o077:
            path.chmod(PRIVATE)
    except OSError as error:
        raise _cannot_open(path, error) from error


def _cannot_open(path: Path, error: OSError) -> StoreError:
    word = "full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "readonly"
    return StoreError(
        f"The history {path} cannot be opened or written: {error.strerror or type(error).__name__}.",
        hint=_SENTENCES[word][1],
        code=word,
        permanent=word not in _FOR_NOW,
    )


def _use_wal(db: Connection, patience: float) -> None:
    """Switch to write-ahead logging; a file system that cannot do it keeps the rollback journal.

    SQLite does not wait for others in the middle of this switch, so the waiting is done here.
    """
    import sqlite3

    until = time.monotonic() + patience
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            busy = (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF in (5, 6)
            if not busy or time.monotonic() >= until:
                raise
            time.sleep(0.01)
        else:
            return


def set_aside(path: Path, found: tuple[int, int] | None) -> str:
    """Move a damaged history out of the way; nothing is deleted.

    Args:
        path: where it is.
        found: which file was found to be damaged; another one in its place is left alone (another
            process was quicker).

    Returns:
        Its new name; empty when another process was quicker.

    Raises:
        StoreError: it cannot be moved.
    """
    if found is not None and identity(path) != found:
        return ""
    stem = f"{path.name}.broken-{time.strftime('%Y%m%d-%H%M%S')}"
    name, number = stem, 1
    while path.with_name(name).exists():
        number += 1
        name = f"{stem}-{number}"
    try:
        # What belongs to the file goes first: left behind, it would be taken for the new file's.
        for ending in ("-wal", "-shm", ""):
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + ending).rename(path.with_name(name + ending))
    except OSError as error:
        raise StoreError(
            f"The history {path} is damaged and cannot be moved: {error.strerror}.",
            hint="Move it by hand, then a new one is begun.",
            code="corrupt",
        ) from error
    return name


def broken_files(path: Path) -> list[Path]:
    """What was set aside earlier, oldest first."""
    return sorted(
        file for file in path.parent.glob(f"{path.name}.broken-*") if not file.name.endswith(("-wal", "-shm"))
    )
