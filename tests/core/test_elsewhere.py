"""What is asked of another thread's loop is done there, in order, and its end comes back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from neko_cli.core.elsewhere import Elsewhere
from neko_cli.core.errors import AudioError, LinkError
from neko_cli.core.session_thread import SessionThread

HERE: ContextVar[str] = ContextVar("HERE", default="nowhere")


@pytest.fixture
def thread() -> Iterator[SessionThread]:
    HERE.set("with the caller")
    thread = SessionThread()
    yield thread
    thread.close()
    assert "neko-session" not in [thread.name for thread in threading.enumerate()]


async def where() -> str:
    return threading.current_thread().name


async def test_work_is_done_there_and_its_result_comes_back(thread: SessionThread) -> None:
    assert await thread.there.do(where) == "neko-session"
    assert thread.there.ask(lambda: threading.current_thread().name) == "neko-session"
    assert threading.current_thread().name != "neko-session"


async def test_what_goes_wrong_there_is_raised_here(thread: SessionThread) -> None:
    async def fails() -> None:
        raise AudioError("There is no microphone.")

    with pytest.raises(AudioError, match="no microphone"):
        await thread.there.do(fails)
    with pytest.raises(ZeroDivisionError):
        thread.there.ask(lambda: 1 / 0)


async def test_all_is_done_in_the_order_in_which_it_was_asked(thread: SessionThread) -> None:
    done: list[int] = []

    async def last() -> list[int]:
        return [*done, 4]

    thread.there.tell(lambda: done.append(1))
    thread.there.ask(lambda: done.append(2))
    thread.there.tell(lambda: done.append(3))
    assert await thread.there.do(last) == [1, 2, 3, 4]


async def test_it_sees_the_context_of_who_made_it(thread: SessionThread) -> None:
    assert thread.there.ask(HERE.get) == "with the caller"


async def test_who_is_cancelled_cancels_the_work_and_waits_for_its_end(thread: SessionThread) -> None:
    begun, ended = threading.Event(), threading.Event()

    async def works() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            ended.set()

    waits = asyncio.create_task(thread.there.do(works))
    await asyncio.to_thread(begun.wait, 5)
    waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits
    assert ended.is_set()


async def test_work_that_is_cancelled_there_is_cancelled_here(thread: SessionThread) -> None:
    async def gives_up() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await thread.there.do(gives_up)


async def test_a_loop_that_is_closed_does_nothing_any_more() -> None:
    thread = SessionThread()
    thread.close()
    thread.close()
    thread.there.tell(lambda: pytest.fail("nobody is there"))
    with pytest.raises(LinkError, match="is over"):
        thread.there.ask(lambda: None)
    with pytest.raises(LinkError, match="is over"):
        await thread.there.do(where)


async def test_the_thread_ends_what_still_runs_on_it() -> None:
    thread, ended = SessionThread(), threading.Event()

    async def works() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async def begin() -> asyncio.Task[None]:
        return asyncio.create_task(works())

    await thread.there.do(begin)
    thread.close()
    assert ended.is_set()


async def test_both_ways_at_once(thread: SessionThread) -> None:
    here = Elsewhere(asyncio.get_running_loop())

    async def back() -> str:
        return threading.current_thread().name

    async def there_and_back() -> str:
        return await here.do(back)

    assert await thread.there.do(there_and_back) == threading.current_thread().name


async def test_what_was_asked_too_late_to_begin_is_answered() -> None:
    ends = asyncio.new_event_loop()  # it does not run any more
    there = Elsewhere(ends)
    waits = asyncio.create_task(there.do(where))
    await asyncio.sleep(0)
    ends.close()
    there.over()
    async with asyncio.timeout(1):
        with pytest.raises(LinkError, match="is over"):
            await waits
        with pytest.raises(LinkError, match="is over"):
            await there.do(where)


async def test_a_thread_that_ends_answers_all_that_is_asked_of_it(thread: SessionThread) -> None:
    async def forever() -> None:
        await asyncio.sleep(60)

    waits = [asyncio.create_task(thread.there.do(work)) for work in (forever, forever)]
    await asyncio.sleep(0)
    await asyncio.to_thread(thread.close)
    async with asyncio.timeout(1):
        for one in waits:
            with pytest.raises((LinkError, asyncio.CancelledError)):
                await one
