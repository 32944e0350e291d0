"""Starts the terminal app with a session that is made after its first frame, on a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from neko_cli.cli.exits import write_quietly
from neko_cli.cli.interrupts import interruptible
from neko_cli.core.elsewhere import Elsewhere
from neko_cli.core.errors import NekoError
from neko_cli.core.tasks import TaskOwner

if TYPE_CHECKING:
    from neko_cli.core.events import InputMode, Severity
    from neko_cli.core.manager import SessionManager
    from neko_cli.core.profile import Profile
    from neko_cli.core.session import Session
    from neko_cli.core.session_thread import SessionApart
    from neko_cli.services.folders import Folders
    from neko_cli.tui.offers import Offer
    from neko_cli.wiring import Composition, Options

KEY_OFFER = "key"
SOUND_OFFER = "sound test"


class Edits(Protocol):
    """What the app does when the profile in use is edited."""

    async def adopt(self, profile: Profile) -> None:
        """Take it from the next turn on; raises NekoError when it cannot be used."""
        ...

    def tell(self, text: str, aside: str, severity: Severity) -> None:
        """Show a notice."""
        ...


class EditsHere:
    """Edits that are told on another thread, and handled on the one where this is made."""

    def __init__(self, edits: Edits) -> None:
        """``edits`` belong to the running loop."""
        self._here = Elsewhere(asyncio.get_running_loop())
        self._edits = edits

    async def adopt(self, profile: Profile) -> None:
        """See ``Edits``."""
        await self._here.do(lambda: self._edits.adopt(profile))

    def tell(self, text: str, aside: str, severity: Severity) -> None:
        """See ``Edits``."""
        self._here.tell(lambda: self._edits.tell(text, aside, severity))


class OwnedSession:
    """A session that owns what it was composed of: its cleanup closes the engine as well.

    While it runs, its profile's file is watched: what is changed there holds from the next turn on.
    """

    def __init__(self, session: SessionManager, composed: Composition, edits: Edits) -> None:
        """Everything but starting and cleaning up goes to ``session``; ``edits`` is told of edits."""
        self._session = session
        self._composed = composed
        self._edits = edits
        self._owner = TaskOwner(lambda error: None)  # a failed warm-up shows at the first turn

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def start_session(self, input_mode: InputMode, new: bool = False) -> None:
        """Start, then load ears and voice in the background, and watch the profile."""
        await self._session.start_session(input_mode, new)
        if self._owner.is_open:
            return  # started again after an error
        await self._owner.open()
        self._owner.spawn(self._composed.warm_up(), "warm-up")
        self._owner.spawn(self._composed.watch_profile(self._edited, self._mistaken), "profile watch")

    async def _edited(self, profile: Profile) -> None:
        """The file says something else now."""
        try:
            await self._edits.adopt(profile)
        except NekoError as error:
            self._warn(f"The profile cannot be used: {error.message} The old one goes on.", error.hint)

    def _mistaken(self, error: NekoError) -> None:
        self._warn(f"The profile has a mistake: {error.message} The old one goes on.", error.hint)

    def _warn(self, text: str, hint: str) -> None:
        from neko_cli.core.events import Severity

        self._edits.tell(text, hint, Severity.WARNING)

    async def cleanup(self) -> None:
        """Release the session, then the engine; idempotent."""
        try:
            await self._session.cleanup()
        finally:
            await self._owner.aclose(timeout=1.0)
            await self._composed.aclose()


def run(
    chosen: Options, folders: Folders, *, text: bool, push_to_talk: bool, screen: str | None = None
) -> int:
    """Run the app; returns its exit code.

    Raises:
        NekoError: a broken profile or a missing key, told before the screen changes.
    """
    from neko_cli.audio.stderr import moved_stderr
    from neko_cli.core.codecs.base import Detection
    from neko_cli.core.companions.eyes import goes_to
    from neko_cli.services.settings import Memory
    from neko_cli.wiring import compose

    composed = compose(chosen, folders=folders)
    memory = Memory(folders.state)

    made: list[SessionApart] = []

    async def make_session() -> Session:
        from neko_cli.core.session_thread import apart

        edits = EditsHere(neko.controller)

        def make() -> Session:
            return cast("Session", OwnedSession(composed.session(), composed, edits))

        made.append(await apart(make, UNSHOWN))
        return made[-1]

    async def load_profile(name: str) -> Profile:
        return await made[-1].there.do(lambda: composed.switch(name))  # asked for while a session runs

    def may_hear(profile: Profile) -> bool:
        return stays_here(profile) or profile.provider.name in memory.load().microphone_consent

    from neko_cli.tui.app import NekoApp
    from neko_cli.tui.batch import UNSHOWN
    from neko_cli.tui.run import run_app

    neko = NekoApp(
        make_session,
        title=composed.profile.character.name,
        microphone=not text,
        push_to_talk=push_to_talk or composed.profile.turns.detection is Detection.MANUAL,
        offers=offers(composed, memory, folders),
        microphone_consent=may_hear(composed.profile),
        on_consent=memory.agree,
        profiles=profile_names(folders),
        load_profile=load_profile,
        may_hear=may_hear,
        screen=screen,
        may_see=lambda profile: goes_to(profile) in memory.load().screen_consent,
        on_screen_consent=lambda profile: memory.agree_to_show(goes_to(profile)),
        details=logging.getLogger("neko_cli").isEnabledFor(logging.DEBUG),
    )
    try:
        with interruptible(), moved_stderr(folders.log / "stderr.log"):
            return run_app(neko)
    finally:
        for session in made:
            session.close()
        if session_id := neko.controller.resumable:
            write_quietly(how_to_resume(session_id), sys.stderr)


def how_to_resume(session_id: str) -> str:
    """The last line: how this conversation goes on another time."""
    return f"Go on another time: neko --resume, or neko --session {session_id}\n"


def profile_names(folders: Folders) -> Sequence[str]:
    """Profiles that can be chosen while talking."""
    from neko_cli.services.profile_files import ProfileFiles

    return [file.name for file in ProfileFiles(folders.profiles).all()]


def stays_here(profile: Profile) -> bool:
    """Whether what is said to a profile's provider does not leave this machine."""
    from neko_cli.core.codecs import find_provider

    wanted = profile.provider
    return (find_provider(wanted.name).runs_here and not wanted.url) or is_local(wanted.url)


def is_local(url: str) -> bool:
    """Whether an address is this machine: then no sound leaves it."""
    if not url:
        return False
    from urllib.parse import urlsplit

    from neko_cli.core.addresses import is_loopback

    return is_loopback(urlsplit(url).hostname or "")


def offers(composed: Composition, memory: Any, folders: Folders) -> Sequence[Offer]:
    """Quiet lines for the start: what is missing each time, what is worth knowing once."""
    from neko_cli.tui.offers import Offer

    lines = []
    if folders.notice:
        lines.append(Offer(folders.notice))
    if not composed.runs_engine:
        return lines
    if missing := composed.missing():
        lines.append(Offer(missing))
    elif memory.offer(SOUND_OFFER):
        lines.append(Offer("Is the sound right? A test of microphone and loudspeaker:", "neko devices test"))
    if memory.offer(KEY_OFFER):
        lines.append(Offer("A large model answers when you have a key:", "neko keys set openai"))
    return lines
