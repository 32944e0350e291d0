"""What was shown of the screen, in the transcript: every picture, those in a row in one line. Pure."""

from __future__ import annotations

from neko_cli.core.companions.eyes import shown_text
from neko_cli.core.events import ScreenShown
from neko_cli.tui.lines import Change
from neko_cli.tui.sheet import Sheet
from neko_cli.tui.telling import Told


class ShownLines:
    """A picture that follows another one is counted in its line, or there would be nothing but pictures."""

    def __init__(self, sheet: Sheet) -> None:
        """Put the lines on this sheet."""
        self._sheet = sheet
        self._key = ""
        self._source = ""
        self._count = 0

    def add(self, event: ScreenShown) -> list[Change]:
        """One more picture; one that was described has a line of its own."""
        follows = event.sent and event.source == self._source and self._sheet.newest == self._key
        if not follows or self._key not in self._sheet.lines:
            self._key, self._count = self._sheet.fresh_key("shown"), 0
        self._source = event.source if event.sent else ""
        self._count += 1
        aside = event.description if not event.sent else ""
        if self._count > 1:
            aside = f"the last of {self._count} in a row"
        return self._sheet.put(self._sheet.noticed(Told(shown_text(event), aside), self._key))
