"""Where the pieces of a sound stream lie on a clock. Pure.

Pieces of a stream follow one another without a seam, whatever the moments at which they were seen: those
jitter by a busy event loop. Only where the stream has stood still (switched off, samples lost) is there a
gap, which is silence. A piece is placed a second after it came, so that a stall, after which the late
pieces come all at once, is told from a gap. A device's clock that differs from ours is evened out
where it is quiet.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

HOLD_S = 1.0
"""Seconds that a piece waits for what comes after it."""

HOLD_MOST_S = 20.0
"""… unless so much sound waits, as when it comes faster than it was spoken."""

GAP_S = 0.06
"""From so much on a stream that lags behind the clock has a gap."""

SLIP_S = 0.01
"""So much it may differ, to be evened out where it is quiet."""

AHEAD_S = 0.5
"""A stream further ahead of the clock than this is not a device's, and never cut."""

QUIET_PEAK = 327
"""Samples below this (−40 dBFS) are quiet."""


class Piece(NamedTuple):
    """A piece of 16-bit mono sound that began at ``at`` (seconds); ``live`` is paced by a device."""

    pcm: bytes
    at: float
    live: bool = True


class Placed(NamedTuple):
    """A piece and the sample position of its beginning."""

    position: int
    pcm: bytes


class Timeline:
    """Places one stream at ``rate`` Hz; positions count from the clock's 0 and never overlap."""

    def __init__(self, rate: int) -> None:
        """An empty stream."""
        self.rate = rate
        self._held: deque[tuple[Piece, int]] = deque()
        self._least: deque[tuple[int, int]] = deque()  # (lateness, number): what may yet be the least held
        self._count = 0  # samples that came
        self._shift = 0  # from a sample's number in the stream to its position
        self._begun = False

    def add(self, piece: Piece) -> None:
        """The next piece of the stream."""
        if not piece.pcm:
            return
        late = round(piece.at * self.rate) - self._count
        while self._least and self._least[-1][0] >= late:
            self._least.pop()
        self._least.append((late, self._count))
        self._held.append((piece, self._count))
        self._count += len(piece.pcm) // 2

    def take(self, now: float) -> list[Placed]:
        """The pieces whose place is known by ``now`` (seconds)."""
        placed: list[Placed] = []
        while self._held and (
            self._held[0][0].at <= now - HOLD_S or self._count - self._held[0][1] > HOLD_MOST_S * self.rate
        ):
            placed += self._place_next()
        return placed

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits for its place."""
        return not self._held

    def flush(self) -> list[Placed]:
        """All that is left: the stream is over."""
        placed: list[Placed] = []
        while self._held:
            placed += self._place_next()
        return placed

    def _place_next(self) -> list[Placed]:
        late = self._least[0][0] - self._shift
        piece, number = self._held.popleft()
        if self._least[0][1] == number:
            self._least.popleft()
        pcm = piece.pcm
        if not self._begun:
            self._begun = True
            self._shift = max(0, late)
        elif late >= GAP_S * self.rate:
            self._shift += late
        elif abs(late) >= SLIP_S * self.rate and late > -AHEAD_S * self.rate and is_quiet(pcm):
            if late > 0:
                self._shift += late
            elif piece.live:
                left_out = min(-late, len(pcm) // 2)
                pcm = pcm[2 * left_out :]
                self._shift -= left_out
                number += left_out
        return [Placed(number + self._shift, pcm)] if pcm else []


def any_sound(pcm: bytes) -> bool:
    """Whether a piece is anything but digital silence."""
    return pcm.count(0) < len(pcm)


def is_quiet(pcm: bytes) -> bool:
    """Whether nothing in a piece is loud enough to be missed."""
    import numpy as np

    samples = np.frombuffer(pcm, dtype="<i2")
    return not samples.size or int(samples.max()) <= QUIET_PEAK and int(samples.min()) >= -QUIET_PEAK


def joined(placed: list[Placed]) -> list[Placed]:
    """The same with neighbours that touch as one piece."""
    runs: list[tuple[int, list[bytes]]] = []
    end = -1
    for position, pcm in placed:
        if position == end:
            runs[-1][1].append(pcm)
        else:
            runs.append((position, [pcm]))
        end = position + len(pcm) // 2
    return [Placed(position, b"".join(parts)) for position, parts in runs]
