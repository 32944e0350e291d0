"""The lines of a transcript, as values."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from neko_cli.core.events import Severity


class Role(StrEnum):
    """Whose line it is."""

    YOU = "you"
    CHARACTER = "character"
    NOTICE = "notice"
    DIVIDER = "divider"
    """Stands between parts of the conversation."""


class Mark(StrEnum):
    """What is particular about a line, told in words and never by colour alone."""

    NONE = ""
    UNSURE = "unsure"
    WAITING = "waiting"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line or turn of the transcript; all its text is safe to show.

    ``key`` names it for later changes. ``live`` means that more is to come. ``aside`` is a second,
    quieter text: a hint or a command. ``translated`` is the text in the user's language. ``unheard`` was
    shown, but cut off before it was spoken. ``past`` is of an earlier run.
    """

    key: str
    role: Role
    name: str = ""
    text: str = ""
    aside: str = ""
    unheard: str = ""
    translated: str = ""
    emotion: str = ""
    mark: Mark = Mark.NONE
    severity: Severity = Severity.INFO
    live: bool = False
    past: bool = False


class Added(msgspec.Struct, frozen=True):
    """A new line; ``before`` is the key of the line that it stands above, empty for the end."""

    line: Line
    before: str = ""


class Changed(msgspec.Struct, frozen=True):
    """The line with this key looks like this now."""

    line: Line


class Removed(msgspec.Struct, frozen=True):
    """The line is gone."""

    key: str


Change = Added | Changed | Removed
