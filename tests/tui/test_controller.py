"""Starting, talking, typing and stopping, without a screen."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from neko_cli.core.errors import AudioError, ConfigError, LinkError, NoMicrophone
from neko_cli.core.events import InputMode, LinkWord, SessionEnded, Severity, Status
from neko_cli.core.profile import Character, LocalTable, Profile, ProviderTable
from neko_cli.testing import Call, ScriptedSession, Step
from neko_cli.tui import conversing
from neko_cli.tui.controller import WAITING, Controller
from neko_cli.tui.face import Options
from neko_cli.tui.lines import Added, Change, Changed, Line, Mark
from neko_cli.tui.offers import BETTER_EARS, Offer
from neko_cli.tui.view import Mic, Phase, View
from tests.tui.scenes import Clock, failure, said


class PlainFace:
    """Keeps what a screen would show."""

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}
        self.given: list[str] = []
        self.asked = 0
        self.agrees = True
        self._changed = asyncio.Event()

    def show_changes(self, changes: Sequence[Change]) -> None:
        for change in changes:
            match change:
                case Added(line) | Changed(line):
                    self.lines[line.key] = line
                case _:
                    self.lines.pop(change.key, None)
        self._changed.set()

    def show_view(self, view: View) -> None:
        self._changed.set()

    def show_levels(self, view: View) -> None:
        self._changed.set()

    def give_back(self, text: str) -> None:
        self.given.append(text)

    async def ask_consent(self) -> bool:
        self.asked += 1
        return self.agrees

    async def ask_to_show(self, source: str, whom: str) -> bool:
        raise AssertionError("nobody shows the screen here")

    async def pick(self, title: str, rows: Sequence[object]) -> str | None:
        raise AssertionError("nobody chooses a device here")

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.lines.values()]

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not holds():
                self._changed.clear()
                await self._changed.wait()


class Talking:
    """A controller that runs, with its face, session and clock."""

    def __init__(self, session: ScriptedSession | None = None, **options: Any) -> None:
        self.session = session or ScriptedSession()
        self.face = PlainFace()
        self.clock = Clock()
        self.consents = 0
        self.agreed = {"embedded"}
        self.errors: list[Exception] = []
        self.loaded: list[str] = []
        self.controller = Controller(
            self.make,
            self.face,
            Options(**options),
            on_consent=self._consented,
            load_profile=self.load,
            may_hear=lambda profile: profile.provider.name in self.agreed,
            clock=self.clock,
        )

    async def load(self, name: str) -> Profile:
        self.loaded.append(name)
        if name == "nobody":
            raise ConfigError("There is no profile 'nobody'.")
        provider = ProviderTable(name="openai" if name == "cloud" else "embedded")
        return Profile(character=Character(name=name.title()), provider=provider)

    async def make(self) -> ScriptedSession:
        if self.errors:
            raise self.errors.pop(0)
        return self.session

    def _consented(self, provider: str) -> None:
        self.consents += 1
        self.agreed.add(provider)

    async def press_talk(self) -> None:
        self.clock.now += 1
        await self.controller.talk()

    @contextlib.asynccontextmanager
    async def running(self, until: Phase = Phase.READY) -> AsyncIterator[Talking]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.controller.run())
            await self.face.until(lambda: self.controller.view.phase is until)
            yield self
            task.cancel()


async def test_the_session_is_made_started_and_listened_to() -> None:
    async with Talking().running() as talking:
        assert talking.session.calls == [
            Call("start_session", (InputMode.AUDIO, False)),
            Call("start_listening"),
        ]
        assert talking.controller.view.mic is Mic.OPEN


async def test_a_text_chat_opens_no_microphone() -> None:
    async with Talking(microphone=False).running() as talking:
        assert talking.session.calls == [Call("start_session", (InputMode.TEXT, False))]
        await talking.press_talk()
        assert "start_listening" not in talking.session.names()
        assert "without a microphone" in talking.face.texts[-1]


async def test_the_characters_name_comes_from_the_profile() -> None:
    profile = Profile(character=Character(name="Mi\x1b[1mra"))
    async with Talking(ScriptedSession(profile)).running() as talking:
        assert talking.controller.view.character == "Mira"


async def test_without_consent_the_microphone_stays_muted_until_agreed_once() -> None:
    async with Talking(microphone_consent=False).running() as talking:
        assert talking.controller.view.mic is Mic.MUTED
        talking.face.agrees = False
        await talking.press_talk()
        assert (talking.controller.view.mic, talking.consents) == (Mic.MUTED, 0)
        talking.face.agrees = True
        await talking.press_talk()
        assert (talking.controller.view.mic, talking.consents) == (Mic.OPEN, 1)
        await talking.press_talk()
        await talking.press_talk()
        assert (talking.face.asked, talking.consents) == (2, 1)


async def test_hands_free_mutes_and_unmutes_without_committing() -> None:
    async with Talking().running() as talking:
        await talking.press_talk()
        assert talking.session.calls[-1] == Call("stop_listening", (False,))
        assert talking.controller.view.mic is Mic.MUTED
        await talking.press_talk()
        assert talking.controller.view.mic is Mic.OPEN


async def test_push_to_talk_commits_at_the_second_press() -> None:
    script = [
        Step(Call("start_session", None)),
        Step(Call("set_push_to_talk", (True,))),
        Step(Call("start_listening")),
        Step(Call("stop_listening", (True,))),
    ]
    async with Talking(ScriptedSession(script=script), push_to_talk=True).running() as talking:
        assert talking.controller.view.mic is Mic.HELD
        await talking.press_talk()
        assert talking.controller.view.mic is Mic.TALKING
        await talking.press_talk()
        assert talking.controller.view.mic is Mic.HELD
        talking.session.finish()


async def test_escape_drops_what_is_being_said_in_push_to_talk() -> None:
    async with Talking(push_to_talk=True).running() as talking:
        await talking.press_talk()
        await talking.controller.interrupt()
        assert talking.session.calls[-1] == Call("stop_listening", (False,))
        await talking.controller.interrupt()
        assert talking.session.calls[-1] == Call("interrupt")


async def test_the_mode_can_be_changed_and_hands_free_opens_the_microphone() -> None:
    async with Talking().running() as talking:
        await talking.controller.toggle_push_to_talk()
        assert talking.controller.view.mic is Mic.HELD
        await talking.controller.toggle_push_to_talk()
        assert talking.controller.view.mic is Mic.OPEN


async def test_a_held_key_counts_once() -> None:
    async with Talking(push_to_talk=True).running() as talking:
        await talking.press_talk()
        for _ in range(20):
            talking.clock.now += 0.03
            await talking.controller.talk()
        assert talking.session.names().count("stop_listening") == 0


@pytest.mark.parametrize(
    ("error", "mic"), [(NoMicrophone("none"), Mic.NONE), (AudioError("busy"), Mic.MUTED)]
)
async def test_without_sound_the_chat_goes_on_as_text_and_says_why(error: AudioError, mic: Mic) -> None:
    session = ScriptedSession()
    session.fail_next("start_listening", error)
    async with Talking(session).running() as talking:
        assert talking.controller.view.mic is mic
        [line] = talking.face.lines.values()
        assert (line.text, line.severity) == (error.message, Severity.WARNING)
        await talking.controller.send("hello")
        assert session.calls[-1] == Call("send_message", ("hello",))
        await talking.press_talk()
        assert talking.controller.view.mic is Mic.OPEN


async def test_what_is_typed_too_early_waits_and_goes_in_order() -> None:
    session = ScriptedSession()
    gate = session.hold("start_session")
    talking = Talking(session)
    async with talking.running(Phase.STARTING):
        for index in range(WAITING + 1):
            await talking.controller.send(f"message {index}")
        assert talking.face.given == [f"message {WAITING}"]
        marks = [line.mark for line in talking.face.lines.values()]
        assert marks.count(Mark.WAITING) == WAITING
        gate.set()
        await session.called("send_message", WAITING)
        sent = [call.arguments for call in session.calls if call.name == "send_message"]
        assert sent == [(f"message {index}",) for index in range(WAITING)]
        assert not [line for line in talking.face.lines.values() if line.mark is Mark.WAITING]


async def test_a_session_that_cannot_be_made_says_so_and_can_be_retried() -> None:
    talking = Talking()
    talking.errors = [ConfigError("There is no profile 'x'.", hint="See `neko profiles list`.")]
    await talking.controller.run()
    assert talking.controller.view.phase is Phase.FAILED
    [line] = talking.face.lines.values()
    assert line.text == "There is no profile 'x'."
    assert "neko profiles list" in line.aside
    assert "/retry" in line.aside
    assert talking.controller.can_retry
    async with talking.running():
        assert talking.session.names()[0] == "start_session"


async def test_after_a_failed_start_what_is_typed_stays_out_of_the_input_and_is_told_once() -> None:
    session = ScriptedSession()
    gate = session.hold("start_session")
    session.fail_next("start_session", LinkError("No route to the provider."))
    talking = Talking(session)
    async with asyncio.TaskGroup() as group:
        group.create_task(talking.controller.run())
        await session.called("start_session")
        await talking.controller.send("hello")
        gate.set()
    assert talking.controller.view.phase is Phase.FAILED
    await talking.controller.send("again")
    await talking.controller.send("and again")
    assert talking.face.given == []
    assert talking.face.texts == ["No route to the provider.", "What you typed was not sent."]
    assert "Up" in list(talking.face.lines.values())[-1].aside


async def test_messages_that_a_failed_session_refuses_are_told_once_for_each_start() -> None:
    talking = Talking()
    for times in (1, 2):
        async with talking.running():
            talking.session.emit(failure("Gave up.", fatal=True))
            await talking.face.until(lambda: talking.controller.can_retry)
            await talking.controller.send("one")
            await talking.controller.send("two")
            assert talking.face.texts.count("This cannot be sent now.") == times
    assert talking.face.given == []


class Refused(ScriptedSession):
    """Tries twice to connect, and tells so as the real session does."""

    def __init__(self, *, code: str = "", final: bool = True) -> None:
        super().__init__()
        self.code = code
        self.final = final

    async def start_session(self, input_mode: InputMode, new: bool = False) -> None:
        self.set_state(link=LinkWord.RECONNECTING)
        self.emit(failure("No route.", retry_in=0.3))
        await asyncio.sleep(0)
        if self.final:
            self.emit(failure("No route.", code=self.code, fatal=True))
            self.set_state(link=LinkWord.OFFLINE, status=Status.ERROR)
        raise LinkError("No route.", code=self.code)


@pytest.mark.parametrize("final", [True, False])
async def test_a_start_that_gave_up_shows_the_final_error_and_no_further_try(final: bool) -> None:
    talking = Talking(Refused(final=final))
    await talking.controller.run()
    last = list(talking.face.lines.values())[-1]
    assert (last.text, last.severity) == ("No route.", Severity.ERROR)
    assert "/retry" in last.aside
    assert "Trying again" not in last.aside
    assert len(talking.face.lines) == (1 if final else 2)
    view = talking.controller.view
    assert (view.phase, view.link) == (Phase.FAILED, LinkWord.OFFLINE)


@pytest.mark.parametrize("told", [True, False])
async def test_after_the_profiles_time_limit_no_retry_is_offered(told: bool) -> None:
    talking = Talking(Refused(code="time_limit", final=told))
    await talking.controller.run()
    await talking.controller.send("hello")
    assert not any("/retry" in line.aside for line in talking.face.lines.values())
    assert not talking.controller.view.worth_retry


async def test_a_mistake_of_our_own_is_told_without_content() -> None:
    talking = Talking()
    talking.errors = [ValueError("a secret that was said")]
    await talking.controller.run()
    assert talking.controller.view.phase is Phase.FAILED
    shown = " ".join(talking.face.texts)
    assert "ValueError" in shown
    assert "secret" not in shown


async def test_a_message_that_cannot_be_sent_comes_back() -> None:
    async with Talking().running() as talking:
        talking.session.fail_next("send_message", LinkError("The connection is down."))
        await talking.controller.send("hello")
        assert talking.face.given == ["hello"]
        assert "The connection is down." in talking.face.texts


async def test_a_fatal_failure_allows_a_retry_on_the_same_session() -> None:
    talking = Talking()
    async with talking.running():
        talking.session.emit(failure("Gave up.", fatal=True))
        await talking.face.until(lambda: talking.controller.can_retry)
    async with talking.running():
        assert talking.session.names().count("start_session") == 2


async def test_the_end_of_a_session_is_told_and_can_be_retried() -> None:
    async with Talking().running() as talking:
        talking.session.emit(SessionEnded(at=0.0, reason="the server ended it"))
        await talking.face.until(lambda: talking.controller.view.phase is Phase.ENDED)
        assert "the server ended it" in talking.face.texts[-1]
        assert talking.controller.can_retry


async def test_offers_are_shown_at_the_start() -> None:
    talking = Talking(offers=(Offer("A sound test:", "neko devices test"),))
    talking.controller.greet()
    [line] = talking.face.lines.values()
    assert (line.text, line.aside) == ("A sound test:", "neko devices test")


@pytest.mark.parametrize(
    ("profile", "offered"),
    [
        (Profile(), 1),
        (Profile(local=LocalTable(recogniser="whisper:base")), 0),
        (Profile(provider=ProviderTable(name="openai")), 0),
    ],
)
async def test_better_ears_are_offered_once_where_they_help(profile: Profile, offered: int) -> None:
    async with Talking(ScriptedSession(profile)).running() as talking:
        talking.session.emit(said(1, "mumble", confidence=0.1), said(2, "", confidence=0.0), said(3, "last"))
        await talking.face.until(lambda: "last" in talking.face.texts)
        assert talking.face.texts.count(BETTER_EARS.text) == offered


async def test_unsure_text_can_be_edited_once() -> None:
    async with Talking().running() as talking:
        talking.session.emit(said(1, "wreck a nice beach", confidence=0.1))
        await talking.face.until(lambda: talking.controller.view.unsure)
        talking.controller.edit_heard()
        talking.controller.edit_heard()
        assert talking.face.given == ["wreck a nice beach"]
        assert not talking.controller.view.unsure


async def test_the_voice_can_be_muted_before_the_session_is_there() -> None:
    session = ScriptedSession()
    gate = session.hold("start_session")
    async with Talking(session).running(Phase.STARTING) as talking:
        await talking.controller.toggle_voice()
        gate.set()
        assert await session.called("mute_voice") == Call("mute_voice", (True,))


async def test_close_waits_for_cleanup_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversing, "CLEANUP_TIMEOUT", 0.05)
    session = ScriptedSession()
    session.hold("cleanup")
    talking = Talking(session)
    async with talking.running():
        pass
    async with asyncio.timeout(2):
        await talking.controller.close()
    assert session.names()[-1] == "cleanup"
    assert talking.controller.view.phase is Phase.CLOSING


async def test_close_without_a_session_is_quiet() -> None:
    await Talking().controller.close()


async def test_a_microphone_that_goes_away_shows_at_the_next_event() -> None:
    async with Talking().running() as talking:
        talking.session.set_state(is_listening=False, link=LinkWord.RECONNECTING)
        await talking.face.until(lambda: talking.controller.view.mic is Mic.MUTED)
