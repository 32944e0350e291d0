"""Going on: an earlier conversation, a fresh connection, another character, back from the shell."""

from __future__ import annotations

import asyncio

import pytest
from textual.events import Paste
from textual.pilot import Pilot

from neko_cli.core.errors import AudioError, ConfigError
from neko_cli.core.events import LinkWord, Notice, NoticeKind, Severity, Swap
from neko_cli.core.profile import MemoryTable, Profile
from neko_cli.testing import Call, ScriptedSession
from neko_cli.tui import controller as controller_module
from neko_cli.tui.screens.help import HelpScreen
from neko_cli.tui.view import Mic
from tests.tui.scenes import SIZE, Scene, failure, notice, said, screen_text
from tests.tui.test_controller import Talking


def remembering(*messages: tuple[str, str, int], summary: str = "") -> ScriptedSession:
    session = ScriptedSession(session_id="20261121-101500-x7k2")
    for role, text, turn in messages:
        session.memory.add(role, text, turn)
    if summary:
        session.memory.summarised(summary, 0)
    return session


async def test_a_resumed_session_shows_what_was_said_before_once() -> None:
    talking = Talking(remembering(("user", "I am Jo.", 1), ("assistant", "Hello Jo.", 1), summary="Jo came."))
    shown = ["earlier", "In short: Jo came.", "I am Jo.", "Hello Jo.", "now"]
    async with talking.running() as running:
        assert running.face.texts == shown
        talking.session.emit(failure("Gave up.", fatal=True))
        await talking.face.until(lambda: talking.controller.can_retry)
    async with talking.running():
        assert [text for text in talking.face.texts if text in shown] == shown


async def test_only_the_newest_of_what_was_said_before_is_shown() -> None:
    messages = [("user", f"message {turn}", turn) for turn in range(45)]
    async with Talking(remembering(*messages)).running() as talking:
        assert talking.face.texts == ["earlier", *(f"message {turn}" for turn in range(15, 45)), "now"]


async def test_a_fresh_connection_can_be_asked_for() -> None:
    async with Talking().running() as talking:
        await talking.controller.swap()
        assert talking.session.names()[-1] == "swap"


async def test_another_character_takes_over_with_its_swap() -> None:
    async with Talking(title="Neko").running() as talking:
        await talking.controller.switch_profile("mio")
        assert talking.session.profile.character.name == "Mio"
        swap = Swap(
            at=0.0,
            reason="character",
            planned=True,
            from_link=1,
            to_link=2,
            gap_ms=1.0,
            cached_ms=0.0,
            resent_ms=0.0,
        )
        talking.session.emit(swap)
        await talking.face.until(lambda: "Mio goes on from here." in talking.face.texts)
        assert talking.controller.view.character == "Mio"


async def test_a_switch_to_the_cloud_mutes_the_microphone_until_the_user_has_agreed() -> None:
    async with Talking().running() as talking:
        assert talking.controller.view.mic is Mic.OPEN
        await talking.controller.switch_profile("cloud")
        assert talking.session.names()[-2:] == ["stop_listening", "switch_profile"]
        assert talking.controller.view.mic is Mic.MUTED
        assert talking.controller.view.provider == "openai"
        assert "openai answers" in talking.face.texts[-1]
        await talking.press_talk()
        assert (talking.face.asked, talking.agreed) == (1, {"embedded", "openai"})
        assert talking.controller.view.mic is Mic.OPEN
        await talking.controller.switch_profile("mio")
        await talking.controller.switch_profile("cloud")
        assert talking.controller.view.mic is Mic.OPEN
        assert talking.face.asked == 1


async def test_without_a_name_the_profiles_are_told() -> None:
    async with Talking(profiles=("default", "mio")).running() as talking:
        await talking.controller.switch_profile("")
        assert "default, mio" in talking.face.texts[-1]
        assert talking.loaded == []


async def test_a_profile_that_does_not_exist_changes_nothing() -> None:
    async with Talking().running() as talking:
        with pytest.raises(ConfigError):
            await talking.controller.switch_profile("nobody")
        assert "switch_profile" not in talking.session.names()


async def test_before_the_start_there_is_nothing_to_renew() -> None:
    talking = Talking()
    await talking.controller.swap()
    await talking.controller.switch_profile("mio")
    assert talking.face.texts == ["That needs a running session."] * 2


async def test_a_stay_in_the_shell_silences_the_session() -> None:
    async with Talking().running() as talking:
        await talking.controller.pause()
        await talking.controller.resume()
        assert talking.session.names()[-2:] == ["pause", "resume"]


