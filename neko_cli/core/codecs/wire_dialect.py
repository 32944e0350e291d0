"""How a provider is addressed: the part of a dialect that all families share."""

from __future__ import annotations

import msgspec


class WireDialect(msgspec.Struct, frozen=True, kw_only=True):
    """Key, model and resumption in the opening request; each family adds its own differences."""

    key_header: str = "Authorization"
    key_prefix: str = "Bearer "
    model_query: str = "model"
    """Query parameter that names the model; empty where there is none."""
    resume_query: str = ""
    """Query parameter that takes the handle of an earlier conversation; empty where there is none."""
    resume_path: str = ""
    """What follows the path where a handle is used, with ``{handle}`` in it; empty where there is none."""
    base_path: str = ""
    """What an address that has a path of its own ends in, all the same; added where it is missing."""
    http: bool = False
    """Whether it is spoken to by HTTP requests, not over a WebSocket."""
