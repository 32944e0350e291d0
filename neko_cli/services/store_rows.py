"""What of a conversation is kept, and as which rows."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from neko_cli.core.events import Event, Notice, TurnEnded, Usage, UserText
from neko_cli.core.ports import SessionRecord
from neko_cli.core.text import join_surrogates
from neko_cli.services.store_schema import INDEX, fold

if TYPE_CHECKING:
    from sqlite3 import Connection

Work = Callable[["Connection", bool], Any]
"""Writes rows inside a transaction; the second argument says whether there is an index to keep."""

_WORDS = re.compile(r"\w+")
_SURROGATE = re.compile("[\ud800-\udfff]")


def whole(text: str) -> str:
    """The text as UTF-8 can hold it: surrogate pairs joined, a lone half as U+FFFD."""
    return _SURROGATE.sub("\ufffd", join_surrogates(text))


def same_words(one: str, other: str) -> bool:
    """Whether two texts say the same, whatever their case and punctuation."""
    first, second = _WORDS.findall(fold(one)), _WORDS.findall(fold(other))
    return first == second if first or second else fold(one) == fold(other)


def session_row(record: SessionRecord) -> Work:
    """A session begins, or goes on with another model or character."""

    def write(db: Connection, indexed: bool) -> None:
        db.execute(
            "INSERT INTO sessions (id, character, profile, provider, model, mode, started_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET character = excluded.character,"
            " profile = excluded.profile, provider = excluded.provider, model = excluded.model,"
            " mode = excluded.mode",
            _session_values(record),
        )

    return write


def event_rows(record: SessionRecord, event: Event, wall: float) -> Work | None:
    """The rows of an event; None where it is not kept."""
    match event:
        case UserText(final=True) if event.text.strip():
            return _for_session(record, lambda db, indexed: _say(db, indexed, record.id, event, wall))
        case TurnEnded():
            return _for_session(record, lambda db, indexed: _end(db, indexed, record.id, event, wall))
        case Notice():
            return _row(
                record, "notices",
                kind=str(event.kind), severity=str(event.severity), text=whole(event.text), at=wall,
            )  # fmt: skip
        case Usage():
            return _row(
                record, "usage",
                turn=event.turn, input_tokens=event.input_tokens, output_tokens=event.output_tokens,
                input_audio_tokens=event.input_audio_tokens, output_audio_tokens=event.output_audio_tokens,
                cached_tokens=event.cached_tokens, at=wall,
            )  # fmt: skip
        case _:
            return None


def summary_row(record: SessionRecord, mode: str, text: str, upto_turn: int, wall: float) -> Work:
    """A summary of the session's turns up to a number."""
    return _row(record, "summaries", mode=mode, upto_turn=upto_turn, text=whole(text), at=wall)


def used_rows(record: SessionRecord, seconds: float, wall: float) -> Work:
    """So many more seconds of connection, for the session and for its profile's day."""

    def write(db: Connection, indexed: bool) -> None:
        db.execute("UPDATE sessions SET seconds = seconds + ? WHERE id = ?", (seconds, record.id))
        db.execute(
            "INSERT INTO days VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET seconds = seconds + excluded.seconds",
            (record.profile, local_day(wall), seconds),
        )

    return _for_session(record, write)


def used_on(db: Connection, profile: str, day: str) -> float:
    """Seconds of connection of a profile on a day."""
    found = db.execute("SELECT seconds FROM days WHERE profile = ? AND day = ?", (profile, day)).fetchone()
    return float(found[0]) if found else 0.0


def local_day(wall: float) -> str:
    """The local day of a Unix time, as ``2026-11-21``."""
    return time.strftime("%Y-%m-%d", time.localtime(wall))


def _session_values(record: SessionRecord) -> tuple[str | float, ...]:
    names = (record.id, record.character, record.profile, record.provider, record.model, record.mode)
    return (*(whole(name) for name in names), record.started_at, record.started_at)


def _for_session(record: SessionRecord, write: Work) -> Work:
    """The work, with the session's row made again where it was deleted while the session went on."""

    def with_session(db: Connection, indexed: bool) -> None:
        db.execute(
            "INSERT OR IGNORE INTO sessions"
            " (id, character, profile, provider, model, mode, started_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            _session_values(record),
        )
        write(db, indexed)

    return with_session


def _row(record: SessionRecord, table: str, **values: str | int | float) -> Work:
    names = ", ".join(("session", *values))
    marks = ", ".join("?" * (len(values) + 1))

    def write(db: Connection, indexed: bool) -> None:
        db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", (record.id, *values.values()))

    return _for_session(record, write)


def _say(db: Connection, indexed: bool, session: str, event: UserText, wall: float) -> None:
    _message(db, indexed, session, "user", event.turn, event.text, wall, spoken=event.spoken)


def _end(db: Connection, indexed: bool, session: str, event: TurnEnded, wall: float) -> None:
    db.execute(
        "INSERT INTO turns (session, number, outcome, heard_ms, first_audio_ms, at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (session, event.turn, str(event.outcome), event.heard_ms, event.first_audio_ms, wall),
    )
    if event.text.strip():
        _message(db, indexed, session, "assistant", event.turn, event.text, wall, outcome=str(event.outcome))


def _message(
    db: Connection, indexed: bool, session: str, role: str, turn: int, text: str, wall: float,
    *, spoken: bool = False, outcome: str = "",
) -> None:  # fmt: skip
    """Keep a message, or write a corrected transcript over the earlier one.

    A later text of the same turn is a correction when it has the same words. Otherwise both are
    kept: a turn can hold several utterances, and none may be lost.
    """
    text = whole(text)
    folded = fold(text)
    db.execute("UPDATE sessions SET updated_at = max(updated_at, ?) WHERE id = ?", (wall, session))
    earlier = db.execute(
        "SELECT id, text, folded FROM messages WHERE session = ? AND turn = ? AND role = ? AND spoken = ?",
        (session, turn, role, spoken),
    )
    for number, old, old_folded in earlier.fetchall():
        if same_words(old, text):
            if indexed:
                db.execute(
                    f"INSERT INTO {INDEX} ({INDEX}, rowid, folded) VALUES ('delete', ?, ?)",
                    (number, old_folded),
                )
            db.execute(
                "UPDATE messages SET text = ?, folded = ?, outcome = ? WHERE id = ?",
                (text, folded, outcome, number),
            )
            break
    else:
        number = db.execute(
            "INSERT INTO messages (session, turn, role, spoken, outcome, text, folded, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (session, turn, role, spoken, outcome, text, folded, wall),
        ).lastrowid
    if indexed:
        db.execute(f"INSERT INTO {INDEX} (rowid, folded) VALUES (?, ?)", (number, folded))
