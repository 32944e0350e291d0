"""Whatever the disk does: hangs, fails, comes back; everything is told, in order and in time."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.errors import StoreError
from neko_cli.core.events import (
    Notice,
    UserText,
)
from neko_cli.core.scribe import PATIENCE, SET_ASIDE
from tests.fakes.desk import AGAIN, NOT_SAVED, RECORD, Desk, settled
from tests.fakes.virtual import virtual
from tests.simulation.loop import VirtualLoop


@virtual
async def test_a_disk_that_hangs_is_waited_for_one_second_and_told_once():
    desk = Desk()
    desk.final("first")
    desk.word("after")
    await desk.scribe.drained()
    assert desk.when[-1] == pytest.approx(PATIENCE)
    assert desk.texts == ["first", "after"]
    desk.final("second")  # nobody waits for a disk that does not answer
    assert desk.texts == ["first", "after", "second"]
    await asyncio.sleep(5)
    assert desk.notices == [f"{NOT_SAVED}The disk does not answer."]
    assert isinstance(desk.told[-2], Notice)


@virtual
async def test_a_disk_that_comes_back_is_told_once_and_waited_for_again():
    desk = Desk()
    first = desk.final("first")
    await desk.scribe.drained()
    second = desk.final("second")
    first.set_result(None)
    second.set_result(None)
    await settled()
    assert desk.notices == [f"{NOT_SAVED}The disk does not answer.", AGAIN]
    third = desk.final("third")
    await settled()
    assert desk.texts == ["first", "second"]
    third.set_result(None)
    await settled()
    assert desk.texts == ["first", "second", "third"]
    assert len(desk.notices) == 2


@virtual
async def test_each_line_has_a_second_of_its_own():
    """A slow disk that keeps up is not one that hangs, however long the queue is never empty."""
    desk = Desk()
    waiting = [desk.final("0")]
    for n in range(1, 10):
        await asyncio.sleep(PATIENCE * 0.3)
        waiting.append(desk.final(str(n)))
        await asyncio.sleep(PATIENCE * 0.3)
        waiting.pop(0).set_result(None)
        await settled()
        assert desk.texts == [str(k) for k in range(n)]
    assert desk.notices == []


@virtual
async def test_the_session_waits_for_no_longer_than_that_at_its_end():
    desk = Desk()
    for n in range(5):
        desk.final(str(n))
    started = asyncio.get_running_loop().time()
    await desk.scribe.drained()
    assert asyncio.get_running_loop().time() - started == pytest.approx(PATIENCE)
    assert desk.texts == ["0", "1", "2", "3", "4"]


@virtual
async def test_a_disk_that_fails_is_told_once_with_its_reason_and_everything_goes_on():
    desk = Desk()
    desk.journal.at_once = StoreError("The disk is full.")
    for n in range(4):
        desk.final(str(n))
        await settled()
    assert desk.texts == ["0", "1", "2", "3"]
    assert desk.notices == [f"{NOT_SAVED}The disk is full."]


@virtual
async def test_a_line_whose_writing_fails_later_is_told_then():
    desk = Desk()
    written = desk.final("first")
    desk.word("after")
    await asyncio.sleep(PATIENCE / 2)
    written.set_exception(StoreError("The disk is full."))
    await settled()
    assert desk.texts == ["first", "after"]
    assert desk.notices == [f"{NOT_SAVED}The disk is full."]
    assert desk.when[0] == pytest.approx(PATIENCE / 2)


@virtual
async def test_failing_again_after_it_was_well_is_told_again():
    desk = Desk()
    for outcome in (StoreError("Full."), True, StoreError("Locked."), True):
        desk.journal.at_once = outcome
        desk.final("x")
        await settled()
    assert desk.notices == [f"{NOT_SAVED}Full.", AGAIN, f"{NOT_SAVED}Locked.", AGAIN]


@virtual
async def test_what_else_cannot_be_kept_counts_as_well():
    desk = Desk()
    desk.journal.at_once = StoreError("Full.")
    desk.scribe.begin(RECORD)
    desk.scribe.used(3.0)
    await settled()
    assert desk.notices == [f"{NOT_SAVED}Full."]


@virtual
async def test_a_damaged_file_that_was_set_aside_is_told_and_saving_goes_on():
    desk = Desk()
    desk.journal.at_once = StoreError("It was damaged and put aside.", code=SET_ASIDE)
    desk.final("first")
    await settled()
    assert desk.notices == ["It was damaged and put aside."]
    desk.journal.at_once = True
    desk.final("second")
    await settled()
    assert len(desk.notices) == 1


@virtual
async def test_our_own_notices_are_not_written_to_a_disk_that_fails():
    desk = Desk()
    desk.journal.at_once = StoreError("Full.")
    desk.final("x")
    await settled()
    assert [type(entry[2]) for entry in desk.journal.entries] == [UserText]


@virtual
async def test_an_unexpected_error_of_the_journal_names_no_content():
    desk = Desk()
    desk.final("x").set_exception(RuntimeError("secret words"))
    await settled()
    assert desk.texts == ["x"]
    assert desk.notices == [f"{NOT_SAVED}The disk does not answer."]


@virtual
async def test_a_cancelled_write_holds_nothing_back():
    desk = Desk()
    first, second = desk.final("first"), desk.final("second")
    first.cancel()
    await settled()
    assert desk.texts == ["first"]
    second.cancel()
    await desk.scribe.drained()
    assert desk.texts == ["first", "second"]
    assert desk.notices == []


@virtual
async def test_an_answer_after_it_was_told_tells_nothing_twice():
    desk = Desk()
    written = desk.final("first")
    await desk.scribe.drained()
    waiting = desk.final("second")
    written.set_result(None)
    await settled()
    waiting.set_result(None)
    await asyncio.sleep(5)
    assert desk.texts == ["first", "second"]


STEPS = st.one_of(
    st.tuples(st.just("final")),
    st.tuples(st.just("word")),
    st.tuples(st.just("answer"), st.integers(0, 30), st.sampled_from(["saved", "failed", "cancelled"])),
    st.tuples(st.just("wait"), st.floats(0.01, 1.5)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_whatever_the_disk_does_all_is_told_once_in_order_and_in_time(steps):
    async def course():
        desk, told = Desk(), []
        since: list[float] = []
        loop = asyncio.get_running_loop()
        for number, step in enumerate(steps):
            match step:
                case ("final",):
                    desk.final(str(number))
                case ("word",):
                    desk.word(str(number))
                case ("answer", which, how):
                    pending = [f for f in desk.journal.futures if not f.done()]
                    if pending:
                        future = pending[which % len(pending)]
                        {"saved": lambda f: f.set_result(None),
                         "failed": lambda f: f.set_exception(StoreError("Full.")),
                         "cancelled": lambda f: f.cancel()}[how](future)  # fmt: skip
                        await settled()
                case ("wait", seconds):
                    await asyncio.sleep(seconds)
            if step[0] in ("final", "word"):
                told.append(str(number))
                since.append(loop.time())
            assert desk.texts == told[: len(desk.texts)]
        await asyncio.sleep(PATIENCE + 0.01)
        assert desk.texts == told
        when = [at for at, e in zip(desk.when, desk.told, strict=True) if not isinstance(e, Notice)]
        assert all(at - begun <= PATIENCE + 0.01 for at, begun in zip(when, since, strict=True))
        for before, after in zip(desk.notices, desk.notices[1:], strict=False):
            assert (before == AGAIN) != (after == AGAIN)  # never the same news twice

    loop = VirtualLoop()
    loop.run(course())
    assert loop.unhandled == []
