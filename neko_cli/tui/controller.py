"""What the app does with its session: start, talk, type, stop. No widget is known here.

The screen is reached through the small :class:`Face`; errors become lines of the transcript.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from neko_cli.core.errors import AudioError, NekoError
from neko_cli.core.events import AnyEvent, InputMode, SessionEnded, Severity, UserText
from neko_cli.core.session import Session
from neko_cli.core.text import one_line
from neko_cli.tui.bridge import Bridge
from neko_cli.tui.conversation import Conversation
from neko_cli.tui.crash import describe
from neko_cli.tui.lines import Added, Change
from neko_cli.tui.offers import BETTER_EARS, Offer
from neko_cli.tui.talk import Talk
from neko_cli.tui.view import Mic, Phase, View, reduce

log = logging.getLogger(__name__)

MakeSession = Callable[[], Awaitable[Session]]

FLOOR_EARS = "pocketsphinx"
"""The recogniser of the embedded engine that better ones are offered for."""

WAITING = 8
"""Messages that can be typed ahead of the connection."""

CLEANUP_TIMEOUT = 3.0
"""Seconds that the session gets to release everything when the app ends."""


class Face(Protocol):
    """What the controller asks of the screen."""

    def show_changes(self, changes: Sequence[Change]) -> None:
        """Bring the transcript up to date."""
        ...

    def show_view(self, view: View) -> None:
        """Bring the lines around it up to date."""
        ...

    def give_back(self, text: str) -> None:
        """Put text that could not be sent, or was heard, into the input line."""
        ...

    async def ask_consent(self) -> bool:
        """Ask once whether sound may leave this machine."""
        ...


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How the app was asked to behave."""

    title: str = "Neko"
    microphone: bool = True
    push_to_talk: bool = False
    microphone_consent: bool = True
    """Whether the user has agreed before that sound goes to this provider."""
    offers: tuple[Offer, ...] = ()


