"""What a chat connection tells besides the server's own words, and how it is stopped; pure.

A request and an event of the server are text frames, as they are on the wire. What the connection
itself has to say (it is open, a request was refused, an answer is over) are binary frames of JSON, so
that no server can pretend to be it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

CANCEL = b'{"is":"cancel"}'
"""To the connection: the answer is not wanted any more."""

ENDED = b'{"is":"ended"}'
"""From it: the server's answer is over."""

CANCELLED = b'{"is":"cancelled"}'
"""From it: the answer was stopped, as we asked."""


def opened(models: Sequence[str]) -> bytes:
    """The server is there and takes our key; it offers these models (none where it does not say)."""
    return msgspec.json.encode({"is": "open", "models": list(models)})


def refused(status: int, body: str, retry_after: float | None) -> bytes:
    """A request was answered with another HTTP status than 200; ``retry_after`` in seconds."""
    told = {"is": "refused", "status": status, "retry_after": retry_after, "body": body}
    return msgspec.json.encode(told)


def read(frame: bytes) -> dict[str, Any]:
    """What a binary frame says; empty for anything that is none of ours."""
    try:
        told = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
