"""One line of the transcript."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from neko_cli.tui.lines import Line, Mark
from neko_cli.tui.look import line_parts
from neko_cli.tui.widgets.parts import to_content


class Message(Widget):
    """A line as a widget: it wraps again when its width changes, and can be selected with the mouse."""

    def __init__(self, line: Line) -> None:
        super().__init__(classes=_classes(line))
        self.auto_links = False
        self.line = line
        self._content: Content | None = None

    def show(self, line: Line) -> None:
        """The line changed: a layout happens only when its height does."""
        if line == self.line:
            return
        if _classes(line) != _classes(self.line):
            tight = " -tight" if self.has_class("-tight") else ""  # the transcript's, who knows what follows
            self.set_classes(_classes(line) + tight)
        self.line = line
        self._content = None
        width = self.content_size.width
        grown = (
            not width or self._made().get_height(self.styles.get_rules(), width) != self.content_size.height
        )
        self.refresh(layout=grown)

    def render(self) -> Content:
        """Heading and words."""
        return self._made()

    def _made(self) -> Content:
        if self._content is None:
            self._content = to_content(line_parts(self.line))
        return self._content


def _classes(line: Line) -> str:
    mark = f"-{line.mark.value}" if line.mark is not Mark.NONE else ""
    past = "-past" if line.past else ""
    return f"{line.role.value} {mark} {past} {line.severity.value}"
