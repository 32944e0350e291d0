"""The pane that lists what agents do and have found; one of them can be opened and read.

Letters typed here go to the input line: nothing of them is an order, so none is given by mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from neko_cli.tui.agent_board import Item
from neko_cli.tui.agent_desk import AgentDesk
from neko_cli.tui.agent_rows import PaneLook, choices, last_offset, pane_rows
from neko_cli.tui.arguments import Row
from neko_cli.tui.widgets.parts import rows_to_content

PAGE = 5
"""Rows that a page key moves by."""


class AgentPane(Widget, can_focus=True):
    """Shows the desk's board; it is there only when it was asked for."""

    ALLOW_SELECT = False
    # What is below must not move between the press and the release of a button.
    FOCUS_ON_CLICK = False
    BINDINGS: ClassVar[list[BindingType]] = [
        ("up", "move(-1)", "Up"),
        ("down", "move(1)", "Down"),
        ("pageup", f"move({-PAGE})", "Page up"),
        ("pagedown", f"move({PAGE})", "Page down"),
        ("left", "choose(-1)", "Choice before"),
        ("right", "choose(1)", "Next choice"),
        ("enter", "enter", "Open, or do it"),
        ("delete,ctrl+d", "dismiss", "Dismiss"),
        ("escape", "back", "Back"),
        ("tab,shift+tab", "leave", "Input line"),
    ]

    class Chosen(Message):
        """The user wants something done about an item: ``what`` is tell or dismiss."""

        def __init__(self, what: str, number: int) -> None:
            super().__init__()
            self.what = what
            self.number = number

    class Left(Message):
        """The user goes back to the input line; the pane stays open where it ``stays``."""

        def __init__(self, *, stays: bool) -> None:
            super().__init__()
            self.stays = stays

    def __init__(
        self,
        desk: Callable[[], AgentDesk],
        now: Callable[[], float],
        typed: Callable[[str], None],
        *,
        id: str,
    ) -> None:
        """``typed`` gets what is typed or pasted here, at once, so that letters keep their order."""
        super().__init__(id=id)
        self.auto_links = False
        self.display = False
        self.redraws = 0
        self._desk = desk
        self._now = now
        self._typed = typed
        self._rows: list[Row] = []
        self._number = 0
        self._opened = False
        self._choice = 0
        self._offset = 0

    @property
    def item(self) -> Item | None:
        """What is marked, or opened."""
        return self._desk().board.numbered(self._number)

    def bring_up_to_date(self) -> None:
        """Redraw when what there is to show is not what is shown."""
        if self.display and self._made() != self._rows:
            self.refresh()

    def open_item(self, number: int) -> None:
        """Show all of one."""
        self._number, self._opened, self._choice, self._offset = number, True, 0, 0
        self.refresh()

    def close_item(self) -> bool:
        """Back to the list; False when it is the list that is shown."""
        was, self._opened = self._opened, False
        self.refresh()
        return was

    def do(self, name: str) -> None:
        """Carry out one of the choices about what is opened."""
        self.close_item()
        if name != "back" and self.item is not None:
            self.post_message(self.Chosen(name, self._number))

    def render(self) -> Content:
        """The rows."""
        self.redraws += 1
        self._rows = self._made()
        return rows_to_content(self._rows)

    def on_focus(self) -> None:
        """The keys are told."""
        self.refresh()

    def on_blur(self) -> None:
        """And are not."""
        self.refresh()

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

    def on_click(self) -> None:
        """Keys go here from now on."""
        self.focus()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves through what is shown."""
        event.stop()
        self.action_move(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The same upwards."""
        event.stop()
        self.action_move(-1)

    def action_move(self, rows: int) -> None:
        """Mark another item; scroll what is opened."""
        item = self._settled()
        if item is None:
            return
        if self._opened:
            self._offset = min(max(0, self._offset + rows), last_offset(item, self._look()))
        else:
            items = self._desk().board.items
            self._number = items[min(max(0, items.index(item) + rows), len(items) - 1)].number
        self.refresh()

    def action_choose(self, step: int) -> None:
        """Mark another choice about what is opened; to the right the marked item is opened."""
        item = self._settled()
        if item is None:
            return
        if self._opened:
            self._choice = min(max(0, self._choice + step), len(choices(item)) - 1)
            self.refresh()
        elif step > 0:
            self.open_item(item.number)

    def action_enter(self) -> None:
        """Open what is marked, or do what is marked about it."""
        item = self._settled()
        if item is None:
            return
        if self._opened:
            known = choices(item)
            self.do(known[min(self._choice, len(known) - 1)].name)
        else:
            self.open_item(item.number)

    def action_dismiss(self) -> None:
        """The marked or opened item is listed no more."""
        if self._settled() is not None:
            self.do("dismiss")

    def action_back(self) -> None:
        """To the list, and from there to the input line."""
        if not self.close_item():
            self.post_message(self.Left(stays=False))

    def action_leave(self) -> None:
        """To the input line."""
        self.post_message(self.Left(stays=True))

    def _settled(self) -> Item | None:
        """What is marked: the first one when what was marked is gone; None when nothing is listed."""
        items = self._desk().board.items
        if self.item is None:
            self._opened = False
            self._number = items[0].number if items else 0
        return self.item

    def _look(self) -> PaneLook:
        return PaneLook(
            width=self.content_size.width,
            height=self.content_size.height,
            focused=self.has_focus,
            number=self._number,
            opened=self._opened,
            choice=self._choice,
            offset=self._offset,
            allowed=self._desk().flags,
        )

    def _made(self) -> list[Row]:
        self._settled()
        look = self._look()
        return pane_rows(self._desk().board, look, self._now()) if look.width and look.height else []
