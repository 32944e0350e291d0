"""What the status and sound lines show, as one value, and how events change it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec

from neko_cli.core.events import (
    AnyEvent,
    Connected,
    Emotion,
    Energy,
    EyesChanged,
    Failure,
    Levels,
    LinkWord,
    ReplyText,
    SessionEnded,
    SoundPath,
    Status,
    StatusChanged,
    ToolCall,
    ToolResult,
    TurnEnded,
)
from neko_cli.core.text import one_line

SILENT = -120.0
"""The level in dBFS that stands for silence."""


TIME_LIMIT = "time_limit"
"""The code of the profile's own limit on connection time: starting again would only reach it again."""

CALL, TEXT = "call", "text"
"""The two modes of a conversation; each has an energy of its own."""


class Phase(StrEnum):
    """Where the app is with its session."""

    STARTING = "starting"
    """The session is being made or is connecting."""
    READY = "ready"
    FAILED = "failed"
    """It could not be started, or it broke for good; the user can retry."""
    ENDED = "ended"
    CLOSING = "closing"


class Mic(StrEnum):
    """The microphone, as the user thinks of it."""

    NONE = "none"
    MUTED = "muted"
    OPEN = "open"
    """Hands-free: what is said goes out, a detector ends the turn."""
    HELD = "held"
    """Push-to-talk, not talking."""
    TALKING = "talking"
    """Push-to-talk, talking."""


class Showing(StrEnum):
    """What the indicator says of the screen."""

    OFF = ""
    ON = "screen"
    """Pictures may leave at any moment."""
    PAUSED = "screen paused"
    UNSEEN = "screen unseen"
    """They might, but there is nothing that can be seen or shown."""


class Strength(msgspec.Struct, frozen=True, kw_only=True):
    """The rung of the ladder of models in use: ``level`` of ``max``, 0 is exhausted."""

    level: int
    max: int
    model: str = ""

    @property
    def full(self) -> bool:
        """Whether there is nothing to tell."""
        return self.level >= self.max

    @property
    def word(self) -> str:
        """The level as a word, for those who do not see colours or count cells."""
        if self.full:
            return "full"
        return {0: "exhausted", 1: "low"}.get(self.level, "medium")


class Using(msgspec.Struct, frozen=True):
    """A tool that a turn waits for."""

    call_id: str
    name: str
    turn: int


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the lines around the transcript show; levels in dBFS, times in seconds."""

    character: str
    phase: Phase = Phase.STARTING
    status: Status = Status.IDLE
    link: LinkWord = LinkWord.OFFLINE
    provider: str = ""
    model: str = ""
    mic: Mic = Mic.NONE
    voice_muted: bool = False
    half_duplex: bool = False
    """Whether the microphone is held while the character speaks."""
    mic_ready: bool = False
    """Whether the microphone is open between two keys, with nothing of it sent."""
    echo: str = ""
    """What becomes of the loudspeaker's echo, in the event's words; empty until it is told."""
    erle_db: float = 0.0
    underruns: int = 0
    """Times that a reply ran dry in its middle."""
    buffer_ms: float = 0.0
    """What a reply waits before it begins."""
    late: int = 0
    """Pieces of sound that came later than they were due."""
    microphone_level: float = SILENT
    speaker_level: float = SILENT
    connected_at: float | None = None
    unsure: bool = False
    mode: str = CALL
    """``call`` or ``text``: which of the two ladders is the one in use."""
    energy: Strength | None = None
    """None until the session tells it."""
    worth_retry: bool = True
    """Whether starting again is offered where the session is over."""
    using: tuple[Using, ...] = ()
    asked: bool = False
    """Whether the user is asked about a tool."""
    showing: Showing = Showing.OFF
    emotion: str = ""
    """That of the last reply; empty where none was told."""
    emotion_turn: int = 0
    running: int = 0
    """Tasks of agents that go on."""
    to_tell: int = 0
    """Results of agents that the character has not told yet."""


def mic_of(*, available: bool, push_to_talk: bool, listening: bool) -> Mic:
    """The microphone's word from what is known of it."""
    if not available:
        return Mic.NONE
    if push_to_talk:
        return Mic.TALKING if listening else Mic.HELD
    return Mic.OPEN if listening else Mic.MUTED


def showing_of(eyes: EyesChanged) -> Showing:
    """The indicator's word."""
    if not eyes.on:
        return Showing.OFF
    if eyes.paused:
        return Showing.PAUSED
    return Showing.UNSEEN if eyes.trouble else Showing.ON


def reduce(view: View, event: AnyEvent, now: float) -> View:
    """The view after an event; ``now`` is on the app's own clock."""
    match event:
        case StatusChanged():
            return msgspec.structs.replace(view, status=event.new, link=event.link)
        case Connected():
            return msgspec.structs.replace(
                view,
                provider=one_line(event.provider, 40),
                model=one_line(event.model, 60),
                connected_at=now if view.connected_at is None else view.connected_at,
            )
        case SoundPath():
            return msgspec.structs.replace(
                view,
                half_duplex=not event.full_duplex,
                mic_ready=event.ready,
                echo=event.echo,
                erle_db=event.erle_db,
                underruns=event.underruns,
                buffer_ms=event.buffer_ms,
                late=event.late,
            )
        case Levels():
            return msgspec.structs.replace(
                view, microphone_level=event.microphone, speaker_level=event.speaker
            )
        case Energy() if event.mode == view.mode:
            most = max(0, event.max)
            level = min(max(0, event.level), most)
            energy = Strength(level=level, max=most, model=one_line(event.model, 60))
            return msgspec.structs.replace(view, energy=energy)
        case ToolCall():
            using = Using(event.call_id, one_line(event.name, 24), event.turn)
            return msgspec.structs.replace(view, using=(*view.using, using))
        case ToolResult():
            return _without(view, lambda using: using.call_id == event.call_id)
        case TurnEnded() if view.using:
            return _without(view, lambda using: using.turn == event.turn)
        case EyesChanged():
            return msgspec.structs.replace(view, showing=showing_of(event))
        case Emotion():
            label = one_line(event.label, 24)
            return msgspec.structs.replace(view, emotion=label, emotion_turn=event.turn)
        case ReplyText() if event.turn != view.emotion_turn:  # another reply feels nothing before it is told
            return msgspec.structs.replace(view, emotion="", emotion_turn=event.turn)
        case Failure(fatal=True, code=code):
            phase = _unless_closing(view, Phase.FAILED)
            worth = code != TIME_LIMIT
            return msgspec.structs.replace(view, phase=phase, link=LinkWord.OFFLINE, worth_retry=worth)
        case SessionEnded() if view.phase is not Phase.FAILED:
            return _silent(msgspec.structs.replace(view, phase=_unless_closing(view, Phase.ENDED)))
        case SessionEnded():
            return _silent(view)
        case _:
            return view


def _without(view: View, over: Callable[[Using], bool]) -> View:
    return msgspec.structs.replace(view, using=tuple(using for using in view.using if not over(using)))


def _silent(view: View) -> View:
    return msgspec.structs.replace(
        view, microphone_level=SILENT, speaker_level=SILENT, mic_ready=False, using=()
    )


def _unless_closing(view: View, phase: Phase) -> Phase:
    return Phase.CLOSING if view.phase is Phase.CLOSING else phase
