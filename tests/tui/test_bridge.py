"""Few redraws for many events, nothing lost, nothing reordered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.events import AnyEvent, Levels, ReplyAudio, ReplyText, SessionEnded
from neko_cli.testing import ScriptedSession
from neko_cli.tui.batch import FULL, LEVELS_INTERVAL, WORDS_INTERVAL, Batch
from neko_cli.tui.bridge import Bridge
from tests.tui.scenes import delta, notice

OVER = SessionEnded(at=0.0, reason="test")


def level(value: float) -> Levels:
    return Levels(at=0.0, microphone=value, speaker=value)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.text(max_size=4)), max_size=40))
def test_merging_loses_no_word_and_keeps_the_order(pieces: list[tuple[int, str]]) -> None:
    batch = Batch()
    for turn, text in pieces:
        batch.add(delta(turn, text))
    taken = [event for event in batch.take() if isinstance(event, ReplyText)]
    for turn in (1, 2, 3):
        told = "".join(text for number, text in pieces if number == turn)
        assert "".join(event.delta for event in taken if event.turn == turn) == told
    assert not batch.pending


def test_only_the_last_meter_reading_stays_and_sound_is_left_out() -> None:
    batch = Batch()
    batch.add(ReplyAudio(at=0.0, turn=1, ms=20.0, rate=24000))
    assert not batch.pending
    for value in (-30.0, -20.0):
        batch.add(level(value))
    assert batch.interval == LEVELS_INTERVAL
    batch.add(notice("n"))
    assert batch.interval == LEVELS_INTERVAL, "words come with the meters"
    assert [type(event).__name__ for event in batch.take()] == ["Notice", "Levels"]
    batch.add(notice("n"))
    assert batch.interval == WORDS_INTERVAL


async def run(session: ScriptedSession, events: Sequence[AnyEvent]) -> list[list[AnyEvent]]:
    """The batches that reach the screen."""
    shown: list[list[AnyEvent]] = []

    async def show(batch: Sequence[AnyEvent]) -> None:
        shown.append(list(batch))

    subscription = session.events(levels=True)
    session.emit(*events, OVER)
    async with asyncio.timeout(10):
        await Bridge(subscription, show).run()
    return shown


async def test_a_thousand_deltas_at_once_are_a_few_redraws() -> None:
    shown = await run(ScriptedSession(), [delta(1 + index % 2, str(index % 10)) for index in range(1000)])
    events = [event for batch in shown for event in batch]
    assert sum(len(event.delta) for event in events if isinstance(event, ReplyText)) == 1000
    assert events[-1] == OVER
    assert len(shown) <= 1 + 1000 // FULL


async def test_redraws_keep_their_distance() -> None:
    session = ScriptedSession()
    times: list[float] = []
    loop = asyncio.get_running_loop()

    async def show(batch: Sequence[AnyEvent]) -> None:
        del batch
        times.append(loop.time())
        if len(times) < 6:
            session.emit(delta(1, "x"))
        else:
            session.emit(OVER)

    async with asyncio.timeout(10):
        await Bridge(session.events(), show).run()
    gaps = [later - earlier for earlier, later in zip(times, times[1:-1], strict=False)]
    # The loop's clock may wake a timer up to its resolution early.
    assert min(gaps) >= WORDS_INTERVAL - 0.002


@pytest.mark.serial
async def test_words_come_with_the_meters_while_those_move_and_sooner_without_them() -> None:
    session = ScriptedSession()
    loop = asyncio.get_running_loop()
    times: list[float] = []
    batches: list[list[str]] = []

    async def show(batch: Sequence[AnyEvent]) -> None:
        times.append(loop.time())
        batches.append([type(event).__name__ for event in batch])
        if len(times) < 4:
            session.emit(level(-float(len(times))), delta(1, "word"))
        elif len(times) < 6:
            session.emit(delta(1, "word"))
        else:
            session.emit(OVER)

    session.emit(level(0.0))
    async with asyncio.timeout(10):
        await Bridge(session.events(levels=True), show).run()
    gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    assert batches[1:4] == [["ReplyText", "Levels"]] * 3
    assert min(gaps[:3]) >= LEVELS_INTERVAL - 0.002
    assert min(gaps[3:5]) >= WORDS_INTERVAL - 0.002
    assert max(gaps[3:5]) < LEVELS_INTERVAL


async def test_cancelling_closes_the_subscription() -> None:
    session = ScriptedSession()

    async def show(batch: Sequence[AnyEvent]) -> None:
        task.cancel()

    bridge = Bridge(session.events(), show)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        task = group.create_task(bridge.run())
    assert not session._stream._readers


async def test_a_broken_screen_stops_the_reader_too() -> None:
    session = ScriptedSession()

    async def show(batch: Sequence[AnyEvent]) -> None:
        raise ValueError(len(batch))

    with pytest.raises(ExceptionGroup):
        await Bridge(session.events(), show).run()
    assert not session._stream._readers


async def test_drained_waits_until_what_was_told_is_shown() -> None:
    session = ScriptedSession()
    shown: list[AnyEvent] = []

    async def show(batch: Sequence[AnyEvent]) -> None:
        await asyncio.sleep(0)
        shown.extend(batch)

    bridge = Bridge(session.events(), show)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        task = group.create_task(bridge.run())
        for turn in range(1, 4):
            session.emit(notice("x"), delta(turn, "word"))
            await bridge.drained()
            assert isinstance(shown[-1], ReplyText)
            assert shown[-1].turn == turn
        session.emit(OVER)
        await bridge.drained()
        assert shown[-1] == OVER
        await task
