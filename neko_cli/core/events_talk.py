"""Events of the conversation: turns, and what is said in them."""

from __future__ import annotations

from neko_cli.core.events_base import Event
from neko_cli.core.events_words import Outcome, TextOf


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


class Emotion(Event, frozen=True, kw_only=True, tag="emotion"):
    """The character's emotion from here on."""

    turn: int
    label: str
    confidence: float = 1.0


class Translated(Event, frozen=True, kw_only=True, tag="translated"):
    """A text that was told before, in the user's language; it goes under the original.

    ``turn`` is 0 for a notice: ``original`` is its text, by which it is found again.
    """

    turn: int
    original_of: TextOf
    original: str
    text: str
    language: str
