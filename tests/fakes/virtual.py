"""Tests whose time passes at once: a minute of waiting costs nothing, and nothing is early or late."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any

from tests.simulation.loop import VirtualLoop


def virtual(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test on a loop of its own whose clock jumps to the next timer."""

    @functools.wraps(test)
    def run(*args: Any, **options: Any) -> None:
        loop = VirtualLoop()
        loop.run(test(*args, **options))
        assert loop.unhandled == []

    return run


class VirtualClock:
    """The loop's time for a session; ``asleep`` is how far the wall clock ran ahead meanwhile."""

    def __init__(self, wall: float = 1_800_000_000.0) -> None:
        self.wall = wall
        self.asleep = 0.0

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def time(self) -> float:
        return self.wall + self.asleep + self.monotonic()
