"""The app asks about a tool: every way to answer, and what ends a question."""

from __future__ import annotations

import pytest

from neko_cli.core.companions.tools import Permission
from neko_cli.core.events import SessionEnded
from neko_cli.tui.view import Phase
from tests.tui.scenes import SIZE, Scene, asks, calls, result, screen_text, type_in
from tests.tui.tool_scenes import WRITE, answers, asked


@pytest.mark.parametrize(
    ("key", "permission", "line"),
    [
        ("f6", Permission.ONCE, "Neko uses lamp (on: true) …"),
        ("f7", Permission.SESSION, "Neko uses lamp (on: true) …"),
        ("f8", Permission.NO, "Neko wanted to use lamp (on: true)."),
        ("f9", Permission.NEVER, "Neko wanted to use lamp (on: true)."),
        ("escape", Permission.NO, "Neko wanted to use lamp (on: true)."),
    ],
)
async def test_each_answer_has_a_key(key: str, permission: Permission, line: str) -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await asked(scene, pilot, "lamp")
        assert "May Neko use lamp?" in screen_text(scene)
        assert "asking you" in screen_text(scene)
        await pilot.press(key)
        assert answers(scene) == [("c1", permission)]
        assert scene.texts == [line]
        assert "May Neko" not in screen_text(scene)
        assert "asking" not in screen_text(scene)
        assert "interrupt" not in scene.session.names()


@pytest.mark.parametrize(
    ("command", "permission"),
    [
        ("/allow", Permission.ONCE),
        ("/allow always", Permission.SESSION),
        ("/deny", Permission.NO),
        ("/deny always", Permission.NEVER),
    ],
)
async def test_each_answer_has_a_command(command: str, permission: Permission) -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await asked(scene, pilot, "lamp")
        await type_in(pilot, command)
        await scene.until(pilot, lambda: answers(scene) == [("c1", permission)])
        await type_in(pilot, command)
        await scene.until(pilot, lambda: scene.texts[-1] == "Nothing is asked now.")
        assert len(answers(scene)) == 1
        assert "send_message" not in scene.session.names()


@pytest.mark.parametrize(
    ("keys", "permission"),
    [
        (("tab", "enter"), Permission.NO),
        (("tab", "tab", "enter"), Permission.NEVER),
        (("tab", "shift+tab", "enter"), Permission.SESSION),
        (("tab", "left", "left", "enter"), Permission.ONCE),
        (("shift+tab", "right", "left", "enter"), Permission.NO),
        (("tab", "left", "left", "escape"), Permission.NO),
    ],
)
async def test_tab_and_enter_answer_and_the_safest_is_marked_first(
    keys: tuple[str, ...], permission: Permission
) -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await asked(scene, pilot, "lamp")
        await pilot.press(*keys)
        await scene.until(pilot, lambda: answers(scene) == [("c1", permission)])
        assert scene.app.focused is scene.app.chat.prompt


@pytest.mark.parametrize(("word", "permission"), [("once", Permission.ONCE), ("never", Permission.NEVER)])
async def test_a_click_answers(word: str, permission: Permission) -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await asked(scene, pilot, "lamp")
        strip = scene.app.chat.question
        row = screen_text(scene).splitlines()[strip.region.bottom - 1]
        await pilot.click(offset=(row.index(word) + 1, strip.region.bottom - 1))
        assert answers(scene) == [("c1", permission)]


async def test_a_click_beside_the_answers_opens_it_and_the_wheel_scrolls() -> None:
    scene = Scene()
    async with scene.app.run_test(size=(80, 20)) as pilot:
        await scene.ready(pilot)
        await scene.told(pilot, calls("c1", "write", WRITE), asks("c1", "write", WRITE))
        strip = scene.app.chat.question
        assert "there is more" in screen_text(scene)
        before = strip.size.height
        await pilot.click(strip, offset=(3, 1))
        await pilot.pause()
        assert strip.has_focus
        assert strip.size.height > before
        assert "mode: append" not in screen_text(scene)
        await pilot.press("pagedown", "down")
        await pilot.pause()
        assert "mode: append" in screen_text(scene)
        assert "above" in screen_text(scene)
        await pilot.press("pageup", "pageup")
        await pilot.pause()
        assert "above" not in screen_text(scene)
        assert answers(scene) == []


async def test_a_result_the_time_and_the_end_take_the_question_away() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await asked(scene, pilot, "one", "two")
        await pilot.press("tab")
        await scene.told(pilot, result("c1", '{"error": "x"}', ok=False, at=3.0))
        assert "May Neko use two?" in screen_text(scene)
        scene.clock.now += 40
        scene.app.chat.tick()
        await pilot.pause()
        assert "20 s left" in screen_text(scene)
        scene.clock.now += 20
        scene.app.chat.tick()
        await scene.until(pilot, lambda: scene.app.focused is scene.app.chat.prompt)
        assert "May Neko" not in screen_text(scene)
        await scene.told(pilot, result("c2", '{"error": "x"}', ok=False, at=60.0))
        assert [line.aside for line in scene.lines] == [
            "It was not run: the question was taken back.",
            "Nobody answered within 60 s.",
        ]
        await scene.told(pilot, asks("c3", "three"))
        assert "May Neko use three?" in screen_text(scene)
        scene.session.emit(SessionEnded(at=61.0, reason="x"))
        await scene.until(pilot, lambda: scene.app.controller.view.phase is Phase.ENDED)
        assert "May Neko" not in screen_text(scene)
        assert answers(scene) == []


async def test_clearing_the_screen_keeps_what_is_asked_and_what_runs() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await asked(scene, pilot, "one", "two")
        await pilot.press("f6")
        await scene.told(pilot, calls("c3", "three"), result("c3"))
        await pilot.press("ctrl+l")
        await pilot.pause()
        assert scene.texts == ["Neko uses one (on: true) …", "Neko wants to use two (on: true)."]
        await scene.told(pilot, result("c1", at=7.0))
        assert scene.texts[0] == "Neko used one (on: true)."


async def test_a_retry_begins_without_questions() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await asked(scene, pilot, "lamp")
        await scene.session.end_session()
        await scene.until(pilot, lambda: scene.app.controller.view.phase is Phase.ENDED)
        await type_in(pilot, "/retry")
        await scene.ready(pilot)
        assert "May Neko" not in screen_text(scene)
        assert scene.lines[0].aside == "It was not run: the session ended."
        assert not scene.app.controller.view.asked


async def test_a_question_rings_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    rung: list[bool] = []
    monkeypatch.setattr(scene.app, "bell", lambda: rung.append(True))
    async with scene.app.run_test(size=SIZE) as pilot:
        await asked(scene, pilot, "lamp")
        for _ in range(3):
            scene.clock.now += 1
            scene.app.chat.tick()
        await pilot.pause()
        assert rung == [True]


async def test_f6_and_f7_belong_to_the_input_line_while_nothing_is_asked() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press(*"ab", "f7")
        assert scene.app.chat.prompt.selected_text == "ab"
        await pilot.press("tab")
        assert scene.app.focused is scene.app.chat.prompt
        assert answers(scene) == []
