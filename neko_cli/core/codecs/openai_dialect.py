"""Where servers of the OpenAI GA family differ: data for one codec, nothing else."""

from __future__ import annotations

import msgspec


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """Differences between servers that speak OpenAI's GA protocol.

    The defaults are OpenAI's own; what a server can do stands in its ``Capabilities``.
    """

    key_header: str = "Authorization"
    key_prefix: str = "Bearer "
    model_query: str = "model"
    """Query parameter that names the model; empty where there is none."""
    resume_query: str = ""
    """Query parameter that takes the handle of an earlier conversation; empty where there is none."""
    transcription_model: str = ""
    """What recognises the user's speech when the profile names nothing."""
    noise_reduction: str = ""
    """``near_field`` or ``far_field``; empty leaves the server's default."""
    top_level: frozenset[str] = frozenset()
    """Of ``voice`` and ``turn_detection``, those that stand directly in the session, not below audio."""
    ready_on: str = "session.updated"
    """The event after which the session counts as configured."""
