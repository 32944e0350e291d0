"""Whether what a microphone heard goes up and down with what was played, however late it comes. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np

FRAMES = 200
"""2 s of levels, one every 10 ms."""

LATEST = 60
"""An echo comes 600 ms after its sound at the latest, the devices' delays included."""

FLOOR_DBFS = -65.0
"""Levels below are all the same: silence."""

LEAST_DEVIATION_DB = 3.0
"""A level that hardly changes is like everything and nothing."""


class Likeness:
    """Levels of the last 2 s: of what was played, what was heard, and what is left of that."""

    def __init__(self) -> None:
        """Silence so far."""
        self._levels: Any = np.full((3, 2 * FRAMES), FLOOR_DBFS, dtype=np.float32)
        self._end = FRAMES

    def push(self, played: float, heard: float, left: float) -> None:
        """Levels of one more frame in dBFS."""
        if self._end == self._levels.shape[1]:
            self._levels[:, :FRAMES] = self._levels[:, FRAMES:]
            self._end = FRAMES
        self._levels[:, self._end] = played, heard, left
        self._end += 1

    def of_near(self) -> float:
        """How like the played sound the heard one is: a correlation, -1 … 1."""
        return self._of(1)

    def of_left(self) -> float:
        """How like the played sound the rest is."""
        return self._of(2)

    def _of(self, row: int) -> float:
        """The best correlation of the levels in dB over all delays from 0 to LATEST frames."""
        recent = np.maximum(self._levels[:, self._end - FRAMES : self._end], FLOOR_DBFS)
        played = recent[0, : FRAMES - LATEST]
        played = played - played.mean()
        later: Any = np.lib.stride_tricks.sliding_window_view(recent[row], FRAMES - LATEST)
        later = later - later.mean(axis=1, keepdims=True)
        spreads = later.std(axis=1)
        if played.std() < LEAST_DEVIATION_DB or spreads.max() < LEAST_DEVIATION_DB:
            return 0.0
        spreads = np.maximum(spreads, LEAST_DEVIATION_DB)
        found = (later @ played) / (spreads * played.std() * played.size)
        return float(found.max())
