"""The app under a pilot: keys, input, commands, consent."""

from __future__ import annotations

from textual.app import SystemCommand
from textual.events import Paste

from neko_cli.core.errors import ConfigError
from neko_cli.core.events import Energy, Status
from neko_cli.core.profile import Character, Profile
from neko_cli.testing import Call
from neko_cli.tui.actions import ACTS
from neko_cli.tui.lines import Mark, Role
from neko_cli.tui.screens.consent import ConsentScreen
from neko_cli.tui.screens.help import HelpScreen
from neko_cli.tui.view import Mic
from tests.tui.scenes import (
    SIZE,
    Scene,
    delta,
    said,
    screen_text,
    type_in,
)


async def test_typing_and_enter_sends_and_the_focus_stays() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press(*"hello", "enter")
        assert await scene.session.called("send_message") == Call("send_message", ("hello",))
        assert scene.app.chat.prompt.text == ""
        await pilot.click("#transcript")
        await pilot.click("#status")
        assert scene.app.focused is scene.app.chat.prompt


async def test_another_character_and_a_fresh_connection_by_command() -> None:
    mio = Profile(character=Character(name="Mio"))

    async def load(name: str) -> Profile:
        if name != "mio":
            raise ConfigError(f"There is no profile {name!r}.")
        return mio

    scene = Scene(profiles=("default", "mio"), load_profile=load)
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press(*"/pro", "tab", "space", "m", "tab", "enter")
        assert await scene.session.called("switch_profile") == Call("switch_profile", (mio,))
        await type_in(pilot, "/swap")
        await scene.session.called("swap")
        await type_in(pilot, "/profile nobody")
        await scene.until(pilot, lambda: "There is no profile 'nobody'." in scene.texts)
        await type_in(pilot, "/history")
        await scene.until(pilot, lambda: "neko history list" in screen_text(scene))


async def test_the_model_and_the_energy_are_told_where_the_pointer_rests() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        status = scene.app.chat.bars[0]
        assert status.tooltip is None
        await scene.told(pilot, Energy(at=0.0, mode="call", level=2, max=3, model="m", reason="rate_limit"))
        assert status.tooltip == "Energy 2 of 3 (medium): now with m"


async def test_ctrl_z_stays_where_the_terminal_cannot_be_given_back() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press("ctrl+z")
        await scene.until(pilot, lambda: "There is no shell here to go back to." in scene.texts)
        assert scene.app.is_running


async def test_an_empty_line_sends_nothing() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press("enter", "space", "enter")
        assert "send_message" not in scene.session.names()


async def test_history_with_up_and_down() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        for text in ("one", "two"):
            await type_in(pilot, text)
        prompt = scene.app.chat.prompt
        prompt.insert("draft")
        shown = []
        for key in ("up", "up", "up", "down", "down", "down"):
            await pilot.press(key)
            shown.append(prompt.text)
        assert shown == ["two", "one", "one", "two", "draft", "draft"]


async def test_a_paste_of_several_lines_is_one_message_without_escape_sequences() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        scene.app.chat.prompt.post_message(Paste("one\r\ntwo\x1b[31m\rthree"))
        await pilot.pause()
        assert scene.app.chat.prompt.size.height == 3
        await pilot.press("enter")
        assert await scene.session.called("send_message") == Call("send_message", ("one\ntwo\nthree",))


async def test_ctrl_j_begins_a_new_line() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press("a", "ctrl+j", "b", "enter")
        assert await scene.session.called("send_message") == Call("send_message", ("a\nb",))


async def test_a_slash_command_acts_and_is_not_sent() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await type_in(pilot, "/voice")
        assert await scene.session.called("mute_voice") == Call("mute_voice", (True,))
        await type_in(pilot, "/devices")
        await scene.until(pilot, lambda: scene.lines[-1].aside == "neko devices")
        await type_in(pilot, "/nonsense")
        await scene.until(pilot, lambda: "/nonsense" in scene.texts[-1])
        assert "send_message" not in scene.session.names()


async def test_tab_completes_a_command_and_otherwise_keeps_the_focus() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press("slash", "i", "tab")
        assert scene.app.chat.prompt.text == "/interrupt"
        await pilot.press("ctrl+u", "tab", "shift+tab")
        assert scene.app.focused is scene.app.chat.prompt


