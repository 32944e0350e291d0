"""The arguments of a tool call, made readable: nothing raw, nothing hidden, and bounded. Pure.

Somebody decides by them, so a text in which something cannot be seen is shown quoted with escapes, and
what is left out is counted. Lines of a value stand behind a bar: none can pass for another argument.
"""

from __future__ import annotations

import re

from rich.cells import cell_len, chop_cells, set_cell_size

from neko_cli.core.companions.tools import read_arguments
from neko_cli.core.text import one_line, sanitise, to_json
from neko_cli.tui.fit import Part

MOST = 50
"""Arguments that are shown."""

LONGEST = 4_000
"""Characters of one value that are shown."""

_PLAIN_NAME = re.compile(r"[\w.-]{1,40}")

Row = list[Part]


def short(arguments: str, limit: int) -> str:
    """All of them in one line of at most ``limit`` characters; empty when there are none."""
    return one_line(", ".join(_brief(name, value) for name, value in _pairs(arguments)), limit)


def brief_rows(arguments: str, width: int, most: int) -> tuple[list[Row], bool]:
    """One row an argument, at most ``most``; and whether that is all there is to know."""
    pairs = _pairs(arguments)
    rows: list[Row] = []
    whole = len(pairs) <= most
    for name, value in pairs[:most]:
        text = _brief(name, value)
        label = f"{name}: " if name else ""
        rows.append(
            [Part(clip(label, width), "bold"), Part(clip(text[len(label) :], width - cell_len(label)))]
        )
        whole = whole and cell_len(text) <= width and "\n" not in value
    return rows, whole


def full_rows(arguments: str, width: int) -> list[Row]:
    """Everything, wrapped to the width, up to the bounds; what is beyond them is told by its size."""
    pairs = _pairs(arguments)
    rows: list[Row] = []
    for name, value in pairs[:MOST]:
        shown, more = value[:LONGEST], len(value) - LONGEST
        if name and "\n" not in shown and cell_len(f"{name}: {shown}") <= width:
            rows.append([Part(f"{name}: ", "bold"), Part(shown)])
        else:
            if name:
                rows.append([Part(clip(f"{name}:", width), "bold")])
            for line in shown.split("\n"):
                rows += [[Part("│ ", "faint"), Part(piece)] for piece in chopped(line, width - 2)]
        if more > 0:
            rows.append([Part(f"… and {more:,} characters more", "warn")])
    if len(pairs) > MOST:
        rows.append([Part(f"… and {len(pairs) - MOST} arguments more", "warn")])
    return rows


def visible(text: str) -> str:
    """The text itself where all of it can be seen, else quoted, with what is hidden as escapes."""
    if text.strip() and sanitise(text) == text:
        return text.replace("\t", "    ")
    return sanitise(to_json(text))


def clip(text: str, width: int) -> str:
    """The text in at most ``width`` cells."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""


def chopped(text: str, width: int) -> list[str]:
    """The text in pieces of at most ``width`` cells, after spaces where it can be; nothing is lost."""
    pieces: list[str] = []
    while cell_len(text) > width > 1:
        piece = chop_cells(text[: width * 4], width)[0]
        piece = piece[: piece.rfind(" ", len(piece) // 2) + 1] or piece
        pieces.append(piece)
        text = text[len(piece) :]
    return [*pieces, text] if text or not pieces else pieces


def wrapped(text: str, width: int) -> list[str]:
    """The words in rows of at most ``width`` cells; a word that is longer is chopped."""
    rows: list[str] = []
    for word in text.split():
        if rows and cell_len(rows[-1]) + 1 + cell_len(word) <= width:
            rows[-1] += f" {word}"
        else:
            rows += chopped(word, width)
    return rows


def _pairs(arguments: str) -> list[tuple[str, str]]:
    """Names and values, both safe to show; what is no JSON object stands without a name."""
    found = read_arguments(arguments)
    if found is None:
        return [("", visible(arguments))]
    return [(_name(name), _value(value)) for name, value in found.items()]


def _name(name: str) -> str:
    plain = _PLAIN_NAME.fullmatch(name) is not None and sanitise(name) == name
    return name if plain else one_line(to_json(name), 40)


def _value(value: object) -> str:
    if isinstance(value, str):
        return visible(value)
    try:
        return sanitise(to_json(value))
    except RecursionError:
        return "(nested too deeply to be shown)"


def _brief(name: str, value: str) -> str:
    text = value[:LONGEST].replace("\n", " ↵ ")
    return f"{name}: {text}" if name else text
