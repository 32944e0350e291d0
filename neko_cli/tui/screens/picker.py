"""A small list to choose one thing from, by arrows and Enter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from neko_cli.tui.devices import Choice
from neko_cli.tui.fit import Part
from neko_cli.tui.widgets.parts import to_content


class PickerScreen(ModalScreen[str | None]):
    """Enter takes the marked row, Escape none; what is in use is marked at first."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q", "dismiss(None)", "Close")]

    def __init__(self, title: str, rows: Sequence[Choice]) -> None:
        super().__init__()
        self._title = title
        self._rows = rows

    def compose(self) -> ComposeResult:
        """A small box."""
        with Vertical(id="picker") as box:
            box.border_title = self._title
            box.border_subtitle = "Enter chooses, Esc closes"
            yield OptionList(*(Option(to_content(_row(row))) for row in self._rows))

    def on_mount(self) -> None:
        """The list has the focus."""
        rows = self.query_one(OptionList)
        rows.highlighted = next((at for at, row in enumerate(self._rows) if row.in_use), 0)
        rows.focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._rows[event.option_index].name)


def _row(row: Choice) -> list[Part]:
    mark = Part("● " if row.in_use else "  ", "key")
    return [mark, Part(row.label), Part(f"  {row.about}" if row.about else "", "dim")]
