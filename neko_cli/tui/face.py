"""What the controller is given: how it was asked to behave, the screen as it sees it, and its session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from neko_cli.core.session import Session
from neko_cli.tui.devices import Choice
from neko_cli.tui.lines import Change
from neko_cli.tui.offers import Offer
from neko_cli.tui.view import View

if TYPE_CHECKING:
    from neko_cli.core.profile import Profile

MakeSession = Callable[[], Awaitable[Session]]
"""Makes the session; not started yet."""

LoadProfile = Callable[[str], Awaitable["Profile"]]
"""Finds a profile by name or file, with the run's own options laid over it; raises NekoError."""


MayHear = Callable[["Profile"], bool]
"""Whether the user's voice may go to a profile's provider, because it stays here or was agreed to."""


class Face(Protocol):
    """What the controller asks of the screen."""

    def show_changes(self, changes: Sequence[Change]) -> None:
        """Bring the transcript up to date."""
        ...

    def show_view(self, view: View) -> None:
        """Bring the lines around it up to date."""
        ...

    def show_levels(self, view: View) -> None:
        """The same where nothing but the levels has changed."""
        ...

    def give_back(self, text: str) -> None:
        """Put text that could not be sent, or was heard, into the input line."""
        ...

    async def ask_consent(self) -> bool:
        """Ask once whether sound may leave this machine."""
        ...

    async def ask_to_show(self, source: str, whom: str) -> bool:
        """Ask once whether pictures of this source may go there."""
        ...

    async def pick(self, title: str, rows: Sequence[Choice]) -> str | None:
        """Let the user choose one of some; None for nothing."""
        ...


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How the app was asked to behave."""

    title: str = "Neko"
    microphone: bool = True
    push_to_talk: bool = False
    screen: str | None = None
    """What of the screen the command line has asked to show; empty is the profile's source."""
    microphone_consent: bool = True
    """Whether the user has agreed before that sound goes to this provider."""
    offers: tuple[Offer, ...] = ()
    profiles: tuple[str, ...] = ()
    """Names that can be chosen while talking."""
    details: bool = False
    """Tell every fresh connection, with its figures."""
