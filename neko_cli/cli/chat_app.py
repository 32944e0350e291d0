"""Starts the terminal app with a session that is made after its first frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from neko_cli.cli.interrupts import interruptible
from neko_cli.core.tasks import TaskOwner

if TYPE_CHECKING:
    from neko_cli.core.events import InputMode
    from neko_cli.core.manager import SessionManager
    from neko_cli.core.session import Session
    from neko_cli.services.folders import Folders
    from neko_cli.tui.offers import Offer
    from neko_cli.wiring import Composition, Options

KEY_OFFER = "key"
SOUND_OFFER = "sound test"


class OwnedSession:
    """A session that owns what it was composed of: its cleanup closes the engine as well."""

    def __init__(self, session: SessionManager, composed: Composition) -> None:
        """Everything but starting and cleaning up goes to ``session`` itself."""
        self._session = session
        self._composed = composed
        self._owner = TaskOwner(lambda error: None)  # a failed warm-up shows at the first turn

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def start_session(self, input_mode: InputMode, new: bool = False) -> None:
        """Start, then load ears and voice in the background."""
        await self._session.start_session(input_mode, new)
        await self._owner.open()
        self._owner.spawn(self._composed.warm_up(), "warm-up")

    async def cleanup(self) -> None:
        """Release the session, then the engine; idempotent."""
        try:
            await self._session.cleanup()
        finally:
            await self._owner.aclose(timeout=1.0)
            await self._composed.aclose()


def run(chosen: Options, folders: Folders, *, text: bool, push_to_talk: bool) -> int:
    """Run the app; returns its exit code.

    Raises:
        NekoError: a broken profile or a missing key, told before the screen changes.
    """
    from neko_cli.audio.stderr import moved_stderr
    from neko_cli.core.codecs.base import Detection
    from neko_cli.services.settings import Memory
    from neko_cli.wiring import compose

    composed = compose(chosen, folders=folders)
    memory = Memory(folders.state)
    provider = composed.provider.name
    stays_here = composed.runs_engine or is_local(composed.profile.provider.url)
    agreed = stays_here or provider in memory.load().microphone_consent

    async def make_session() -> Session:
        return cast("Session", OwnedSession(composed.session(), composed))

    def remember() -> None:
        memory.agree(provider)

    from neko_cli.tui.app import NekoApp
    from neko_cli.tui.run import run_app

    neko = NekoApp(
        make_session,
        title=composed.profile.character.name,
        microphone=not text,
        push_to_talk=push_to_talk or composed.profile.turns.detection is Detection.MANUAL,
        offers=offers(composed, memory, folders),
        microphone_consent=agreed,
        on_consent=remember,
    )
    with interruptible(), moved_stderr(folders.log / "stderr.log"):
        return run_app(neko)


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
