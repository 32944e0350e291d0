"""Where servers of any family differ in how they are reached: data, nothing else."""

from __future__ import annotations

import msgspec


class AnyDialect(msgspec.Struct, frozen=True, kw_only=True):
    """What the codecs of all families with a WebSocket of OpenAI's kind need to know."""

    key_header: str = "Authorization"
    key_prefix: str = "Bearer "
    model_query: str = "model"
    """Query parameter that names the model; empty where there is none."""
    resume_query: str = ""
    """Query parameter that takes the handle of an earlier conversation; empty where there is none."""
    query: tuple[tuple[str, str], ...] = ()
    """Query parameters that are always the same."""
    transcription_model: str = ""
    """What recognises the user's speech when the profile names nothing."""
    noise_reduction: str = ""
    """``near_field`` or ``far_field``; empty leaves the server's default."""
    ready_on: str = "session.updated"
    """The event after which the session counts as configured."""
