"""The character's face; it is redrawn only when it changes, and has no clock of its own."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.widget import Widget

from neko_cli.tui.arguments import Row
from neko_cli.tui.faces import face_rows
from neko_cli.tui.view import View
from neko_cli.tui.widgets.parts import rows_to_content


class FaceView(Widget):
    """Shows the face of a view."""

    ALLOW_SELECT = False

    def __init__(self, view: Callable[[], View], *, id: str) -> None:
        super().__init__(id=id)
        self.display = False
        self.redraws = 0
        self._view = view
        self._rows: list[Row] = []

    def bring_up_to_date(self) -> None:
        """Redraw when it looks different."""
        if self.display and face_rows(self._view()) != self._rows:
            self.refresh()

    def render(self) -> Content:
        """The rows."""
        self.redraws += 1
        self._rows = face_rows(self._view())
        return rows_to_content(self._rows)
