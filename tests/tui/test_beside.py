"""The agent pane and the face in the app: keys, clicks, commands, and room."""

from __future__ import annotations

from textual.pilot import Pilot

from neko_cli.core.events import Levels, LinkWord, NewsState, Status
from neko_cli.core.profile import Classify, parse
from neko_cli.testing import ScriptedSession
from neko_cli.tui.faces import LEAST
from neko_cli.tui.screens.beside import PANE_BELOW
from tests.tui.agent_scenes import AGENTS, found, runs
from tests.tui.scenes import SIZE, Scene, delta, feels, screen_text, type_in

WIDE = (120, 40)


async def begun(scene: Scene, pilot: Pilot[None]) -> None:
    await scene.ready(pilot)
    await scene.told(pilot, *AGENTS)


def called(scene: Scene, name: str) -> list[object]:
    return [call.arguments[0] for call in scene.session.calls if call.name == name]


async def test_the_status_line_counts_and_a_key_opens_the_pane() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await begun(scene, pilot)
        assert "2 running · 3 to tell" in screen_text(scene).splitlines()[0]
        assert not scene.app.chat.pane.display
        await pilot.press("ctrl+g")
        await pilot.pause()
        assert scene.app.chat.pane.has_focus
        assert "lint: failed with exit code 1" in screen_text(scene)
        await pilot.press("ctrl+g")
        await pilot.pause()
        assert not scene.app.chat.pane.display
        assert scene.app.chat.prompt.has_focus
        assert scene.app.chat.transcript.display


async def test_where_there_is_room_the_conversation_stays_beside_it() -> None:
    scene = Scene()
    async with scene.app.run_test(size=WIDE) as pilot:
        await begun(scene, pilot)
        await pilot.press("ctrl+g")
        await pilot.pause()
        assert scene.app.chat.talk.display
        await pilot.press("tab")
        assert scene.app.chat.prompt.has_focus
        assert scene.app.chat.pane.display, "it stays open"
        await pilot.press("ctrl+g")
        assert scene.app.chat.pane.has_focus, "and is gone to"
        await pilot.resize_terminal(*SIZE)
        await pilot.pause()
        assert not scene.app.chat.talk.display
        await pilot.press("escape")
        await pilot.pause()
        assert scene.app.chat.talk.display


async def test_one_is_opened_read_and_told_now() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await begun(scene, pilot)
        await pilot.press("ctrl+g", "down", "enter")
        await pilot.pause()
        text = screen_text(scene)
        assert "waits · failed · command" in text
        assert "test_00: FAILED" in text
        assert "test_39" not in text
        await pilot.press(*["pagedown"] * 20)
        await pilot.pause()
        assert "test_39" in screen_text(scene)
        await pilot.press("enter")
        await pilot.pause()
        assert called(scene, "tell_result") == ["r3"]
        assert scene.app.chat.talk.display, "what comes of it is to be seen"


async def test_one_is_dismissed_by_its_key_or_in_words() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await begun(scene, pilot)
        await pilot.press("ctrl+g", "delete")
        await pilot.pause()
        assert called(scene, "dismiss_result") == ["r4"]
        assert "2 to tell" in screen_text(scene)
        await pilot.press("enter", "right", "enter")
        await pilot.pause()
        assert called(scene, "dismiss_result") == ["r4", "r3"]
        await pilot.press("escape")
        await type_in(pilot, "/agents dismiss 4")
        await scene.until(pilot, lambda: len(called(scene, "dismiss_result")) == 3)
        assert any(text.startswith("Not told, and gone from the disk: The report") for text in scene.texts)
        await type_in(pilot, "/agents dismiss")
        await scene.until(pilot, lambda: "Nothing waits to be told." in scene.texts)


async def test_what_is_typed_in_the_pane_is_no_order() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await begun(scene, pilot)
        await pilot.press("ctrl+g", "t", "d", "space", "y")
        await pilot.pause()
        assert scene.app.chat.prompt.text == "td y"
        assert not scene.app.chat.pane.display, "what it covered is to be seen"
        assert called(scene, "tell_result") == called(scene, "dismiss_result") == []


