"""Meter ballistics: from a level in dBFS to a bar of 0 … 1 that the eye can follow. Pure."""

from __future__ import annotations

FLOOR_DBFS = -60.0
"""The level that shows as an empty bar."""

RELEASE_PER_S = 1.2
"""How fast the bar falls, in bars a second: from full to empty in 0.8 s."""

PEAK_HOLD_S = 1.0
"""How long the peak mark stands before it falls."""


def bar_of(dbfs: float) -> float:
    """Where a level stands between FLOOR_DBFS (0) and full scale (1)."""
    return min(1.0, max(0.0, 1.0 - dbfs / FLOOR_DBFS))


class Meter:
    """Rises at once, falls slowly, and holds its peak for a second."""

    def __init__(self) -> None:
        """An empty meter."""
        self.value = 0.0
        """The bar, 0 … 1."""
        self.peak = 0.0
        """The peak mark, 0 … 1, never below the bar."""
        self._held_s = 0.0

    def update(self, dbfs: float, elapsed_s: float) -> float:
        """Show ``dbfs`` after ``elapsed_s`` seconds; returns the new bar."""
        target = bar_of(dbfs)
        self.value = max(target, self.value - RELEASE_PER_S * elapsed_s)
        if self.value >= self.peak:
            self.peak = self.value
            self._held_s = 0.0
        else:
            self._held_s += elapsed_s
            if self._held_s > PEAK_HOLD_S:
                self.peak = max(self.value, self.peak - RELEASE_PER_S * elapsed_s)
        return self.value
