"""The user's side of the screen: show it, look away, take it back, and consent. No widget here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from neko_cli.core.events import Severity
from neko_cli.core.session import Session
from neko_cli.core.text import one_line

if TYPE_CHECKING:
    from neko_cli.core.profile import Profile
    from neko_cli.core.watch_host import EyesState

Ask = Callable[[str, str], Awaitable[bool]]
"""Asks whether pictures of a source may go to somebody."""

Tell = Callable[[str, str, Severity], None]

WORDS = ("off", "pause")
"""What may stand after the command in place of a source."""

KEYS = "F5 looks away, /screen off ends it."


class Sharing:
    """What the user wants of the eyes, carried out on a session.

    Args:
        ask: asks for consent.
        tell: shows a line.
        agreed: whether the user has agreed before, for where this profile's pictures go.
        on_consent: called when he did.
    """

    def __init__(
        self,
        *,
        ask: Ask,
        tell: Tell,
        agreed: Callable[[Profile], bool] | None,
        on_consent: Callable[[Profile], object] | None,
    ) -> None:
        self._ask = ask
        self._tell = tell
        self._agreed = agreed
        self._on_consent = on_consent

    def begin(self, session: Session, source: str) -> None:
        """The command line has asked for it: that is consent for this run."""
        self._told(session.screen.show(source, for_run=True))

    async def command(self, session: Session, words: str) -> None:
        """Show a source, or what else the words say; raises ConfigError."""
        word = words.strip().lower()
        if word == "off":
            self.hide(session)
        elif word == "pause":
            self.pause(session)
        else:
            await self._show(session, words.strip())

    async def _show(self, session: Session, source: str) -> None:
        state = session.screen.show(source)
        if state.consent == "asking":  # as text: the first frame does not wait for the eyes
            await self._consent(session, state.source)
            state = session.screen.state
        if state.on:
            self._told(state)
        else:
            self._tell("Your screen is not shown.", "", Severity.INFO)

    async def _consent(self, session: Session, source: str) -> None:
        profile = session.profile
        known = self._agreed is not None and self._agreed(profile)
        yes = known or await self._ask(source, receivers(profile))
        # The question may have been about another provider than the one that answers by now.
        same = session.profile.provider == profile.provider
        session.screen.answer(yes and same)
        if session.screen.state.on and not known and self._on_consent is not None:
            self._on_consent(profile)

    def pause(self, session: Session) -> None:
        """Look away, or look again."""
        state = session.screen.state
        if state.on:
            session.screen.pause(not state.paused)
        else:
            self._tell("Your screen is not shown.", "/screen shows it.", Severity.INFO)

    def hide(self, session: Session) -> None:
        """Show nothing any more."""
        was = session.screen.state.on
        session.screen.hide()
        told = "Your screen is no longer shown." if was else "Your screen is not shown."
        self._tell(told, "", Severity.INFO)

    def _told(self, state: EyesState) -> None:
        self._tell(f"Your screen is shown: {one_line(state.source, 80)}.", KEYS, Severity.INFO)


def receivers(profile: Profile) -> str:
    """Who gets the pictures, in words that are safe to show."""
    from neko_cli.core.codecs import find_provider  # loaded long before by whoever dialled

    wanted = profile.provider
    provider = find_provider(wanted.name, wanted.region)
    name = f"{provider.title[:1].lower()}{provider.title[1:]}" if provider.runs_here else provider.title
    if wanted.url:
        name = f"{name}, at {_host(wanted.url)}"
    elif provider.runs_here:
        name = f"{name}, on this machine"
    describes = profile.eyes.describe_url
    return f"{name} (where it cannot see, to {_host(describes)})" if describes else name


def _host(url: str) -> str:
    return one_line(urlsplit(url).hostname or url, 60)
