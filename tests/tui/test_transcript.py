"""The transcript under a pilot: scrolling, streaming, hostile text, sizes, copying."""

from __future__ import annotations

import asyncio

import pytest
from textual.content import Content

from neko_cli.core.events import Levels, Outcome
from neko_cli.tui.fit import Part
from neko_cli.tui.widgets.message import Message
from neko_cli.tui.widgets.parts import to_content
from neko_cli.tui.widgets.transcript import KEPT
from tests.tui.scenes import (
    SIZE,
    Scene,
    delta,
    ended,
    notice,
    said,
    screen_text,
    show_conversation,
    typed,
)


async def test_the_end_is_followed_only_from_the_end() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await show_conversation(scene, pilot)
        transcript = scene.app.chat.transcript
        await scene.told(pilot, typed(8, "more"), ended(8, "word " * 80))
        assert transcript.following
        assert "new below" not in screen_text(scene)
        await pilot.press("pageup")
        await pilot.pause()
        place = transcript.scroll_y
        assert not transcript.following
        for turn in range(9, 14):
            await scene.told(pilot, delta(turn, "one\ntwo\nthree"), ended(turn, "one\ntwo\nthree"))
        assert transcript.scroll_y == place
        assert "5 new below" in screen_text(scene)
        await pilot.press("end")
        await pilot.pause()
        assert transcript.following
        assert "new below" not in screen_text(scene)
        await scene.told(pilot, ended(20, "last word"))
        assert "last word" in screen_text(scene)


async def test_sending_goes_to_the_end() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await show_conversation(scene, pilot)
        await pilot.press("pageup", "x", "enter")
        await pilot.pause()
        assert scene.app.chat.transcript.following


async def test_the_place_is_kept_while_a_reply_streams_and_the_terminal_changes_its_size() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await show_conversation(scene, pilot)
        words = [f"word{index} " for index in range(300)]
        sizes = [(60, 20), (120, 36), (40, 12), (20, 5), (80, 24)]
        for index, size in enumerate(sizes):
            await scene.told(pilot, *(delta(9, word) for word in words[index * 60 : index * 60 + 60]))
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert scene.app.chat.transcript.following
        assert scene.texts[-1].split() == [word.strip() for word in words]
        assert "word299" in screen_text(scene)


async def test_replies_wrap_again_when_the_width_changes() -> None:
    scene = Scene()
    async with scene.app.run_test(size=(100, 24)) as pilot:
        await scene.ready(pilot)
        await scene.told(pilot, ended(1, "word " * 30))
        message = scene.app.chat.query(Message).last()
        wide = message.size.height
        await pilot.resize_terminal(50, 24)
        await pilot.pause()
        assert message.size.height > wide


async def test_a_thousand_deltas_arrive_whole_and_cheaply() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        batches = 0
        arrived = scene.app.controller._arrived

        async def counted(events: object) -> None:
            nonlocal batches
            batches += 1
            await arrived(events)  # type: ignore[arg-type]

        scene.app.controller._arrived = counted  # type: ignore[method-assign]
        scene.app.chat.start()
        await scene.ready(pilot)
        loop = asyncio.get_running_loop()
        began = loop.time()
        for index in range(1000):
            scene.session.emit(delta(1, f"{index} "))
            if index % 50 == 0:
                await asyncio.sleep(0)
        await scene.told(pilot)
        took = loop.time() - began
        assert scene.texts[-1].split() == [str(index) for index in range(1000)]
        assert batches <= 3 + took * 30


async def test_levels_that_change_no_cell_redraw_nothing() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await scene.told(pilot, Levels(at=0.0, microphone=-30.0, speaker=-120.0))
        before = [bar.redraws for bar in scene.app.chat.bars]
        for level in (-30.2, -30.1, -30.0):
            await scene.told(pilot, Levels(at=0.0, microphone=level, speaker=-119.0))
        assert [bar.redraws for bar in scene.app.chat.bars] == before
        await scene.told(pilot, Levels(at=0.0, microphone=-3.0, speaker=-120.0))
        assert [bar.redraws for bar in scene.app.chat.bars] == [before[0], before[1] + 1, before[2]]


