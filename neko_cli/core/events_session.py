"""Events of the session as a whole: how it stands, what went wrong, what it has to say."""

from __future__ import annotations

import msgspec

from neko_cli.core.errors import NekoError
from neko_cli.core.events_base import Event
from neko_cli.core.events_words import InputMode, LinkWord, NoticeKind, Severity, Status


class StatusChanged(Event, frozen=True, kw_only=True, tag="status"):
    """The status or the link word changed."""

    old: Status
    new: Status
    reason: str
    link: LinkWord


class Notice(Event, frozen=True, kw_only=True, tag="notice"):
    """Something told to the user; never the character's own words."""

    kind: NoticeKind
    severity: Severity
    text: str


class Failure(Event, frozen=True, kw_only=True, tag="failure"):
    """Something went wrong; ``retry_in`` is in seconds where a retry is coming."""

    category: str
    code: str
    message: str
    hint: str = ""
    retry_in: float | None = None
    fatal: bool = False

    @classmethod
    def of(cls, error: NekoError, *, at: float, fatal: bool = False) -> Failure:
        """What readers are told of an error."""
        return cls(
            at=at,
            category=error.category,
            code=error.code,
            message=error.message,
            hint=error.hint,
            retry_in=error.retry_after,
            fatal=fatal,
        )


class SessionEnded(Event, frozen=True, kw_only=True, tag="session_ended"):
    """The session is over; always the last event."""

    reason: str


class SessionState(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot of a session, readable at once."""

    status: Status
    is_active: bool
    is_listening: bool
    is_speaking: bool
    input_mode: InputMode
    voice_id: str
    link: LinkWord
    energy: int
    last_activity: float
