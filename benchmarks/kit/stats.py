"""Medians of whole processes, and the table that sets them beside their limits."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass
class Series:
    """Times in milliseconds of one thing measured over and over."""

    name: str
    times: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.times)

    @property
    def p99(self) -> float:
        """The 99th percentile; with few runs the slowest one."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]


@dataclass(frozen=True)
class Limit:
    """What was promised about a series: at most so many times another's median, or milliseconds.

    With both a basis and milliseconds, the milliseconds are the limit and the ratio is shown beside it.
    """

    series: Series
    factor: float = 0.0
    basis: Series | None = None
    milliseconds: float = 0.0

    @property
    def allowed(self) -> float:
        """The limit in milliseconds, as it follows from this run."""
        return self.factor * self.basis.median if self.basis and self.factor else self.milliseconds

    @property
    def kept(self) -> bool:
        """Whether the median stays within it."""
        return self.series.median <= self.allowed


def alternate(runs: int, measures: Sequence[tuple[Series, Callable[[], float]]]) -> None:
    """Measure A B A B …, so that a machine that grows slower or faster does so for all alike.

    One round more comes first and is not counted: it fills caches and compiles modules.
    """
    for number in range(runs + 1):
        for series, measure in measures:
            elapsed = measure()
            if number:
                series.times.append(elapsed)


def table(bases: Sequence[Series], limits: Sequence[Limit]) -> str:
    """All series, one a line: runs, median, p99, ratio to the basis, the limit, and whether it holds."""
    lines = [f"{'':<34}{'runs':>5}{'median':>10}{'p99':>10}{'ratio':>8}   limit"]
    lines += [f"{one.name:<34}{len(one.times):>5}{_ms(one.median)}{_ms(one.p99)}{1:>8.2f}" for one in bases]
    for limit in limits:
        one = limit.series
        ratio = f"{one.median / limit.basis.median:>8.2f}" if limit.basis else f"{'':>8}"
        promise = f"{limit.factor:g} x = " if limit.factor else ""
        promise += f"{limit.allowed:.0f} ms"
        verdict = "kept" if limit.kept else "BROKEN"
        lines.append(
            f"{one.name:<34}{len(one.times):>5}{_ms(one.median)}{_ms(one.p99)}{ratio}"
            f"   {promise:<18} {verdict}"
        )
    return "\n".join(lines)


def _ms(value: float) -> str:
    """Milliseconds in ten columns; with decimals where they matter."""
    return f"{value:>7.{2 if value < 10 else 0}f} ms"


@dataclass(frozen=True)
class Reading:
    """One figure that is not a time, and the most that it may be."""

    name: str
    value: float
    unit: str
    most: float | None = None

    @property
    def kept(self) -> bool:
        """Whether it stays within its limit."""
        return self.most is None or self.value <= self.most


def readings(all_of_them: Sequence[Reading]) -> str:
    """All figures, one a line: value, unit, the limit, and whether it holds."""
    lines = []
    for one in all_of_them:
        value = f"{one.value:,.0f}" if one.value >= 1000 else f"{one.value:.3g}"
        line = f"{one.name:<47}{value:>10} {one.unit:<17}"
        if one.most is not None:
            line += f"   {one.most:<19g}{'kept' if one.kept else 'BROKEN'}"
        lines.append(line.rstrip())
    return "\n".join(lines)
