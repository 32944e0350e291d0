"""A device takes pieces of any length; the loudspeaker gives blocks of 10 ms."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from neko_cli.audio.blocks import Blocks

RATE = 48_000
BLOCK = 960
TIME = SimpleNamespace(currentTime=7.0, outputBufferDacTime=7.02)


class Given:
    """A loudspeaker's callback that counts up."""

    def __init__(self) -> None:
        self.all = b""
        self.ahead: list[float] = []
        self.states: list[Any] = []

    def __call__(self, block: Any, frames: int, time: Any, status: Any) -> None:
        assert len(block) == 2 * frames == BLOCK
        block[:] = bytes((len(self.all) // BLOCK + n) % 256 for n in range(BLOCK))
        self.all += bytes(block)
        self.ahead.append(round(time.outputBufferDacTime - time.currentTime, 6))
        self.states.append(status)


@pytest.mark.parametrize("sizes", [[480] * 4, [256] * 9, [1, 2, 3, 441, 1], [2000, 7, 1000]])
def test_every_sample_is_given_once_and_in_order(sizes: list[int]) -> None:
    give, taken = Given(), b""
    blocks = Blocks(RATE, give)
    for size in sizes:
        piece = bytearray(2 * size)
        blocks.fill(memoryview(piece), TIME, None)
        taken += piece
    assert taken == give.all[: len(taken)]
    assert len(give.all) - len(taken) < BLOCK, "no more is asked for than is needed"


def test_a_block_is_told_when_its_own_first_sample_is_heard() -> None:
    give = Given()
    blocks = Blocks(RATE, give)
    for _ in range(3):
        blocks.fill(memoryview(bytearray(2 * 720)), TIME, None)
    assert give.ahead == [0.02, 0.03, 0.025, 0.02, 0.03]


def test_that_the_device_ran_dry_is_told_once_with_the_next_block() -> None:
    give = Given()
    blocks = Blocks(RATE, give)
    for status in (None, "dry", None, None):
        blocks.fill(memoryview(bytearray(2 * 240)), TIME, status)
    blocks.fill(memoryview(bytearray(2 * 480)), TIME, None)
    assert give.states == [None, "dry", None]