async def test_a_session_that_does_not_fall_silent_does_not_keep_the_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(controller_module, "PAUSE_TIMEOUT", 0.05)
    async with Talking().running() as talking:
        talking.session.hold("pause")
        talking.session.fail_next("resume", AudioError("The microphone is gone."))
        async with asyncio.timeout(2):
            await talking.controller.pause()
            await talking.controller.resume()
        assert talking.face.texts == ["The microphone is gone."]


async def test_before_the_start_a_stay_in_the_shell_needs_no_session() -> None:
    talking = Talking()
    await talking.controller.pause()
    await talking.controller.resume()
    assert talking.session.names() == []


async def asleep(scene: Scene, pilot: Pilot[None]) -> None:
    """Nobody has talked for a while."""
    await scene.ready(pilot)
    scene.session.set_state(is_active=False, link=LinkWord.PARKED)
    await scene.until(pilot, lambda: "asleep" in screen_text(scene))
    assert "wake" not in scene.session.names()


@pytest.mark.parametrize(
    "key", ["h", "space", "enter", "backspace", "up", "pageup", "escape", "f3", "ctrl+t"]
)
async def test_any_key_wakes_what_is_asleep_and_still_does_what_it_does(key: str) -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await asleep(scene, pilot)
        await pilot.press(key)
        assert scene.session.names().count("wake") == 1
        await scene.until(pilot, lambda: "asleep" not in screen_text(scene))
        assert scene.app.chat.prompt.text == {"h": "h", "space": " "}.get(key, "")
        if key == "f3":
            await scene.session.called("mute_voice")


async def test_it_is_woken_once_by_the_first_letter_and_the_line_is_sent_whole() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await asleep(scene, pilot)
        await pilot.press(*"hello")
        assert scene.session.names().count("wake") == 1
        assert "send_message" not in scene.session.names()
        await pilot.press("enter")
        assert await scene.session.called("send_message") == Call("send_message", ("hello",))
        assert scene.session.names().count("wake") == 1


async def test_a_key_on_another_screen_and_a_paste_wake_it_too() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press("f1")
        await scene.until(pilot, lambda: isinstance(scene.app.screen, HelpScreen))
        scene.session.set_state(is_active=False, link=LinkWord.PARKED)
        await pilot.press("x")
        assert scene.session.names().count("wake") == 1
        await pilot.press("escape")
        scene.session.set_state(is_active=False, link=LinkWord.PARKED)
        scene.app.post_message(Paste("a line"))
        await scene.until(pilot, lambda: scene.app.chat.prompt.text == "a line")
        assert scene.session.names().count("wake") == 2


async def test_a_key_is_no_news_to_a_session_that_is_awake_or_not_yet_there() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await pilot.press("h")
        await scene.ready(pilot)
        await pilot.press("e", "f3")
        assert "wake" not in scene.session.names()


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+z"])
async def test_who_leaves_wakes_nobody(key: str) -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await asleep(scene, pilot)
        await pilot.press(key)
        await pilot.pause()
    assert "wake" not in scene.session.names()
    assert scene.session.names()[-1] == "cleanup"
    assert scene.app.return_code == (0 if key == "ctrl+q" else None)


@pytest.mark.parametrize(
    ("save", "said_something", "resumable"), [(True, True, True), (True, False, False), (False, True, False)]
)
async def test_a_conversation_can_be_gone_on_with_when_something_was_said_and_kept(
    save: bool, said_something: bool, resumable: bool
) -> None:
    session = ScriptedSession(Profile(memory=MemoryTable(save=save)), session_id="an-id")
    talking = Talking(session)
    assert talking.controller.resumable == ""
    async with talking.running():
        if said_something:
            session.emit(said(1, "hello"))
        session.emit(notice("seen"))
        await talking.face.until(lambda: "seen" in talking.face.texts)
    await talking.controller.close()
    assert talking.controller.resumable == ("an-id" if resumable else "")


async def test_a_conversation_that_could_not_be_saved_is_not_promised() -> None:
    def memory(severity: Severity) -> Notice:
        return Notice(at=0.0, kind=NoticeKind.MEMORY, severity=severity, text=severity)

    talking = Talking(ScriptedSession(session_id="an-id"))
    async with talking.running():
        for severity, promised in [
            (Severity.INFO, "an-id"),
            (Severity.WARNING, ""),
            (Severity.INFO, ""),
            (Severity.SUCCESS, "an-id"),
        ]:
            talking.session.emit(said(1, "hello"), memory(severity), notice(f"after {severity}"))
            await talking.face.until(lambda seen=f"after {severity}": seen in talking.face.texts)
            assert talking.controller.resumable == promised
            talking.face.lines.clear()
