"""What the user does with the conversation: talk, type, interrupt, choose. No widget is known here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from neko_cli.core.errors import AudioError, NekoError
from neko_cli.core.events import LinkWord, Severity
from neko_cli.core.session import Session
from neko_cli.core.text import one_line
from neko_cli.tui.conversing import Conversing
from neko_cli.tui.crash import describe
from neko_cli.tui.lines import Added
from neko_cli.tui.live import can_translate, language_name
from neko_cli.tui.questions import Asked
from neko_cli.tui.view import Mic, Phase

if TYPE_CHECKING:
    from neko_cli.core.companions.tools import Permission
    from neko_cli.core.profile import Profile

log = logging.getLogger(__name__)

WAITING = 8
"""Messages that can be typed ahead of the connection."""

PAUSE_TIMEOUT = 2.0
"""Seconds that sound gets to stop, or to begin again, around a stay in the shell."""


class Controller(Conversing):
    """The conversation with the user's side of it."""

    async def send(self, text: str) -> None:
        """Send a typed message; one typed too early waits, where none goes it stays in the history."""
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
        elif self.view.phase is Phase.STARTING:
            self._face.give_back(text)
            self.tell("Too many messages wait already.", "", Severity.WARNING)
        else:
            self._not_sent("This cannot be sent now.")

    def somebody(self) -> None:
        """A key was pressed: what is asleep comes back, so that it is there when the line is sent."""
        session = self._ready()
        if session is not None and session.state.link is LinkWord.PARKED:
            session.wake()

    @property
    def settled(self) -> bool:
        """Whether what is asked has been seen long enough for a key to mean it."""
        return self.questions.settled(self._clock())

    def press_answer(self, permission: Permission) -> None:
        """Answer the question in front by a key or a click, when it can have meant that question."""
        self._permit(permission, self.questions.pressed(permission, self._clock()))

    def type_answer(self, permission: Permission, about: str) -> None:
        """Answer by a command that was begun when the question ``about`` was in front."""
        answered = self.questions.typed(permission, about, self._clock())
        if not answered and self.questions.front is not None:
            self.tell("Nothing was answered: the question came while you typed.", "Up brings the line back.")
        elif not answered:
            self.tell("Nothing is asked now.")
        self._permit(permission, answered)

    def _permit(self, permission: Permission, answered: Sequence[Asked]) -> None:
        if self._session is None or not answered:
            return
        for asked in answered:
            self._session.permit_tool(asked.call_id, permission)
            waited = self._clock() - asked.came
            self._show(self.conversation.permitted(asked.call_id, permission, waited))
        self._set_view(asked=self.questions.front is not None)

    def look(self, *, covered: bool | None = None) -> None:
        """Time has passed, or the chat is covered by something or no longer so."""
        if covered is not None:
            self.questions.covered = covered
        self.questions.look(self._clock())
        asked = self.questions.front is not None
        if asked or self.view.asked:
            self._set_view(asked=asked)

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

    def note_typing(self, text: str) -> None:
        """The input line holds this: who types is not spoken to."""
        self._typing = bool(text)
        session = self._ready()
        if session is not None:
            session.note_typing(self._typing)

    async def share(self, words: str) -> None:
        """Show the screen, or what else the words after the command say."""
        session = self._ready()
        if session is None:
            self.tell("That needs a running session.")
        else:
            try:
                await self._sharing.command(session, words)
            except NekoError as error:
                self.tell(error.message, error.hint, Severity.ERROR)

    def look_away(self) -> None:
        """Look away from the screen, or look again; there need not be a connection."""
        if self._session is not None:
            self._sharing.pause(self._session)

    async def swap(self) -> None:
        """Ask for a fresh connection; what comes of it is told as an event."""
        session = self._ready()
        if session is None:
            self.tell("That needs a running session.")
        else:
            await session.swap()

    async def switch_profile(self, name: str) -> None:
        """Another character from the next turn on; without a name the names are told."""
        session = self._ready()
        if self._load_profile is None or session is None:
            self.tell("That needs a running session.")
        elif not name:
            known = ", ".join(self._options.profiles)
            self.tell(f"Which one? There are: {known}." if known else "Which one?", "/profile NAME")
        else:
            await self.adopt(await self._load_profile(name))

    async def adopt(self, profile: Profile) -> None:
        """Another profile from the next turn on; its provider hears nothing that was not agreed to.

        Raises NekoError when the session does not take it; a microphone that was muted stays so.
        """
        session = self._session
        if session is None:
            return
        self._live.begin(profile)
        profile = self._live.over(profile)
        before = self._provider, self._talk.consent
        new = profile.provider.name != (self._provider or session.profile.provider.name)
        if self._may_hear is not None:
            self._talk.consent = self._may_hear(profile)
        if (new or before[1]) and not self._talk.consent:
            told = f"From here on {one_line(profile.provider.name, 40)} answers, told what was said so far."
            muted = "Your microphone is muted; Ctrl+T switches it on, after asking you once."
            self.tell(told, muted if self._talk.wanted else "", Severity.WARNING)
        if not self._talk.consent and session.state.is_listening:
            await self._talk.drop(session)
        if new:
            self._set_view(provider=one_line(profile.provider.name, 40), model="")
        self._provider = profile.provider.name
        self._set_view(mic=self._mic())
        try:
            await session.switch_profile(profile)
        except NekoError:
            self._provider, self._talk.consent = before
            raise

    async def feel(self, typed: str) -> None:
        """Emotions on, off or the other one; raises ConfigError for anything else."""
        session = self._ready()
        if session is None:
            self.tell("That needs a running session.")
            return
        on = self._live.feel(typed)
        await session.switch_profile(self._live.over(session.profile))
        self._set_view(emotion="")
        self.tell("Emotions are shown." if on else "Emotions are neither judged nor shown.")

    async def translate(self, typed: str) -> None:
        """Translation on, off or into a language; raises ConfigError for anything else."""
        session = self._ready()
        if session is None:
            self.tell("That needs a running session.")
            return
        wanted = self._live.translate(typed, session.profile.user.language)
        await session.switch_profile(self._live.over(session.profile))
        if not wanted:
            self.tell("Nothing is translated from here on.")
        elif can_translate(session.profile):
            self.tell(f"From here on the translation into {language_name(wanted)} stands under the line.")
        else:
            who = "The profile says who: [translate] order, and url for a chat endpoint."
            self.tell("Nobody may translate.", who, Severity.WARNING)

    def pane_changed(self) -> None:
        """Something was done about agents: what is shown of them is counted again."""
        self._set_view(**self.agents.board.counts)

    async def pause(self) -> None:
        """No sound either way while the app is in the background; never raises."""
        await self._quietly("pause", lambda session: session.pause())

    async def resume(self) -> None:
        """Undo it."""
        await self._quietly("resume", lambda session: session.resume())
        self._set_view(mic=self._mic())

    async def _quietly(self, what: str, ask: Callable[[Session], Awaitable[None]]) -> None:
        session = self._ready()
        if session is None:
            return
        try:
            async with asyncio.timeout(PAUSE_TIMEOUT):
                await ask(session)
        except AudioError as error:
            self._no_sound(error)
        except (NekoError, TimeoutError) as error:
            # The stay in the shell matters more; a lost link is told by the session itself.
            log.warning("%s failed: %s", what, describe(error))

    def edit_heard(self) -> None:
        """Put the unsure text into the input line."""
        text = self.conversation.unsure_text
        if text:
            self._show(self.conversation.settle())
            self._set_view(unsure=False)
            self._face.give_back(text)

    @property
    def can_retry(self) -> bool:
        """Whether starting again makes sense."""
        return self.view.phase in (Phase.FAILED, Phase.ENDED)

    @property
    def profiles(self) -> tuple[str, ...]:
        """Names that `/profile` knows."""
        return self._options.profiles

    @property
    def resumable(self) -> str:
        """The id by which this conversation can be gone on with; empty when nothing was said or kept."""
        if self._session is None or not self.conversation.talked or not self.conversation.kept:
            return ""
        return self._session.session_id if self._session.profile.memory.save else ""