HOSTILE = {
    "escape": "\x1b[2J\x1b]0;owned\x07\x9b31mred\x1bP+q\x1b\\",
    "markup": "[bold]x[/bold] [@click=app.exit]y[/] [/] [red",
    "bidi": "\u202egnp.exe\u202c \u2066x\u2069\u200f",
    "long word": "x" * 5000,
    "cjk": "漢字かなカナ한국어" * 40,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈👍🏽" * 40,
    "combining": "e" + "\u0301" * 200,
    "tabs": "a\tb\tc\n\n\n\td",
    "null": "\x00\x08\x7f\ufeff",
    "surrogate": "\ud83d\ude00 \ud800",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_text_does_no_harm(name: str) -> None:
    text = HOSTILE[name]
    scene = Scene()
    async with scene.app.run_test(size=(40, 14)) as pilot:
        await scene.ready(pilot)
        await scene.told(
            pilot,
            said(1, text),
            delta(1, text),
            ended(1, text, Outcome.INTERRUPTED),
            notice(text),
            ended(2, text),
        )
        shown = screen_text(scene)
        assert not {char for char in shown if char != "\n" and ord(char) < 0x20}
        assert not set("\x1b\x9b\u202e\u2066\u200f") & set(shown)
        assert "owned" not in shown
        scene.app.export_screenshot()
        await pilot.resize_terminal(20, 5)
        await pilot.pause()
        assert scene.app.is_running


@pytest.mark.parametrize("size", [(60, 20), (40, 12), (20, 5), (10, 3), (1, 1), (200, 60)])
async def test_every_size_shows_the_input_and_the_last_line(size: tuple[int, int]) -> None:
    scene = Scene()
    async with scene.app.run_test(size=size) as pilot:
        await show_conversation(scene, pilot)
        await pilot.press(*"hey")
        if size[0] >= 20:
            assert "hey" in screen_text(scene)
            assert "eight." in screen_text(scene)


async def test_the_screen_keeps_a_bounded_number_of_lines_and_says_so() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        for start in range(0, KEPT + 100, 50):
            await scene.told(pilot, *(notice(f"line {start + index}") for index in range(50)))
        assert len(scene.lines) == KEPT + 1
        assert "no longer shown" in scene.texts[0]
        assert scene.texts[1] == "line 100"


async def test_clear_empties_the_screen_but_for_a_reply_that_still_grows() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await show_conversation(scene, pilot)
        await scene.told(pilot, delta(9, "I was saying"))
        await pilot.press("ctrl+l")
        await pilot.pause()
        assert scene.texts == ["I was saying"]
        await scene.told(pilot, delta(9, " that"), ended(9, "I was saying that."))
        assert scene.texts == ["I was saying that."]


async def test_copy_takes_the_last_reply() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await show_conversation(scene, pilot)
        await pilot.press("ctrl+y")
        assert scene.app.clipboard == "It is half past eight."


async def test_text_selected_with_the_mouse_is_copied() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await scene.told(pilot, ended(1, "abcdefghij"))
        message = scene.app.chat.query(Message).last()
        await pilot.mouse_down(message, offset=(2, 1))
        await pilot.hover(message, offset=(6, 1))
        await pilot.mouse_up(message, offset=(6, 1))
        await pilot.press("ctrl+c")
        assert scene.app.clipboard
        assert scene.app.clipboard in "abcdefghij"
        assert scene.app.focused is scene.app.chat.prompt


def test_parts_are_content_without_markup() -> None:

    content = to_content([Part("[b]x[/b]"), Part("y", "key", "screen.talk")])
    assert isinstance(content, Content)
    assert content.plain == "[b]x[/b]y"
