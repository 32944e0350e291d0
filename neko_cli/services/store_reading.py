"""Reads the history: lists, search, what a resumed session starts from; and deletes from it.

Everything here blocks and opens a connection of its own, so several may read while one writes.
Where there is no file yet, there is simply nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neko_cli.core.errors import ConfigError
from neko_cli.core.ports import Past, PastMessage, SessionRecord
from neko_cli.core.text import one_line
from neko_cli.services.store_deleting import delete_sessions
from neko_cli.services.store_file import is_there, open_file, open_for_reading, store_error
from neko_cli.services.store_records import MESSAGE, Deleted, Hit, KeptMessage, KeptSession, as_message
from neko_cli.services.store_rows import local_day, used_on
from neko_cli.services.store_search import find_messages, words_to_find

if TYPE_CHECKING:
    from sqlite3 import Connection

BEYOND = 8
"""A past holds at most so many times the limit, where no summary covers what is older."""

# As a conversation reads: what was said comes before its answer, also where the transcript was late.
_ORDER = "turn, role = 'assistant', id"


class History:
    """A history file, for readers."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened yet."""
        self.path = path

    def sessions(self, limit: int | None = None) -> list[KeptSession]:
        """Sessions in which something was said, newest first; raises StoreError."""
        with self._opened() as (db, _):
            return [] if db is None else _sessions(db, limit)

    def session(self, name: str) -> SessionRecord:
        """A session by its id, the beginning of its id, or ``last``.

        Raises:
            ConfigError: there is none, or several begin like that.
            StoreError: the history cannot be read.
        """
        with self._opened() as (db, _):
            if name == "last":
                found = [] if db is None else _sessions(db, 1)
                if not found:
                    raise ConfigError("There is no conversation yet.")
                return found[0].record
            rows = [] if db is None or not name else _beginning_with(db, name)
        exact = [row for row in rows if row.id == name]
        if exact or len(rows) == 1:
            return (exact or rows)[0]
        shown = one_line(name, 40)
        if not rows:
            raise ConfigError(
                f"There is no conversation {shown!r}.", hint="`neko history list` shows what there is."
            )
        ids = ", ".join(one_line(row.id, 40) for row in rows[:4])
        raise ConfigError(f"Several conversations begin with {shown!r}: {ids}{', …' * (len(rows) > 4)}.")

    def last_session(self, name: str = "") -> str | None:
        """The id of the last session with that profile or character (any when empty) that has a message."""
        with self._opened() as (db, _):
            if db is None:
                return None
            found = db.execute(
                "SELECT id FROM sessions WHERE ? IN ('', profile, character)"
                " AND EXISTS (SELECT 1 FROM messages WHERE session = sessions.id)"
                " ORDER BY updated_at DESC, rowid DESC LIMIT 1",
                (name,),
            ).fetchone()
        return found[0] if found else None

    def past(self, session_id: str, limit: int = 50) -> Past | None:
        """What a session goes on from after a restart; None when there is no such session.

        The newest ``limit`` messages, older ones too as far as no summary covers them (at most
        ``BEYOND`` times the limit in all), and the newest summary.
        """
        with self._opened() as (db, _):
            record = None if db is None else _record(db, session_id)
            if db is None or record is None:
                return None
            newest = db.execute(
                "SELECT text, upto_turn FROM summaries WHERE session = ? ORDER BY upto_turn DESC, id DESC",
                (session_id,),
            ).fetchone()
            summary, upto = newest or ("", -1)
            rows = db.execute(
                "SELECT role, text, turn, at FROM messages WHERE session = ?"
                " ORDER BY turn DESC, role = 'assistant' DESC, id DESC LIMIT ?",
                (session_id, limit * BEYOND),
            ).fetchall()
            last = db.execute(
                "SELECT max((SELECT coalesce(max(number), 0) FROM turns WHERE session = :s),"
                " (SELECT coalesce(max(turn), 0) FROM messages WHERE session = :s),"
                " (SELECT coalesce(max(upto_turn), 0) FROM summaries WHERE session = :s))",
                {"s": session_id},
            ).fetchone()[0]
        kept = [row for place, row in enumerate(rows) if place < limit or row[2] > upto]
        messages = tuple(PastMessage(*row) for row in reversed(kept))
        return Past(session=record, messages=messages, summary=summary, last_turn=last)

    def messages(self, session_id: str) -> list[KeptMessage]:
        """All that was said in a session, in order."""
        with self._opened() as (db, _):
            if db is None:
                return []
            rows = db.execute(
                f"SELECT {MESSAGE} FROM messages WHERE session = ? ORDER BY {_ORDER}", (session_id,)
            )
            return [as_message(row) for row in rows]

    def beside(self, session_id: str) -> dict[str, list[dict[str, Any]]]:
        """What is kept beside the words, by table: turns, notices, usage and summaries, in order."""
        with self._opened() as (db, _):
            out: dict[str, list[dict[str, Any]]] = {}
            if db is None:
                return out
            for table in ("turns", "notices", "usage", "summaries"):
                cursor = db.execute(f"SELECT * FROM {table} WHERE session = ? ORDER BY id", (session_id,))
                names = [column[0] for column in cursor.description]
                out[table] = [
                    {name: value for name, value in zip(names, row, strict=True) if name not in _OWN}
                    for row in cursor
                ]
            return out

    def kept(self, session_id: str) -> KeptSession | None:
        """A session with its counts."""
        with self._opened() as (db, _):
            return None if db is None else next(iter(_sessions(db, None, session_id)), None)

    def search(self, words: Sequence[str], limit: int | None = 50) -> list[Hit]:
        """Messages that hold every one of the words, newest first; all without a limit.

        A word may stand inside another one (as it does in Chinese and Japanese) and may itself
        hold spaces; case, width and line ends do not matter.

        Raises:
            ConfigError: nothing, or too much, to look for.
            StoreError: the history cannot be read.
        """
        wanted = words_to_find(words)
        with self._opened() as (db, indexed):
            return [] if db is None else find_messages(db, wanted, limit, indexed=indexed)

    def used_today(self, profile: str, wall: float) -> float:
        """Seconds of connection of a profile on the local day of ``wall`` (Unix time)."""
        with self._opened() as (db, _):
            return 0.0 if db is None else used_on(db, profile, local_day(wall))

    def delete(self, ids: Sequence[str]) -> Deleted:
        """Delete sessions for good: rows, index and what the file still held of them.

        Minutes used today stay counted. Raises StoreError; then nothing is deleted.
        """
        with self._opened(change=True) as (db, indexed):
            return Deleted(0, traces=False) if db is None else delete_sessions(db, ids, indexed)

    def delete_all(self) -> Deleted:
        """Delete every session, also those without a word."""
        with self._opened(change=True) as (db, indexed):
            if db is None:
                return Deleted(0, traces=False)
            return delete_sessions(db, [row[0] for row in db.execute("SELECT id FROM sessions")], indexed)

    @contextlib.contextmanager
    def _opened(self, *, change: bool = False) -> Iterator[tuple[Connection | None, bool]]:
        """The open file and whether it has an index; None where there is no file."""
        import sqlite3

        if not is_there(self.path):
            yield None, False
            return
        db, indexed = open_file(self.path) if change else open_for_reading(self.path)
        try:
            with contextlib.closing(db):
                yield db, indexed
        except sqlite3.Error as error:
            raise store_error(error, self.path) from error


