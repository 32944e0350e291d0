"""The tables of the history, how a file of an older neko becomes one of this, and the search index.

Times are Unix time in seconds. ``folded`` is a message as it is searched (see :func:`fold`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

from neko_cli.core.errors import StoreError
from neko_cli.core.text import sanitise

if TYPE_CHECKING:
    from sqlite3 import Connection  # loaded at the first use: start-up is a feature

_OWNER = "session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE sessions (id TEXT PRIMARY KEY, character TEXT NOT NULL, profile TEXT NOT NULL,"
        " provider TEXT NOT NULL, model TEXT NOT NULL, mode TEXT NOT NULL, started_at REAL NOT NULL,"
        " updated_at REAL NOT NULL, seconds REAL NOT NULL DEFAULT 0)",
        f"CREATE TABLE turns (id INTEGER PRIMARY KEY, {_OWNER}, number INTEGER NOT NULL,"
        " outcome TEXT NOT NULL, heard_ms REAL, first_audio_ms REAL, at REAL NOT NULL)",
        f"CREATE TABLE messages (id INTEGER PRIMARY KEY, {_OWNER}, turn INTEGER NOT NULL,"
        " role TEXT NOT NULL CHECK (role IN ('user', 'assistant')), spoken INTEGER NOT NULL,"
        " outcome TEXT NOT NULL, text TEXT NOT NULL, folded TEXT NOT NULL, at REAL NOT NULL)",
        f"CREATE TABLE notices (id INTEGER PRIMARY KEY, {_OWNER}, kind TEXT NOT NULL,"
        " severity TEXT NOT NULL, text TEXT NOT NULL, at REAL NOT NULL)",
        f"CREATE TABLE usage (id INTEGER PRIMARY KEY, {_OWNER}, turn INTEGER NOT NULL,"
        " input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,"
        " input_audio_tokens INTEGER NOT NULL, output_audio_tokens INTEGER NOT NULL,"
        " cached_tokens INTEGER NOT NULL, at REAL NOT NULL)",
        f"CREATE TABLE summaries (id INTEGER PRIMARY KEY, {_OWNER}, mode TEXT NOT NULL,"
        " upto_turn INTEGER NOT NULL, text TEXT NOT NULL, at REAL NOT NULL)",
        # Apart from the sessions: deleting a conversation gives no new minutes for the day.
        "CREATE TABLE days (profile TEXT NOT NULL, day TEXT NOT NULL, seconds REAL NOT NULL,"
        " PRIMARY KEY (profile, day))",
        "CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
        "CREATE INDEX messages_session ON messages (session, turn)",
        *(f"CREATE INDEX {name}_session ON {name} (session)" for name in ("notices", "usage", "summaries")),
        "CREATE INDEX turns_session ON turns (session, number)",
        "CREATE INDEX sessions_updated ON sessions (updated_at)",
    ),
)
"""One entry brings the file from that ``user_version`` to the next; entries are never changed."""

INDEX = "messages_index"
TOKENIZER = "trigram"


def migrate(db: Connection, steps: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring the file to the newest version, in one transaction; a newer one is left alone.

    Raises:
        StoreError: it was written by a newer neko.
        sqlite3.Error: whatever the file refuses; nothing is changed then.
    """
    if version(db) == len(steps):
        return
    _refuse_newer(version(db), len(steps))
    db.execute("BEGIN IMMEDIATE")
    try:
        found = version(db)  # another process may have been quicker
        _refuse_newer(found, len(steps))
        for step in steps[found:]:
            for statement in step:
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(steps)}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def version(db: Connection) -> int:
    """The file's version; 0 for an empty one."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _refuse_newer(found: int, known: int) -> None:
    if found > known:
        raise StoreError(
            "The history was written by a newer neko, so this one leaves it alone.",
            hint="Update neko, or use another place for this one with NEKO_HOME.",
            code="newer",
        )


def prepare_index(db: Connection) -> bool:
    """Have the search index ready and up to date; returns whether this SQLite can use one.

    A SQLite without FTS5 or its trigram tokenizer (3.34 and newer have it) searches without an
    index; what it writes is indexed by the next one that can.
    """
    import sqlite3

    exists = _one(db, "SELECT 1 FROM sqlite_master WHERE name = ?", INDEX) is not None
    try:
        if exists:
            db.execute(f"SELECT 1 FROM {INDEX} LIMIT 0")
            if _one(db, "SELECT 1 FROM marks WHERE name = 'index_is_old'") is None:
                return True
    except sqlite3.OperationalError:
        db.execute("INSERT OR REPLACE INTO marks VALUES ('index_is_old', '1')")
        return False
    try:
        db.execute("BEGIN IMMEDIATE")
        db.execute(
            f"CREATE VIRTUAL TABLE IF NOT EXISTS {INDEX} USING fts5"
            f" (folded, content = 'messages', content_rowid = 'id', tokenize = '{TOKENIZER}')"
        )
        db.execute(f"INSERT INTO {INDEX} ({INDEX}) VALUES ('rebuild')")
        db.execute("DELETE FROM marks WHERE name = 'index_is_old'")
        db.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        if "no such" in str(error):  # … module: fts5, … tokenizer: trigram
            return False
        raise
    return True


def _one(db: Connection, statement: str, *values: object) -> object:
    return db.execute(statement, values).fetchone()


def fold(text: str) -> str:
    """A text as it is searched: what can be seen of it, whatever its case, width and white space.

    NFKC and case folding make full-width and compatibility forms equal to the usual ones (Unicode
    Standard Annex 15; section 3.13 of the Unicode Standard).
    """
    plain = unicodedata.normalize("NFKC", sanitise(text)).casefold()
    return " ".join(unicodedata.normalize("NFKC", plain).split())
