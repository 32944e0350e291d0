"""The event stream: state first, nothing lost that matters, nobody stalled."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.events import (
    Failure,
    Levels,
    LinkWord,
    Notice,
    NoticeKind,
    ReplyAudio,
    ReplyText,
    SessionEnded,
    Severity,
    Status,
    StatusChanged,
    TurnStarted,
    UserText,
)
from neko_cli.core.stream import LIMIT, Broadcast


def text(turn, delta):
    return ReplyText(at=0.0, turn=turn, delta=delta)


async def everything(reader):
    return [event async for event in reader]


async def test_a_late_reader_gets_the_state_and_no_old_events():
    stream = Broadcast()
    stream.publish(text(1, "old"))
    now = StatusChanged(at=1.0, old=Status.IDLE, new=Status.IDLE, reason="now", link=LinkWord.ONLINE)
    reader = stream.subscribe([now])
    stream.publish(text(1, "new"))
    stream.publish(SessionEnded(at=2.0, reason="ended"))
    events = await everything(reader)
    assert [type(e) for e in events] == [StatusChanged, ReplyText, SessionEnded]
    assert events[1].delta == "new"


async def test_a_reader_waits_and_wakes():
    stream = Broadcast()
    reader = stream.subscribe([])
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        task = group.create_task(anext(reader))
        await asyncio.sleep(0)
        stream.publish(TurnStarted(at=0.0, turn=1))
        assert (await task).turn == 1


@given(st.lists(st.tuples(st.integers(1, 3), st.text(min_size=1, max_size=4)), max_size=40))
def test_merged_deltas_keep_every_word_in_order(pieces):
    async def run():
        stream = Broadcast()
        reader = stream.subscribe([])
        for turn, delta in pieces:
            stream.publish(text(turn, delta))
        stream.publish(SessionEnded(at=0.0, reason=""))
        return await everything(reader)

    events = asyncio.run(run())[:-1]
    told = [(e.turn, char) for e in events for char in e.delta]
    assert told == [(turn, char) for turn, delta in pieces for char in delta]


async def test_growing_user_text_collapses_to_the_newest_but_keeps_final():
    stream = Broadcast()
    reader = stream.subscribe([])
    for words, final in [("he", False), ("hello", False), ("hello you", True)]:
        stream.publish(UserText(at=0.0, turn=1, text=words, final=final))
    stream.publish(UserText(at=0.0, turn=1, text="again", final=False))
    stream.publish(SessionEnded(at=0.0, reason=""))
    events = await everything(reader)
    assert [e.text for e in events[:-1]] == ["hello you", "again"]


@pytest.mark.parametrize(("samples", "expected"), [(True, b"abcd"), (False, b"")])
async def test_samples_go_to_those_who_asked(samples, expected):
    stream = Broadcast()
    reader = stream.subscribe([], samples=samples)
    for pcm in (b"ab", b"cd"):
        stream.publish(ReplyAudio(at=0.0, turn=1, ms=10.0, rate=24_000, pcm=pcm))
    event = await anext(reader)
    assert event.pcm == expected
    assert event.ms == 20.0


async def test_meters_only_for_those_who_asked():
    stream = Broadcast()
    plain, meters = stream.subscribe([]), stream.subscribe([], levels=True)
    assert stream.wants_levels
    for level in (-50.0, -20.0):
        stream.publish(Levels(at=0.0, microphone=level, speaker=-96.0))
    stream.publish(SessionEnded(at=0.0, reason=""))
    assert [type(e) for e in await everything(plain)] == [SessionEnded]
    assert [type(e) for e in await everything(meters)] == [Levels, SessionEnded]


async def test_a_reader_that_sleeps_is_cut_off_and_told_while_others_go_on():
    stream = Broadcast()
    slow, quick = stream.subscribe([]), stream.subscribe([])
    seen = 0
    for number in range(LIMIT + 10):
        stream.publish(Notice(at=0.0, kind=NoticeKind.AGENT, severity=Severity.INFO, text=str(number)))
        await anext(quick)
        seen += 1
    assert seen == LIMIT + 10
    events = await everything(slow)
    assert len(events) == 1
    assert isinstance(events[0], Failure)
    assert events[0].code == "reader_too_slow"


async def test_closing_ends_the_iteration_and_is_idempotent():
    stream = Broadcast()
    reader = stream.subscribe([], levels=True)
    await reader.aclose()
    await reader.aclose()
    assert await everything(reader) == []
    assert not stream.wants_levels
