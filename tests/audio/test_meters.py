"""Meter ballistics."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.audio.meters import Meter, bar_of


@pytest.mark.parametrize(("dbfs", "bar"), [(-96, 0), (-60, 0), (-30, 0.5), (0, 1), (6, 1)])
def test_bar_is_linear_in_decibels(dbfs: float, bar: float) -> None:
    assert bar_of(dbfs) == pytest.approx(bar)


def test_rises_at_once_and_falls_slowly() -> None:
    meter = Meter()
    assert meter.update(-30, 0.05) == pytest.approx(0.5)
    assert 0.3 < meter.update(-96, 0.1) < 0.5
    for _ in range(20):
        meter.update(-96, 0.1)
    assert meter.value == 0.0


def test_peak_stands_for_a_second_and_falls() -> None:
    meter = Meter()
    meter.update(-6, 0.05)
    for _ in range(9):
        meter.update(-96, 0.1)
    assert meter.peak == pytest.approx(0.9)
    for _ in range(20):
        meter.update(-96, 0.1)
    assert meter.peak == 0.0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(-200, 50), st.floats(0, 5)), max_size=40))
def test_stays_within_the_bar(steps: list[tuple[float, float]]) -> None:
    meter = Meter()
    for dbfs, elapsed in steps:
        meter.update(dbfs, elapsed)
        assert 0.0 <= meter.value <= meter.peak <= 1.0
