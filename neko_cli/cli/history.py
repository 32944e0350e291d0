"""``neko history``: what was said, found again, taken elsewhere, or deleted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neko_cli.cli.exits import Exit, tell
from neko_cli.cli.groups import CONTEXT, examples, with_default
from neko_cli.cli.history_text import (
    Conversation,
    Format,
    conversation_fields,
    export,
    hit_fields,
    hit_lines,
    plain,
    session_fields,
    session_lines,
)
from neko_cli.cli.interrupts import interruptible
from neko_cli.cli.options import AsJson
from neko_cli.core.errors import ConfigError
from neko_cli.core.ports import SessionRecord

if TYPE_CHECKING:
    from neko_cli.services.store_reading import History
    from neko_cli.services.store_records import Deleted, KeptSession

app = typer.Typer(
    cls=with_default("list"),
    rich_markup_mode=None,
    add_completion=False,
    context_settings=CONTEXT,
    help="What was said: find it again, take it elsewhere, delete it. It is kept on this machine alone.",
    epilog=examples(
        "neko history list",
        "neko history show last",
        "neko history search tokyo ramen",
        "neko history export last > talk.md",
        "neko history delete 20261121-101500",
    ),
)

NOTHING_FOUND = 1
"""As ``grep`` ends when nothing matches."""

LISTED = 20
FOUND = 50

Limit = Annotated[
    int, typer.Option("--limit", "-n", metavar="N", min=0, help="At most so many; 0 shows all.")
]


def complete_session(incomplete: str) -> list[str]:
    """Ids of conversations for the shell's completion."""
    ids = [kept.record.id for kept in _history().sessions(LISTED)]
    return [name for name in (*ids, "last") if name.startswith(incomplete)]


_ID_HELP = "An id from the list, its beginning, or `last`."
OneId = Annotated[str, typer.Argument(metavar="ID", help=_ID_HELP, autocompletion=complete_session)]
Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID", help=_ID_HELP, autocompletion=complete_session, show_default=False),
]


@app.command("list", epilog=examples("neko history list --limit 5", "neko history list --json"))
def list_sessions(limit: Limit = LISTED, json: AsJson = False) -> None:
    """The conversations there are, newest first: id, time, character, messages, first words."""
    sessions = _history().sessions(limit or None)
    if json:
        _json([session_fields(kept) for kept in sessions])
        return
    if not sessions:
        tell("There is no conversation yet.")
    for line in session_lines(sessions, _width()):
        _out(line + "\n")


@app.command(epilog=examples("neko history show last", "neko history show 20261121 --json"))
def show(session: OneId = "last", json: AsJson = False) -> None:
    """A whole conversation; with --json also its notices, summaries and token counts."""
    history = _history()
    conversation = _whole(history, history.session(session))
    if json:
        _json(conversation_fields(conversation))
    else:
        _out(plain(conversation))


@app.command(epilog=examples("neko history search ramen", 'neko history search "a whole phrase" tokyo'))
def search(
    words: Annotated[
        list[str], typer.Argument(metavar="WORDS", help="All of them are in the message, in any case.")
    ],
    limit: Limit = FOUND,
    json: AsJson = False,
) -> int:
    """Messages that hold all the words, newest first; exit code 1 when there is none."""
    hits = _history().search(words, limit or None)
    if json:
        _json([hit_fields(hit) for hit in hits])
    else:
        for line in hit_lines(hits, words, _width()):
            _out(line + "\n")
    return Exit.OK if hits else NOTHING_FOUND


