"""What codecs of OpenAI's kind remember of replies; every map is bounded, the oldest entry goes.

A server may leave out ids or events, repeat them, or send a reply's rest after its end. This ledger
gives each reply exactly one beginning and one end, and tells what is stale.
"""

from __future__ import annotations

import msgspec

OPEN_LIMIT = 32
"""Replies without an end that are remembered."""

ENDED_LIMIT = 256
"""Ended replies whose late events are recognised as stale."""

ITEMS_LIMIT = 64
"""Items of which the received sound is counted, and tool calls that are remembered."""

PARTS_LIMIT = 64
"""Parts of one reply whose words were told; one reply has one or two."""


class OpenReply(msgspec.Struct):
    """A reply that has begun and not ended."""

    cancelled: bool = False
    """We cancelled it: what still comes of it is not wanted."""
    worded: dict[str, None] = {}
    """The items and parts whose words were told."""
    channel: str = ""
    """The kind of events by which its words come, where a server may send them by two."""

    def tell(self, part: str) -> None:
        """Words of a part were told."""
        self.worded[part] = None
        while len(self.worded) > PARTS_LIMIT:
            del self.worded[next(iter(self.worded))]


class ItemSound(msgspec.Struct):
    """How much sound of an item was received, and in which part of its content."""

    content_index: int
    n_bytes: int = 0


class Replies:
    """Open and ended replies, the sound of their items, their tool calls."""

    def __init__(self) -> None:
        """Nothing has been said yet."""
        self._open: dict[str, OpenReply] = {}
        self._ended: dict[str, None] = {}
        self._items: dict[str, ItemSound] = {}
        self._names: dict[str, str] = {}
        self._called: dict[str, None] = {}
        self._made = 0
        self.current = ""
        """The reply that began last and has not ended; empty when there is none."""

    def resolve(self, reply_id: str) -> str:
        """The id itself; where the server gave none, that of the current reply or a new one."""
        if reply_id or self.current:
            return reply_id or self.current
        self._made += 1
        return f"reply-{self._made}"

    def begin(self, reply_id: str) -> bool:
        """Whether this reply begins here; False when it has begun or ended before."""
        if reply_id in self._open or reply_id in self._ended:
            return False
        self._open[reply_id] = OpenReply()
        self.current = reply_id
        if len(self._open) > OPEN_LIMIT:
            self.end(next(iter(self._open)))
        return True

    def wanted(self, reply_id: str) -> OpenReply | None:
        """The open reply; None when its events are stale (ended, cancelled or forgotten)."""
        reply = self._open.get(reply_id)
        return None if reply is None or reply.cancelled else reply

    def is_cancelled(self, reply_id: str) -> bool:
        """Whether we cancelled this reply, and it has not ended yet."""
        reply = self._open.get(reply_id)
        return reply is not None and reply.cancelled

    def end(self, reply_id: str) -> bool:
        """Whether this reply ends here; False when it has ended before."""
        if reply_id in self._ended:
            return False
        self._open.pop(reply_id, None)
        self._ended[reply_id] = None
        _trim(self._ended, ENDED_LIMIT)
        if self.current == reply_id:
            self.current = next(reversed(self._open), "")
        return True

    def cancel(self, reply_id: str) -> None:
        """We cancel a reply (the current one without an id); its rest is stale from now on."""
        reply = self._open.get(reply_id or self.current)
        if reply is not None:
            reply.cancelled = True

    def count_sound(self, item_id: str, content_index: int, n_bytes: int) -> None:
        """Count received sound of an item."""
        sound = self._items.get(item_id)
        if sound is None:
            sound = self._items[item_id] = ItemSound(content_index)
            _trim(self._items, ITEMS_LIMIT)
        sound.n_bytes += n_bytes

    def sound_of(self, item_id: str) -> ItemSound | None:
        """What was received of an item; None when nothing was, or it is too long ago."""
        return self._items.get(item_id)

    def name_tool(self, item_id: str, name: str) -> None:
        """Remember which tool an item calls."""
        self._names[item_id] = name
        _trim(self._names, ITEMS_LIMIT)

    def tool_name(self, item_id: str) -> str:
        """Which tool an item calls; empty when not known."""
        return self._names.get(item_id, "")

    def call(self, call_id: str) -> bool:
        """Whether this tool call is new; the same call may be told by three events."""
        if call_id in self._called:
            return False
        self._called[call_id] = None
        _trim(self._called, ITEMS_LIMIT)
        return True


def _trim(entries: dict[str, ItemSound] | dict[str, str] | dict[str, None], limit: int) -> None:
    while len(entries) > limit:
        del entries[next(iter(entries))]
