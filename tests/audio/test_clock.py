"""The played-sample clock: device delay, partial blocks, monotony."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.audio.clock import KEPT_BLOCKS, PlayedClock

RATE = 48_000


def test_sound_is_heard_after_the_device_delay() -> None:
    clock = PlayedClock(RATE)
    clock.block(10.0, 0.030, 480)
    assert clock.handed == 480
    assert clock.heard(10.029) == 0
    assert clock.heard(10.035) in (239, 240)
    assert clock.heard(10.041) == 480
    assert clock.heard(99.0) == 480


def test_fill_in_silence_does_not_count() -> None:
    clock = PlayedClock(RATE)
    clock.block(1.00, 0.02, 480)
    clock.block(1.01, 0.02, 100)  # the queue ran dry inside this block
    clock.block(1.02, 0.02, 0)
    clock.block(1.03, 0.02, 480)
    assert clock.heard(1.049) == 580
    assert clock.heard(1.0551) in (820, 821, 822, 823, 824, 825)
    assert clock.heard(2.0) == 1060


def test_nonsense_delay_is_replaced_by_the_reported_latency() -> None:
    clock = PlayedClock(RATE, latency_s=0.05)
    clock.block(1.0, -1e9, 480)
    assert clock.heard(1.04) == 0
    assert clock.heard(1.07) == 480
    clock.block(2.0, 1e9, 480)
    assert clock.heard(2.07) == 960
    clock.block(3.0, float("nan"), 480)
    assert clock.heard(3.07) == 1440


def test_nobody_asking_for_long_loses_no_count() -> None:
    clock = PlayedClock(RATE)
    for n in range(KEPT_BLOCKS + 100):
        clock.block(n * 0.01, 0.02, 480)
    assert clock.heard((KEPT_BLOCKS + 100) * 0.01 + 1) == (KEPT_BLOCKS + 100) * 480


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 0.02), st.floats(-0.01, 0.2), st.integers(0, 480)), max_size=50),
    st.lists(st.floats(0, 2), min_size=1, max_size=20),
)
def test_it_never_goes_back_and_ends_at_all_that_was_handed(
    blocks: list[tuple[float, float, int]], looks: list[float]
) -> None:
    clock = PlayedClock(RATE, 0.02)
    now, last = 0.0, 0
    for step, delay, real in blocks:
        now += step
        clock.block(now, delay, real)
        heard = clock.heard(now)
        assert last <= heard <= clock.handed
        last = heard
    for look in sorted(looks):
        heard = clock.heard(now + look)
        assert last <= heard <= clock.handed
        last = heard
    assert clock.heard(now + 10) == sum(real for _, _, real in blocks)
