"""What a session tells: the one vocabulary that the app, the command line and ``--json`` read.

Each event is a frozen record with ``type`` (its tag) and ``at``, the seconds since the session was
made, on the session's own monotonic clock. The JSON Schema of all of them is generated into
``docs/events.schema.json``. All of them are imported from here, whichever file holds them.
"""

from __future__ import annotations

from neko_cli.core.events_base import Event
from neko_cli.core.events_devices import EyesChanged, Levels, ScreenShown, SoundPath
from neko_cli.core.events_link import Connected, Energy, Swap, Usage
from neko_cli.core.events_session import Failure, Notice, SessionEnded, SessionState, StatusChanged
from neko_cli.core.events_talk import (
    Emotion,
    ReplyAudio,
    ReplyText,
    SpeechStarted,
    SpeechStopped,
    Translated,
    TurnEnded,
    TurnStarted,
    UserText,
)
from neko_cli.core.events_tools import AgentNews, AgentTask, ToolCall, ToolQuestion, ToolResult
from neko_cli.core.events_words import (
    InputMode,
    LinkWord,
    NewsState,
    NoticeKind,
    Outcome,
    Severity,
    Status,
    TextOf,
)

__all__ = [
    "AgentNews",
    "AgentTask",
    "AnyEvent",
    "Connected",
    "Emotion",
    "Energy",
    "Event",
    "EyesChanged",
    "Failure",
    "InputMode",
    "Levels",
    "LinkWord",
    "NewsState",
    "Notice",
    "NoticeKind",
    "Outcome",
    "PUBLIC_EVENTS",
    "ReplyAudio",
    "ReplyText",
    "ScreenShown",
    "SessionEnded",
    "SessionState",
    "Severity",
    "SoundPath",
    "SpeechStarted",
    "SpeechStopped",
    "Status",
    "StatusChanged",
    "Swap",
    "TextOf",
    "ToolCall",
    "ToolQuestion",
    "ToolResult",
    "Translated",
    "TurnEnded",
    "TurnStarted",
    "Usage",
    "UserText",
]

AnyEvent = (
    StatusChanged
    | Connected
    | UserText
    | ReplyText
    | ReplyAudio
    | TurnStarted
    | TurnEnded
    | SpeechStarted
    | SpeechStopped
    | Emotion
    | Notice
    | Translated
    | ToolCall
    | ToolQuestion
    | ToolResult
    | AgentTask
    | AgentNews
    | ScreenShown
    | EyesChanged
    | Usage
    | Energy
    | Swap
    | Failure
    | Levels
    | SoundPath
    | SessionEnded
)

PUBLIC_EVENTS: tuple[type[Event], ...] = (
    StatusChanged,
    Connected,
    UserText,
    ReplyText,
    ReplyAudio,
    TurnStarted,
    TurnEnded,
    SpeechStarted,
    SpeechStopped,
    Emotion,
    Notice,
    Translated,
    ToolCall,
    ToolQuestion,
    ToolResult,
    AgentTask,
    AgentNews,
    ScreenShown,
    EyesChanged,
    SoundPath,
    Usage,
    Energy,
    Swap,
    Failure,
    SessionEnded,
)
"""The events that ``--json`` prints and that the schema describes."""
