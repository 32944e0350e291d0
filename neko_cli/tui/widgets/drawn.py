"""Content that is drawn once: it comes back as the same lines, however often it is shown."""

from __future__ import annotations

from textual.content import Content
from textual.css.styles import RulesMap
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions, Visual


class Drawn(Visual):
    """For small pictures that return again and again, in one theme and without selections."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._lines: dict[tuple[int, int | None, Style], list[Strip]] = {}

    def render_strips(
        self, width: int, height: int | None, style: Style, options: RenderOptions
    ) -> list[Strip]:
        """The lines, kept for each size and style."""
        key = width, height, style
        lines = self._lines.get(key)
        if lines is None:
            lines = self._lines[key] = self._content.render_strips(width, height, style, options)
        return list(lines)

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        """The content's."""
        return self._content.get_optimal_width(rules, container_width)

    def get_height(self, rules: RulesMap, width: int) -> int:
        """The content's."""
        return self._content.get_height(rules, width)
