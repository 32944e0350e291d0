"""How conversations look: lists for a terminal, and the forms of an export. Times are local.

What models and people said is raw in the history. Everything made here is sanitised; JSON keeps it,
with dangerous characters as escapes.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from neko_cli.core.text import one_line, sanitise, to_json

if TYPE_CHECKING:
    from neko_cli.services.store_records import Hit, KeptMessage, KeptSession

TITLE = 80
"""Characters of a title where no terminal's width says otherwise."""

LEAST_TITLE = 8
AROUND = 30
"""Characters of a message before the word that was found."""


class Format(StrEnum):
    """What an export looks like."""

    MARKDOWN = "markdown"
    JSONL = "jsonl"
    TEXT = "text"


class Conversation(msgspec.Struct, frozen=True):
    """A session with all that is kept of it; ``beside`` holds turns, notices, usage and summaries."""

    session: KeptSession
    messages: Sequence[KeptMessage]
    beside: Mapping[str, Sequence[Mapping[str, Any]]]


def when(at: float) -> str:
    """A Unix time as local date and time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def session_lines(sessions: Sequence[KeptSession], width: int | None) -> Iterator[str]:
    """A line for each session: id, last words' time, character, messages, title.

    Args:
        sessions: what to list.
        width: cells of the terminal; None for no limit but ``TITLE``.
    """
    from rich.cells import cell_len, set_cell_size

    ids = [one_line(kept.record.id, 40) for kept in sessions]
    names = [one_line(kept.record.character, 16) for kept in sessions]
    counts = [str(kept.messages) for kept in sessions]
    wide_id = max(map(cell_len, ids), default=0)
    wide_name = max(map(cell_len, names), default=0)
    wide_count = max(map(len, counts), default=0)
    for kept, name, count, key in zip(sessions, names, counts, ids, strict=True):
        line = "  ".join(
            (
                set_cell_size(key, wide_id),
                when(kept.updated_at),
                set_cell_size(name, wide_name),
                f"{count:>{wide_count}}",
            )
        )
        title = one_line(kept.title, TITLE)
        if width is not None:
            room = width - cell_len(line) - 2
            title = fit(title, room) if room >= LEAST_TITLE else ""
        yield f"{line}  {title}".rstrip()


def hit_lines(hits: Iterable[Hit], words: Sequence[str], width: int | None) -> Iterator[str]:
    """A line for each message that was found: id, time, who, and the words around the first one."""
    from rich.cells import cell_len

    for hit in hits:
        who = "You" if hit.message.role == "user" else one_line(hit.character, 16)
        start = f"{one_line(hit.session, 40)}  {when(hit.message.at)}  {who}: "
        text = around(hit.message.text, words)
        if width is not None:
            text = fit(text, max(LEAST_TITLE, width - cell_len(start)))
        yield start + text


def around(text: str, words: Sequence[str]) -> str:
    """A message as one line that begins shortly before the first of the words."""
    line = " ".join(sanitise(text).split())
    small = line.casefold()
    # Where case folding changes lengths the place is off by a little, which harms nobody.
    places = [place for word in words if (place := small.find(word.casefold())) >= 0]
    start = max(0, min(places, default=0) - AROUND)
    return ("…" if start else "") + line[start : start + 2 * TITLE]


def fit(text: str, cells: int) -> str:
    """A line cut to so many cells of a terminal, with an ellipsis; wide characters count as two."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, max(0, cells - 1)).rstrip() + "…"


def session_fields(kept: KeptSession) -> dict[str, Any]:
    """A session for JSON."""
    fields: dict[str, Any] = msgspec.to_builtins(kept.record)
    fields.update(
        updated_at=kept.updated_at,
        messages=kept.messages,
        connected_s=round(kept.seconds, 1),
        title=kept.title,
    )
    return fields


def conversation_fields(conversation: Conversation) -> dict[str, Any]:
    """A whole conversation for JSON: its session's fields, and a list of each kind."""
    fields = session_fields(conversation.session)
    del fields["messages"], fields["title"]
    fields["messages"] = [msgspec.to_builtins(message) for message in conversation.messages]
    return {**fields, **conversation.beside}


def hit_fields(hit: Hit) -> dict[str, Any]:
    """A message that was found, for JSON."""
    return {"session": hit.session, "character": hit.character, **msgspec.to_builtins(hit.message)}


def export(conversation: Conversation, form: Format) -> str:
    """A conversation as a text that ends with a line end."""
    match form:
        case Format.MARKDOWN:
            return _markdown(conversation)
        case Format.JSONL:
            return "".join(f"{line}\n" for line in _json_lines(conversation))
        case Format.TEXT:
            return plain(conversation)


def plain(conversation: Conversation) -> str:
    """A conversation as people read it."""
    title, about = _heading(conversation.session)
    lines = [title, about, ""]
    for message in conversation.messages:
        first, *rest = sanitise(message.text).strip().split("\n")
        lines.append(f"{_clock(message)}  {_who(conversation, message)}: {first}{_ending(message)}")
        lines += [f"       {line}".rstrip() for line in rest]
    return "\n".join(lines) + "\n"


def _markdown(conversation: Conversation) -> str:
    title, about = _heading(conversation.session)
    parts = [f"# {_escaped(title)}", _escaped(about)]
    for message in conversation.messages:
        # Quoted, so that what somebody said cannot look like a part of the document.
        quoted = "\n".join(f"> {line}".rstrip() for line in sanitise(message.text).strip().split("\n"))
        who = _escaped(_who(conversation, message))
        parts.append(f"**{who}** · {_clock(message)}{_ending(message)}\n\n{quoted}")
    return "\n\n".join(parts) + "\n"


def _json_lines(conversation: Conversation) -> Iterator[str]:
    session = session_fields(conversation.session)
    yield to_json({"type": "session", **session})
    for message in conversation.messages:
        yield to_json({"type": "message", "session": session["id"], **msgspec.to_builtins(message)})
    for name, rows in conversation.beside.items():
        kind = {"turns": "turn", "notices": "notice", "summaries": "summary"}.get(name, name)
        for row in rows:
            # A notice has a kind of its own, and so have all rows their type.
            yield to_json({"type": kind, "session": session["id"], **row})


def _heading(kept: KeptSession) -> tuple[str, str]:
    record = kept.record
    engine = " ".join(filter(None, (one_line(record.provider, 40), one_line(record.model, 60))))
    facts = (
        one_line(record.id, 40),
        f"{when(record.started_at)} to {when(kept.updated_at)}",
        f"profile {one_line(record.profile, 40)}",
        engine,
        one_line(record.mode, 20),
    )
    return f"{one_line(record.character, 40)}, {when(record.started_at)}", " · ".join(filter(None, facts))


def _who(conversation: Conversation, message: KeptMessage) -> str:
    return "You" if message.role == "user" else one_line(conversation.session.record.character, 40)


def _clock(message: KeptMessage) -> str:
    return time.strftime("%H:%M", time.localtime(message.at))


def _ending(message: KeptMessage) -> str:
    return f" ({message.outcome})" if message.outcome not in ("", "complete") else ""


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in "\\`*_[]<>#" else char for char in text)