class Controller:
    """One conversation, from making its session to releasing it."""

    def __init__(
        self,
        make_session: MakeSession,
        face: Face,
        options: Options,
        *,
        on_consent: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.conversation = Conversation(options.title)
        self._make_session = make_session
        self._face = face
        self._options = options
        self._clock = clock
        self._session: Session | None = None
        self._waiting: deque[tuple[str, str]] = deque()
        self._talk = Talk(
            wanted=options.microphone,
            push_to_talk=options.push_to_talk,
            consent=options.microphone_consent,
            ask=face.ask_consent,
            on_consent=on_consent,
            trouble=self._no_sound,
            clock=clock,
        )
        self._ears_offered = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.view = View(character=self.conversation.character, mic=self._mic())

    # -- life -----------------------------------------------------------------------------------

    def greet(self) -> None:
        """Show the offers."""
        for offer in self._options.offers:
            self._show(self.conversation.notice(offer.text, offer.command))
        self._face.show_view(self.view)

    async def run(self) -> None:
        """Make the session, connect and show its events until it ends; errors are told, not raised."""
        # An earlier run that was cancelled may still be leaving.
        await self._idle.wait()
        self._idle.clear()
        try:
            self._show(self.conversation.begin())
            self._set_view(phase=Phase.STARTING, connected_at=None, unsure=False)
            if self._session is None:
                self._session = await self._make_session()
            self._take_name(self._session)
            await self._converse(self._session)
        except NekoError as error:
            self._failed(error)
        except Exception as error:
            log.error("the session broke: %s", describe(error))
            self._failed(NekoError(f"Something unexpected went wrong ({describe(error)})."))
        finally:
            self._idle.set()

    async def close(self) -> None:
        """Release the session; returns within ``CLEANUP_TIMEOUT`` whatever the session does."""
        self._set_view(phase=Phase.CLOSING)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLEANUP_TIMEOUT):
                # The worker that runs `run` was cancelled; what it is making may need a moment.
                await self._idle.wait()
                if self._session is not None:
                    await self._session.cleanup()

    async def _converse(self, session: Session) -> None:
        # Subscribed before the start: what goes wrong there is told as events, too.
        bridge = Bridge(session.events(levels=True), self._arrived)
        failure: NekoError | None = None
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(bridge.run(), name="tui-events")
            try:
                await self._begin(session)
            except NekoError as error:
                failure = error
                reading.cancel()
        if failure is not None:
            raise failure

    async def _begin(self, session: Session) -> None:
        await session.start_session(InputMode.AUDIO if self._talk.wanted else InputMode.TEXT)
        if self.view.voice_muted:
            await session.mute_voice(True)
        await self._talk.begin(session)
        if self._talk.wanted and not self._talk.consent:
            self.tell("Your microphone is muted. Ctrl+T switches it on, after asking you once.")
        self._set_view(phase=Phase.READY, mic=self._mic())
        while self._waiting:
            key, text = self._waiting.popleft()
            self._show(self.conversation.sent(key))
            await self._send(session, text)

    def _take_name(self, session: Session) -> None:
        name = one_line(session.profile.character.name, 40)
        if name:
            self.conversation.character = name
            self._set_view(character=name)
        # Compared as text: the profile module is not needed for the first frame.
        self._set_view(half_duplex=session.profile.sound.duplex == "half")

    def _failed(self, error: NekoError) -> None:
        self._show(self.conversation.error(error, "/retry starts again."))
        self._set_view(phase=Phase.FAILED, mic=self._mic())
        while self._waiting:
            key, text = self._waiting.popleft()
            self._show(self.conversation.sent(key))
            self._face.give_back(text)

    async def _arrived(self, events: Sequence[AnyEvent]) -> None:
        changes: list[Change] = []
        view = self.view
        now = self._clock()
        for event in events:
            changes += self.conversation.apply(event)
            view = reduce(view, event, now)
            if isinstance(event, UserText) and event.final:
                changes += self._better_ears()
            if isinstance(event, SessionEnded) and view.phase is Phase.ENDED:
                changes += self.conversation.notice(
                    f"The session is over ({one_line(event.reason, 80)}).", "/retry starts again."
                )
        self.view = msgspec.structs.replace(view, mic=self._mic(), unsure=bool(self.conversation.unsure_text))
        if changes:
            self._show(changes)
        self._face.show_view(self.view)

    def _better_ears(self) -> list[Change]:
        """Once a session, where it helps: the embedded engine's floor recogniser was unsure."""
        if not self.conversation.unsure or self._ears_offered or self._session is None:
            return []
        profile = self._session.profile
        from neko_cli.core.codecs import find_provider  # loaded long before by whoever dialled

        here = find_provider(profile.provider.name).runs_here and not profile.provider.url
        if not here or profile.local.recogniser != FLOOR_EARS:
            return []
        self._ears_offered = True
        return self.conversation.notice(BETTER_EARS.text, BETTER_EARS.command)

    # -- what the user does ---------------------------------------------------------------------

    async def send(self, text: str) -> None:
        """Send a typed message; one typed too early waits, one that cannot go comes back."""
        self._show(self.conversation.settle())
        self._set_view(unsure=False)
        session = self._session
        if self.view.phase is Phase.READY and session is not None:
            await self._send(session, text)
        elif self.view.phase is Phase.STARTING and len(self._waiting) < WAITING:
            [added] = self.conversation.waiting(text)
            assert isinstance(added, Added)
            self._waiting.append((added.line.key, text))
            self._show([added])
        else:
            self._face.give_back(text)
            starting = self.view.phase is Phase.STARTING
            what = "Too many messages wait already." if starting else "This cannot be sent now."
            self.tell(what, "" if starting else "/retry starts again.", Severity.WARNING)

    async def _send(self, session: Session, text: str) -> None:
        try:
            await session.send_message(text)
        except NekoError as error:
            self._face.give_back(text)
            self._show(self.conversation.error(error))

    async def interrupt(self) -> None:
        """Stop the reply; in push-to-talk mode, drop what is being said."""
        session = self._ready()
        if session is None:
            return
        if self.view.mic is Mic.TALKING:
            await self._talk.drop(session)
            self._set_view(mic=self._mic())
        else:
            await session.interrupt()

    async def talk(self) -> None:
        """The microphone on or off; in push-to-talk mode, begin or end one's turn."""
        if not self._talk.repeated():
            await self._with_microphone(self._talk.toggle)

    async def toggle_push_to_talk(self) -> None:
        """Change between hands-free and push-to-talk."""
        await self._with_microphone(self._talk.toggle_mode)

    async def _with_microphone(self, what: Callable[[Session], Awaitable[None]]) -> None:
        session = self._ready()
        if not self._talk.wanted:
            self.tell("This is a text chat: it was started without a microphone.")
        elif session is None:
            self.tell("That needs a running session.")
        else:
            await what(session)
            self._set_view(mic=self._mic())

    async def toggle_voice(self) -> None:
        """Mute or unmute the character's voice."""
        muted = not self.view.voice_muted
        self._set_view(voice_muted=muted)
        session = self._ready()
        if session is not None:
            await session.mute_voice(muted)

    def edit_heard(self) -> None:
        """Put the unsure text into the input line."""
        text = self.conversation.unsure_text
        if text:
            self._show(self.conversation.settle())
            self._set_view(unsure=False)
            self._face.give_back(text)

    def tell(self, text: str, aside: str = "", severity: Severity = Severity.INFO) -> None:
        """A notice of the program's own."""
        self._show(self.conversation.notice(text, aside, severity))

    @property
    def can_retry(self) -> bool:
        """Whether starting again makes sense."""
        return self.view.phase in (Phase.FAILED, Phase.ENDED)

    # -- small parts ----------------------------------------------------------------------------

    def _ready(self) -> Session | None:
        return self._session if self.view.phase is Phase.READY else None

    def _no_sound(self, error: AudioError) -> None:
        self._show(self.conversation.error(error, "You can go on by typing.", Severity.WARNING))

    def _mic(self) -> Mic:
        return self._talk.mic(self._session)

    def _show(self, changes: Sequence[Change]) -> None:
        if changes:
            self._face.show_changes(changes)

    def _set_view(self, **changes: object) -> None:
        self.view = msgspec.structs.replace(self.view, **changes)
        self._face.show_view(self.view)
