"""The app asks about a tool while the user does something else: no answer is given by accident."""

from __future__ import annotations

import pytest
from textual.events import Paste

from neko_cli.core.companions.tools import Permission
from neko_cli.testing import Call
from neko_cli.tui.questions import QUIET
from neko_cli.tui.screens.help import HelpScreen
from tests.tui.scenes import SIZE, Scene, asks, calls, result, screen_text, type_in
from tests.tui.tool_scenes import answers, asked


async def test_what_is_being_typed_goes_on_and_answers_nothing() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press(*"yes")
        await asked(scene, pilot, "lamp")
        assert scene.app.focused is scene.app.chat.prompt
        await pilot.press("space", *"no1234 y", "enter")
        assert await scene.session.called("send_message") == Call("send_message", ("yes no1234 y",))
        assert answers(scene) == []
        assert "May Neko use lamp?" in screen_text(scene)


async def test_letters_and_pastes_at_the_opened_question_go_to_the_input_line() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await asked(scene, pilot, "lamp")
        await pilot.press("tab", "left", "left", *"yo", "enter")
        assert await scene.session.called("send_message") == Call("send_message", ("yo",))
        await pilot.press("tab")
        scene.app.chat.question.post_message(Paste("a\x1b[31mb"))
        await pilot.pause()
        assert scene.app.chat.prompt.text == "ab"
        assert scene.app.focused is scene.app.chat.prompt
        assert answers(scene) == []


@pytest.mark.parametrize("key", ["f6", "f7", "f8", "f9"])
async def test_a_key_in_the_first_moment_is_no_answer(key: str) -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await asked(scene, pilot, "lamp", seen=False)
        await pilot.press(*"draft", key, "tab", "left", "enter", "x")
        assert answers(scene) == []
        assert scene.app.chat.prompt.text == "draftx"
        assert "May Neko use lamp?" in screen_text(scene)


async def test_escape_in_the_first_moment_interrupts_as_it_was_meant_to() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await asked(scene, pilot, "lamp", seen=False)
        await pilot.press("escape")
        await scene.session.called("interrupt")
        assert answers(scene) == []
        scene.clock.now += QUIET
        await type_in(pilot, "/interrupt")
        await scene.session.called("interrupt", 2)
        assert answers(scene) == []


async def test_a_held_key_answers_one_question() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await asked(scene, pilot, "lamp", "door")
        assert "1 more" in screen_text(scene)
        for _ in range(40):
            await pilot.press("f6")
            scene.clock.now += 0.04
        assert answers(scene) == [("c1", Permission.ONCE)]
        assert "May Neko use door?" in screen_text(scene)
        scene.clock.now += 1
        await pilot.press("f8")
        assert answers(scene) == [("c1", Permission.ONCE), ("c2", Permission.NO)]


async def test_a_second_enter_is_not_for_the_next_question() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await asked(scene, pilot, "lamp", "door")
        await pilot.press("tab", "left", "left", "enter", "enter")
        assert answers(scene) == [("c1", Permission.ONCE)]
        assert "[F8 no]" in screen_text(scene)
        scene.clock.now += 1
        await pilot.press("enter")
        assert answers(scene) == [("c1", Permission.ONCE), ("c2", Permission.NO)]


async def test_a_command_that_was_begun_before_the_question_came_is_no_answer() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await asked(scene, pilot, "lamp")
        await pilot.press(*"/allow")
        await scene.told(pilot, calls("c2", "door"), asks("c2", "door"), result("c1", ok=False))
        scene.clock.now += 5
        await pilot.press("enter")
        await scene.until(pilot, lambda: "came while you typed" in scene.texts[-1])
        assert answers(scene) == []
        await pilot.press("up", "enter")
        await scene.until(pilot, lambda: answers(scene) == [("c2", Permission.ONCE)])


async def test_a_question_under_another_screen_has_not_been_seen() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press("f1")
        await scene.until(pilot, lambda: isinstance(scene.app.screen, HelpScreen))
        await asked(scene, pilot, "lamp")
        scene.clock.now += 5
        await pilot.press("f6", "f9", "escape")
        await scene.until(pilot, lambda: scene.app.screen is scene.app.chat)
        await pilot.press("f6")
        assert answers(scene) == []
        scene.clock.now += QUIET
        await pilot.press("f6")
        assert answers(scene) == [("c1", Permission.ONCE)]


async def test_the_palette_answers_what_was_seen_before_it_was_opened() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await asked(scene, pilot, "lamp")
        await pilot.press("ctrl+p")
        await pilot.press(*"run this once", "enter")
        await scene.until(pilot, lambda: answers(scene) == [("c1", Permission.ONCE)])
        await scene.told(pilot, asks("c2", "door"))
        scene.clock.now += 1
        await pilot.press("ctrl+p")
        await scene.until(pilot, lambda: scene.app.screen is not scene.app.chat)
        await scene.told(pilot, asks("c3", "gate"), result("c2", ok=False))
        scene.clock.now += 5
        await pilot.press(*"run this once", "enter")
        await scene.until(pilot, lambda: scene.app.screen is scene.app.chat)
        assert "May Neko use gate?" in screen_text(scene)
        assert len(answers(scene)) == 1
