"""Figures of a client beside those of the bare one, and what was promised about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.kit.stats import Series

ROUNDING = 0.05
"""Less than is shown does not break a limit."""


@dataclass(frozen=True)
class Row:
    """One figure, and its limits; those that are None were not promised."""

    ours: Series
    floor: Series | None = None
    """The same of the bare client, in the same run."""
    above: float | None = None
    """So much more than the floor, at most."""
    factor: float | None = None
    """So many times the floor, at most."""
    most: float | None = None
    """No more than this, ever."""
    unit: str = "ms"
    tail: bool = True
    """Whether the 99th percentile is held to the floor's as well, or the median alone."""

    @property
    def kept(self) -> bool:
        """Whether all that was promised holds."""
        if self.most is not None and self.ours.p99 > self.most + ROUNDING:
            return False
        if self.floor is None:
            return True
        pairs = [(self.ours.median, self.floor.median), (self.ours.p99, self.floor.p99)]
        return all(
            (self.above is None or ours <= floor + self.above + ROUNDING)
            and (self.factor is None or ours <= floor * self.factor + ROUNDING)
            for ours, floor in (pairs if self.tail else pairs[:1])
        )

    @property
    def is_limited(self) -> bool:
        """Whether anything was promised."""
        return any(limit is not None for limit in (self.above, self.factor, self.most))

    @property
    def promise(self) -> str:
        """The limits in words."""
        words = []
        if self.above is not None:
            words.append(f"control + {self.above:g}")
        if self.factor is not None:
            words.append(f"{self.factor:g} x control")
        if self.most is not None:
            words.append(f"<= {self.most:g}")
        return ", ".join(words)


def table(rows: Sequence[Row]) -> str:
    """One line a row: turns, median and p99 of both, the difference of the medians, limit, verdict."""
    head = f"{'neko | control':>38}{'turns':>12}{'median':>16}{'p99':>16}{'median +':>11}  limit"
    lines = [head]
    for row in rows:
        ours, floor = row.ours, row.floor
        both = [f"{ours.median:.1f}", f"{ours.p99:.1f}"]
        difference = ""
        if floor is not None:
            both = [f"{both[0]} | {floor.median:.1f}", f"{both[1]} | {floor.p99:.1f}"]
            difference = f"{ours.median - floor.median:+.1f}"
        verdict = ("kept" if row.kept else "BROKEN") if row.is_limited else ""
        lines.append(
            f"{ours.name:<40}{row.unit:<4}{len(ours.times):>6}{both[0]:>16}{both[1]:>16}{difference:>11}"
            f"  {row.promise:<22} {verdict}".rstrip()
        )
    return "\n".join(lines)
