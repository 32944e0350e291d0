"""One loudspeaker after another: no sample twice or missing, and one count of what was heard."""

from __future__ import annotations

import asyncio
from array import array

import pytest

from neko_cli.core.errors import AudioError, NoSpeaker
from neko_cli.core.loudspeakers import KEEP_MS, SLACK_MS, Loudspeakers
from neko_cli.core.playout import Playout
from tests.fakes.sound import FakeSpeaker

RATE = 24_000


def ramp(first: int, count: int) -> bytes:
    return array("h", range(first, first + count)).tobytes()


async def opened(rate: int = RATE, latency_ms: float = 0.0) -> FakeSpeaker:
    speaker = FakeSpeaker(rate)
    speaker.ahead_ms = latency_ms
    await speaker.open()
    return speaker


async def test_what_waits_moves_over_once_and_in_order() -> None:
    one = await opened()
    speakers = Loudspeakers(one)
    one.play(ramp(1, 12_000))
    one.advance(100)
    two = await opened()
    assert speakers.move(two) == 0.0
    assert speakers.heard_ms == pytest.approx(100)
    assert speakers.queued_ms == pytest.approx(400)
    one.advance(1000)
    two.advance(1000)
    played = [sample for sample in array("h", bytes(one.everything + two.everything)) if sample]
    assert played == list(range(1, 12_001))
    assert len(one.everything) / 2 == RATE * (100 + KEEP_MS) / 1000
    assert speakers.heard_ms == pytest.approx(500)
    await speakers.leave(one)
    assert not one.is_open
    assert speakers.heard_ms == pytest.approx(500)
    assert speakers.queued_ms == 0.0


@pytest.mark.parametrize(("before", "after"), [(0, 0), (10, 200), (200, 10), (30, 45)])
async def test_the_next_one_begins_where_the_one_before_ends(before: float, after: float) -> None:
    """In the air: its latency, and the silence before, last as long as what the one before keeps."""
    one, two = await opened(latency_ms=before), await opened(latency_ms=after)
    speakers = Loudspeakers(one)
    one.play(ramp(1, RATE))
    speakers.move(two)
    silence_ms = (len(two.queue) - len(bytes(two.queue).lstrip(b"\0"))) / 2 / RATE * 1000
    assert silence_ms + after == pytest.approx(one.queued_ms + before + SLACK_MS, abs=0.1)
    assert speakers.queued_ms == pytest.approx(1000, abs=0.1), "silence is nobody's sound"
    two.advance(silence_ms)
    assert speakers.heard_ms == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
async def test_another_rate_lasts_as_long(rate: int) -> None:
    one = await opened()
    speakers = Loudspeakers(one)
    one.play(ramp(1, RATE))
    one.advance(250)
    two = await opened(rate)
    speakers.move(two)
    assert speakers.queued_ms == pytest.approx(750, abs=1)
    one.advance(1000)
    two.advance(1000)
    assert speakers.heard_ms == pytest.approx(1000, abs=1)


async def test_all_of_what_a_dead_one_had_not_taken_moves() -> None:
    one = await opened()
    speakers = Loudspeakers(one)
    one.play(ramp(1, 2400))
    one.advance(50)
    two = await opened()
    speakers.move(two, dead=True)
    assert array("h", bytes(two.queue)).tolist() == list(range(1201, 2401))
    await speakers.leave(one)
    two.advance(50)
    assert speakers.heard_ms == pytest.approx(100)


async def test_waiting_until_all_is_heard_outlasts_a_change_and_a_death() -> None:
    one = await opened()
    speakers = Loudspeakers(one)
    one.play(ramp(1, 2400))
    done = asyncio.Event()

    async def wait() -> None:
        await speakers.drained()
        done.set()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(wait())
        await asyncio.sleep(0)
        one.die(NoSpeaker("unplugged"))
        await asyncio.sleep(0.01)
        assert not done.is_set()
        two = await opened()
        speakers.move(two, dead=True)
        await asyncio.sleep(0.01)
        assert not done.is_set()
        two.advance(1000)


async def test_an_end_ends_the_wait() -> None:
    one = await opened()
    speakers = Loudspeakers(one)
    one.play(ramp(1, 2400))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(speakers.drained())
        one.die(NoSpeaker("unplugged"))
        await asyncio.sleep(0.01)
        speakers.end()


async def test_one_that_opens_too_late_is_closed_again() -> None:
    one = await opened()
    speakers = Loudspeakers(one)
    two = FakeSpeaker(slow=True)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(speakers.close())
        group.create_task(ready_soon(two))
        await asyncio.sleep(0)
        with pytest.raises(AudioError, match="meanwhile"):
            await speakers.prepare(two)
    assert not two.is_open
    assert not one.is_open


