"""Deletes conversations so that nothing of them stays in the file."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from neko_cli.services.store_records import Deleted
from neko_cli.services.store_schema import INDEX

if TYPE_CHECKING:
    from sqlite3 import Connection


def delete_sessions(db: Connection, ids: Sequence[str], indexed: bool) -> Deleted:
    """Delete all or nothing of the sessions; raises sqlite3.Error."""
    count = 0
    db.execute("BEGIN IMMEDIATE")
    try:
        for session in ids:
            if indexed:
                db.execute(
                    f"INSERT INTO {INDEX} ({INDEX}, rowid, folded)"
                    " SELECT 'delete', id, folded FROM messages WHERE session = ?",
                    (session,),
                )
            count += db.execute("DELETE FROM sessions WHERE id = ?", (session,)).rowcount
        if indexed:
            # The index only marks what is deleted; joining its segments is what removes it.
            db.execute(f"INSERT INTO {INDEX} ({INDEX}) VALUES ('optimize')")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    _shrink(db)
    # Freed pages are overwritten with zeros (secure_delete), and the log, which holds the old ones, goes.
    busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return Deleted(count, traces=bool(busy))


def _shrink(db: Connection) -> None:
    """Give back the room when most of the file is empty; not while another process is writing."""
    import sqlite3

    pages, free = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
    if free * 2 > pages:
        with contextlib.suppress(sqlite3.OperationalError):
            db.execute("VACUUM")
