"""The items of a conversation, their order, and what a brain sees of them. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from neko_cli.core.errors import NekoError
from neko_cli.local.audio_format import AudioFormat
from neko_cli.local.faults import ClientFault
from neko_cli.local.ports import ImageFacts, Line, Recognised

ROOT = "root"
"""Stands for the place before the first item."""

MAX_ITEMS = 1000
"""Items that a conversation holds; the oldest is forgotten silently, as a model's window slides."""

MAX_PICTURE_CHARS = 32 * 1024 * 1024
"""Characters of data URLs that a conversation holds; items with older pictures are forgotten."""

MAX_SOUND_BYTES = 8 * 1024 * 1024
"""Bytes of sound kept for ``retrieve``; older items keep their words and lose their sound."""

Status = Literal["in_progress", "completed", "incomplete"]


@dataclass(slots=True)
class TextPart:
    """Written words."""

    text: str


@dataclass(slots=True)
class PicturePart:
    """A picture, and how closely the client wants it looked at."""

    facts: ImageFacts
    detail: str = "auto"


@dataclass(slots=True)
class HeardPart:
    """Something the user said: sound in the wire's format, and what the ears made of it.

    ``recognised`` is None until the ears are done, and stays None when they fail (``failure``).
    """

    format: AudioFormat
    data: bytes
    duration_ms: float
    recognised: Recognised | None = None
    failure: NekoError | None = None

    @property
    def text(self) -> str:
        """What was heard; empty when nothing was, or nothing yet."""
        return self.recognised.text if self.recognised else ""


@dataclass(slots=True)
class Segment:
    """A sentence of a spoken reply and the length of its sound in ms."""

    text: str
    ms: float = 0.0


@dataclass(slots=True)
class SpokenPart:
    """Something the character said: sentences with their sound in the wire's format."""

    format: AudioFormat
    segments: list[Segment] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)
    heard_ms: float | None = None

    @property
    def duration_ms(self) -> float:
        """Length of the sound in ms; what was cut off does not count."""
        whole = sum(segment.ms for segment in self.segments)
        return whole if self.heard_ms is None else min(whole, self.heard_ms)

    @property
    def text(self) -> str:
        """The words; after a truncation those that were heard."""
        if self.heard_ms is None:
            return "".join(segment.text for segment in self.segments)
        left, words = self.heard_ms, ""
        for segment in self.segments:
            if left < segment.ms:
                return words + heard_words(segment.text, left / segment.ms)
            left -= segment.ms
            words += segment.text
        return words

    def truncate(self, heard_ms: float) -> None:
        """Keep what was heard; sound that follows is not kept either."""
        self.heard_ms = heard_ms
        del self.data[self.format.bytes_for(heard_ms) :]


def heard_words(text: str, share: float) -> str:
    """The whole words of a sentence within its first ``share`` (0 … 1) of sound."""
    cut = int(len(text) * max(0.0, min(1.0, share)))
    if cut >= len(text):
        return text
    if text[cut].isspace() or not any(c.isspace() for c in text):
        return text[:cut]
    return text[: max((i for i in range(cut) if text[i].isspace()), default=0)]


Part = TextPart | PicturePart | HeardPart | SpokenPart


@dataclass(slots=True)
class Message:
    """Words of the system, the user or the assistant."""

    id: str
    role: Literal["system", "user", "assistant"]
    parts: list[Part] = field(default_factory=list)
    status: Status = "completed"


@dataclass(slots=True)
class ToolCall:
    """The assistant asked for a tool; ``arguments`` is a JSON object as text."""

    id: str
    call_id: str
    name: str
    arguments: str
    status: Status = "completed"


@dataclass(slots=True)
class ToolResult:
    """What a tool answered."""

    id: str
    call_id: str
    output: str
    status: Status = "completed"


Item = Message | ToolCall | ToolResult


