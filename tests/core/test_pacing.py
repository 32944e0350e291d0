"""Sound is held back no longer than it must be, in order, and let go by itself."""

from __future__ import annotations

import asyncio
from itertools import groupby

from neko_cli.core.jitter import AFTER_UNDERRUN_MS
from neko_cli.core.pacing import Pacer

RATE = 1_000
LATE_S = 0.15


class Device:
    """What was played, and how much of it the test says is waiting."""

    def __init__(self) -> None:
        self.played: list[bytes] = []
        self.queued_ms = 0.0
        self.pacer = Pacer(self.take, lambda: self.queued_ms)

    def take(self, sound: bytes, rate: int) -> None:
        assert rate == RATE
        self.played.append(sound)
        self.queued_ms += len(sound) / 2

    def give(self, number: int, ms: int = 100) -> None:
        self.pacer.feed(bytes([number]) * 2 * ms, RATE)

    @property
    def order(self) -> list[int]:
        return [number for number, _ in groupby(b"".join(self.played))]


async def late_reply(device: Device) -> None:
    """A reply whose second piece comes 150 ms late, so that the next one waits as long."""
    device.pacer.begin()
    device.give(0, 10)
    await asyncio.sleep(LATE_S)
    device.give(0, 10)
    device.pacer.release()
    device.played.clear()
    device.queued_ms = 0.0


async def test_the_first_piece_is_played_at_once() -> None:
    device = Device()
    device.pacer.begin()
    device.give(1)
    device.give(2)
    assert (device.order, device.pacer.held_ms) == ([1, 2], 0.0)
    assert len(device.played) == 1, "a device that takes a block between two pieces finds a hole"


async def test_after_a_late_reply_the_next_waits_and_goes_by_itself() -> None:
    device = Device()
    await late_reply(device)
    device.pacer.begin()
    device.give(1, 10)
    assert (device.order, device.pacer.held_ms) == ([], 10.0)
    async with asyncio.timeout(2.0):
        while not device.played:  # noqa: ASYNC110 - a timer of the pacer's own
            await asyncio.sleep(0.005)
    device.give(2, 10)
    assert device.order == [1, 2]


async def test_sound_that_comes_fast_does_not_wait() -> None:
    device = Device()
    await late_reply(device)
    device.pacer.begin()
    for number in range(1, 4):
        device.give(number, 200)
    assert device.order == [1, 2, 3]


async def test_what_is_still_played_is_wait_enough() -> None:
    device = Device()
    await late_reply(device)
    device.queued_ms = 500.0
    device.pacer.begin()
    device.give(1, 10)
    assert device.order == [1]


async def test_a_reply_that_ran_dry_is_counted_and_waits_a_little() -> None:
    device = Device()
    device.pacer.begin()
    device.give(1)
    device.pacer.release()
    device.queued_ms = 0.0
    device.give(2, 10)
    assert (device.order, device.pacer.jitter.underruns) == ([1], 1)
    await asyncio.sleep(AFTER_UNDERRUN_MS / 1000 * 1.5)
    assert device.order == [1, 2]


async def test_what_is_dropped_is_not_played_later() -> None:
    device = Device()
    await late_reply(device)
    device.pacer.begin()
    device.give(1, 10)
    device.pacer.drop()
    await asyncio.sleep(LATE_S * 1.5)
    assert (device.order, device.pacer.held_ms) == ([], 0.0)


async def test_the_end_of_a_reply_lets_everything_go_in_order() -> None:
    device = Device()
    await late_reply(device)
    device.pacer.begin()
    device.give(1, 10)
    device.give(2, 10)
    device.pacer.begin()
    assert device.order == [1, 2]
