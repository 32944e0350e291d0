"""What the eyes ask of a session, and what they show of themselves."""

from __future__ import annotations

from typing import Protocol

import msgspec

from neko_cli.core.capabilities import Capabilities
from neko_cli.core.commands import ScreenFrame
from neko_cli.core.companions.eyes import Consent
from neko_cli.core.events import AnyEvent, Severity
from neko_cli.core.ports import Describer
from neko_cli.core.tables_eyes import EyesTable


class WatchHost(Protocol):
    """What the eyes ask of a session; every method but ``show`` returns at once."""

    @property
    def capabilities(self) -> Capabilities | None:
        """Of the live link; None while there is none, or it is parked."""
        ...

    @property
    def link(self) -> int:
        """Number of the live link: another one has seen nothing yet."""
        ...

    @property
    def is_talking(self) -> bool:
        """Whether somebody speaks, or an answer is on its way."""
        ...

    @property
    def table(self) -> EyesTable:
        """Of the profile in use."""
        ...

    @property
    def language(self) -> str:
        """That the character speaks."""
        ...

    @property
    def describer(self) -> Describer | None:
        """Who puts pictures into words for a model that cannot see; None when the profile names nobody."""
        ...

    def now(self) -> float:
        """Seconds since the session was made."""
        ...

    async def show(self, frame: ScreenFrame) -> None:
        """Send a picture over the live link; raises NekoError."""
        ...

    def tell(self, text: str) -> None:
        """Tell the model something from the program itself, without asking for a reply."""
        ...

    def publish(self, event: AnyEvent) -> None:
        """Tell the readers."""
        ...

    def notice(self, text: str, severity: Severity) -> None:
        """A line for the user."""
        ...


class EyesState(msgspec.Struct, frozen=True, kw_only=True):
    """What the indicator and the key show."""

    on: bool = False
    """Whether pictures may leave; the indicator is lit exactly then."""
    paused: bool = False
    consent: Consent = Consent.UNASKED
    """``asking``: the app is to ask now, and to call ``answer``."""
    source: str = ""
    trouble: str = ""
    """Why nothing can be shown though the eyes are on; empty while all is well."""

    @property
    def may_leave(self) -> bool:
        """Whether a picture may leave at any moment."""
        return self.on and not self.paused
