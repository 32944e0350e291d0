"""The user's screen in the app: asked once, an indicator, a key, and a line for what was shown."""

from __future__ import annotations

import pytest

from neko_cli.core.events import SessionEnded, Severity
from neko_cli.core.profile import Profile, ProviderTable
from neko_cli.core.tables_eyes import EyesTable
from neko_cli.testing import Call, ScriptedSession
from neko_cli.tui.questions import QUIET
from neko_cli.tui.sharing import receivers
from tests.tui.scenes import SIZE, Scene, failure, notice, screen_text, type_in
from tests.tui.screen_scenes import SETTLED, ask_to_show, cloud_scene, picture, show_shown

INDICATOR = "◉ screen"


def shown(scene: Scene) -> bool:
    """Whether the indicator is on the screen, and says that pictures may leave."""
    line = screen_text(scene).splitlines()[0]
    return INDICATOR in line and "paused" not in line


async def test_the_user_is_asked_once_and_the_answer_is_kept() -> None:
    kept: list[str] = []
    scene = cloud_scene(
        may_see=lambda profile: profile.provider.name in kept,
        on_screen_consent=lambda profile: kept.append(profile.provider.name),
    )
    async with scene.app.run_test(size=SIZE) as pilot:
        await ask_to_show(scene, pilot, "2")
        text = screen_text(scene)
        assert "monitor 2" in text
        assert "OpenAI" in text
        assert not scene.session.screen.state.on
        scene.clock.now += SETTLED
        await pilot.press("y")
        await scene.until(pilot, lambda: shown(scene))
        assert kept == ["openai"]
        assert scene.texts[-1] == "Your screen is shown: monitor 2."
        await type_in(pilot, "/screen off")
        await scene.until(pilot, lambda: not shown(scene))
        await type_in(pilot, "/screen")
        await scene.until(pilot, lambda: shown(scene))
        assert scene.app.screen is scene.app.chat
        assert kept == ["openai"]


@pytest.mark.parametrize("key", ["n", "escape", "y", "enter"])
async def test_what_is_no_yes_shows_nothing(key: str) -> None:
    scene = cloud_scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await ask_to_show(scene, pilot)
        if key == "y":
            scene.clock.now += QUIET / 2  # it was on its way to the input line
        elif key == "enter":
            scene.clock.now += SETTLED
        await pilot.press(key)
        if key in ("y", "enter"):
            assert scene.session.screen.state.consent == "asking"
            await pilot.press("escape")
        await scene.until(pilot, lambda: scene.session.screen.state.consent == "refused")
        await scene.until(pilot, lambda: scene.texts[-1] == "Your screen is not shown.")
        assert not shown(scene)


async def test_a_yes_to_one_provider_is_none_to_the_next() -> None:
    kept: list[object] = []
    scene = cloud_scene(on_screen_consent=kept.append)
    async with scene.app.run_test(size=SIZE) as pilot:
        await ask_to_show(scene, pilot)
        await scene.session.switch_profile(Profile(provider=ProviderTable(name="xai")))
        scene.clock.now += SETTLED
        await pilot.press("y")
        await scene.until(pilot, lambda: scene.texts[-1] == "Your screen is not shown.")
        assert (scene.session.screen.state.on, kept) == (False, [])


@pytest.mark.parametrize("key", ["f5", "ctrl+o"])
async def test_a_key_looks_away_wherever_the_user_is(key: str) -> None:
    scene = Scene(screen="")
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await scene.until(pilot, lambda: shown(scene))
        assert ("show", "", True) in scene.session.screen.calls
        await pilot.press("f1")
        await scene.until(pilot, lambda: scene.app.screen is not scene.app.chat)
        await pilot.press(key)
        await scene.until(pilot, lambda: scene.session.screen.state.paused)
        await pilot.press("escape")
        await scene.until(pilot, lambda: "screen paused" in screen_text(scene))
        await pilot.press(key)
        await scene.until(pilot, lambda: shown(scene))
        await type_in(pilot, "/screen pause")
        await scene.until(pilot, lambda: "screen paused" in screen_text(scene))