async def test_a_click_opens_one_and_a_click_does_it() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await begun(scene, pilot)
        await type_in(pilot, "/agents")
        await pilot.pause()
        await pilot.click("#agents", offset=(15, 3))
        await pilot.pause()
        assert "Page 3 is missing." in screen_text(scene)
        rows = screen_text(scene).splitlines()
        row = next(at for at, text in enumerate(rows) if "tell now" in text)
        await pilot.click(offset=(rows[row].index("tell now") + 2, row))
        await pilot.pause()
        assert called(scene, "tell_result") == ["r2"]


async def test_the_opened_one_that_is_told_is_still_read() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await begun(scene, pilot)
        await pilot.press("ctrl+g", "down", "enter", "right")
        for state in (NewsState.TELLING, NewsState.TOLD):
            await scene.told(pilot, found("r3", "lint: failed.", state, status="failed", detail="Line 1."))
        assert "told · failed" in screen_text(scene)
        await pilot.press("enter")
        await pilot.pause()
        assert called(scene, "dismiss_result") == []


async def test_time_passes_for_what_runs_and_costs_nothing_else() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await scene.told(pilot, runs("t1", "make test", seconds=59.0))
        await pilot.press("ctrl+g")
        await pilot.pause()
        assert "0:59" in screen_text(scene)
        drawn = scene.app.chat.pane.redraws
        scene.app.chat.tick()
        await pilot.pause()
        assert scene.app.chat.pane.redraws == drawn
        scene.clock.now += 2
        scene.app.chat.tick()
        await pilot.pause()
        assert "1:01" in screen_text(scene)
        assert scene.app.chat.pane.redraws == drawn + 1


async def test_flags_are_set_live() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await type_in(pilot, "/agents on")
        await type_in(pilot, "/agents computer_use on")
        await pilot.press("ctrl+g")
        await pilot.pause()
        assert "They may act, with computer use." in screen_text(scene)
        scene.app.chat.action_agents_allowed()
        await pilot.pause()
        assert "They may not act." in screen_text(scene)
        await pilot.press("escape")
        await type_in(pilot, "/agents perhaps")
        await scene.until(pilot, lambda: any("/agents takes on, off" in text for text in scene.texts))


async def test_the_face_is_there_where_there_is_room_and_goes_when_it_is_told_to() -> None:
    scene = Scene()
    async with scene.app.run_test(size=WIDE) as pilot:
        await scene.ready(pilot)
        face = scene.app.chat.face
        assert face.display
        await pilot.press("ctrl+n")
        assert not face.display
        assert not scene.app.chat.beside.display
        await type_in(pilot, "/face on")
        await scene.until(pilot, lambda: face.display)
        await pilot.resize_terminal(*SIZE)
        await scene.until(pilot, lambda: scene.app.size.width == SIZE[0])
        assert face.display, "it was asked for"
        await pilot.resize_terminal(LEAST[0] - 1, 24)
        await scene.until(pilot, lambda: not face.display)


async def test_in_a_small_terminal_it_must_be_asked_for_and_says_why_it_is_not_there() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        assert not scene.app.chat.face.display
        await pilot.press("ctrl+n")
        assert scene.app.chat.face.display
        await pilot.press("ctrl+g")
        assert not scene.app.chat.face.display, "the pane needs the room"
        await pilot.press("escape")
        assert scene.app.chat.face.display
        await type_in(pilot, "/face maybe")
        await scene.until(pilot, lambda: "on or off, not maybe." in scene.texts)
    small = Scene()
    async with small.app.run_test(size=(50, 20)) as pilot:
        await small.ready(pilot)
        await pilot.press("ctrl+n")
        await small.until(
            pilot, lambda: any(text.startswith("The face is shown when") for text in small.texts)
        )


async def test_face_and_pane_share_the_column_only_where_it_is_high() -> None:
    scene = Scene()
    async with scene.app.run_test(size=(120, PANE_BELOW)) as pilot:
        await scene.ready(pilot)
        await pilot.press("ctrl+g")
        assert scene.app.chat.face.display
        await pilot.resize_terminal(120, PANE_BELOW - 1)
        await scene.until(pilot, lambda: not scene.app.chat.face.display)
        await pilot.press("escape")
        assert scene.app.chat.face.display


