"""Keys and commands, on one page."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from neko_cli.tui.actions import ACTS, READING_KEYS
from neko_cli.tui.fit import Part
from neko_cli.tui.widgets.parts import to_content

WIDE = 80
"""Columns from which keys, commands and meanings stand beside one another."""


class HelpScreen(ModalScreen[None]):
    """Any of the keys that people try closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,enter,f1", "dismiss", "Close"),
    ]

    def compose(self) -> ComposeResult:
        """One scrolling page."""
        with VerticalScroll(id="help") as page:
            page.border_title = "Help"
            page.border_subtitle = "Esc closes"
            yield Static(to_content(help_parts(wide=self.app.size.width >= WIDE)))


def help_parts(*, wide: bool) -> list[Part]:
    """The page as styled text: in columns, or with the keys above their meaning."""
    parts: list[Part] = []
    for act in ACTS:
        if act.shown or act.command:
            parts += _row(act.shown, act.command, act.title, wide=wide)
    parts.append(Part("\n"))
    for keys, meaning in READING_KEYS:
        parts += _row(keys, None, meaning, wide=wide)
    parts += [
        Part("\nSelect text with the mouse and copy it with Ctrl+C. ", "dim"),
        Part("A message that begins with a slash: type two.", "dim"),
    ]
    return parts


def _row(keys: str, command: str | None, meaning: str, *, wide: bool) -> list[Part]:
    if wide:
        column = "" if command is None else f"{command:<15}"
        return [Part(f"{keys:<24}", "key"), Part(column, "command"), Part(f"{meaning}\n")]
    first = "  ".join(filter(None, (keys, command)))
    return [Part(first, "key"), Part(f"\n  {meaning}\n", "dim")]
