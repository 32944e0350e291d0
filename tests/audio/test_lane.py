"""The lane for library calls: order, deadlines, calls that come back late, cancellation."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from neko_cli.audio.lane import Lane, LaneStuck


@pytest.fixture
def lane() -> Lane:
    return Lane("test-lane")


async def test_calls_run_in_order_on_one_thread(lane: Lane) -> None:
    ran: list[tuple[int, str]] = []

    def work(n: int) -> int:
        ran.append((n, threading.current_thread().name))
        return n

    results = await asyncio.gather(*(lane.run(lambda n=n: work(n), deadline=5) for n in range(20)))
    assert results == list(range(20))
    assert ran == [(n, "test-lane") for n in range(20)]


async def test_errors_reach_the_caller_and_the_lane_goes_on(lane: Lane) -> None:
    def fail() -> None:
        raise ValueError("no such device")

    with pytest.raises(ValueError, match="no such device"):
        await lane.run(fail, deadline=5)
    with pytest.raises(ValueError, match="no such device"):
        await lane.finish(fail, deadline=5)
    assert await lane.run(lambda: 7, deadline=5) == 7


async def test_hung_call_is_left_behind_and_undone_when_it_returns(lane: Lane) -> None:
    release, undone, closed = threading.Event(), threading.Event(), threading.Event()

    def hang() -> str:
        release.wait(20)
        return "stream"

    with pytest.raises(LaneStuck):
        await lane.run(hang, deadline=0.05, undo=lambda result: result == "stream" and undone.set())
    assert lane.stuck

    begun = time.monotonic()
    with pytest.raises(LaneStuck):
        await lane.run(lambda: 1, deadline=5)
    with pytest.raises(LaneStuck):
        await lane.finish(closed.set, deadline=5)
    assert time.monotonic() - begun < 1.0, "a stuck lane is not waited for again"
    assert not closed.is_set()

    release.set()
    assert await asyncio.to_thread(undone.wait, 5)
    assert await asyncio.to_thread(closed.wait, 5), "what must be done is done late"
    assert not lane.stuck
    assert await lane.run(lambda: 2, deadline=5) == 2


async def test_call_given_up_before_it_began_is_not_made(lane: Lane) -> None:
    release, made = threading.Event(), threading.Event()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(lane.run(lambda: release.wait(20), deadline=10))
        await asyncio.sleep(0)  # first is queued
        with pytest.raises(LaneStuck):
            await lane.run(made.set, deadline=0.05)
        release.set()
        await first
    assert await lane.run(lambda: True, deadline=5)
    assert not made.is_set()


async def test_cancelled_open_is_undone(lane: Lane) -> None:
    begun, release, undone = threading.Event(), threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        release.wait(20)
        return "stream"

    async with asyncio.TaskGroup() as group:
        opening = group.create_task(lane.run(slow, deadline=10, undo=lambda _: undone.set()))
        assert await asyncio.to_thread(begun.wait, 5)
        opening.cancel()
    release.set()
    assert await asyncio.to_thread(undone.wait, 5)
