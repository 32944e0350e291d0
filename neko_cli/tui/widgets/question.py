"""The strip above the input line in which the user is asked whether a tool may be used.

It never takes the focus by itself: what is being typed goes on. Opened with Tab or a click it shows
everything; a letter typed there goes to the input line, for somebody who did not mean to be here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from neko_cli.tui.arguments import Row
from neko_cli.tui.asking import ANSWERS, SAFEST, Look, last_offset, question_rows
from neko_cli.tui.questions import Questions
from neko_cli.tui.widgets.parts import rows_to_content

PAGE = 5
"""Rows that a page key scrolls."""


class Question(Widget, can_focus=True):
    """Shows the question in front; without one it is not there."""

    ALLOW_SELECT = False
    # Opened between the press and the release of a button it would move another answer under the pointer.
    FOCUS_ON_CLICK = False
    BINDINGS: ClassVar[list[BindingType]] = [
        ("tab,right", "choose(1)", "Next answer"),
        ("shift+tab,left", "choose(-1)", "Answer before"),
        ("enter", "answer", "Give it"),
        ("up", "scroll(-1)", "Up"),
        ("down", "scroll(1)", "Down"),
        ("pageup", f"scroll({-PAGE})", "Page up"),
        ("pagedown", f"scroll({PAGE})", "Page down"),
    ]

    class Chosen(Message):
        """The user gives the marked answer: the name of its action."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    class Left(Message):
        """The user goes back to the input line."""

    def __init__(
        self,
        questions: Callable[[], Questions],
        now: Callable[[], float],
        typed: Callable[[str], None],
        *,
        id: str,
    ) -> None:
        """``typed`` gets what is typed or pasted here, at once, so that letters keep their order."""
        super().__init__(id=id)
        self.auto_links = False
        self.display = False
        self._questions = questions
        self._now = now
        self._typed = typed
        self._shown = ""
        self._rows: list[Row] = []
        self._choice = SAFEST
        self._offset = 0

    def bring_up_to_date(self) -> None:
        """Show what is in front now; another question begins with the safest answer, and with a bell."""
        front = self._questions().front
        call_id = front.call_id if front is not None else ""
        if call_id != self._shown:
            self._shown = call_id
            self._choice, self._offset = SAFEST, 0
            if front is not None:
                self.app.bell()  # who talks may look elsewhere
        self.display = front is not None
        if front is None:
            if self.has_focus:
                self.post_message(self.Left())
        else:
            rows = self._made(self.content_size.width)
            if rows != self._rows:
                self.refresh(layout=len(rows) != len(self._rows))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many rows as it takes."""
        del container, viewport
        return len(self._made(width))

    def render(self) -> Content:
        """The rows."""
        self._rows = self._made(self.content_size.width)
        return rows_to_content(self._rows)

    def on_focus(self) -> None:
        """Everything is shown, and the safest answer marked."""
        self._choice, self._offset = SAFEST, 0
        self.refresh(layout=True)

    def on_blur(self) -> None:
        """The little is enough again."""
        self.refresh(layout=True)

    def on_key(self, event: events.Key) -> None:
        """A letter was meant for the input line."""
        if event.is_printable and event.character is not None:
            event.stop()
            event.prevent_default()
            self._typed(event.character)

    def on_paste(self, event: events.Paste) -> None:
        """And so was a paste."""
        event.stop()
        self._typed(event.text)

    def on_click(self, event: events.Click) -> None:
        """A click beside the answers opens it."""
        if "@click" not in event.style.meta:
            self.focus()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel scrolls what is opened."""
        event.stop()
        self.action_scroll(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The same upwards."""
        event.stop()
        self.action_scroll(-1)

    def action_choose(self, step: int) -> None:
        """Mark the next answer; beyond the last and the first is the input line."""
        choice = self._choice + step
        if 0 <= choice < len(ANSWERS):
            self._choice = choice
            self.refresh()
        else:
            self.post_message(self.Left())

    def action_answer(self) -> None:
        """Give the marked answer."""
        self.post_message(self.Chosen(ANSWERS[self._choice].action))

    def action_scroll(self, rows: int) -> None:
        """See other rows of what is opened."""
        front = self._questions().front
        if front is not None and self.has_focus:
            last = last_offset(front, self._look(self.content_size.width))
            self._offset = min(max(0, self._offset + rows), last)
            self.refresh(layout=True)

    def _look(self, width: int) -> Look:
        return Look(
            width=width,
            height=self.app.size.height,
            behind=self._questions().behind,
            opened=self.has_focus,
            choice=self._choice,
            offset=self._offset,
        )

    def _made(self, width: int) -> list[Row]:
        front = self._questions().front
        return question_rows(front, self._look(width), self._now()) if front is not None and width else []
