"""From the presenter's parts to Textual's content."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content
from textual.style import Style

from neko_cli.tui.fit import Part
from neko_cli.tui.presenter import STYLES


def rows_to_content(rows: Iterable[Iterable[Part]]) -> Content:
    """Rows of parts, one below the other."""
    return Content("\n").join([to_content(row) for row in rows])


def to_content(parts: Iterable[Part]) -> Content:
    """Styled text; never interprets markup."""
    pieces = []
    for part in parts:
        piece = Content.styled(part.text, STYLES[part.style])
        if part.action:
            piece = piece.stylize(Style.from_meta({"@click": part.action}))
        pieces.append(piece)
    return Content("").join(pieces)
