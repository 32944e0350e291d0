"""The input line: grows with what is typed, keeps a history, has the focus unless the user leaves it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.actions import SkipAction
from textual.message import Message
from textual.widgets import TextArea

from neko_cli.core.text import sanitise
from neko_cli.tui.actions import complete
from neko_cli.tui.history import History

LONGEST = 50_000
"""Characters that can be pasted at once."""

NEW_LINE = ("ctrl+j", "shift+enter", "alt+enter")
"""Only Ctrl+J reaches us from every terminal; the others where kitty's keyboard protocol is spoken."""

SCROLL = {"pageup": -1, "pagedown": 1}


class Prompt(TextArea):
    """Enter sends; the rest is what people expect of an input line."""

    class Sent(Message):
        """The user pressed Enter."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Scrolled(Message):
        """The user wants to see another part of the transcript; ``pages`` 0 is its end."""

        def __init__(self, pages: int) -> None:
            super().__init__()
            self.pages = pages

    class Left(Message):
        """The user goes to what else takes keys."""

    def __init__(self, *, id: str, names: Callable[[], Sequence[str]] = tuple) -> None:
        super().__init__(
            id=id,
            compact=True,
            highlight_cursor_line=False,
            placeholder="Type a message, or / for commands",
        )
        self.cursor_blink = False
        self._history = History()
        self._names = names

    def give(self, text: str) -> None:
        """Put text here, after what is being typed."""
        draft = self.text.rstrip()
        self._replace(f"{draft} {sanitise(text)}" if draft else sanitise(text))

    def put(self, text: str) -> None:
        """Put text where the cursor is, as if it had been typed or pasted here."""
        result = self._replace_via_keyboard(sanitise(text[:LONGEST]), *self.selection)
        if result is not None:
            self.move_cursor(result.end_location)

    async def _on_key(self, event: events.Key) -> None:
        if self._taken(event.key):
            event.stop()
            event.prevent_default()
            return
        await super()._on_key(event)

    def _taken(self, key: str) -> bool:
        """Whether the key was ours."""
        if key == "enter":
            self._send()
        elif key in NEW_LINE:
            self.insert("\n")
        elif key in SCROLL:
            self.post_message(self.Scrolled(SCROLL[key]))
        elif key == "tab" and self.text.startswith("/"):
            self._replace(complete(self.text, self._names()))
        elif key == "up" and self.cursor_at_first_line:
            self._recall(self._history.older(self.text))
        elif key == "down" and self.cursor_at_last_line:
            self._recall(self._history.newer(self.text))
        else:
            if key == "end" and self.cursor_at_end_of_text:
                self.post_message(self.Scrolled(0))
            if key not in ("tab", "shift+tab"):
                return False
            self.post_message(self.Left())
        return True

    async def _on_paste(self, event: events.Paste) -> None:
        """A paste is one message with its line breaks, without control characters."""
        event.stop()
        event.prevent_default()
        self.put(event.text)

    def action_copy(self) -> None:
        """Copy what is selected here; what is selected in the transcript is the screen's."""
        if self.screen.get_selected_text():
            raise SkipAction
        super().action_copy()

    def _send(self) -> None:
        text = self.text
        if not text.strip():
            return
        self._history.add(text)
        self._replace("")
        self.post_message(self.Sent(text))

    def _recall(self, text: str | None) -> None:
        if text is not None:
            self._replace(text)

    def _replace(self, text: str) -> None:
        self.load_text(text)
        self.move_cursor(self.document.end)
