"""One microphone after another, read as one: nothing is lost between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from neko_cli.core import microphones as module
from neko_cli.core.errors import AudioError, NoMicrophone
from neko_cli.core.microphones import Microphones
from tests.fakes.sound import FakeMicrophone

GONE = NoMicrophone("It was unplugged.", permanent=False)


async def none(error: AudioError) -> None:
    return None


@pytest.fixture
async def one() -> AsyncIterator[FakeMicrophone]:
    microphone = FakeMicrophone(24_000)
    yield microphone
    assert not microphone.is_open, "left open"


class Reader:
    """Reads a microphone and keeps (rate, frame)."""

    def __init__(self, microphone: Microphones) -> None:
        self._microphone = microphone
        self.read: list[tuple[int, bytes]] = []
        self.error: AudioError | None = None
        self._came = asyncio.Event()

    async def run(self) -> None:
        try:
            async for frame in self._microphone.frames():
                self.read.append((self._microphone.rate, frame))
                self._came.set()
        except AudioError as error:
            self.error = error

    async def has(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.read) < count:
                self._came.clear()
                await self._came.wait()


async def test_the_old_one_is_read_until_the_new_one_delivers(one: FakeMicrophone) -> None:
    two = FakeMicrophone(48_000)
    both = Microphones(one, none)
    await both.open()
    reader = Reader(both)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(reader.run())
        one.hear(b"a1")
        change = group.create_task(both.change(two))
        await reader.has(1)
        one.hear(b"a2")
        one.hear(b"a3")
        await reader.has(3)
        two.hear(b"b1")
        await asyncio.sleep(0.01)
        one.hear(b"a4")
        await change
        two.hear(b"b2")
        await reader.has(6)
        assert not one.is_open
        await both.close()
    assert reader.read == [(24_000, f"a{n}".encode()) for n in (1, 2, 3, 4)] + [
        (48_000, b"b1"),
        (48_000, b"b2"),
    ]
    assert reader.error is None
    assert not two.is_open


async def test_one_that_gives_nothing_any_more_does_not_hold_the_change_up(one: FakeMicrophone) -> None:
    two = FakeMicrophone()
    both = Microphones(one, none)
    await both.open()
    reader = Reader(both)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(reader.run())
        two.hear(b"b1")
        await both.change(two)
        await reader.has(1)
        assert not one.is_open
        await both.close()


async def test_one_without_a_sound_is_refused(one: FakeMicrophone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_SOUND", 0.01)
    two = FakeMicrophone()
    both = Microphones(one, none)
    await both.open()
    reader = Reader(both)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(reader.run())
        with pytest.raises(NoMicrophone, match="gives no sound"):
            await both.change(two)
        assert not two.is_open
        one.hear(b"a1")
        await reader.has(1)
        await both.close()


async def test_another_takes_the_place_of_one_that_dies(one: FakeMicrophone) -> None:
    two = FakeMicrophone(16_000)

    async def replace(error: AudioError) -> FakeMicrophone:
        assert error is GONE
        assert not one.is_open, "closed first: some hardware opens only once"
        await two.open()
        return two

    both = Microphones(one, replace)
    await both.open()
    reader = Reader(both)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(reader.run())
        one.hear(b"a1")
        one.hear(GONE)
        two.hear(b"b1")
        await reader.has(2)
        await both.close()
    assert reader.read == [(24_000, b"a1"), (16_000, b"b1")]


async def test_without_another_the_reader_is_told(one: FakeMicrophone) -> None:
    both = Microphones(one, none)
    await both.open()
    one.hear(b"a1")
    one.hear(GONE)
    reader = Reader(both)
    async with asyncio.timeout(5):
        await reader.run()
    assert reader.error is GONE
    await both.close()


async def test_held_it_waits_for_the_next_one(one: FakeMicrophone) -> None:
    two = FakeMicrophone()
    both = Microphones(one, none)
    await both.open()
    reader = Reader(both)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(reader.run())
        await both.hold()
        assert not one.is_open
        two.hear(b"b1")
        await both.change(two)
        await reader.has(1)
        await both.hold()
        both.give_up(GONE)
    assert reader.error is GONE
    await both.close()


async def test_closing_ends_it_whatever_goes_on(one: FakeMicrophone) -> None:
    two = FakeMicrophone()
    both = Microphones(one, none)
    await both.open()
    reader = Reader(both)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(reader.run())
        await asyncio.sleep(0)
        await both.close()
        two.hear(b"b1")
        with pytest.raises(AudioError, match="meanwhile"):
            await both.change(two)
    assert not two.is_open
    assert reader.read == []
