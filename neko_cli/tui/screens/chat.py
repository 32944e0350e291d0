"""The chat: transcript, lines of state, input. It shows what the controller says and passes keys on."""

from __future__ import annotations

from asyncio import Future, get_running_loop
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cached_property
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.widgets import TextArea

from neko_cli.core.errors import NekoError
from neko_cli.core.events import Severity
from neko_cli.tui.actions import ACTS, ANSWERS, COMMANDS, understand
from neko_cli.tui.controller import Controller
from neko_cli.tui.fit import Part
from neko_cli.tui.lines import Change
from neko_cli.tui.presenter import energy_tip, hint_line, showing_part, sound_line, status_line
from neko_cli.tui.screens.asking import PERMISSIONS
from neko_cli.tui.screens.beside import BesideScreen
from neko_cli.tui.screens.choosing import ChoosingScreen
from neko_cli.tui.screens.sharing import SharingScreen
from neko_cli.tui.suspend import JobControl
from neko_cli.tui.view import View
from neko_cli.tui.widgets.agent_pane import AgentPane
from neko_cli.tui.widgets.bar import Bar
from neko_cli.tui.widgets.face_view import FaceView
from neko_cli.tui.widgets.prompt import Prompt
from neko_cli.tui.widgets.question import Question
from neko_cli.tui.widgets.transcript import Transcript