class Conversation:
    """Items in order."""

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._items: list[Item] = list(items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def find(self, item_id: str) -> Item | None:
        """The item with this id."""
        return next((item for item in self._items if item.id == item_id), None)

    def items(self) -> tuple[Item, ...]:
        """All items, oldest first."""
        return tuple(self._items)

    def last_id(self) -> str | None:
        """Id of the newest item."""
        return self._items[-1].id if self._items else None

    def before(self, item_id: str) -> str | None:
        """Id of the item that precedes this one."""
        for previous, item in zip([None, *self._items], self._items, strict=False):
            if item.id == item_id:
                return previous.id if previous else None
        return None

    def add(self, item: Item, *, after: str | None = None) -> str | None:
        """Insert an item after ``after`` (None: at the end, ROOT: at the start).

        Returns the id of the item before it. Raises ClientFault for an id that is taken, an
        unknown place, or the result of an unknown call.
        """
        if self.find(item.id) is not None:
            raise ClientFault(
                f"An item with the id '{item.id}' exists already.", code="invalid_value", param="item.id"
            )
        if isinstance(item, ToolResult) and not self._knows_call(item.call_id):
            raise ClientFault(
                f"No tool call '{item.call_id}' is in the conversation.",
                code="invalid_tool_call_id",
                param="item.call_id",
            )
        at = len(self._items) if after is None else self._place_after(after)
        self._items.insert(at, item)
        previous = self._items[at - 1].id if at else None
        self._forget_oldest()
        return previous

    def remove(self, item_id: str) -> Item | None:
        """Take an item out; returns it, or None when there is none."""
        item = self.find(item_id)
        if item is not None:
            self._items.remove(item)
        return item

    def tidy_sound(self) -> None:
        """Drop the oldest sound beyond MAX_SOUND_BYTES; the words stay."""
        left = MAX_SOUND_BYTES
        for item in reversed(self._items):
            for part in item.parts if isinstance(item, Message) else ():
                if not isinstance(part, HeardPart | SpokenPart):
                    continue
                left -= len(part.data)
                if left >= 0:
                    continue
                if isinstance(part, SpokenPart):
                    part.data = bytearray()
                elif part.recognised is not None:
                    part.data = b""

    def _knows_call(self, call_id: str) -> bool:
        return any(isinstance(item, ToolCall) and item.call_id == call_id for item in self._items)

    def _place_after(self, after: str) -> int:
        if after == ROOT:
            return 0
        for at, item in enumerate(self._items):
            if item.id == after:
                return at + 1
        raise ClientFault(
            f"No item '{after}' is in the conversation.", code="invalid_value", param="previous_item_id"
        )

    def _forget_oldest(self) -> None:
        del self._items[: max(0, len(self._items) - MAX_ITEMS)]
        left = MAX_PICTURE_CHARS
        for at in range(len(self._items) - 1, -1, -1):
            left -= _picture_chars(self._items[at])
            if left < 0:
                del self._items[: min(at + 1, len(self._items) - 1)]
                return


def _picture_chars(item: Item) -> int:
    if not isinstance(item, Message):
        return 0
    return sum(len(part.facts.data_url) for part in item.parts if isinstance(part, PicturePart))


def lines_of(items: Sequence[Item]) -> tuple[Line, ...]:
    """The conversation as a brain sees it. A user who was not understood has an empty line."""
    names = {item.call_id: item.name for item in items if isinstance(item, ToolCall)}
    lines: list[Line] = []
    for item in items:
        match item:
            case Message(role=role, parts=parts):
                words = [part.text.strip() for part in parts if not isinstance(part, PicturePart)]
                pictures = tuple(part.facts for part in parts if isinstance(part, PicturePart))
                lines.append(Line(role, "\n".join(word for word in words if word), images=pictures))
            case ToolCall():
                lines.append(Line("assistant", item.arguments, call_id=item.call_id, name=item.name))
            case ToolResult():
                name = names.get(item.call_id, "")
                lines.append(Line("tool", item.output, call_id=item.call_id, name=name))
    return tuple(lines)