_OWN = ("id", "session")
_RECORD = "id, character, profile, provider, model, mode, started_at"
_RECORD_NAMES = tuple(_RECORD.split(", "))


def _as_record(row: Sequence[Any]) -> SessionRecord:
    return SessionRecord(**dict(zip(_RECORD_NAMES, row, strict=True)))


def _record(db: Connection, session_id: str) -> SessionRecord | None:
    found = db.execute(f"SELECT {_RECORD} FROM sessions WHERE id = ?", (session_id,)).fetchone()
    return _as_record(found) if found else None


def _beginning_with(db: Connection, prefix: str) -> list[SessionRecord]:
    rows = db.execute(
        f"SELECT {_RECORD} FROM sessions WHERE substr(id, 1, ?) = ? ORDER BY id", (len(prefix), prefix)
    )
    return [_as_record(row) for row in rows]


def _sessions(db: Connection, limit: int | None, only: str = "") -> list[KeptSession]:
    """Sessions with a message, newest first; or the one asked for, with or without."""
    where = "sessions.id = ?" if only else "? = '' AND messages > 0"
    rows = db.execute(
        f"SELECT {_RECORD}, updated_at, seconds,"
        " (SELECT count(*) FROM messages WHERE session = sessions.id) AS messages,"
        " (SELECT text FROM messages WHERE session = sessions.id"
        "  ORDER BY role = 'assistant', turn, id LIMIT 1)"
        f" FROM sessions WHERE {where} ORDER BY updated_at DESC, sessions.rowid DESC LIMIT ?",
        (only, -1 if limit is None else limit),
    )
    return [_kept(*row) for row in rows]


def _kept(*row: Any) -> KeptSession:
    *record, updated_at, seconds, messages, title = row
    return KeptSession(
        record=_as_record(record),
        updated_at=updated_at,
        seconds=seconds,
        messages=messages,
        title=title or "",
    )
