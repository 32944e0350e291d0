"""What goes into a session, and what a session asks of its provider.

*Messages* come from the user (``SessionManager.stream_data``). *Commands* are what a codec turns
into frames; a codec that cannot carry one out encodes it as no frame at all, which its
``Capabilities`` tell beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class AudioChunk(msgspec.Struct, frozen=True):
    """Microphone sound: 16-bit mono little-endian PCM at ``rate`` Hz."""

    pcm: bytes
    rate: int


class TextMessage(msgspec.Struct, frozen=True):
    """A typed message; it asks for a reply."""

    text: str


class ScreenFrame(msgspec.Struct, frozen=True):
    """A picture for the character to see; encoded image bytes and their media type."""

    data: bytes
    media_type: str
    width: int
    height: int


Message = AudioChunk | TextMessage | ScreenFrame


class AppendAudio(msgspec.Struct, frozen=True):
    """Microphone sound at the link's input rate."""

    pcm: bytes


class CommitAudio(msgspec.Struct, frozen=True):
    """The utterance is over (manual turns); a reply is asked for, unless nobody wants one.

    Some providers answer whatever is committed (``Capabilities.commit_asks``).
    """

    ask_reply: bool = True


class ClearAudio(msgspec.Struct, frozen=True):
    """Throw away what was appended and not committed."""


class SendText(msgspec.Struct, frozen=True):
    """A user's text turn; a reply is asked for. ``turn`` is its number in the session."""

    text: str
    turn: int = 0


class SendImage(msgspec.Struct, frozen=True):
    """A picture, without asking for a reply."""

    data: bytes
    media_type: str


class TellSystem(msgspec.Struct, frozen=True):
    """A message from the program itself, for instance an agent's result; marked as data."""

    text: str
    ask_reply: bool


class TellHistory(msgspec.Struct, frozen=True):
    """What was said on another link; put into this one's conversation, no reply is asked for."""

    role: str
    text: str


class AskReply(msgspec.Struct, frozen=True):
    """Ask for a reply without new input; ``instructions`` hold for that reply alone."""

    instructions: str = ""


class CancelReply(msgspec.Struct, frozen=True):
    """Stop generating the reply."""

    reply_id: str = ""


class TruncateReply(msgspec.Struct, frozen=True):
    """Cut the stored reply at what was heard, in ms of its audio, or in words where we keep it."""

    item_id: str
    heard_ms: int
    words: tuple[str, ...] = ()
    """What was heard of the last reply, of each part between tools; only for ``Capabilities.keeps_words``."""


class AnswerTool(msgspec.Struct, frozen=True):
    """The result of a tool call; ``continue_reply`` asks the provider to go on talking.

    Of several calls, the last answer alone asks. Some providers go on in any case
    (``Capabilities.tools_continue``).
    """

    call_id: str
    name: str
    output: str
    continue_reply: bool = True


class Reconfigure(msgspec.Struct, frozen=True):
    """New instructions in mid-session."""

    instructions: str


class ChangeDetection(msgspec.Struct, frozen=True):
    """Who ends the user's turns from now on: the key (``manual``) or the provider's detector."""

    manual: bool


Command = (
    AppendAudio
    | CommitAudio
    | ClearAudio
    | SendText
    | SendImage
    | TellSystem
    | TellHistory
    | AskReply
    | CancelReply
    | TruncateReply
    | AnswerTool
    | Reconfigure
    | ChangeDetection
)


class ToolSpec(msgspec.Struct, frozen=True):
    """A tool that the character may call; ``parameters`` is a JSON Schema object."""

    name: str
    description: str
    parameters: Mapping[str, Any]
