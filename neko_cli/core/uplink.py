"""The user's voice on its way to the provider: kept until it is settled, resampled for its link.

Sound is kept at the device's rate. What was sent stays until the provider has committed it and its
words are known (*settled*): a link that is lost before takes nothing with it, because the next one is
sent the same sound again. Positions count ticks, in which every usual sample is a whole number.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import NamedTuple

from neko_cli.core import pcm
from neko_cli.core.commands import AppendAudio
from neko_cli.core.errors import LinkError
from neko_cli.core.link import Link
from neko_cli.core.ports import Microphone

TICKS = 14_112_000
"""Ticks in a second: a multiple of 8, 11.025, 16, 22.05, 24, 32, 44.1, 48 and 96 kHz."""

SENT_S = 30
"""Seconds of sound that was sent and is not settled; beyond that the oldest cannot be sent again."""

UNSENT_S = 8
"""Seconds of sound that waits for a link; beyond that the oldest goes, and is counted."""

IDLE_S = 2
"""Seconds that are kept before the first sound that wakes a parked link."""

ROOM_S = 2
"""Below this much waiting sound, a fast sender may go on."""

LEAD_MS = 500.0
"""Kept before the beginning of speech that a provider tells: its detector needs a run-up."""

FAR_MS = 1e9
"""Later than any time that a provider can mean, in ms: eleven days."""

SILENT_MS = 2_000.0
"""Sent again of what a provider took for silence over a link that was well: its detector may be so late."""

PIECE_MS = 100.0
"""Sound that waited goes in pieces of this length: microphone frames would take ten times as long."""

MARKS = 64
"""Utterances whose words may still come."""


class _Chunk(NamedTuple):
    pcm: bytes
    rate: int

    @property
    def ticks(self) -> int:
        return len(self.pcm) // 2 * TICKS // self.rate

    def after(self, ticks: int) -> _Chunk:
        """What is left once so many ticks, in whole samples, are cut off."""
        return _Chunk(self.pcm[ticks * self.rate // TICKS * 2 :], self.rate)


class Attached(NamedTuple):
    """What a new link is sent besides what comes: again, and for the first time; in ms."""

    resent_ms: float
    cached_ms: float


class Uplink:
    """Keeps, resamples and forwards sound, in order; equal rates pass bit-exact."""

    def __init__(self) -> None:
        self._chunks: deque[_Chunk] = deque()
        self._next = 0  # which chunk is sent next
        self._fresh = 0  # which chunk is the first that no link was ever given
        self._new = 0  # position of that chunk
        self._half = b""  # half a sample, where a chunk ended within one
        self._rate = 0
        self._first = 0  # position of the first chunk kept
        self._sent = 0
        self._end = 0
        self._committed = 0
        self._settled = 0
        self._begun = 0
        self._closed: deque[int] = deque(maxlen=MARKS)  # where we ended utterances that are not committed yet
        self._base = 0  # position of the first sample that the present link was sent
        self._marks: OrderedDict[str, int] = OrderedDict()
        self._link: Link | None = None
        self._resampler: pcm.Resampler | None = None
        self._then: Callable[[], None] | None = None
        self._room = asyncio.Event()
        self._room.set()
        self.idle = False
        """Parked: only the last moments are kept, and the rest is not worth telling."""
        self.dropped_ms = 0.0
        """Sound that went because no link took it for too long, in ms."""

    @property
    def utterance_ms(self) -> float:
        """Sound since ``begin``, in ms."""
        return _ms(self._end - self._begun)

    @property
    def waiting_ms(self) -> float:
        """Sound that no link has been given yet, in ms."""
        return _ms(self._end - self._sent)

    # -- sound comes in ---------------------------------------------------------------------

    def push(self, sound: bytes, rate: int) -> None:
        """One chunk (16-bit mono at ``rate`` Hz)."""
        sound = (self._half if rate == self._rate else b"") + sound
        even = len(sound) & ~1
        self._half, self._rate = sound[even:], rate
        if not even:
            return
        chunk = _Chunk(sound[:even], rate)
        self._chunks.append(chunk)
        self._end += chunk.ticks
        self.pump()
        self._bound()
        if self._end - self._sent > self._room_ticks():
            self._room.clear()

    async def listen(self, microphone: Microphone, heard: Callable[[bytes, int], bytes | None]) -> None:
        """Take a microphone's frames until it is closed; raises AudioError when it dies.

        ``heard`` gives what is to be sent of a frame: the frame, silence instead, or nothing.
        """
        async for frame in microphone.frames():
            sound = heard(frame, microphone.rate)
            if sound:
                self.push(sound, microphone.rate)

    async def room(self, timeout: float) -> None:
        """Wait until sound flows again; raises LinkError when it does not in time."""
        try:
            async with asyncio.timeout(timeout):
                await self._room.wait()
        except TimeoutError:
            raise LinkError("The provider takes no more sound.") from None

    @property
    def is_ending(self) -> bool:
        """Whether an utterance is complete whose last sound is not sent yet."""
        return self._then is not None

    # -- utterances -------------------------------------------------------------------------

    def begin(self) -> None:
        """A key begins an utterance; one that was finished and not committed yet is kept before it."""
        if not self._closed and self._then is None:
            self.discard()
        self._begun = self._end

    def finish(self, then: Callable[[], None]) -> None:
        """The utterance is complete: once all of it is sent, the resampler's rest goes and ``then``."""
        self._then = then
        self.pump()

    def discard(self) -> None:
        """Nothing of what came so far is wanted by anybody."""
        while len(self._chunks) > self._next:
            self._chunks.pop()
        self._fresh = self._next
        self._end = self._new = self._sent
        self._committed = self._settled = self._sent
        self._marks.clear()
        self._then = None
        self._resampler = None
        self._forget_settled()
        self._see_room()

    def speech_began(self, at_ms: float | None) -> None:
        """The provider hears speech: what came before it was silence."""
        if at_ms is not None and not self._marks:
            self._committed = self._settled = max(self._settled, self._on_link(at_ms - LEAD_MS))
            self._forget_settled()

    def commit(self, item_id: str, at_ms: float | None, *, silence_ms: float = 0.0) -> None:
        """The provider has taken an utterance that ends at ``at_ms`` of the link's sound.

        Without a time it is what was sent so far, but for ``silence_ms`` at its end, which a detector
        had to hear before and in which another utterance may have begun.
        """
        if at_ms is not None:
            end = self._on_link(at_ms)
        elif self._closed:
            end = self._closed.popleft()
        else:
            end = self._sent - round(silence_ms * TICKS / 1000.0)
        self._committed = max(self._committed, end)
        self._marks[item_id] = self._committed
        while len(self._marks) > MARKS:
            self.settle(next(iter(self._marks)))

    def settle(self, item_id: str | None = None) -> None:
        """The words of an utterance are known (None: of all): it is never sent again."""
        if item_id is None:
            self._settled = self._committed
            self._marks.clear()
        elif item_id in self._marks:
            self._settled = max(self._settled, self._marks.pop(item_id))
        self._forget_settled()

    # -- links ------------------------------------------------------------------------------

    def detach(self) -> None:
        """The link takes no more; who finished an utterance must say so to the next one again."""
        self._link = None
        self._then = None
        self._closed.clear()

    def attach(
        self,
        link: Link,
        *,
        again: bool,
        unsent_ms: float = 0.0,
        skip_sent: bool = False,
        silent: bool = False,
    ) -> Attached:
        """Send to this link from now on: first all that is not committed, or not settled (``again``).

        ``unsent_ms`` is what the link before had queued and not put on its socket; with ``skip_sent``
        nothing else is sent again. ``silent`` says that the link before was well to the end and that its
        provider has heard nobody speak since the last commit.
        """
        received = self._sent - round(unsent_ms * TICKS / 1000.0)
        start = self._settled if again else self._committed
        if skip_sent:
            start = max(start, received)
        if silent:
            start = max(start, received - round(SILENT_MS * TICKS / 1000.0))
        self._settled = self._committed = start
        self._marks.clear()
        while self._chunks and self._first + self._chunks[0].ticks <= start:
            self._first += self._chunks.popleft().ticks
            self._fresh = max(0, self._fresh - 1)
        if self._chunks and self._first < start:
            whole = self._chunks[0].ticks
            self._chunks[0] = self._chunks[0].after(start - self._first)
            self._first += whole - self._chunks[0].ticks
        # Counted from whole samples: a provider's time may lie between two.
        again_ms = _ms(max(0, received - self._first))
        cached_ms = _ms(self._end - max(self._first, received))
        self._sent = self._base = self._first
        self._next = 0
        self._resampler = None
        self._link = link
        self.pump()
        return Attached(again_ms, cached_ms)

    def pump(self) -> None:
        """Give the link what it has room for."""
        link = self._link
        if link is None:
            return
        while self._next < len(self._chunks) and link.has_room:
            piece, ticks = self._piece()
            self._sent += ticks
            self._fresh, self._new = max(self._fresh, self._next), max(self._new, self._sent)
            self._forward(link, piece)
        if self._then is not None and self._next == len(self._chunks):
            then, self._then = self._then, None
            self._flush(link)
            self._closed.append(self._sent)
            then()
        self._see_room()

    def reset(self) -> None:
        """Forget everything, as at the end of a session."""
        self.detach()
        self.discard()

    # -- own work ---------------------------------------------------------------------------

    def _piece(self) -> tuple[_Chunk, int]:
        """The next chunk, joined with those that wait behind it, and their ticks."""
        first = self._chunks[self._next]
        self._next += 1
        ticks, joined = first.ticks, [first.pcm]
        room = pcm.bytes_for(PIECE_MS, first.rate) - len(first.pcm)
        while self._next < len(self._chunks):
            chunk = self._chunks[self._next]
            room -= len(chunk.pcm)
            if chunk.rate != first.rate or room < 0:
                break
            joined.append(chunk.pcm)
            ticks += chunk.ticks
            self._next += 1
        return (_Chunk(b"".join(joined), first.rate) if len(joined) > 1 else first), ticks

    def _forward(self, link: Link, chunk: _Chunk) -> None:
        target = link.codec.capabilities.input_rate
        held = self._resampler
        if held is None or (held.source_rate, held.target_rate) != (chunk.rate, target):
            self._flush(link)
            held = self._resampler = pcm.Resampler(chunk.rate, target)
        if ready := held.push(chunk.pcm):
            link.send(AppendAudio(ready))

    def _flush(self, link: Link) -> None:
        if self._resampler is not None and (rest := self._resampler.drain()):
            link.send(AppendAudio(rest))

    def _on_link(self, at_ms: float) -> int:
        """A position from a time that the provider tells; never outside of what it can mean."""
        believable = min(max(at_ms, 0.0), FAR_MS)
        return min(self._sent, max(self._settled, self._base + round(believable * TICKS / 1000.0)))

    def _bound(self) -> None:
        limit = (IDLE_S if self.idle else UNSENT_S) * TICKS
        # What is on its way to a link again has had its turn, and is bounded by SENT_S.
        while (over := self._end - self._new - limit) > 0:
            whole = self._chunks[self._fresh]
            rest = self._chunks[self._fresh] = whole.after(over)
            if not rest.pcm:
                del self._chunks[self._fresh]
            gone = whole.ticks - rest.ticks
            if gone == 0:
                break
            self._end -= gone
            if not self.idle:
                self.dropped_ms += _ms(gone)
        while self._next > 0 and self._sent - self._first > SENT_S * TICKS:
            self._drop_first()
        self._settled = max(self._settled, self._first)
        self._committed = max(self._committed, self._first)

    def _forget_settled(self) -> None:
        while self._next > 0 and self._first + self._chunks[0].ticks <= self._settled:
            self._drop_first()

    def _drop_first(self) -> None:
        self._first += self._chunks.popleft().ticks
        self._next -= 1
        self._fresh -= 1

    def _see_room(self) -> None:
        if self._end - self._sent <= self._room_ticks():
            self._room.set()

    def _room_ticks(self) -> int:
        """How much may wait before a fast sender has to: without a link, as much as is kept."""
        return (ROOM_S if self._link is not None else UNSENT_S - ROOM_S) * TICKS


def _ms(ticks: int) -> float:
    return ticks * 1000.0 / TICKS