async def test_without_a_shown_screen_the_key_does_nothing() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press("f5")
        await scene.until(pilot, lambda: scene.texts[-1:] == ["Your screen is not shown."])
        assert scene.session.screen.calls == []


async def test_what_cannot_be_shown_is_said() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await type_in(pilot, "/screen moon")
        await scene.until(pilot, lambda: bool(scene.lines))
        assert "'moon' is nothing that can be shown" in scene.texts[-1]
        assert scene.lines[-1].severity is Severity.ERROR


@pytest.mark.parametrize("size", [(80, 24), (60, 24), (40, 24), (30, 10), (80, 6), (24, 5)])
async def test_the_indicator_is_seen_however_small_the_terminal(size: tuple[int, int]) -> None:
    scene = Scene(screen="")
    async with scene.app.run_test(size=size) as pilot:
        await scene.ready(pilot)
        await scene.until(pilot, lambda: shown(scene))


async def test_the_indicator_goes_with_the_session_and_comes_back_with_it() -> None:
    scene = Scene(screen="")
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await scene.until(pilot, lambda: shown(scene))
        await scene.told(pilot, failure("The provider is gone.", fatal=True))
        assert not shown(scene)
        scene.session.emit(SessionEnded(at=0.0, reason="gone"))
        await pilot.pause()
        await type_in(pilot, "/retry")
        await scene.ready(pilot)
        await scene.until(pilot, lambda: shown(scene))


async def test_trouble_is_told_apart() -> None:
    scene = Scene(screen="")
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        scene.session.screen.become(trouble="The display is gone.")
        await scene.until(pilot, lambda: "screen unseen" in screen_text(scene))


async def test_every_picture_is_in_the_transcript_and_those_in_a_row_in_one_line() -> None:
    scene = cloud_scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await show_shown(scene, pilot)
        told = [(line.text, line.aside) for line in scene.lines if "KiB" in line.text]
        assert told == [
            ("Sent: monitor 1 (1280×800, 91 KiB)", "the last of 3 in a row"),
            ("Sent: monitor 1 (1280×800, 90 KiB)", ""),
            (
                "Described: monitor 1 (1280×800, 84 KiB)",
                "An editor with a Python file; line 3 is marked in red.",
            ),
        ]
        await scene.told(pilot, picture(), notice("Something else."), picture(), picture("\x1b[31mwindow"))
        assert scene.texts[-4:] == [
            "Sent: monitor 1 (1280×800, 84 KiB)",
            "Something else.",
            "Sent: monitor 1 (1280×800, 84 KiB)",
            "Sent: window (1280×800, 84 KiB)",
        ]


async def test_the_session_is_told_that_somebody_types() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press("a", "backspace")
        await pilot.pause()
        notes = [call for call in scene.session.calls if call.name == "note_typing"]
        assert notes[-2:] == [Call("note_typing", (True,)), Call("note_typing", (False,))]


async def test_a_line_that_was_begun_before_the_session_was_there_counts() -> None:
    scene = Scene()
    gate = scene.session.hold("start_session")
    async with scene.app.run_test(size=SIZE) as pilot:
        await pilot.press("a")
        await scene.session.called("start_session")
        assert "note_typing" not in scene.session.names()
        gate.set()
        await scene.ready(pilot)
        assert Call("note_typing", (True,)) in scene.session.calls


def test_who_gets_the_pictures() -> None:
    profile = Profile(
        provider=ProviderTable(name="qwen"), eyes=EyesTable(describe_url="https://eyes.test/v1?x")
    )
    assert receivers(profile) == "Qwen-Omni (where it cannot see, to eyes.test)"
    assert receivers(ScriptedSession().profile) == "the embedded engine, on this machine"
    elsewhere = Profile(provider=ProviderTable(name="openai", url="wss://voice.test/v1"))
    assert receivers(elsewhere) == "OpenAI, at voice.test"
