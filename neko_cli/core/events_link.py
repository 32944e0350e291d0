"""Events of the connection: links, what they cost, and the models in use."""

from __future__ import annotations

import msgspec

from neko_cli.core.events_base import Event


class Connected(Event, frozen=True, kw_only=True, tag="connection"):
    """A link is up; ``expires_in`` is in seconds, None where the provider sets no limit."""

    provider: str
    model: str
    expires_in: float | None = None


class Swap(Event, frozen=True, kw_only=True, tag="swap"):
    """The live link was replaced; ``from_link`` and ``to_link`` are generation numbers."""

    reason: str
    planned: bool
    from_link: int = msgspec.field(name="from")
    to_link: int = msgspec.field(name="to")
    gap_ms: float
    cached_ms: float
    resent_ms: float


class Usage(Event, frozen=True, kw_only=True, tag="usage"):
    """Tokens of one reply, as the provider counts them; 0 where it does not say."""

    turn: int
    input_tokens: int = 0
    output_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    cached_tokens: int = 0


class Energy(Event, frozen=True, kw_only=True, tag="energy"):
    """The rung of the ladder of models that is in use."""

    mode: str
    level: int
    max: int
    model: str
    reason: str
