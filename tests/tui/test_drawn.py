"""Rows that are drawn once and kept."""

from __future__ import annotations

import pytest
from textual.app import App
from textual.content import Content

from neko_cli.tui.widgets.drawn import Drawn


async def test_what_is_drawn_once_comes_back_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    kept = Content.render_strips

    def render(self: Content, *arguments: object) -> object:
        calls.append(1)
        return kept(self, *arguments)

    monkeypatch.setattr(Content, "render_strips", render)
    drawn = Drawn(Content("one\ntwo"))

    class Shows(App[None]):
        pass

    async with Shows().run_test() as pilot:
        from textual.visual import RenderOptions

        widget = pilot.app.screen
        options = RenderOptions(widget._get_style, widget.styles)
        calls.clear()
        first = drawn.render_strips(5, 2, widget.visual_style, options)
        again = drawn.render_strips(5, 2, widget.visual_style, options)
        assert [strip.text.rstrip() for strip in first] == ["one", "two"]
        assert again == first
        assert again is not first
        assert len(calls) == 1
        drawn.render_strips(7, 2, widget.visual_style, options)
        assert len(calls) == 2
        assert drawn.get_height(widget.styles, 5) == 2
        assert drawn.get_optimal_width(widget.styles, 80) == 3
