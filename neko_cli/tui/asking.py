"""How a question about a tool looks: a strip above the input line, small or opened. Pure."""

from __future__ import annotations

import math

import msgspec
from rich.cells import cell_len

from neko_cli.core.companions.tools import Permission
from neko_cli.tui.actions import ACTS
from neko_cli.tui.arguments import Row, brief_rows, chopped, clip, full_rows, wrapped
from neko_cli.tui.fit import Part, packed, window
from neko_cli.tui.questions import Asked

INDENT = "  "
OPEN = "screen.open_question"


class Answer(msgspec.Struct, frozen=True):
    """One of the answers: its action on the chat screen, and its words by the room there is."""

    permission: Permission
    action: str
    word: str
    words: str

    @property
    def key(self) -> str:
        """The key that gives it."""
        return next(act.shown for act in ACTS if act.action == self.action).partition(",")[0]


ANSWERS = (
    Answer(Permission.ONCE, "allow_once", "once", "once"),
    Answer(Permission.SESSION, "allow_always", "this session", "for this session"),
    Answer(Permission.NO, "refuse", "no", "no"),
    Answer(Permission.NEVER, "refuse_always", "never", "never in this session"),
)

SAFEST = 2
"""The answer that is chosen to begin with."""

LOW = 10
"""Rows of a screen under which only the question itself and the answers have room."""

WIDE = 84
"""Cells from which the answers stand in whole words."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """How a question is shown: in how much room, and what the user does with it.

    ``choice`` is the marked answer and ``offset`` the first row of what is scrolled, both where it is
    ``opened``; ``height`` is that of the screen.
    """

    width: int
    height: int
    behind: int = 0
    opened: bool = False
    choice: int = SAFEST
    offset: int = 0


def seconds_left(asked: Asked, now: float) -> int:
    """Whole seconds, the one that runs included."""
    return max(0, math.ceil(asked.until - now))


def question_rows(asked: Asked, look: Look, now: float) -> list[Row]:
    """The rows of the strip from top to bottom."""
    middle = _opened(asked, look) if look.opened else _closed(asked, look)
    return [*_title(asked, look, now), *middle, *_answers(look)]


def last_offset(asked: Asked, look: Look) -> int:
    """How far what is opened can be scrolled."""
    return max(0, len(_body(asked, look.width)) - _room(look.height))


def _title(asked: Asked, look: Look, now: float) -> list[Row]:
    aside = f"{seconds_left(asked, now)} s" + (" left" if look.width >= 38 else "")
    if look.behind:
        aside = f"{look.behind} more · {aside}"
    room = look.width - cell_len(aside) - 4
    wishes = ((f"May {asked.who} use ", asked.name, "?"), ("Allow ", asked.name, "?"))
    before, name, after = next((w for w in wishes if cell_len("".join(w)) <= room), wishes[-1])
    name = clip(name, max(4, room - cell_len(before + after)))
    space = max(1, look.width - 2 - cell_len(before + name + after) - cell_len(aside))
    mark = Part("? ", "warn")
    return [[mark, Part(before), Part(name, "bold"), Part(after), Part(" " * space), Part(aside, "dim")]]


def _closed(asked: Asked, look: Look) -> list[Row]:
    """What it is about in one row, the arguments in a few, and whether there is more."""
    width = look.width - len(INDENT)
    if look.height < LOW:
        return []
    most = 4 if look.height >= 18 else 2 if look.height >= 14 else 1
    brief, whole = brief_rows(asked.arguments, width, most)
    rows = [_indented(row) for row in brief]
    if asked.about and look.height >= 14:
        rows.insert(0, _indented([Part(clip(asked.about, width), "dim")]))
    if not whole or (asked.about and (look.height < 14 or cell_len(asked.about) > width)):
        more = [Part("… there is more: ", "warn"), Part("Tab", "key", OPEN), Part(" shows all", "dim", OPEN)]
        rows.append(_indented(more))
    return rows


def _opened(asked: Asked, look: Look) -> list[Row]:
    """A window on everything."""
    if look.height < LOW:
        return []
    body, room = _body(asked, look.width), _room(look.height)
    seen, where = window(body, look.offset, room)
    rows = [_indented(row) for row in seen]
    if where:
        rows.append(_indented([Part(where, "warn"), Part("  Up, Down", "dim")]))
    return rows


def _room(height: int) -> int:
    """Rows of the window."""
    return max(1, min(height // 2 - 3, height - (9 if height < 14 else 11)))


def _body(asked: Asked, width: int) -> list[Row]:
    width -= len(INDENT)
    name = chopped(asked.name, width) if cell_len(asked.name) > width // 2 else []
    about = wrapped(asked.about, width)
    return [
        *([Part(piece, "bold")] for piece in name),
        *([Part(piece, "dim")] for piece in about),
        *full_rows(asked.arguments, width),
    ]


def _indented(row: Row) -> Row:
    return [Part(INDENT), *row]


def _answers(look: Look) -> list[Row]:
    """In one row where they fit, else in more; never fewer than all."""
    wide = look.width >= WIDE
    pieces = [
        _answer(answer, answer.words if wide else answer.word, marked=look.opened and look.choice == at)
        for at, answer in enumerate(ANSWERS)
    ]
    if look.opened:
        pieces.append([Part(" "), Part("Enter", "key"), Part(" answers", "dim")])
    elif look.height >= LOW:
        pieces.append([Part(" "), Part("Tab", "key", OPEN), Part(" to choose", "dim", OPEN)])
    return packed(pieces, look.width)


def _answer(answer: Answer, word: str, *, marked: bool) -> Row:
    action = f"screen.{answer.action}"
    left, right = ("[", "]") if marked else (" ", " ")
    return [
        Part(left, "warn"),
        Part(answer.key, "key", action),
        Part(f" {word}", "bold" if marked else "plain", action),
        Part(right, "warn"),
    ]