async def test_the_face_moves_only_when_something_changes() -> None:
    scene = Scene()
    async with scene.app.run_test(size=WIDE) as pilot:
        await scene.ready(pilot)
        await scene.told(pilot, feels(1, "happy"), delta(1, "Hello!"))
        scene.session.set_state(status=Status.SPEAKING)
        await scene.told(pilot, Levels(at=0.0, microphone=-60.0, speaker=-60.0))
        face = scene.app.chat.face
        assert "\\___/" in screen_text(scene)
        drawn = face.redraws
        for level in (-60.5, -70.0, -55.0):
            await scene.told(pilot, Levels(at=0.0, microphone=-60.0, speaker=level))
        scene.app.chat.tick()
        await pilot.pause()
        assert face.redraws == drawn, "the mouth is as it was"
        await scene.told(pilot, Levels(at=0.0, microphone=-60.0, speaker=-5.0))
        assert face.redraws == drawn + 1
        assert "\\(_)/" in screen_text(scene)
        scene.session.set_state(link=LinkWord.PARKED)
        await scene.until(pilot, lambda: "z z Z" in screen_text(scene))
        drawn = face.redraws
        scene.app.chat.tick()
        await pilot.pause()
        assert face.redraws == drawn


async def test_emotions_are_switched_off_and_on() -> None:
    scene = Scene()
    async with scene.app.run_test(size=WIDE) as pilot:
        await scene.ready(pilot)
        await scene.told(pilot, delta(1, "Hello!"), feels(1, "happy"))
        await type_in(pilot, "/emotion off")
        await scene.until(pilot, lambda: scene.session.profile.emotion.classify is Classify.OFF)
        await scene.told(pilot, delta(2, "Oh."), feels(2, "sad"))
        assert [line.emotion for line in scene.lines if line.text in ("Hello!", "Oh.")] == ["happy", ""]
        assert scene.app.controller.view.emotion == ""
        await type_in(pilot, "/emotion")
        await scene.until(pilot, lambda: scene.session.profile.emotion.classify is Classify.LOCAL)
        await scene.told(pilot, delta(3, "No!"), feels(3, "angry"))
        assert scene.app.controller.view.emotion == "angry"


async def test_translation_is_switched_and_holds_for_an_edited_profile() -> None:
    scene = Scene(ScriptedSession(parse({"translate": {"order": ["google"]}}, "test")))
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await type_in(pilot, "/translate German")
        await scene.until(pilot, lambda: scene.session.profile.user.language == "de")
        await scene.until(pilot, lambda: any("translation into German" in text for text in scene.texts))
        edited = parse({"character": {"name": "Mio"}, "user": {"language": "fr"}}, "test")
        await scene.app.controller.adopt(edited)
        assert (scene.session.profile.character.name, scene.session.profile.user.language) == ("Mio", "de")
        await type_in(pilot, "/translate off")
        await scene.until(pilot, lambda: scene.session.profile.user.language == "")
        await type_in(pilot, "/translate on")
        await scene.until(pilot, lambda: "Nobody may translate." in scene.texts)
        assert scene.session.profile.user.language == "de"
        await type_in(pilot, "/translate ??")
        await scene.until(pilot, lambda: "?? is no language." in scene.texts)


async def test_before_there_is_a_session_nothing_is_changed() -> None:
    scene = Scene()
    scene.session.hold("start_session")
    async with scene.app.run_test(size=SIZE) as pilot:
        for command in ("/emotion off", "/translate de", "/agents on"):
            await type_in(pilot, command)
        await scene.until(pilot, lambda: scene.texts.count("That needs a running session.") == 3)
        assert "set_agent_flag" not in scene.session.names()


async def test_a_tiny_terminal_still_shows_the_items() -> None:
    scene = Scene()
    async with scene.app.run_test(size=(30, 6)) as pilot:
        await begun(scene, pilot)
        await pilot.press("ctrl+g", "down", "down")
        await pilot.pause()
        assert "The report" in screen_text(scene)
        await pilot.press("enter")
        await pilot.pause()
        assert "tell now" in screen_text(scene)
        await pilot.press("escape", "escape")
        await pilot.pause()
        assert scene.app.chat.prompt.has_focus