class ChatScreen(BesideScreen, SharingScreen, ChoosingScreen):
    """Implements the controller's ``Face``."""

    ESCAPE_TO_MINIMIZE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (40, "-normal"), (100, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (7, "-short"), (14, "-tall")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(act.keys, act.action, act.title, show=False, priority=act.priority)
        for act in ACTS
        if act.keys
    ]

    def __init__(self, make_controller: Callable[[ChatScreen], Controller], now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now
        self.transcript = Transcript(id="transcript")
        self.prompt = Prompt(id="prompt", names=lambda: self.controller.profiles)
        self.bars = (
            Bar(lambda width: status_line(self.controller.view, self._now(), width), id="status"),
            Bar(lambda width: sound_line(self.controller.view, width), id="sound"),
            Bar(self._hints, id="hints"),
        )
        self.question = Question(lambda: self.controller.questions, self._now, self.take_typed, id="question")
        self.pane = AgentPane(lambda: self.controller.agents, self._now, self.take_typed, id="agents")
        self.face = FaceView(lambda: self.controller.view, id="face")
        self._new_below = Bar(self._new_below_parts, id="new-below")
        self.controller = make_controller(self)

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        status, sound, hints = self.bars
        yield status
        with Horizontal(id="middle"):
            with Vertical(id="talk") as self.talk:
                yield self.transcript
                yield self._new_below
            with Vertical(id="beside") as self.beside:
                yield self.face
                yield self.pane
        yield sound
        yield self.question
        with Container(id="entry"):
            yield self.prompt
        yield hints

    @cached_property
    def job(self) -> JobControl:
        """Stops and continues the app; there when the app is."""
        return JobControl(self.app, self.controller, lambda work: self.run_worker(work, group="suspend"))

    def on_mount(self) -> None:
        """The input line has the focus, the clock of the status line runs."""
        self.prompt.focus()
        self.watch(self.transcript, "scroll_y", self._scrolled, init=False)
        self.set_interval(1.0, self.tick, name="elapsed")
        self.controller.greet()

    def tick(self) -> None:
        """Another second has passed."""
        self.controller.look()
        self.bars[0].bring_up_to_date()
        self.pane.bring_up_to_date()

    # -- what the controller asks ---------------------------------------------------------------

    def show_changes(self, changes: Sequence[Change]) -> None:
        """Bring the transcript up to date."""
        with self.app.batch_update():
            self.transcript.apply(changes)
        self._scrolled()

    def show_view(self, view: View) -> None:
        """Bring the lines around it up to date; ``view`` is the controller's own."""
        if self.is_mounted:
            for bar in self.bars:
                bar.bring_up_to_date()
            self.question.bring_up_to_date()
            self.bring_beside_up_to_date()
            # Where there is no room for it otherwise, the status line comes back with the indicator.
            self.set_class(showing_part(view) is not None, "-showing")
            self.bars[0].tooltip = energy_tip(self.controller.view.energy) or None

    def show_levels(self, view: View) -> None:
        """Bring the meters and the mouth up to date."""
        if self.is_mounted:
            self.bars[1].bring_up_to_date()
            self.face.bring_up_to_date()

    def give_back(self, text: str) -> None:
        """Put text into the input line."""
        self.prompt.give(text)

    async def ask_consent(self) -> bool:
        """Ask once whether sound may go to the provider."""
        # Imported when it is needed: the first frame does not wait for it.
        from neko_cli.tui.screens.consent import ConsentScreen

        answer: Future[bool] = get_running_loop().create_future()

        def closed(agreed: bool | None) -> None:
            answer.set_result(bool(agreed))

        self.app.push_screen(ConsentScreen(self.controller.view.provider), closed)
        return await answer

    # -- what the user does ---------------------------------------------------------------------

    @on(Prompt.Sent)
    def _sent(self, event: Prompt.Sent) -> None:
        typed = understand(event.text)
        if typed.argument is not None:
            getattr(self, f"action_{typed.action}")(typed.argument)
        elif typed.action in ANSWERS:
            self.controller.type_answer(PERMISSIONS[typed.action], self.begun_about)
        elif typed.action:
            self.run_worker(self.run_action(typed.action), group="action")
        elif typed.unknown:
            self.controller.tell(f"There is no command {typed.unknown}.", "/help lists them.")
        else:
            self.uncover()
            self.transcript.follow()
            self._do(lambda: self.controller.send(typed.message))

    @on(Prompt.Scrolled)
    def _page(self, event: Prompt.Scrolled) -> None:
        if event.pages < 0:
            self.transcript.scroll_page_up(animate=False)
        elif event.pages > 0:
            self.transcript.scroll_page_down(animate=False)
        else:
            self.action_follow()

    @on(TextArea.Changed)
    def _typing(self) -> None:
        self.note_typing(self.prompt.text)
        self.controller.note_typing(self.prompt.text)
        self.bars[2].bring_up_to_date()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Ctrl+E, F6, F7 belong to the input line unless something was heard or is asked; so does Escape."""
        if action in ANSWERS:
            return self.check_answer(action)
        if action == "edit_heard":
            return self.controller.view.unsure
        return True

    def action_talk(self) -> None:
        """Microphone on or off."""
        self._do(self.controller.talk)

    def action_push_to_talk(self) -> None:
        """Change the mode."""
        self._do(self.controller.toggle_push_to_talk)

    def action_mute_voice(self) -> None:
        """Mute or unmute the character."""
        self._do(self.controller.toggle_voice)

    def action_interrupt(self) -> None:
        """Stop the reply."""
        self._do(self.controller.interrupt)

    def action_edit_heard(self) -> None:
        """Correct what was heard."""
        self.controller.edit_heard()

    def action_copy(self) -> None:
        """Copy the selection, or the last reply."""
        text = self.get_selected_text() or self.controller.conversation.last_reply
        if text:
            self.app.copy_to_clipboard(text)
            self.notify("Copied.", timeout=2)
        else:
            self.notify("There is nothing to copy yet.", timeout=2)

    def action_clear(self) -> None:
        """Empty the screen."""
        self.transcript.wipe()
        self._scrolled()

    def action_follow(self) -> None:
        """Go to the end."""
        self.transcript.follow()
        self._scrolled()

    def action_retry(self) -> None:
        """Start the session again."""
        if self.controller.can_retry:
            self.start()
        else:
            self.controller.tell("The session is running; there is nothing to start again.")

    def action_profile(self, name: str = "") -> None:
        """Talk with another character from the next turn on."""
        self._do(lambda: self.controller.switch_profile(name))

    def action_emotion(self, typed: str = "") -> None:
        """Emotions on or off."""
        self._do(lambda: self.controller.feel(typed))

    def action_translate(self, typed: str = "") -> None:
        """Translation on or off, or into a language."""
        self._do(lambda: self.controller.translate(typed))

    def action_swap(self) -> None:
        """Go on with a fresh connection."""
        self._do(self.controller.swap)

    def action_history(self) -> None:
        """Tell where earlier conversations are."""
        self.controller.tell("Earlier conversations are found outside the chat:", "neko history list")

    def action_suspend(self) -> None:
        """Back to the shell until ``fg``."""
        self.job.ask()

    def action_devices(self) -> None:
        """Tell how to see the devices."""
        self.controller.tell("Sound devices are listed and tested outside the chat:", "neko devices")

    def action_help(self) -> None:
        """Show the help page."""
        from neko_cli.tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen())

    def action_leave(self) -> None:
        """End the app."""
        self.app.exit()

    # -- small parts ----------------------------------------------------------------------------

    def start(self) -> None:
        """Run the session in a worker; an earlier run ends first."""
        self.run_worker(self.controller.run(), group="session", exclusive=True)

    def _do(self, what: Callable[[], Awaitable[None]]) -> None:
        """Something that may take a moment, or fail with a sentence."""
        self.run_worker(self._told(what), group="action")

    async def _told(self, what: Callable[[], Awaitable[None]]) -> None:
        try:
            await what()
        except NekoError as error:
            self.controller.tell(error.message, error.hint, Severity.ERROR)

    def _hints(self, width: int) -> list[Part]:
        controller = self.controller
        return hint_line(controller.view, self.prompt.text, COMMANDS, width, controller.profiles)

    def _scrolled(self) -> None:
        if self.transcript.following:
            self.transcript.unseen = 0
        self._new_below.display = bool(self.transcript.unseen)
        self._new_below.bring_up_to_date()

    def _new_below_parts(self, width: int) -> list[Part]:
        del width
        count = self.transcript.unseen
        return [Part(f" ↓ {count} new below · End ", "key", "screen.follow")] if count else []


def commands_of(screen: ChatScreen) -> Iterable[tuple[str, str, Callable[[], None]]]:
    """Title, help and function of everything in the palette."""
    for act in ACTS:
        yield act.title, act.about, getattr(screen, f"action_{act.action}")
