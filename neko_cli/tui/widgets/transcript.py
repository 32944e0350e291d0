"""The conversation so far: bounded, wrapped to the width, followed only when at its end."""

from __future__ import annotations

from collections.abc import Sequence

from textual.containers import VerticalScroll

from neko_cli.tui.lines import Added, Change, Changed, Line, Removed, Role
from neko_cli.tui.widgets.message import Message

KEPT = 300
"""Lines on the screen; older ones go."""

KEPT_WHILE_READING = 600
"""The same while the user reads further up, where removing lines would move the text."""

GONE = Line(key="gone", role=Role.NOTICE, text="Older lines are no longer shown here.")


class Transcript(VerticalScroll, can_focus=False):
    """Message widgets by key. The input line keeps the focus; its keys scroll this."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._messages: dict[str, Message] = {}
        self._gone = False
        self.unseen = 0
        """Lines that came while the user was reading further up."""

    @property
    def following(self) -> bool:
        """Whether the end is in view and stays there."""
        return self.scroll_y >= self.max_scroll_y

    def follow(self) -> None:
        """Go to the end and stay there."""
        self.unseen = 0
        if self.max_scroll_y > 0:
            self.anchor()

    def on_resize(self) -> None:
        """Another size may fit everything, or no longer."""
        self._settle()

    def _settle(self) -> None:
        """Anchor the end only when there is more than fits: short content stands at the bottom."""
        if (self.max_scroll_y > 0) == self.is_anchored:
            return
        if self.is_anchored:
            self.anchor(False)
            self.scroll_to(y=0, animate=False, immediate=True)
        else:
            self.anchor()

    def apply(self, changes: Sequence[Change]) -> None:
        """Bring the widgets up to date; new ones at the end are mounted together."""
        fresh: list[Message] = []
        for change in changes:
            match change:
                case Added(line, before):
                    known = self._messages.get(line.key)
                    if known is not None:
                        known.show(line)
                        continue
                    message = self._messages[line.key] = Message(line)
                    above = self._messages.get(before)
                    self._tighten(line, fresh, above)
                    if above is None:
                        fresh.append(message)
                    elif above in fresh:
                        fresh.insert(fresh.index(above), message)
                    else:
                        self.mount(message, before=above)
                    self.unseen += not self.following
                case Changed(line):
                    shown = self._messages.get(line.key)
                    if shown is not None:
                        shown.show(line)
                case Removed(key):
                    gone = self._messages.pop(key, None)
                    if gone in fresh:
                        fresh.remove(gone)
                    elif gone is not None:
                        gone.remove()
        if fresh:
            self.mount_all(fresh)
        self._prune()
        self.call_after_refresh(self._settle)

    def wipe(self) -> None:
        """Empty the screen, except for what is still growing."""
        self._messages = {key: message for key, message in self._messages.items() if message.line.live}
        self._gone = False
        self.unseen = 0
        kept = set(self._messages.values())
        self.remove_children([child for child in self.children if child not in kept])
        self.call_after_refresh(self._settle)

    def lines(self) -> list[Line]:
        """What is shown, from top to bottom."""
        return [child.line for child in self.children if isinstance(child, Message)]

    def _tighten(self, line: Line, fresh: Sequence[Message], above: Message | None) -> None:
        """Notices that follow one another stand without space between them."""
        messages = [child for child in (*self.children, *fresh) if isinstance(child, Message)]
        if above is not None:
            del messages[messages.index(above) :]
        last = messages[-1] if messages else None
        if last is not None and last.line.role is Role.NOTICE and line.role is Role.NOTICE:
            last.add_class("-tight")

    def _prune(self) -> None:
        limit = KEPT if self.following else KEPT_WHILE_READING
        excess = len(self._messages) - limit
        if excess <= 0:
            return
        by_widget = {message: key for key, message in self._messages.items()}
        oldest = [child for child in self.children if isinstance(child, Message) and child in by_widget]
        del oldest[excess:]
        for child in oldest:
            del self._messages[by_widget[child]]
        self.remove_children(oldest)
        if not self._gone:
            self._gone = True
            self.mount(Message(GONE), before=0)
