"""What readers of the history get: records of sessions and messages, raw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from neko_cli.core.ports import SessionRecord


class KeptSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session in a list; times are Unix time in seconds."""

    record: SessionRecord
    updated_at: float
    """When the last message came."""
    messages: int
    title: str
    """What the user said first (or the character, where the user said nothing), raw."""
    seconds: float
    """How long it was connected."""


class KeptMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it is kept, raw; ``outcome`` says how the character's turn ended."""

    role: str
    text: str
    turn: int
    at: float
    spoken: bool
    outcome: str


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was searched for, and where it was said."""

    session: str
    character: str
    message: KeptMessage


class Deleted(msgspec.Struct, frozen=True):
    """What a deletion did; ``traces`` says that another process kept the log from being emptied."""

    sessions: int
    traces: bool


MESSAGE = "role, text, turn, at, spoken, outcome"
"""The columns of a :class:`KeptMessage`, in the order that :func:`as_message` takes."""


def as_message(row: Sequence[Any]) -> KeptMessage:
    """A row of ``MESSAGE`` as a record."""
    role, text, turn, at, spoken, outcome = row
    return KeptMessage(role=role, text=text, turn=turn, at=at, spoken=bool(spoken), outcome=outcome)
