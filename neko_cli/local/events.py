"""What happens in a session, for a wire to put into its own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from neko_cli.core.errors import NekoError
from neko_cli.local.conversation import HeardPart, Item, Message, ToolCall
from neko_cli.local.settings import Settings


class Outcome(StrEnum):
    """How a reply stands."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


class CancelReason(StrEnum):
    """Who cancelled a reply."""

    TURN_DETECTED = "turn_detected"
    CLIENT = "client_cancelled"


@dataclass(slots=True)
class Usage:
    """Token counts of a reply: the brain's own, else estimates."""

    input_text: int = 0
    input_audio: int = 0
    input_image: int = 0
    output_text: int = 0
    output_audio: int = 0


@dataclass(slots=True)
class Reply:
    """One reply, from its request to its end. ``tag`` is the wire's own and not looked at."""

    id: str
    settings: Settings
    in_conversation: bool = True
    context: tuple[Item, ...] | None = None
    tag: Any = None
    outcome: Outcome = Outcome.IN_PROGRESS
    reason: CancelReason | None = None
    error: NekoError | None = None
    output: list[Item] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)


@dataclass(slots=True, frozen=True)
class SpeechStarted:
    """The user began to speak, at ``at_ms`` of all sound received."""

    item_id: str
    at_ms: int


@dataclass(slots=True, frozen=True)
class SpeechStopped:
    """The user stopped speaking, at ``at_ms`` of all sound received."""

    item_id: str
    at_ms: int


@dataclass(slots=True, frozen=True)
class InputCommitted:
    """The sound received became an item."""

    item_id: str
    previous_id: str | None


@dataclass(slots=True, frozen=True)
class TurnEnded:
    """The server found the end of the user's turn, and its settings leave the reply to others."""

    item_id: str


@dataclass(slots=True, frozen=True)
class InputCleared:
    """The sound received was thrown away."""


@dataclass(slots=True, frozen=True)
class IdleTimeout:
    """The user said nothing for the configured time."""

    item_id: str
    start_ms: int
    end_ms: int


@dataclass(slots=True, frozen=True)
class ItemAdded:
    """An item is in the conversation; it is complete."""

    item: Item
    previous_id: str | None


@dataclass(slots=True, frozen=True)
class ItemRemoved:
    """An item was deleted."""

    item_id: str


@dataclass(slots=True, frozen=True)
class ItemTruncated:
    """A spoken item was cut to what was heard."""

    item_id: str
    part_index: int
    heard_ms: int


@dataclass(slots=True, frozen=True)
class Transcribed:
    """The ears are done with a part: ``part.recognised`` or ``part.failure`` tells."""

    item_id: str
    part_index: int
    part: HeardPart


@dataclass(slots=True, frozen=True)
class ReplyStarted:
    """A reply is under way."""

    reply: Reply


@dataclass(slots=True, frozen=True)
class OutputStarted:
    """An item of a reply begins; a message has its one empty part."""

    reply: Reply
    index: int
    item: Message | ToolCall
    previous_id: str | None


@dataclass(slots=True, frozen=True)
class OutputText:
    """More words: of a written reply, or of a spoken one just before their sound."""

    reply: Reply
    index: int
    item: Message
    text: str


@dataclass(slots=True, frozen=True)
class OutputSound:
    """More sound, in the reply's output format."""

    reply: Reply
    index: int
    item: Message
    data: bytes


@dataclass(slots=True, frozen=True)
class OutputArguments:
    """More of a tool call's arguments."""

    reply: Reply
    index: int
    item: ToolCall
    text: str


@dataclass(slots=True, frozen=True)
class OutputDone:
    """An item of a reply is finished, for good or because the reply ended."""

    reply: Reply
    index: int
    item: Message | ToolCall
    previous_id: str | None


@dataclass(slots=True, frozen=True)
class ReplyDone:
    """A reply ended; ``reply.outcome`` tells how."""

    reply: Reply


@dataclass(slots=True, frozen=True)
class Trouble:
    """Something went wrong that no reply and no request answers for."""

    error: NekoError


SessionEvent = (
    SpeechStarted
    | SpeechStopped
    | InputCommitted
    | TurnEnded
    | InputCleared
    | IdleTimeout
    | ItemAdded
    | ItemRemoved
    | ItemTruncated
    | Transcribed
    | ReplyStarted
    | OutputStarted
    | OutputText
    | OutputSound
    | OutputArguments
    | OutputDone
    | ReplyDone
    | Trouble
)


class Outlet(Protocol):
    """Where a session's events go."""

    def emit(self, event: SessionEvent) -> None:
        """Hand over an event at once; order is kept."""
        ...

    async def room(self) -> None:
        """Wait until the client has taken most of what was emitted. Before every delta of a reply."""
        ...