def feed(playout: Playout, sound: bytes, item: str = "a") -> None:
    """A reply's sound in two pieces, so that the first does not wait for a second one."""
    half = len(sound) // 4 * 2
    for piece in (sound[:half], sound[half:]):
        playout.feed(piece, RATE, item)


async def ready_soon(speaker: FakeSpeaker) -> None:
    await asyncio.sleep(0.01)
    speaker.ready.set()


# -- a reply over a change ------------------------------------------------------------------


@pytest.mark.parametrize("rate", [RATE, 44_100])
async def test_heard_ms_goes_on_over_a_change_in_mid_reply(rate: int) -> None:
    one = FakeSpeaker(48_000)
    playout = Playout(one)
    await playout.open()
    playout.begin()
    feed(playout, ramp(1, RATE))
    one.advance(300)
    assert playout.heard_ms() == pytest.approx(300, abs=0.1)
    two = FakeSpeaker(rate)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        change = group.create_task(playout.change(two))
        await two.holds(1)
        one.advance(1000)
        assert playout.heard_ms() == pytest.approx(300 + KEEP_MS, abs=0.1)
        await change
    feed(playout, ramp(1, RATE))
    playout.finish()
    two.advance(KEEP_MS + SLACK_MS + 480)  # it was silent until the other had ended
    assert playout.heard_ms() == pytest.approx(300 + KEEP_MS + 480, abs=1)
    assert playout.waiting_ms == pytest.approx(2000 - 300 - KEEP_MS - 480, abs=1)
    assert playout.lost_ms == 0.0
    playout.begin()
    assert playout.heard_ms() == 0.0
    playout.stop()
    playout.begin()
    feed(playout, ramp(1, 2400), "b")
    two.advance(50)
    assert playout.heard_ms() == pytest.approx(50, abs=1)


async def test_a_change_that_fails_changes_nothing() -> None:
    one = FakeSpeaker()
    playout = Playout(one)
    await playout.open()
    playout.begin()
    feed(playout, ramp(1, RATE))
    one.advance(300)
    with pytest.raises(NoSpeaker):
        await playout.change(FakeSpeaker(error=NoSpeaker("none")))
    one.advance(100)
    assert playout.heard_ms() == pytest.approx(400)
    assert playout.device is one


async def test_what_came_without_a_loudspeaker_counts_as_heard_when_one_is_back() -> None:
    one = FakeSpeaker()
    playout = Playout(one)
    await playout.open()
    playout.begin()
    feed(playout, ramp(1, RATE))
    one.advance(300)
    playout.abandon()
    assert playout.heard_ms() == 1000.0
    feed(playout, ramp(1, RATE))
    two = FakeSpeaker()
    await playout.change(two)
    assert playout.heard_ms() == 2000.0
    feed(playout, ramp(1, RATE))
    two.advance(100)
    assert playout.heard_ms() == pytest.approx(2100)
    await playout.close()
    assert not two.is_open


async def test_while_it_is_held_nothing_is_heard_and_nothing_is_lost() -> None:
    one = await opened()
    speakers = Loudspeakers(one)
    one.play(ramp(1, 12_000))
    one.advance(100)
    speakers.hold(True)
    one.advance(1000)
    assert (speakers.heard_ms, speakers.queued_ms) == (pytest.approx(100), pytest.approx(400))
    speakers.hold(False)
    one.advance(1000)
    assert list(array("h", bytes(one.everything))) == list(range(1, 12_001))


@pytest.mark.parametrize("dead", [False, True])
async def test_another_one_is_held_in_the_place_of_one_that_was(dead: bool) -> None:
    one = await opened()
    speakers = Loudspeakers(one)
    one.play(ramp(1, 12_000))
    one.advance(100)
    speakers.hold(True)
    two = await opened()
    speakers.move(two, dead=dead)
    assert two.is_held
    two.advance(1000)
    assert speakers.queued_ms == pytest.approx(400)
    await speakers.leave(one)
    speakers.hold(False)
    two.advance(1000)
    played = list(array("h", bytes(one.everything + two.everything)))
    assert played == list(range(1, 12_001)), "no sample lost, none repeated, no silence between"
    assert speakers.heard_ms == pytest.approx(500)


async def test_dropping_what_waits_ends_the_hold() -> None:
    one = await opened()
    speakers = Loudspeakers(one)
    one.play(ramp(1, 12_000))
    speakers.hold(True)
    speakers.clear()
    two = await opened()
    speakers.move(two)
    assert (one.is_held, two.is_held) == (False, False)
