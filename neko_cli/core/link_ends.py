"""What becomes of a conversation for each end that a link can have: asked of a session, and in words."""

from __future__ import annotations

from collections.abc import Mapping

from neko_cli.core import classify
from neko_cli.core.clock import RealClock
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.energy import costs_energy
from neko_cli.core.error_tables import BENIGN_CODES, CODES, DECISIVE_CLOSES
from neko_cli.core.errors import Category, LinkError, NekoError
from neko_cli.core.keeper import ADVICE, USUAL_ADVICE, AfterLoss
from neko_cli.core.ports import Closing
from neko_cli.core.profile import Profile
from neko_cli.core.session_core import SessionCore
from neko_cli.core.session_ports import SessionPorts
from neko_cli.core.state import TurnInput
from neko_cli.core.transport.websocket import WebSocketTransport

LADDER = "goes down the energy ladder"

DOES: Mapping[AfterLoss, str] = {
    AfterLoss.RETRY: "tries again",
    AfterLoss.AT_ONCE: "goes on at once over a fresh link",
    AfterLoss.PARK: "waits until you speak or type",
    AfterLoss.GIVE_UP: "gives up",
}
"""What follows a loss, in words."""

LIVED = 60.0
"""Seconds that a lost link has lived, where nothing else is said: longer than any bad start."""


async def _dial_nobody(profile: Profile, spec: SessionSpec) -> Codec:
    raise LinkError("This session only answers questions.")


def what_follows(error: NekoError, *, lived: float = LIVED, in_turn: bool = True) -> AfterLoss | None:
    """What a session does after losing its link so; None where it goes down the ladder.

    ``lived`` is how long the link was up, in seconds, 0 when it never was; ``in_turn`` whether a turn
    went on over it.
    """
    if costs_energy(error):
        return None
    ports = SessionPorts(
        clock=RealClock(),
        transport=WebSocketTransport(),
        dial=_dial_nobody,
        provider_title="The provider",
    )
    session = SessionCore(Profile(), ports)
    if in_turn:
        session.turns.feed(TurnInput.TEXT_SENT)
    return session.next_link.after_loss(None, error, lived=lived)[0]


def in_words(error: NekoError, *, lived: float = LIVED, in_turn: bool = True) -> str:
    """The same in words, with the advice where it is given up."""
    follows = what_follows(error, lived=lived, in_turn=in_turn)
    if follows is None:
        return LADDER
    if follows is AfterLoss.GIVE_UP:
        return f"gives up: {error.hint or ADVICE.get(error.category, USUAL_ADVICE)}"
    return DOES[follows]


def samples() -> dict[Category, NekoError]:
    """One error of each category that a provider or the network can cause."""
    found: dict[Category, NekoError] = {}
    for code, category in CODES.items():
        if code not in BENIGN_CODES:
            found.setdefault(category, classify.from_error(code, "", ""))
    for close, category in DECISIVE_CLOSES.items():
        found.setdefault(category, classify.from_close(Closing(close)))
    return found
