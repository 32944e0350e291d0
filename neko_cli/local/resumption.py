"""Conversations that outlive their connection: by a handle the next one goes on with them.

They are kept in memory, for so long, so many, and so large; whatever goes beyond is forgotten,
the oldest first. A handle stands for the conversation at the moment when it was given out.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from neko_cli.local.conversation import HeardPart, Item, PicturePart, SpokenPart, ToolCall, ToolResult

TTL_S = 2 * 3600.0
"""For how long a conversation is kept after its connection ended: two hours, as the Gemini API."""

MAX_PARKED = 64
"""Conversations without a connection."""

MAX_BYTES = 64 * 1024 * 1024
"""Of all conversations without a connection together: pictures, sound that was not yet
understood, and words."""

MAX_HANDLES = 8
"""Of one conversation; the oldest is forgotten."""

HANDLE_CHARS = 43
"""Of 32 random bytes in URL-safe base64."""


class NoSuchHandle(Exception):
    """A handle that nobody knows, any more or at all. ``expired``: it was known once."""

    def __init__(self, *, expired: bool = False) -> None:
        super().__init__()
        self.expired = expired


class HandleInUse(Exception):
    """The conversation of a handle still has its connection."""


class OtherModel(Exception):
    """The conversation of a handle was held with another model."""


@dataclass(frozen=True)
class Snapshot:
    """A conversation at one moment: its items, and calls whose results may still come, by id."""

    items: tuple[Item, ...] = ()
    calls: Mapping[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class Thread:
    """One conversation. ``carried`` tells whether its connection is still there."""

    model: str
    carried: Callable[[], bool]
    handles: dict[str, Snapshot] = field(default_factory=dict)
    parked_at: float | None = None
    size: int = 0


class Resumption:
    """The conversations of one server.

    Args:
        ttl_s: seconds for which a conversation is kept without a connection.
        max_parked: conversations without a connection.
        max_bytes: of all of them together.
        now: a monotonic clock in seconds.
    """

    def __init__(
        self,
        *,
        ttl_s: float = TTL_S,
        max_parked: int = MAX_PARKED,
        max_bytes: int = MAX_BYTES,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ttl_s = ttl_s
        self._max_parked = max_parked
        self._max_bytes = max_bytes
        self._now = now
        self._threads: dict[str, Thread] = {}
        self._parked: list[Thread] = []

    def begin(self, model: str, carried: Callable[[], bool]) -> Thread:
        """A new conversation; ``carried`` tells whether its connection is still there."""
        return Thread(model, carried)

    def mark(self, thread: Thread, snapshot: Snapshot) -> str:
        """A handle for a conversation as it is now."""
        handle = secrets.token_urlsafe(32)
        thread.handles[handle] = snapshot
        self._threads[handle] = thread
        while len(thread.handles) > MAX_HANDLES:
            self._forget_handle(thread, next(iter(thread.handles)))
        return handle

    def resume(self, handle: str, model: str, carried: Callable[[], bool]) -> tuple[Thread, Snapshot]:
        """Go on with a conversation over another connection.

        Raises NoSuchHandle, HandleInUse, OtherModel.
        """
        thread = self._threads.get(handle)
        if thread is None:
            raise NoSuchHandle
        if thread.parked_at is not None and self._now() - thread.parked_at > self._ttl_s:
            self._forget(thread)
            raise NoSuchHandle(expired=True)
        if thread.carried():
            raise HandleInUse
        if thread.model != model:
            raise OtherModel
        self._unpark(thread)
        thread.carried = carried
        return thread, thread.handles[handle]

    def park(self, thread: Thread, carried: Callable[[], bool]) -> None:
        """The connection of a conversation ended; nothing happens when it has another by now."""
        if thread.carried is not carried or thread.parked_at is not None:
            return
        if not thread.handles:
            return
        thread.parked_at = self._now()
        thread.size = sum(map(_shrink, _items_of(thread)))
        self._parked.append(thread)
        self._tidy()

    def _tidy(self) -> None:
        """Forget what is too old, too much or too large."""
        limit = self._now() - self._ttl_s
        for thread in [t for t in self._parked if t.parked_at is not None and t.parked_at < limit]:
            self._forget(thread)
        while len(self._parked) > self._max_parked or sum(t.size for t in self._parked) > self._max_bytes:
            self._forget(self._parked[0])

    def _unpark(self, thread: Thread) -> None:
        thread.parked_at = None
        if thread in self._parked:
            self._parked.remove(thread)

    def _forget(self, thread: Thread) -> None:
        self._unpark(thread)
        for handle in list(thread.handles):
            self._forget_handle(thread, handle)

    def _forget_handle(self, thread: Thread, handle: str) -> None:
        del thread.handles[handle]
        self._threads.pop(handle, None)


def _items_of(thread: Thread) -> Iterable[Item]:
    """Every item of any of its moments, once."""
    return {item.id: item for moment in thread.handles.values() for item in moment.items}.values()


def _shrink(item: Item) -> int:
    """Drop sound that nobody will hear again; returns roughly how many bytes are left."""
    match item:
        case ToolCall():
            return len(item.arguments)
        case ToolResult():
            return len(item.output)
    left = 0
    for part in item.parts:
        match part:
            case SpokenPart():
                part.data = bytearray()
                left += len(part.text)
            case HeardPart():
                if part.recognised is not None or part.failure is not None:
                    part.data = b""
                left += len(part.data) + len(part.text)
            case PicturePart():
                left += len(part.facts.data_url)
            case _:
                left += len(part.text)
    return left
