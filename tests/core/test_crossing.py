"""Events reach another thread in order; a reader that is late makes them wait, and loses none."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest

from neko_cli.core import crossing
from neko_cli.core.crossing import UNREAD
from neko_cli.core.events import (
    AnyEvent,
    Connected,
    InputMode,
    Notice,
    ReplyAudio,
    SessionEnded,
    StatusChanged,
)
from neko_cli.core.session import Session
from neko_cli.core.session_thread import SessionApart, apart
from neko_cli.testing import ScriptedSession
from tests.tui.scenes import notice


class Watched:
    """A subscription that counts what was taken of it."""

    def __init__(self, events: list[AnyEvent], error: Exception | None = None) -> None:
        self.events, self.error, self.taken, self.closed = events, error, 0, False

    def __aiter__(self) -> AsyncIterator[AnyEvent]:
        return self

    async def __anext__(self) -> AnyEvent:
        if self.taken == len(self.events):
            raise self.error or StopAsyncIteration
        self.taken += 1
        return self.events[self.taken - 1]

    async def aclose(self) -> None:
        assert threading.current_thread().name == "neko-session"
        self.closed = True


class Telling(ScriptedSession):
    """Tells what the test says, whatever happens."""

    def __init__(self, watched: Watched) -> None:
        super().__init__()
        self.watched = watched

    def events(self, *, samples: bool = False, levels: bool = False) -> Watched:  # type: ignore[override]
        return self.watched


async def telling(watched: Watched) -> SessionApart:
    return await apart(lambda: Telling(watched))


@pytest.fixture
async def scripted() -> AsyncIterator[tuple[SessionApart, ScriptedSession]]:
    made: list[ScriptedSession] = []

    def make() -> Session:
        made.append(ScriptedSession())
        return made[0]

    session = await apart(make)
    yield session, made[0]
    await session.cleanup()


async def test_events_come_in_order_and_end_with_the_session(
    scripted: tuple[SessionApart, ScriptedSession],
) -> None:
    session, inner = scripted
    events = session.events()
    told = [notice(f"n{number}") for number in range(3 * UNREAD)]
    session.there.tell(lambda: inner.emit(*told, SessionEnded(at=0.0, reason="test")))
    async with asyncio.timeout(10):
        read = [event async for event in events]
    assert isinstance(read[0], StatusChanged)
    assert [event for event in read if isinstance(event, Notice)] == told
    assert isinstance(read[-1], SessionEnded)


async def test_what_was_told_before_a_call_returned_is_there_when_it_returns(
    scripted: tuple[SessionApart, ScriptedSession],
) -> None:
    session, _ = scripted
    events = session.events()
    await session.start_session(InputMode.TEXT)
    async with asyncio.timeout(5):
        while not isinstance(await anext(events), Connected):  # type: ignore[call-overload]
            pass


async def test_the_reader_is_woken_a_moment_later_but_before_an_answer(
    scripted: tuple[SessionApart, ScriptedSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crossing, "MOMENT_S", 3600.0)
    session, inner = scripted

    async def answer() -> None:
        pass

    events = session.events()
    await session.there.do(answer)
    assert isinstance(await anext(events), StatusChanged)  # type: ignore[call-overload]
    reading = asyncio.ensure_future(anext(events))  # type: ignore[call-overload]
    await asyncio.sleep(0)  # it waits
    session.there.tell(lambda: inner.emit(notice("one")))
    await asyncio.wait({reading}, timeout=0.1)
    assert not reading.done()
    await session.there.do(answer)
    async with asyncio.timeout(5):
        assert await reading == notice("one")


async def test_many_events_do_not_wait_for_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossing, "MOMENT_S", 3600.0)
    told: list[AnyEvent] = [notice(str(number)) for number in range(3 * UNREAD)]
    session = await telling(Watched(told))
    async with asyncio.timeout(10):
        assert [event async for event in session.events()] == told
    await session.cleanup()


async def test_a_late_reader_makes_events_wait_and_loses_none() -> None:
    told: list[AnyEvent] = [notice(str(number)) for number in range(10 * UNREAD)]
    watched = Watched(told)
    session = await telling(watched)
    events = session.events()
    time.sleep(0.3)  # noqa: ASYNC251 (nobody here is to read anything)
    assert watched.taken <= UNREAD + 1
    async with asyncio.timeout(10):
        assert [event async for event in events] == told
    await session.cleanup()


async def test_what_nobody_asks_for_does_not_come_over() -> None:
    quiet, told = ReplyAudio(at=0.0, turn=1, ms=20.0, rate=24_000), notice("one")
    session = await apart(lambda: Telling(Watched([quiet, told, quiet])), (ReplyAudio,))
    assert [event async for event in session.events()] == [told]
    await session.cleanup()


async def test_a_broken_stream_is_raised_here_behind_what_came() -> None:
    session = await telling(Watched([notice("one")], ValueError("broken")))
    events = session.events()
    assert await anext(events) == notice("one")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="broken"):
        await anext(events)  # type: ignore[call-overload]
    await session.cleanup()


async def test_to_stop_reading_stops_it_there_too_and_is_safe_at_the_end() -> None:
    watched = Watched([notice(str(number)) for number in range(10 * UNREAD)])
    session = await telling(watched)
    events = session.events()
    await anext(events)  # type: ignore[call-overload]
    await events.aclose()
    assert watched.closed
    assert watched.taken < 10 * UNREAD
    await session.cleanup()
    await events.aclose()
