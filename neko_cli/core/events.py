"""What a session tells: the one vocabulary that the app, the command line and ``--json`` read.

Each event is a frozen record with ``type`` (its tag) and ``at``, the seconds since the session was
made, on the session's own monotonic clock. The JSON Schema of all of them is generated into
``docs/events.schema.json``.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from neko_cli.core.errors import NekoError


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


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all events."""

    at: float


class StatusChanged(Event, frozen=True, kw_only=True, tag="status"):
    """The status or the link word changed."""

    old: Status
    new: Status
    reason: str
    link: LinkWord


class Connected(Event, frozen=True, kw_only=True, tag="connection"):
    """A link is up; ``expires_in`` is in seconds, None where the provider sets no limit."""

    provider: str
    model: str
    expires_in: float | None = None


class UserText(Event, frozen=True, kw_only=True, tag="user_text"):
    """What the user said or typed, so far (``text`` replaces the earlier text of this turn).

    ``confidence`` is 0 … 1 where the recogniser tells it.
    """

    turn: int
    text: str
    final: bool
    spoken: bool = False
    confidence: float | None = None


class ReplyText(Event, frozen=True, kw_only=True, tag="reply_text"):
    """A further piece of the character's words, without emotion tags."""

    turn: int
    delta: str


class ReplyAudio(Event, frozen=True, kw_only=True, tag="reply_audio"):
    """A further piece of the character's voice.

    ``pcm`` (16-bit mono little-endian at ``rate`` Hz) is empty unless the subscriber asked for
    samples; in JSON it is base64.
    """

    turn: int
    ms: float
    rate: int
    pcm: bytes = b""


class TurnStarted(Event, frozen=True, kw_only=True, tag="turn_started"):
    """A turn began."""

    turn: int


class TurnEnded(Event, frozen=True, kw_only=True, tag="turn_ended"):
    """A turn is over; ``text`` is the reply (of an interrupted voice reply: what was heard).

    ``heard_ms`` counts audio that was really played (received, where there is no loudspeaker);
    ``first_audio_ms`` runs from the end of the user's input to the first audio of the reply.
    """

    turn: int
    outcome: Outcome
    text: str
    heard_ms: float | None = None
    first_audio_ms: float | None = None


class SpeechStarted(Event, frozen=True, kw_only=True, tag="speech_started"):
    """The user began to speak."""

    turn: int


class SpeechStopped(Event, frozen=True, kw_only=True, tag="speech_stopped"):
    """The user stopped speaking."""

    turn: int


class Emotion(Event, frozen=True, kw_only=True, tag="emotion"):
    """The character's emotion from here on."""

    turn: int
    label: str
    confidence: float = 1.0


class Notice(Event, frozen=True, kw_only=True, tag="notice"):
    """Something told to the user; never the character's own words."""

    kind: NoticeKind
    severity: Severity
    text: str


class Translated(Event, frozen=True, kw_only=True, tag="translated"):
    """A text that was told before, in the user's language; it goes under the original.

    ``turn`` is 0 for a notice: ``original`` is its text, by which it is found again.
    """

    turn: int
    original_of: TextOf
    original: str
    text: str
    language: str


class ToolCall(Event, frozen=True, kw_only=True, tag="tool_call"):
    """The character wants a tool; ``arguments`` is a JSON object as text."""

    turn: int
    call_id: str
    name: str
    arguments: str


class ToolQuestion(Event, frozen=True, kw_only=True, tag="tool_question"):
    """May this call be carried out? A ``tool_result`` ends the question, whatever became of it.

    ``about`` is the tool's description; without an answer within ``seconds`` the call is refused.
    """

    turn: int
    call_id: str
    name: str
    arguments: str
    about: str
    seconds: float


class ToolResult(Event, frozen=True, kw_only=True, tag="tool_result"):
    """What the tool answered."""

    turn: int
    call_id: str
    ok: bool
    output: str


class ScreenShown(Event, frozen=True, kw_only=True, tag="screen_shown"):
    """The character was shown a picture, of so many pixels and encoded bytes.

    ``sent`` says that the model got the picture itself; else it was told ``description``.
    """

    source: str
    width: int
    height: int
    bytes: int
    sent: bool
    description: str = ""


class EyesChanged(Event, frozen=True, kw_only=True, tag="eyes"):
    """What the screen's indicator shows: pictures may leave while it is ``on`` and not ``paused``.

    ``asking`` says that the user is to be asked for consent; ``trouble`` is why nothing can be shown now.
    """

    on: bool
    paused: bool
    asking: bool
    source: str
    trouble: str = ""


class AgentTask(Event, frozen=True, kw_only=True, tag="agent_task"):
    """How a background task stands: ``status`` is running, or how it ended (completed, partial, failed).

    ``source`` names who does it; ``detail`` is its last word, or what went wrong; ``seconds`` is how long
    it has been running.
    """

    id: str
    status: str
    title: str
    source: str = ""
    detail: str = ""
    seconds: float = 0.0


class AgentNews(Event, frozen=True, kw_only=True, tag="agent_news"):
    """How a result of an agent stands: told again whenever ``state`` changes.

    ``status`` is completed, partial, failed or question; ``task`` is the id of the task that it came of,
    where one was shown.
    """

    id: str
    state: NewsState
    status: str
    summary: str
    detail: str = ""
    source: str = ""
    task: str = ""


class Usage(Event, frozen=True, kw_only=True, tag="usage"):
    """Tokens of one reply, as the provider counts them; 0 where it does not say."""

    turn: int
    input_tokens: int = 0
    output_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    cached_tokens: int = 0


class Energy(Event, frozen=True, kw_only=True, tag="energy"):
    """The rung of the ladder of models that is in use."""

    mode: str
    level: int
    max: int
    model: str
    reason: str


class Swap(Event, frozen=True, kw_only=True, tag="swap"):
    """The live link was replaced; ``from_link`` and ``to_link`` are generation numbers."""

    reason: str
    planned: bool
    from_link: int = msgspec.field(name="from")
    to_link: int = msgspec.field(name="to")
    gap_ms: float
    cached_ms: float
    resent_ms: float


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


class Levels(Event, frozen=True, kw_only=True, tag="levels"):
    """Meter readings in dBFS; replaceable, for screens alone (``--json`` leaves it out)."""

    microphone: float
    speaker: float


class SoundPath(Event, frozen=True, kw_only=True, tag="sound"):
    """How sound goes both ways; told when it changes, once a second at most."""

    full_duplex: bool
    """Whether the microphone is sent while the character is heard."""
    echo: str
    """``working``, ``no echo``, ``server`` (the sound server cancels it), ``learning``, ``waiting``,
    ``failing`` or ``off``."""
    erle_db: float
    """Echo return loss enhancement in whole dB; 0 where nothing can be said."""
    buffer_ms: float
    """How long the next reply's sound waits before it begins, because the network is late."""
    underruns: int
    """Times that a reply ran dry in its middle."""
    late: int
    """Pieces of sound that came later than they were due."""
    lost_ms: float
    """Sound that the loudspeaker had no room for."""


class SessionEnded(Event, frozen=True, kw_only=True, tag="session_ended"):
    """The session is over; always the last event."""

    reason: str


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


class InputMode(StrEnum):
    """How the user talks to the character."""

    AUDIO = "audio"
    TEXT = "text"


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
