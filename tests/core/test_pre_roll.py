"""The newest moments of a microphone."""

from __future__ import annotations

import pytest

from neko_cli.core import pcm
from neko_cli.core.pre_roll import PreRoll

RATE = 16_000


def frame(number: int, rate: int = RATE) -> bytes:
    return number.to_bytes(2, "little") * (rate // 100)


def numbers(sound: bytes) -> list[int]:
    return [int.from_bytes(sound[at : at + 2], "little") for at in range(0, len(sound), RATE // 50)]


def test_the_newest_frames_are_kept_in_order_and_taken_once() -> None:
    kept = PreRoll(50)
    for number in range(20):
        kept.keep(frame(number), RATE)
    assert kept.kept_ms == 50.0
    assert numbers(kept.take()) == [15, 16, 17, 18, 19]
    assert kept.take() == b""
    assert kept.kept_ms == 0.0


@pytest.mark.parametrize("ms", [25, 30, 64, 300])
def test_never_less_than_wanted_nor_more_than_a_frame_above(ms: int) -> None:
    kept = PreRoll(ms)
    for number in range(100):
        kept.keep(frame(number), RATE)
        assert kept.kept_ms < ms + 10
    assert kept.kept_ms >= ms


def test_less_than_wanted_is_all_there_is() -> None:
    kept = PreRoll(300)
    kept.keep(frame(1), RATE)
    assert numbers(kept.take()) == [1]


def test_nothing_is_kept_where_nothing_is_wanted() -> None:
    kept = PreRoll(0)
    kept.keep(frame(1), RATE)
    assert kept.take() == b""


def test_another_rate_forgets_what_was_kept() -> None:
    kept = PreRoll(50)
    kept.keep(frame(1), RATE)
    kept.keep(frame(2, 48_000), 48_000)
    assert kept.rate == 48_000
    assert pcm.duration_ms(len(kept.take()), 48_000) == 10.0


def test_it_can_be_dropped() -> None:
    kept = PreRoll(50)
    kept.keep(frame(1), RATE)
    kept.drop()
    assert kept.take() == b""
    kept.keep(frame(2), RATE)
    assert numbers(kept.take()) == [2]
