"""Where servers differ: the part of a dialect that all families share. Data, nothing else."""

from __future__ import annotations

import msgspec


class AnyDialect(msgspec.Struct, frozen=True, kw_only=True):
    """How a server is reached; each family adds its own differences."""

    key_header: str = "Authorization"
    key_prefix: str = "Bearer "
    model_query: str = "model"
    """Query parameter that names the model; empty where there is none."""
    resume_query: str = ""
    """Query parameter that takes the handle of an earlier conversation; empty where there is none."""
    query: tuple[tuple[str, str], ...] = ()
    """Query parameters that are always the same."""
    resume_path: str = ""
    """What follows the path where a handle is used, with ``{handle}`` in it; empty where there is none."""
    base_path: str = ""
    """What an address that has a path of its own ends in, all the same; added where it is missing."""
    http: bool = False
    """Whether it is spoken to by HTTP requests, not over a WebSocket."""


class EventDialect(AnyDialect, frozen=True, kw_only=True):
    """What the families have in common whose sessions and events are of OpenAI's kind: GA and flat."""

    transcription_model: str = ""
    """What recognises the user's speech when the profile names nothing."""
    noise_reduction: str = ""
    """``near_field`` or ``far_field``; empty leaves the server's default."""
    ready_on: str = "session.updated"
    """The event after which the session counts as configured."""
    commit_in_vad: bool = True
    """Whether we may commit while the server's detector is on; else it is sent silence, and commits."""
