"""The words that events use: statuses, outcomes, kinds."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The five words for what a session is doing."""

    IDLE = "idle"
    LISTENING = "listening"
    PROCESSING = "processing"
    SPEAKING = "speaking"
    ERROR = "error"


class LinkWord(StrEnum):
    """How the connection is doing; a field beside the status, never a status."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    ONLINE = "online"
    RECONNECTING = "reconnecting"
    SWAPPING = "swapping"
    PARKED = "parked"
    """Closed while nobody talks; comes back at the first sound or key."""
    CLOSED = "closed"


class InputMode(StrEnum):
    """How the user talks to the character."""

    AUDIO = "audio"
    TEXT = "text"


class Outcome(StrEnum):
    """How a turn ended."""

    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Severity(StrEnum):
    """How much a notice matters."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


class NoticeKind(StrEnum):
    """Where a notice comes from."""

    SESSION = "session"
    SOUND = "sound"
    RECOGNITION = "recognition"
    AGENT = "agent"
    TOOL = "tool"
    ENGINE = "engine"
    PROFILE = "profile"
    MEMORY = "memory"
    ENERGY = "energy"


class NewsState(StrEnum):
    """How a result of an agent stands on its way to the character."""

    WAITING = "waiting"
    TELLING = "telling"
    """Handed to the character, who tells it now or in a moment."""
    TOLD = "told"
    DROPPED = "dropped"
    """Nobody is told: the user did not want it, or it is a question that nobody waits for any more."""


class TextOf(StrEnum):
    """Whose words a text is."""

    USER = "user"
    REPLY = "reply"
    NOTICE = "notice"
