"""The task owner: all tasks end with it, and one that fails ends alone."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.tasks import TaskOwner


async def forever(ended: list[str], name: str) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append(name)


async def test_closing_ends_every_task_and_is_idempotent():
    failures: list[BaseException] = []
    owner = TaskOwner(failures.append)
    await owner.open()
    ended: list[str] = []
    for name in "abc":
        owner.spawn(forever(ended, name), name)
    await asyncio.sleep(0)
    await owner.aclose()
    await owner.aclose()
    assert sorted(ended) == ["a", "b", "c"]
    assert failures == []
    assert not owner.is_open


async def test_a_failing_task_is_told_and_the_others_go_on():
    failures: list[BaseException] = []
    owner = TaskOwner(failures.append)
    await owner.open()
    ended: list[str] = []
    other = owner.spawn(forever(ended, "other"), "other")

    async def fail() -> None:
        raise ZeroDivisionError

    await asyncio.wait({owner.spawn(fail(), "fail")}, timeout=5)
    assert [type(f) for f in failures] == [ZeroDivisionError]
    assert not other.done()
    await owner.aclose()
    assert ended == ["other"]


async def test_it_can_be_opened_again():
    owner = TaskOwner(lambda error: None)
    for _ in range(2):
        await owner.open()
        ended: list[str] = []
        owner.spawn(forever(ended, "x"), "x")
        await asyncio.sleep(0)
        await owner.aclose()
        assert ended == ["x"]


async def test_a_closed_owner_refuses_work():
    owner = TaskOwner(lambda error: None)
    with pytest.raises(RuntimeError, match="not open"):
        owner.spawn(forever([], "x"), "x")


async def test_a_task_that_will_not_end_does_not_hold_up_the_rest():
    owner = TaskOwner(lambda error: None)
    await owner.open()
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    task = owner.spawn(stubborn(), "stubborn")
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await owner.aclose(timeout=0.05)
    release.set()
    await asyncio.wait({task}, timeout=5)
    assert task.done()
