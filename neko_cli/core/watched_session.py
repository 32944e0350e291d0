"""A session as its eyes see it."""

from __future__ import annotations

from neko_cli.core.capabilities import Capabilities
from neko_cli.core.commands import ScreenFrame, TellHistory, TellSystem
from neko_cli.core.errors import LinkError
from neko_cli.core.events import AnyEvent, NoticeKind, Severity
from neko_cli.core.host import SessionHost
from neko_cli.core.memory import USER
from neko_cli.core.ports import Describer
from neko_cli.core.state import TurnState
from neko_cli.core.tables_eyes import EyesTable


class WatchedSession:
    """What ``Watching`` asks for (core's ``WatchHost``), answered by a session's parts."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host

    @property
    def capabilities(self) -> Capabilities | None:
        """Of the live link; None while there is none, or it is parked."""
        live = self._host.links.live
        return live.link.codec.capabilities if live is not None and self._host.keeper.is_up else None

    @property
    def link(self) -> int:
        """The live link's generation; 0 without one."""
        live = self._host.links.live
        return live.link.generation if live is not None else 0

    @property
    def is_talking(self) -> bool:
        """Whether the user speaks, or a reply is made or played."""
        return self._host.turns.state is not TurnState.IDLE or self._host.hears_speech

    @property
    def table(self) -> EyesTable:
        """Of the profile in use."""
        return self._host.profile.eyes

    @property
    def language(self) -> str:
        """That the character speaks."""
        return self._host.profile.character.language

    @property
    def describer(self) -> Describer | None:
        """The one that the profile in use names."""
        find = self._host.ports.describer
        return find(self._host.profile) if find is not None else None

    def now(self) -> float:
        """Seconds since the session was made."""
        return self._host.now()

    async def show(self, frame: ScreenFrame) -> None:
        """Send a picture; without a link it is refused, since it would be old when there is one again."""
        if self.capabilities is None:
            raise LinkError("There is no connection.")
        await self._host.pictures.show(frame)

    def tell(self, text: str) -> None:
        """As a message of the program; where there are none, as one of the user's, which is not kept."""
        can = self.capabilities
        if can is not None:
            self._host.send(
                TellSystem(text, ask_reply=False) if can.system_items else TellHistory(USER, text)
            )

    def publish(self, event: AnyEvent) -> None:
        """Tell the readers."""
        self._host.publish(event)

    def notice(self, text: str, severity: Severity) -> None:
        """A line for the user."""
        self._host.herald.notice(text, NoticeKind.SESSION, severity)
