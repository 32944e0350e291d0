"""The app: its first frame comes before anything heavy is imported.

``make_session`` is awaited in a worker after the first frame; what it raises becomes a line of the
transcript. Use :func:`neko_cli.tui.run.run_app` to run it in a terminal.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Event, Key, Paste
from textual.screen import Screen

from neko_cli.core.events import Severity
from neko_cli.tui import theme
from neko_cli.tui.actions import GOING, LOOK_AWAY
from neko_cli.tui.controller import Controller
from neko_cli.tui.crash import describe
from neko_cli.tui.face import LoadProfile, MakeSession, MayHear, Options
from neko_cli.tui.offers import Offer
from neko_cli.tui.screens.chat import ChatScreen, commands_of

if TYPE_CHECKING:
    from neko_cli.core.profile import Profile

log = logging.getLogger(__name__)


class NekoApp(App[None]):
    """A conversation in a terminal.

    Args:
        make_session: makes the session; heavy imports belong in it.
        title: the character's name until the session tells it.
        microphone: whether the user's voice is wanted; False is a text chat.
        push_to_talk: begin in push-to-talk mode.
        offers: quiet lines at the start.
        microphone_consent: False keeps the microphone muted until the user agrees.
        on_consent: called with the provider's name when the user agreed.
        profiles: names that can be chosen while talking.
        load_profile: finds one of them, or a file.
        may_hear: whether the user's voice may go to a profile that is switched to.
        screen: what of the screen is shown from the start; empty is the profile's source.
        may_see: whether the user has agreed before that pictures go where this profile says.
        on_screen_consent: called when he did.
        details: tell every fresh connection, with its figures.
        clock: seconds for the elapsed time, so that tests can hold it.
    """

    CSS_PATH = "styles.tcss"
    TITLE = "neko"
    ENABLE_COMMAND_PALETTE = True
    # Also where a page or a question stands over the chat: what leaves can always be stopped.
    BINDINGS: ClassVar[list[BindingType]] = [Binding(LOOK_AWAY, "look_away", show=False, priority=True)]

    def __init__(
        self,
        make_session: MakeSession,
        *,
        title: str,
        microphone: bool,
        push_to_talk: bool,
        offers: Sequence[Offer] = (),
        microphone_consent: bool = True,
        on_consent: Callable[[str], object] | None = None,
        profiles: Sequence[str] = (),
        load_profile: LoadProfile | None = None,
        may_hear: MayHear | None = None,
        screen: str | None = None,
        may_see: MayHear | None = None,
        on_screen_consent: Callable[[Profile], object] | None = None,
        details: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        for known in theme.THEMES:
            self.register_theme(known)
        self.theme = theme.suited(os.environ)
        options = Options(
            title=title,
            microphone=microphone,
            push_to_talk=push_to_talk,
            microphone_consent=microphone_consent,
            screen=screen,
            offers=tuple(offers),
            profiles=tuple(profiles),
            details=details,
        )
        self.chat = ChatScreen(
            lambda face: Controller(
                make_session,
                face,
                options,
                on_consent=on_consent,
                load_profile=load_profile,
                may_hear=may_hear,
                may_see=may_see,
                on_screen_consent=on_screen_consent,
                clock=clock,
            ),
            clock,
        )

    @property
    def controller(self) -> Controller:
        """What drives the session."""
        return self.chat.controller

    async def on_event(self, event: Event) -> None:
        """Every key and paste, before whatever has the focus may take it: somebody is there."""
        if isinstance(event, Paste) or (isinstance(event, Key) and event.key not in GOING):
            self.controller.somebody()
        await super().on_event(event)

    def get_default_screen(self) -> Screen[None]:
        """The chat."""
        return self.chat

    def on_mount(self) -> None:
        """Start the session once the first frame is on the screen."""
        self.call_after_refresh(self.chat.start)
        self.chat.job.open()

    def tell(self, text: str, hint: str = "", severity: Severity = Severity.INFO) -> None:
        """Show a notice; for ``make_session``, which may have something to say."""
        self.controller.tell(text, hint, severity)

    async def on_unmount(self) -> None:
        """Release the session, within a deadline; the terminal is already restored."""
        self.chat.job.close()
        await self.controller.close()

    def action_look_away(self) -> None:
        """Look away from the screen, or look again."""
        self.controller.look_away()

    def action_help_quit(self) -> None:
        """Ctrl+C without a selection: people mean to quit, and one key by mistake must not."""
        self.notify("Ctrl+Q quits.", timeout=3)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: everything that a key or a slash command does, and the theme."""
        del screen
        for name, meaning, function in commands_of(self.chat):
            yield SystemCommand(name, meaning, function)
        yield SystemCommand("Theme", "choose other colours", self.action_change_theme)

    def _fatal_error(self) -> None:
        """A mistake of our own: the terminal is restored and one sentence remains, without content."""
        error = self._exception
        what = describe(error) if error is not None else "unknown"
        log.error("the app broke: %s", what)
        self.panic(f"neko stopped because of a mistake of its own ({what}).")
