"""The user's sound, kept by position until it is settled. Pure.

Positions count ticks, in which every usual sample is a whole number of them; position 0 is the first
sample that the present link was given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from neko_cli.core import pcm

TICKS = 14_112_000
"""Ticks in a second: a multiple of 8, 11.025, 16, 22.05, 24, 32, 44.1, 48 and 96 kHz."""

SENT_S = 30
"""Seconds of sound that was sent and is not settled; beyond that the oldest cannot be sent again."""

PIECE_MS = 100.0
"""Sound that waited goes in pieces of this length: microphone frames would take ten times as long."""

Interval = tuple[int, int]
"""From a position up to another, which is not in it."""


class Chunk(NamedTuple):
    """16-bit mono PCM at ``rate`` Hz."""

    pcm: bytes
    rate: int

    @property
    def ticks(self) -> int:
        """How long it is."""
        return len(self.pcm) // 2 * TICKS // self.rate

    def between(self, begin: int, end: int) -> Chunk:
        """Its samples that begin at these ticks after its first one or later, up to the second ones."""
        first, last = (max(0, -(-at * self.rate // TICKS)) for at in (begin, end))
        return Chunk(self.pcm[2 * first : 2 * last], self.rate)


class Rewound(NamedTuple):
    """What was kept for the next link, by the positions of the link before; lengths in ticks."""

    kept: Sequence[Interval]
    resent: int
    cached: int

    def place(self, position: int) -> int:
        """Where something is now that was there before."""
        return sum(min(end, position) - begin for begin, end in self.kept if begin < position)

    def keeps_before(self, position: int) -> bool:
        """Whether the sound right before a position is still there."""
        return any(begin < position <= end for begin, end in self.kept)


class KeptSound:
    """Chunks in order: from ``first`` to ``sent`` they were given to the present link, to ``end`` not."""

    def __init__(self) -> None:
        self._chunks: deque[Chunk] = deque()
        self._next = 0  # which chunk is given next
        self._fresh = 0  # which chunk is the first that no link was ever given
        self.fresh_at = 0
        """Position of the first sample that no link was ever given."""
        self.first = 0
        self.sent = 0
        self.end = 0

    def __len__(self) -> int:
        """Chunks that are kept."""
        return len(self._chunks)

    @property
    def has_next(self) -> bool:
        """Whether the present link was not given everything."""
        return self._next < len(self._chunks)

    def add(self, chunk: Chunk) -> None:
        """One more chunk at the end."""
        self._chunks.append(chunk)
        self.end += chunk.ticks

    def take(self, until: int | None) -> Chunk:
        """The next piece for the link, which ends at ``until`` at the latest; where a chunk ends."""
        first = self._chunks[self._next]
        self._next += 1
        ticks, joined = first.ticks, [first.pcm]
        room = pcm.bytes_for(PIECE_MS, first.rate) - len(first.pcm)
        while self.has_next and (until is None or self.sent + ticks < until):
            chunk = self._chunks[self._next]
            room -= len(chunk.pcm)
            if chunk.rate != first.rate or room < 0:
                break
            joined.append(chunk.pcm)
            ticks += chunk.ticks
            self._next += 1
        self.sent += ticks
        self._fresh, self.fresh_at = max(self._fresh, self._next), max(self.fresh_at, self.sent)
        return Chunk(b"".join(joined), first.rate) if len(joined) > 1 else first

    def forget(self, upto: int) -> None:
        """Chunks that were sent and lie before a position are never needed again."""
        while self._next > 0 and self.first + self._chunks[0].ticks <= upto:
            self._drop_first()

    def drop_unsent(self, after: int) -> None:
        """Chunks that the link was not given and that lie behind a position go."""
        while self.has_next and self.end > after:
            self.end -= self._chunks.pop().ticks
        if self._fresh > len(self._chunks):
            self._fresh, self.fresh_at = len(self._chunks), self.end

    def bound(self, unsent_s: int) -> int:
        """Drop the oldest of what no link was ever given beyond so many seconds; returns ticks.

        What is on its way to a link again has had its turn, and is bounded by ``SENT_S``.
        """
        gone = 0
        while (over := self.end - self.fresh_at - unsent_s * TICKS) > 0:
            whole = self._chunks[self._fresh]
            rest = whole.between(over, whole.ticks)
            if rest.ticks == whole.ticks:
                break
            if rest.pcm:
                self._chunks[self._fresh] = rest
            else:
                del self._chunks[self._fresh]
            self.end -= whole.ticks - rest.ticks
            gone += whole.ticks - rest.ticks
        while self._next > 0 and self.sent - self.first > SENT_S * TICKS:
            self._drop_first()
        return gone

    def rewind(self, gone: Iterable[Interval], received: int) -> Rewound:
        """Everything but what is ``gone`` is for another link; positions count anew.

        ``received`` is up to where the link before had put it on its socket.
        """
        cuts = _merged(gone)
        kept: list[Interval] = []
        chunks: deque[Chunk] = deque()
        fresh = 0
        at = self.first
        for number, chunk in enumerate(self._chunks):
            for part, begin in _pieces(chunk, at, cuts):
                chunks.append(part)
                kept.append((begin, begin + part.ticks))
            at += chunk.ticks
            if number < self._fresh:
                fresh = len(chunks)
        rewound = Rewound(
            _joined(kept),
            resent=sum(min(end, received) - begin for begin, end in kept if begin < received),
            cached=sum(end - max(begin, received) for begin, end in kept if end > received),
        )
        self._chunks, self._next, self._fresh = chunks, 0, fresh
        self.fresh_at = rewound.place(self.fresh_at)
        self.first = self.sent = 0
        self.end = sum(end - begin for begin, end in rewound.kept)
        return rewound

    def _drop_first(self) -> None:
        self.first += self._chunks.popleft().ticks
        self._next -= 1
        self._fresh -= 1


def _pieces(chunk: Chunk, at: int, cuts: Sequence[Interval]) -> list[tuple[Chunk, int]]:
    """What is left of a chunk at a position, and where each piece begins."""
    stop = at + chunk.ticks
    edges = [at]
    for begin, end in cuts:
        if begin < stop and end > at:
            edges += [begin, end]
    edges.append(stop)
    pieces = []
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        if end > begin:
            part = chunk.between(begin - at, end - at)
            first = -(-(begin - at) * chunk.rate // TICKS)  # the first whole sample
            if part.pcm:
                pieces.append((part, at + max(0, first) * TICKS // chunk.rate))
    return pieces


def _merged(intervals: Iterable[Interval]) -> list[Interval]:
    """In order, and those that overlap as one."""
    out: list[Interval] = []
    for begin, end in sorted(intervals):
        if out and begin <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        elif end > begin:
            out.append((begin, end))
    return out


def _joined(intervals: Iterable[Interval]) -> list[Interval]:
    out: list[Interval] = []
    for begin, end in intervals:
        if out and out[-1][1] == begin:
            out[-1] = (out[-1][0], end)
        else:
            out.append((begin, end))
    return out