async def test_keys_reach_the_session() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press("escape")
        await scene.session.called("interrupt")
        await pilot.press("ctrl+t")
        await scene.session.called("stop_listening")
        await pilot.press("ctrl+s")
        await scene.session.called("mute_voice")
        await pilot.press("f2")
        await scene.session.called("set_push_to_talk")
        scene.clock.now += 1
        await pilot.press("ctrl+@")
        await scene.session.called("start_listening", 2)
        await scene.until(pilot, lambda: scene.app.controller.view.mic is Mic.TALKING)
        assert "F4 to stop" in screen_text(scene)


async def test_unsure_text_goes_to_the_input_line_and_ctrl_e_is_otherwise_line_end() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press(*"ab", "home", "ctrl+e", "c")
        assert scene.app.chat.prompt.text == "abc"
        await pilot.press("ctrl+u")
        await scene.told(pilot, said(1, "wreck a nice beach", confidence=0.2))
        assert "unsure" in screen_text(scene)
        await pilot.press("ctrl+e", "enter")
        assert await scene.session.called("send_message") == Call("send_message", ("wreck a nice beach",))


async def test_consent_is_asked_once_before_the_microphone_opens() -> None:
    scene = Scene(microphone_consent=False)
    agreed: list[bool] = []
    scene.app.controller._talk._on_consent = lambda: agreed.append(True)
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        assert "start_listening" not in scene.session.names()
        await pilot.press("ctrl+t")
        await scene.until(pilot, lambda: isinstance(scene.app.screen, ConsentScreen))
        await pilot.press("escape")
        await pilot.pause()
        assert (agreed, scene.session.state.is_listening) == ([], False)
        scene.clock.now += 1
        await pilot.press("ctrl+t")
        await scene.until(pilot, lambda: isinstance(scene.app.screen, ConsentScreen))
        await pilot.press("enter")
        await scene.session.called("start_listening")
        assert agreed == [True]
        assert scene.app.focused is scene.app.chat.prompt


async def test_help_opens_and_closes_and_gives_the_focus_back() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press("f1")
        await pilot.pause()
        assert isinstance(scene.app.screen, HelpScreen)
        assert "/interrupt" in screen_text(scene)
        await pilot.press("escape")
        await pilot.pause()
        assert scene.app.focused is scene.app.chat.prompt
        assert "interrupt" not in scene.session.names()


async def test_the_palette_offers_every_act() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        offered: list[SystemCommand] = list(scene.app.get_system_commands(scene.app.screen))
        assert {act.title for act in ACTS} <= {command.title for command in offered}
        await pilot.press("ctrl+p")
        await pilot.press(*"interrupt", "enter")
        await scene.session.called("interrupt")


async def test_a_message_that_failed_is_back_in_the_input_line() -> None:
    scene = Scene()
    scene.session.fail_next("send_message", ConfigError("Not now."))
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await type_in(pilot, "precious words")
        await scene.until(pilot, lambda: scene.app.chat.prompt.text == "precious words")
        assert "Not now." in scene.texts


async def test_a_message_typed_before_the_connection_waits_and_is_sent() -> None:
    scene = Scene()
    gate = scene.session.hold("start_session")
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.session.called("start_session")
        await type_in(pilot, "early")
        await scene.until(pilot, lambda: bool(scene.lines))
        assert (scene.lines[0].mark, scene.lines[0].role) == (Mark.WAITING, Role.YOU)
        gate.set()
        assert await scene.session.called("send_message") == Call("send_message", ("early",))
        await scene.until(pilot, lambda: not scene.lines)


async def test_escape_interrupts_while_speaking() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        scene.session.set_state(status=Status.SPEAKING)
        await scene.told(pilot, delta(1, "a long"))
        assert "Esc interrupt" in screen_text(scene)
        await pilot.press("escape")
        await scene.session.called("interrupt")


async def test_the_status_line_counts_the_seconds() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        scene.clock.now += 65
        await scene.until(pilot, lambda: "1:05" in screen_text(scene))
