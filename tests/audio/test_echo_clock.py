"""When samples were captured: by count, from the latest callback."""

from __future__ import annotations

import pytest

from neko_cli.audio.echo_clock import CaptureClock


def test_a_sample_has_the_time_of_its_block_less_the_latency() -> None:
    clock = CaptureClock(48_000, 0.02)
    with pytest.raises(ValueError, match="captured"):
        clock.time_of(0)
    clock.block(10.00, 480)
    clock.block(10.01, 480)
    assert clock.time_of(480) == pytest.approx(9.99)
    assert clock.time_of(0) == pytest.approx(9.98)
    assert clock.time_of(960) == pytest.approx(10.0)


def test_lost_samples_move_what_comes_after() -> None:
    clock = CaptureClock(48_000)
    clock.block(1.00, 480)
    clock.block(1.01, 0)  # nobody read: the ring was full
    clock.block(1.02, 480)
    assert clock.time_of(480) == pytest.approx(1.02)