@app.command(
    "export",
    epilog=examples(
        "neko history export last --out talk.md",
        "neko history export 20261121 --format text",
        "neko history export --all --format jsonl > everything.jsonl",
    ),
)
def export_sessions(
    sessions: Ids = None,
    every: Annotated[bool, typer.Option("--all", help="All conversations, oldest first.")] = False,
    form: Annotated[
        Format, typer.Option("--format", "-f", help="jsonl has everything, the others what was said.")
    ] = Format.MARKDOWN,
    out: Annotated[
        str,
        typer.Option(
            "--out", metavar="FILE", help="Write a file that you alone can read.", show_default=False
        ),
    ] = "",
) -> None:
    """Write conversations as Markdown, JSON lines or plain text."""
    history = _history()
    if every == bool(sessions):
        raise ConfigError("Say which conversations: their ids, or --all.")
    if every:
        records = [kept.record for kept in reversed(history.sessions())]
    else:
        records = _each_once(history, sessions or [])
    gap = "" if form is Format.JSONL else "\n"
    texts = (
        (gap if place else "") + export(_whole(history, record), form) for place, record in enumerate(records)
    )
    if not out:
        for text in texts:
            _out(text)
        return
    from neko_cli.services.folders import write_private

    path = Path(out).expanduser()
    write_private(path, "".join(texts).encode("utf-8", "replace"))
    tell(f"{_conversations(len(records))} in {path}.")


@app.command(
    epilog=examples("neko history delete last", "neko history delete --all --yes"),
)
def delete(
    sessions: Ids = None,
    every: Annotated[bool, typer.Option("--all", help="Every conversation.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Delete conversations for good: words, notices, summaries, and their traces in the file."""
    history = _history()
    if every == bool(sessions):
        raise ConfigError("Say which conversations: their ids, or --all.")
    if every:
        found = history.sessions()
    else:
        found = [_kept(history, record) for record in _each_once(history, sessions or [])]
    if found and not yes and not _agreed(found):
        tell("Nothing was deleted.")
        return Exit.UNEXPECTED
    done = history.delete_all() if every else history.delete([kept.record.id for kept in found])
    tell(f"{_conversations(len(found))} deleted." if found else "There is no conversation to delete.")
    _tell_what_is_left(history, done, every=every)
    return Exit.OK


def _agreed(found: Sequence[KeptSession]) -> bool:
    """Ask on the terminal; raises ConfigError where there is none."""
    from neko_cli.cli.stdin import is_terminal

    if not is_terminal():
        raise ConfigError("Deleting asks first, and nobody can answer here.", hint="--yes deletes at once.")
    messages = sum(kept.messages for kept in found)
    question = f"Delete {_conversations(len(found))} with {messages} messages for good?"
    with interruptible():
        return typer.confirm(question, err=True)


def _tell_what_is_left(history: History, done: Deleted, *, every: bool) -> None:
    from neko_cli.services.store_file import broken_files

    if done.traces:
        tell("Another neko has the history open; traces stay in its log file until that one ends.")
    broken = broken_files(history.path) if every else []
    if broken:
        names = ", ".join(file.name for file in broken)
        tell(f"Damaged histories that were set aside are still in {history.path.parent}: {names}.")


def _each_once(history: History, names: Sequence[str]) -> list[SessionRecord]:
    """The sessions by their names, each once, in order; raises ConfigError for an unknown one."""
    found = {record.id: record for record in map(history.session, names)}
    return list(found.values())


def _whole(history: History, record: SessionRecord) -> Conversation:
    kept = _kept(history, record)
    return Conversation(kept, history.messages(record.id), history.beside(record.id))


def _kept(history: History, record: SessionRecord) -> KeptSession:
    kept = history.kept(record.id)
    if kept is None:
        raise ConfigError(f"The conversation {record.id} was deleted meanwhile.")
    return kept


def _conversations(count: int) -> str:
    return f"{count} conversation{'s' * (count != 1)}"


def _history() -> History:
    from neko_cli.services.folders import Folders
    from neko_cli.services.store_file import FILE
    from neko_cli.services.store_reading import History

    return History(Folders.find().data / FILE)


def _width() -> int | None:
    """Cells of the terminal; None where the output goes elsewhere."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns


def _json(value: object) -> None:
    from neko_cli.core.text import to_json

    _out(to_json(value) + "\n")


def _out(text: str) -> None:
    """Write to standard output; what its encoding cannot show becomes ``?``."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
