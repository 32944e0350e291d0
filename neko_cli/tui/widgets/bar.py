"""A line of parts that is redrawn only when what it says changes."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.widget import Widget

from neko_cli.tui.fit import Part
from neko_cli.tui.widgets.parts import to_content


class Bar(Widget):
    """One row; ``make`` says what is in it for a width in cells."""

    ALLOW_SELECT = False

    def __init__(self, make: Callable[[int], list[Part]], *, id: str) -> None:
        super().__init__(id=id)
        # Parts that can be clicked are not web links.
        self.auto_links = False
        self.redraws = 0
        self._make = make
        self._parts: list[Part] = []
        self._width = 0  # as it was drawn: to ask for it costs more than to make the parts

    def bring_up_to_date(self) -> None:
        """Redraw when what there is to show is not what is shown."""
        if self._make(self._width) != self._parts:
            self.refresh()

    def render(self) -> Content:
        """The parts as one line."""
        self.redraws += 1
        self._width = self.content_size.width
        self._parts = self._make(self._width)
        return to_content(self._parts)
