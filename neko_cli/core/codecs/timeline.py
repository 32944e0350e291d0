"""How much sound a server was sent, and how much of it was silence that we put in between.

A server counts its times from the first sample that it got, ours included; everybody else counts what
was recorded. All times in ms.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from neko_cli.core.pcm import duration_ms

TAIL_MS = 1300.0
"""Silence, beyond what the detector is told to wait for, that makes it end an utterance for certain."""

PADS = 64
"""Pieces of silence whose places are remembered; older ones count for all times that may still come."""


class _Pad(NamedTuple):
    at: float
    length: float


class Timeline:
    """The sound of one link; returns at once, and never grows beyond ``PADS``."""

    def __init__(self, rate: int) -> None:
        """``rate`` of the sound, in Hz."""
        self._rate = rate
        self._total = 0.0
        self._before = 0.0
        self._pads: deque[_Pad] = deque()

    @property
    def recorded_ms(self) -> float:
        """What was sent, without our silence."""
        return self._total - self._before - sum(pad.length for pad in self._pads)

    def sent(self, n_bytes: int) -> None:
        """So much recorded sound was sent."""
        self._total += duration_ms(n_bytes, self._rate)

    def padded(self, n_bytes: int) -> None:
        """So much silence of ours was sent."""
        length = duration_ms(n_bytes, self._rate)
        self._pads.append(_Pad(self._total, length))
        self._total += length
        if len(self._pads) > PADS:
            self._before += self._pads.popleft().length

    def recorded(self, at: float | None) -> float | None:
        """A time of the server's as one of the recorded sound; one within our silence is its beginning."""
        if at is None:
            return None
        inside = sum(min(max(at - pad.at, 0.0), pad.length) for pad in self._pads)
        return max(0.0, at - self._before - inside)
