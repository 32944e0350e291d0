"""One conversation of the app: making its session, starting, showing its events, releasing it.

The screen is reached through the small :class:`Face`; errors become lines of the transcript.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from neko_cli.core.errors import AudioError, NekoError
from neko_cli.core.events import (
    AnyEvent,
    Emotion,
    InputMode,
    Levels,
    LinkWord,
    SessionEnded,
    Severity,
    Swap,
    UserText,
)
from neko_cli.core.session import Session
from neko_cli.core.text import one_line
from neko_cli.tui import telling
from neko_cli.tui.agent_desk import AgentDesk
from neko_cli.tui.bridge import Bridge
from neko_cli.tui.conversation import Conversation
from neko_cli.tui.crash import describe
from neko_cli.tui.devices import DeviceDesk
from neko_cli.tui.earlier import SHOWN
from neko_cli.tui.face import Face, LoadProfile, MakeSession, MayHear, Options
from neko_cli.tui.lines import Change
from neko_cli.tui.live import Live
from neko_cli.tui.offers import BETTER_EARS
from neko_cli.tui.questions import Questions
from neko_cli.tui.sharing import Sharing
from neko_cli.tui.talk import Talk
from neko_cli.tui.view import CALL, TEXT, TIME_LIMIT, Mic, Phase, Showing, View, reduce

if TYPE_CHECKING:
    from neko_cli.core.profile import Profile

log = logging.getLogger(__name__)

FLOOR_EARS = "pocketsphinx"
"""The recogniser of the embedded engine that better ones are offered for."""

DRAIN_TIMEOUT = 1.0
"""Seconds for showing what was told before a start failed: the reason is among it."""

CLEANUP_TIMEOUT = 3.0
"""Seconds that the session gets to release everything when the app ends."""

FRESH = {
    "connected_at": None,
    "unsure": False,
    "energy": None,
    "worth_retry": True,
    "using": (),
    "asked": False,
    "showing": Showing.OFF,
}
"""What a view begins a session with."""


class Conversing:
    """One conversation, from making its session to releasing it."""

    def __init__(
        self,
        make_session: MakeSession,
        face: Face,
        options: Options,
        *,
        on_consent: Callable[[str], object] | None = None,
        load_profile: LoadProfile | None = None,
        may_hear: MayHear | None = None,
        may_see: MayHear | None = None,
        on_screen_consent: Callable[[Profile], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.conversation = Conversation(options.title, details=options.details)
        self._make_session = make_session
        self._load_profile = load_profile
        self._may_hear = may_hear
        self._on_consent = on_consent
        self._provider = ""
        self._face = face
        self._options = options
        self._clock = clock
        self._session: Session | None = None
        self._fresh = False
        self._waiting: deque[tuple[str, str]] = deque()
        self._talk = Talk(
            wanted=options.microphone,
            push_to_talk=options.push_to_talk,
            consent=options.microphone_consent,
            ask=face.ask_consent,
            on_consent=self._agreed,
            trouble=self._no_sound,
            clock=clock,
        )
        self._sharing = Sharing(
            ask=face.ask_to_show, tell=self.tell, agreed=may_see, on_consent=on_screen_consent
        )
        self.questions = Questions()
        self.agents = AgentDesk(self._ready, self.tell)
        self.devices = DeviceDesk(self._ready, face.pick, self.tell)
        self._live = Live()
        self._typing = False
        self._refusal_told = False
        self._ears_offered = False
        self._idle = asyncio.Event()
        self._idle.set()
        mode = CALL if options.microphone else TEXT
        self.view = View(character=self.conversation.character, mic=self._mic(), mode=mode)

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
            self._refusal_told = False
            self.questions.clear()
            self._set_view(phase=Phase.STARTING, **FRESH)
            if self._session is None:
                self._session = await self._make_session()
                self._live.begin(self._session.profile)
                self._fresh = True
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
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(DRAIN_TIMEOUT):
                        await bridge.drained()
                reading.cancel()
        if failure is not None:
            raise failure

    async def _begin(self, session: Session) -> None:
        await session.start_session(InputMode.AUDIO if self._talk.wanted else InputMode.TEXT)
        if self._fresh:
            self._fresh = False
            self._show(self.conversation.earlier(session.memory.summary, session.memory.recent(SHOWN)))
            if self._options.screen is not None:
                self._sharing.begin(session, self._options.screen)
        if self._typing:
            session.note_typing(True)  # begun while there was nobody to tell
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
        if not self.view.echo:  # until the sound path tells itself
            # Compared as text: the profile module is not needed for the first frame.
            self._set_view(half_duplex=session.profile.sound.duplex != "full")

    def _failed(self, error: NekoError) -> None:
        self._show(self.conversation.gave_up(error, telling.retry(error.code)))
        worth = error.code != TIME_LIMIT
        self.questions.clear()
        over = {"phase": Phase.FAILED, "link": LinkWord.OFFLINE, "asked": False, "using": ()}
        self._set_view(**over, worth_retry=worth, mic=self._mic())
        if self._waiting:
            while self._waiting:
                self._show(self.conversation.sent(self._waiting.popleft()[0]))
            self._not_sent("What you typed was not sent.")

    def _not_sent(self, what: str) -> None:
        """Say once that messages do not go out; put into the input line, they would mix with the next."""
        if not self._refusal_told:
            self._refusal_told = True
            again = telling.RETRY if self.view.worth_retry else ""
            self.tell(what, f"Up brings it back. {again}".strip(), Severity.WARNING)

    async def _arrived(self, events: Sequence[AnyEvent]) -> None:
        if len(events) == 1 and isinstance(events[0], Levels):  # most batches by far, while somebody speaks
            self.view = reduce(self.view, events[0], self._clock())
            self._face.show_levels(self.view)
            return
        changes: list[Change] = []
        view = self.view
        now = self._clock()
        for event in events:
            if isinstance(event, Swap) and self._session is not None:
                # It may be another character from here on.
                self._take_name(self._session)
                view = msgspec.structs.replace(
                    view, character=self.view.character, half_duplex=self.view.half_duplex
                )
            if isinstance(event, Emotion) and not self._live.shows_emotion:
                continue
            self.agents.board.apply(event, now)
            changes += self.conversation.apply(event)
            view = reduce(view, event, now)
            self.questions.apply(event, self.conversation.character, now)
            if isinstance(event, UserText) and event.final:
                changes += self._better_ears()
            if isinstance(event, SessionEnded) and view.phase is Phase.ENDED:
                changes += self.conversation.notice(
                    f"The session is over ({one_line(event.reason, 80)}).", "/retry starts again."
                )
        asked = self.questions.front is not None
        unsure = bool(self.conversation.unsure_text)
        self.view = msgspec.structs.replace(
            view, mic=self._mic(), unsure=unsure, asked=asked, **self.agents.board.counts
        )
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

    # -- small parts ----------------------------------------------------------------------------

    def tell(self, text: str, aside: str = "", severity: Severity = Severity.INFO) -> None:
        """A notice of the program's own."""
        self._show(self.conversation.notice(text, aside, severity))

    async def _send(self, session: Session, text: str) -> None:
        try:
            await session.send_message(text)
        except NekoError as error:
            self._face.give_back(text)
            self._show(self.conversation.error(error))

    def _ready(self) -> Session | None:
        return self._session if self.view.phase is Phase.READY else None

    def _no_sound(self, error: AudioError) -> None:
        self._show(self.conversation.error(error, "You can go on by typing.", Severity.WARNING))

    def _agreed(self) -> None:
        """The user lets the provider in use hear."""
        if self._on_consent is not None and self._session is not None:
            self._on_consent(self._provider or self._session.profile.provider.name)

    def _mic(self) -> Mic:
        return self._talk.mic(self._session)

    def _show(self, changes: Sequence[Change]) -> None:
        if changes:
            self._face.show_changes(changes)

    def _set_view(self, **changes: object) -> None:
        self.view = msgspec.structs.replace(self.view, **changes)
        self._face.show_view(self.view)
