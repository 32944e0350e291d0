"""How the agent pane looks: a list of items, or one of them opened. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from rich.cells import cell_len

from neko_cli.tui.agent_board import Board, Item, Stage
from neko_cli.tui.arguments import Row, chopped, clip, wrapped
from neko_cli.tui.fit import Part, packed, window
from neko_cli.tui.presenter import elapsed

LOW = 6
"""Rows under which only the items themselves have room."""

NOTHING = "No agent has said anything yet. From a shell, for instance:"
TRY = "neko notify --run make test"

_STATUS_SYMBOLS = {
    "completed": Part("✓ ", "good"),
    "partial": Part("! ", "warn"),
    "failed": Part("✕ ", "bad"),
    "question": Part("? ", "warn"),
}
_RUNS = Part("◐ ", "busy")
_OTHER = Part("· ", "dim")

_STAGE_WORDS = {
    Stage.RUNNING: ("running", "busy"),
    Stage.WAITING: ("waits", "warn"),
    Stage.TELLING: ("being told", "character"),
    Stage.TOLD: ("told", "dim"),
}


class Choice(msgspec.Struct, frozen=True):
    """Something that can be done about an opened item: what the pane calls it, and its word."""

    name: str
    word: str


TELL = Choice("tell", "tell now")
DISMISS = Choice("dismiss", "dismiss")
BACK = Choice("back", "back")


class PaneLook(msgspec.Struct, frozen=True, kw_only=True):
    """How the pane is shown: in how much room, and what the user does with it.

    ``number`` is that of the item that is marked, or ``opened``; ``choice`` is which of :func:`choices` is
    marked, and ``offset`` the first row that is seen, both of the opened one. ``allowed`` says by flag what
    agents may do.
    """

    width: int
    height: int
    focused: bool = False
    number: int = 0
    opened: bool = False
    choice: int = 0
    offset: int = 0
    allowed: Mapping[str, bool] = {}


def choices(item: Item) -> Sequence[Choice]:
    """What can be done about an item, the most wanted first."""
    return (TELL, DISMISS, BACK) if item.can_be_told else (BACK, DISMISS)


def pane_rows(board: Board, look: PaneLook, now: float) -> list[Row]:
    """All rows from top to bottom, as many as there is room for."""
    item = board.numbered(look.number) if look.opened else None
    rows = _opened(item, look, now) if item is not None else _list(board, look, now)
    return rows[: look.height]


def last_offset(item: Item, look: PaneLook) -> int:
    """How far an opened item can be scrolled."""
    return max(0, len(_body(item, look.width)) - _room(item, look))


# -- the list -----------------------------------------------------------------------------------


def _list(board: Board, look: PaneLook, now: float) -> list[Row]:
    high = look.height >= LOW
    head = [_title(look)] if high else []
    foot = _foot(board, look) if high else []
    room = max(1, look.height - len(head) - len(foot))
    seen = _seen(board, look, now, room) if board.items else _nothing(look)
    # The rows of the keys stay where they are when items come.
    return [*head, *seen, *([] for _ in range(room - len(seen))), *foot]


def _nothing(look: PaneLook) -> list[Row]:
    words: list[Row] = [[Part(row, "dim")] for row in wrapped(NOTHING, look.width)]
    return [*words, [Part(clip(TRY, look.width), "command")]]


def _seen(board: Board, look: PaneLook, now: float, room: int) -> list[Row]:
    """As many of the items as there is room for, the marked one among them."""
    rows = [_item_row(item, look, now) for item in board.items]
    if board.dropped:
        rows.append([Part(clip(f"{board.dropped} older ones are not listed.", look.width), "dim")])
    at = next((n for n, item in enumerate(board.items) if item.number == look.number), 0)
    more = len(rows) > room > 1
    seen, where = window(rows, at - (room - more) // 2, room - more)
    if more:
        seen.append([Part(clip(where, look.width), "warn")])
    return seen


def _title(look: PaneLook) -> Row:
    """The counts stand in the status line already."""
    title, aside = Part("Agents", "bold"), "Ctrl+G closes" if look.focused else "Ctrl+G"
    space = look.width - cell_len(title.text) - cell_len(aside)
    return [title, Part(" " * space), Part(aside, "dim", "screen.agents")] if space > 1 else [title]


def _item_row(item: Item, look: PaneLook, now: float) -> Row:
    marked = item.number == look.number
    word, style = _word(item, now)
    mark = Part("▸" if marked and look.focused else " ", "key")
    number = Part(f"{item.number:>3} ", "faint")
    symbol = _symbol(item)
    room = look.width - sum(cell_len(part.text) for part in (mark, number, symbol)) - cell_len(word) - 1
    if room < 8:  # the word is in the symbol, and whole in the opened item
        room, word = look.width - 7, ""
    title = clip(item.title, room)
    action = f"screen.open_agent({item.number})"
    row = [
        mark,
        number,
        symbol,
        Part(title, "bold" if marked and look.focused else "plain", action),
    ]
    if word:
        row += [Part(" " * (room - cell_len(title) + 1)), Part(word, style)]
    return row


def _symbol(item: Item) -> Part:
    return _RUNS if item.stage is Stage.RUNNING else _STATUS_SYMBOLS.get(item.status, _OTHER)


def _word(item: Item, now: float) -> tuple[str, str]:
    """How far it is, with the time that it takes while it runs."""
    took = item.elapsed(now)
    if item.stage is Stage.RUNNING and took is not None:
        return elapsed(took), "busy"
    return _STAGE_WORDS.get(item.stage, (item.status, "dim"))


def _foot(board: Board, look: PaneLook) -> list[Row]:
    rows = [_allowed(look)] if look.allowed and look.height >= LOW + 3 else []
    if board.items and look.focused:
        keys = (("Enter", "open"), ("Del", "dismiss"), ("Tab", "input line"))
        pieces = [[Part(key, "key"), Part(f" {what}  ", "dim")] for key, what in keys]
        rows.append(packed(pieces, look.width)[0])
    return rows


def _allowed(look: PaneLook) -> Row:
    """Whether agents may act, and what they may use."""
    if not look.allowed.get("agent_enabled"):
        text, hint = "They may not act. ", "/agents on"
    else:
        used = ", ".join(
            name.removesuffix("_enabled").replace("_", " ")
            for name, on in look.allowed.items()
            if on and name != "agent_enabled"
        )
        text, hint = f"They may act{f', with {used}' if used else ''}. ", "/agents off"
    text = clip(text, look.width)
    hint = hint if cell_len(text) + cell_len(hint) <= look.width else ""
    return [Part(text, "dim"), Part(hint, "command", "screen.agents_allowed" if hint else "")]


# -- one item -----------------------------------------------------------------------------------


def _opened(item: Item, look: PaneLook, now: float) -> list[Row]:
    body = _body(item, look.width)
    seen, where = window(body, look.offset, _room(item, look))
    foot = _choices(item, look)
    rows = [_facts(item, look, now)] if look.height >= LOW else []
    rows += seen
    rows += [[] for _ in range(look.height - len(rows) - len(foot) - bool(where))]
    if where:
        rows.append([Part(clip(where, look.width), "warn")])
    return [*rows, *foot]


def _facts(item: Item, look: PaneLook, now: float) -> Row:
    took = item.elapsed(now)
    stage, style = _STAGE_WORDS.get(item.stage, ("ended", "dim"))
    facts = [item.status if item.status != "running" else "", item.source]
    facts.append(elapsed(took) if took is not None else "")
    left: Row = [Part(f"{item.number} ", "faint"), _symbol(item), Part(stage, style)]
    room = look.width - sum(cell_len(part.text) for part in left)
    return [*left, Part(clip("".join(f" · {fact}" for fact in facts if fact), room), "dim")]


def _body(item: Item, width: int) -> list[Row]:
    rows: list[Row] = [[Part(row, "bold")] for row in wrapped(item.title, width)]
    if item.text:
        lines = item.text.replace("\t", "    ").split("\n")
        rows.append([])
        rows += [[Part(piece)] for line in lines for piece in chopped(line, width)]
    return rows


def _room(item: Item, look: PaneLook) -> int:
    """Rows for the text of an opened item."""
    head = 1 if look.height >= LOW else 0
    room = look.height - head - len(_choices(item, look))
    return max(1, room - 1) if len(_body(item, look.width)) > room else max(1, room)


def _choices(item: Item, look: PaneLook) -> list[Row]:
    pieces: list[Row] = []
    for at, choice in enumerate(choices(item)):
        marked = look.focused and at == look.choice
        left, right = ("[", "]") if marked else (" ", " ")
        action = f"screen.agent_choice('{choice.name}')"
        word = Part(choice.word, "bold" if marked else "plain", action)
        pieces.append([Part(left, "warn"), word, Part(right, "warn")])
    if look.focused:
        pieces.append([Part(" "), Part("Enter", "key"), Part(" does it", "dim")])
    return packed(pieces, look.width)
