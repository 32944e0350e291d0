"""The character's face; it is redrawn only when it changes, and has no clock of its own.

While the character speaks it has few looks, which take turns eight times a second: each is drawn once.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.geometry import Region
from textual.widget import Widget

from neko_cli.tui.arguments import Row
from neko_cli.tui.faces import face_rows
from neko_cli.tui.view import View
from neko_cli.tui.widgets.drawn import Drawn
from neko_cli.tui.widgets.parts import rows_to_content

LOOKS = 32
"""Looks that are kept."""


class FaceView(Widget):
    """Shows the face of a view."""

    ALLOW_SELECT = False

    def __init__(self, view: Callable[[], View], *, id: str) -> None:
        super().__init__(id=id)
        self.display = False
        self.auto_links = False
        self.redraws = 0
        self._view = view
        self._rows: list[Row] = []
        self._looks: dict[object, Drawn] = {}

    def bring_up_to_date(self) -> None:
        """Redraw when it looks different."""
        if not self.display:
            return
        rows, shown = face_rows(self._view()), self._rows
        if rows == shown:
            return
        width = self.size.width
        # Most often it is the mouth alone.
        self.refresh(*(Region(0, y, width, 1) for y, row in enumerate(rows) if row not in shown[y : y + 1]))

    def render(self) -> Drawn:
        """The rows."""
        self.redraws += 1
        self._rows = face_rows(self._view())
        key = self.app.theme, *map(tuple, self._rows)
        look = self._looks.get(key)
        if look is None:
            if len(self._looks) >= LOOKS:
                self._looks.clear()
            look = self._looks[key] = Drawn(rows_to_content(self._rows))
        return look
