"""A thousand swaps in one process leave nothing behind: no memory, file, thread or task."""

from __future__ import annotations

import asyncio
import gc
import statistics
from typing import NamedTuple

import pytest

from benchmarks.kit.process import open_files, resident_bytes, threads
from benchmarks.kit.provider import ANSWER, Provider
from benchmarks.kit.sessions import make_session, until
from neko_cli.core.commands import AudioChunk
from neko_cli.core.events import InputMode, Outcome, Swap, TurnEnded
from neko_cli.core.link import Link
from neko_cli.core.manager import SessionManager
from neko_cli.core.stream import Reader
from neko_cli.services.summariser import ChainSummariser

SWAPS = 1_000
WARM_UP = 150
"""Swaps after which everything that is made once was made."""

TURN_EVERY = 5
SAMPLES = 25
"""Swaps at each end of the run after which memory is read."""

MOST_GROWTH = 1.05
MOST_LINKS = 2
"""The live one, and the one before, which a timer or a frame of a task may still hold."""

RATE = 24_000
PROFILE = {
    "turns": {"detection": "manual"},
    "swap": {"standby": "cold"},
    # Full after the first turns, so that its growth is none of the run's.
    "memory": {"messages": 10},
}


class Held(NamedTuple):
    """What the process holds."""

    files: int
    threads: list[str]
    tasks: list[str]


def held() -> Held:
    """All of it now; the numbers in tasks' names count links."""
    tasks = sorted(task.get_name().rstrip(" 0123456789") for task in asyncio.all_tasks())
    return Held(len(open_files()), threads(), tasks)


def links(others: frozenset[int] = frozenset()) -> frozenset[int]:
    """Identities of the links in memory, without ``others``: those that earlier tests have left."""
    gc.collect()
    return frozenset(id(thing) for thing in gc.get_objects() if isinstance(thing, Link)) - others


async def rest() -> Held:
    """What is held once the last link of the run has closed; a moment of the loop at a time."""
    before = held()
    async with asyncio.timeout(10):
        while True:
            await asyncio.sleep(0.05)
            now = held()
            if now == before and not any("end of link" in name for name in now.tasks):
                return now
            before = now


async def spoken_turn(session: SessionManager, reader: Reader) -> None:
    for _ in range(5):
        await session.stream_data(AudioChunk(bytes(RATE * 40 // 1000 * 2), RATE))
    session.finish_input()
    ended = await until(reader, TurnEnded)
    assert (ended.outcome, ended.text) == (Outcome.COMPLETE, ANSWER)


async def swaps(session: SessionManager, reader: Reader, count: int) -> list[int]:
    """So many planned swaps, with a spoken turn now and then; memory after the last of them."""
    sizes = []
    for number in range(count):
        if number % TURN_EVERY == 0:
            await spoken_turn(session, reader)
        await session.swap()
        swap = await until(reader, Swap)
        assert (swap.reason, swap.planned) == ("user", True)
        if number >= count - SAMPLES:
            gc.collect()
            sizes.append(resident_bytes())
    return sizes


@pytest.mark.timeout(300)
async def test_a_thousand_swaps_leave_nothing_behind() -> None:
    with Provider() as provider:
        before, others = held(), links()
        summariser = ChainSummariser([], limit=5.0)
        session = make_session(provider.url, profile=PROFILE, summariser=summariser)
        reader = session.events()
        await session.start_session(InputMode.AUDIO)
        at_first = statistics.median(await swaps(session, reader, WARM_UP))
        running = await rest()
        at_last = statistics.median(await swaps(session, reader, SWAPS))
        assert await rest() == running
        assert len(links(others)) <= MOST_LINKS
        grown = at_last / at_first
        assert grown < MOST_GROWTH, f"{at_first / 1e6:.1f} MB before, {at_last / 1e6:.1f} MB after"
        await session.cleanup()
        await reader.aclose()
        del session, reader
        assert await rest() == before
        assert not links(others)
