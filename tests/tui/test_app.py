"""The app under a pilot: keys, focus, scrolling, hostile text, sizes, the way out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from textual.app import SystemCommand
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import TextArea

from neko_cli.core.errors import ConfigError
from neko_cli.core.events import Levels, Outcome, Status
from neko_cli.core.session import Session
from neko_cli.testing import Call, ScriptedSession
from neko_cli.tui.actions import ACTS
from neko_cli.tui.lines import Mark, Role
from neko_cli.tui.screens.consent import ConsentScreen
from neko_cli.tui.screens.help import HelpScreen
from neko_cli.tui.view import Mic, Phase
from neko_cli.tui.widgets.message import Message
from neko_cli.tui.widgets.transcript import KEPT
from tests.tui.scenes import Scene, delta, ended, notice, said, show_conversation, typed

SIZE = (80, 24)


async def type_in(pilot: Pilot[None], text: str) -> None:
    pilot.app.query_one("#prompt", TextArea).insert(text)
    await pilot.press("enter")


def screen_text(scene: Scene) -> str:
    """What is on the screen, as text."""
    strips = scene.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)


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


async def test_an_empty_line_sends_nothing() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press("enter", "space", "enter")
        assert "send_message" not in scene.session.names()


async def test_the_first_frame_comes_before_the_session_is_made() -> None:
    scene = Scene()
    seen: list[bool] = []

    async def make() -> ScriptedSession:
        seen.append("Type a message" in screen_text(scene))
        return scene.session

    scene.make = make
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
    assert seen == [True]


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
    from textual.events import Paste

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


async def test_ctrl_c_without_a_selection_does_not_quit() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert scene.app.is_running


async def test_ctrl_q_ends_and_releases_the_session() -> None:
    scene = Scene()
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.ready(pilot)
        await pilot.press("ctrl+q")
    assert scene.app.return_code == 0
    assert scene.session.names()[-1] == "cleanup"


async def test_quitting_during_the_start_cancels_it() -> None:
    scene = Scene()
    left: list[str] = []

    async def make() -> ScriptedSession:
        try:
            await asyncio.Event().wait()
        finally:
            left.append("make_session")
        return scene.session

    scene.make = make
    async with asyncio.timeout(5):
        async with scene.app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            await pilot.press("ctrl+q")
    assert left == ["make_session"]
    assert scene.app.return_code == 0


async def test_quitting_while_connecting_releases_the_session() -> None:
    scene = Scene()
    scene.session.hold("start_session")
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.session.called("start_session")
        await pilot.press("ctrl+q")
    assert scene.session.names() == ["start_session", "cleanup"]


async def test_a_start_that_fails_is_told_and_retry_tries_again() -> None:
    scene = Scene()
    good = scene.make

    async def make() -> Session:
        raise ConfigError("There is no profile 'x'.", hint="See `neko profiles list`.")

    scene.make = make  # type: ignore[assignment]
    async with scene.app.run_test(size=SIZE) as pilot:
        await scene.until(pilot, lambda: scene.app.controller.view.phase is Phase.FAILED)
        shown = screen_text(scene)
        for words in ("There is no profile 'x'.", "neko profiles list", "✕ error", "/retry"):
            assert words in shown
        scene.make = good
        await type_in(pilot, "/retry")
        await scene.ready(pilot)
        assert "start_session" in scene.session.names()


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


def broken() -> list[Callable[[Scene], object]]:
    """Places where a mistake of our own could be."""

    def fail(*_: object) -> None:
        raise ValueError("a secret that was said")

    return [
        lambda scene: setattr(scene.app.chat.prompt, "_send", fail),
        lambda scene: setattr(scene.app.controller, "talk", fail),
    ]


@pytest.mark.parametrize(("place", "key"), [(0, "enter"), (1, "f4")])
async def test_a_crash_says_one_sentence_without_content(
    place: int, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene()
    broken()[place](scene)

    async def use() -> None:
        async with scene.app.run_test(size=SIZE) as pilot:
            await scene.ready(pilot)
            await pilot.press(key)
            await pilot.pause()

    with pytest.raises(Exception, match="secret"):
        await use()
    told = "".join(capsys.readouterr())
    assert "ValueError at test_app.py" in told
    assert "secret" not in told
    assert scene.app.return_code == 1
    assert scene.session.names()[-1] == "cleanup"


def test_parts_are_content_without_markup() -> None:
    from neko_cli.tui.fit import Part
    from neko_cli.tui.widgets.parts import to_content

    content = to_content([Part("[b]x[/b]"), Part("y", "key", "screen.talk")])
    assert isinstance(content, Content)
    assert content.plain == "[b]x[/b]y"
