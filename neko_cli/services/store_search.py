"""Finds messages by what was said.

A trigram index finds parts of words, in any script; what is shorter than a trigram, and a SQLite
that has no such index, is helped by looking into every message. Both give the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from neko_cli.core.errors import ConfigError
from neko_cli.services.store_records import MESSAGE, Hit, as_message
from neko_cli.services.store_schema import INDEX, fold

if TYPE_CHECKING:
    from sqlite3 import Connection

MOST_WORDS = 32
"""More than anybody looks for; SQLite's parser would give up at some point."""

INDEXED_LENGTH = 3
"""Characters that a trigram index needs."""


def words_to_find(words: Sequence[str]) -> list[str]:
    """The words as they are looked for; raises ConfigError for none, or too many."""
    wanted = [word for word in map(fold, words) if word]
    if not wanted:
        raise ConfigError("There is nothing to look for.", hint="Say at least one word.")
    if len(wanted) > MOST_WORDS:
        raise ConfigError(f"Those are too many words; {MOST_WORDS} can be looked for at once.")
    return wanted


def find_messages(db: Connection, wanted: Sequence[str], limit: int | None, *, indexed: bool) -> list[Hit]:
    """Messages that hold all of the folded words, newest first; raises sqlite3.Error."""
    tests = ["instr(folded, ?)"] * len(wanted)
    values: list[str | int] = list(wanted)
    # In quotes a word is a string to FTS5, whatever it is made of: https://www.sqlite.org/fts5.html (3.1)
    quoted = ['"' + word.replace('"', '""') + '"' for word in wanted if len(word) >= INDEXED_LENGTH]
    if indexed and quoted:
        tests.append(f"messages.id IN (SELECT rowid FROM {INDEX} WHERE {INDEX} MATCH ?)")
        values.append(" ".join(quoted))
    rows = db.execute(
        f"SELECT {MESSAGE}, session, character FROM messages JOIN sessions ON sessions.id = session"
        f" WHERE {' AND '.join(tests)} ORDER BY at DESC, messages.id DESC LIMIT ?",
        (*values, -1 if limit is None else limit),
    )
    return [Hit(session=row[-2], character=row[-1], message=as_message(row[:-2])) for row in rows]
