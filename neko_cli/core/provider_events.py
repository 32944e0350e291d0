"""What a codec makes of a provider's frames: one vocabulary for all providers.

``reply_id`` and ``item_id`` are the provider's own ids, or made by the codec where the provider has
none. PCM is 16-bit mono little-endian at the codec's ``output_rate``.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from neko_cli.core.errors import NekoError


class Ready(msgspec.Struct, frozen=True):
    """The session is configured; ``expires_at`` is Unix time in seconds."""

    session_id: str = ""
    model: str = ""
    expires_at: float | None = None


class SpeechBegan(msgspec.Struct, frozen=True):
    """The provider's detector hears the user; ``at_ms`` counts from the link's first sample."""

    item_id: str = ""
    at_ms: float | None = None


class SpeechEnded(msgspec.Struct, frozen=True):
    """The provider's detector heard the end of the utterance."""

    item_id: str = ""
    at_ms: float | None = None


class InputCommitted(msgspec.Struct, frozen=True):
    """The utterance belongs to the provider's conversation now."""

    item_id: str


class InputTranscript(msgspec.Struct, frozen=True):
    """The user's words; a delta, or with ``whole`` all of them so far."""

    item_id: str
    text: str
    whole: bool
    final: bool
    confidence: float | None = None


class InputTranscriptFailed(msgspec.Struct, frozen=True):
    """The user's speech could not be transcribed."""

    item_id: str
    message: str


class ReplyBegan(msgspec.Struct, frozen=True):
    """A reply begins."""

    reply_id: str


class ReplyWords(msgspec.Struct, frozen=True):
    """Words of a reply; a caption of its audio, or the text itself."""

    reply_id: str
    delta: str


class ReplySound(msgspec.Struct, frozen=True):
    """Sound of a reply."""

    reply_id: str
    item_id: str
    pcm: bytes


class ReplySoundEnded(msgspec.Struct, frozen=True):
    """All sound of a reply has been sent."""

    reply_id: str


class ReplyStatus(StrEnum):
    """How the provider ended a reply."""

    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


class TokenUsage(msgspec.Struct, frozen=True):
    """Token counts of one reply."""

    input_tokens: int = 0
    output_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    cached_tokens: int = 0


class ReplyEnded(msgspec.Struct, frozen=True):
    """A reply is over on the wire; ``error`` is set when it failed."""

    reply_id: str
    status: ReplyStatus
    reason: str = ""
    error: NekoError | None = None
    usage: TokenUsage | None = None


class Interrupted(msgspec.Struct, frozen=True):
    """The provider itself stopped the current reply because the user speaks."""

    reply_id: str = ""


class ToolRequested(msgspec.Struct, frozen=True):
    """The reply calls a tool; ``arguments`` is a JSON object as text.

    Codecs may tell it also of a reply that we cancelled: its call is in the conversation all the same.
    """

    reply_id: str
    call_id: str
    name: str
    arguments: str


class ToolsCancelled(msgspec.Struct, frozen=True):
    """Tool calls whose results are not wanted any more."""

    call_ids: tuple[str, ...]


class LimitsTold(msgspec.Struct, frozen=True):
    """What is left of a rate limit."""

    name: str
    limit: int
    remaining: int
    reset_seconds: float


class HandleTold(msgspec.Struct, frozen=True):
    """A handle by which this session can be resumed; empty when it cannot be just now."""

    handle: str


class GoingAway(msgspec.Struct, frozen=True):
    """The provider will close the link in so many seconds."""

    seconds: float


class SessionClosed(msgspec.Struct, frozen=True):
    """The provider has ended the session in order, because we asked for it."""

    reason: str = ""


class ProviderFault(msgspec.Struct, frozen=True):
    """The provider reports an error; ``benign`` ones are counted and not shown.

    ``ends_link`` says that the provider closes (or must be left) after this error.
    """

    error: NekoError
    benign: bool = False
    ends_link: bool = False


class Unknown(msgspec.Struct, frozen=True):
    """A frame of a type that this codec does not know; counted, never an error."""

    type: str


class Surprise(msgspec.Struct, frozen=True):
    """A frame that could not be decoded; counted."""

    reason: str


ProviderEvent = (
    Ready
    | SpeechBegan
    | SpeechEnded
    | InputCommitted
    | InputTranscript
    | InputTranscriptFailed
    | ReplyBegan
    | ReplyWords
    | ReplySound
    | ReplySoundEnded
    | ReplyEnded
    | Interrupted
    | ToolRequested
    | ToolsCancelled
    | LimitsTold
    | HandleTold
    | GoingAway
    | SessionClosed
    | ProviderFault
    | Unknown
    | Surprise
)
