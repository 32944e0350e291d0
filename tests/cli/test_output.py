"""Writing on a thread: in order, with errors handed back, never in the way of the end."""

from __future__ import annotations

import asyncio
import io
import os
import threading

import pytest

from neko_cli.cli.output import Output, Writer


async def test_calls_run_in_order_and_give_back_what_they_return() -> None:
    writer = Writer()
    order: list[int] = []
    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(writer.run(order.append, number))
    assert order == list(range(20))
    assert await writer.run(lambda: 7) == 7
    writer.close()


async def test_an_error_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        await Writer().run(lambda: 1 // 0)


async def test_a_reader_that_went_away_is_a_broken_pipe() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as stream, pytest.raises(BrokenPipeError):
        await Output(Writer(), stream).text("x")


async def test_a_stuck_call_holds_up_neither_the_loop_nor_its_cancellation() -> None:
    writer, entered, release = Writer(), threading.Event(), threading.Event()

    def stick() -> None:
        entered.set()
        release.wait(30)

    async def give_up() -> None:
        async with asyncio.timeout(0.05):
            await writer.run(stick)

    with pytest.raises(TimeoutError):
        await give_up()
    assert entered.is_set()
    assert not writer.busy
    release.set()


async def test_what_the_encoding_lacks_becomes_a_question_mark_but_json_is_always_utf8() -> None:
    raw = io.BytesIO()
    output = Output(Writer(), raw, "latin-1")
    await output.text("é€\n")
    await output.json('"é€"')
    assert raw.getvalue() == b"\xe9?\n" + '"é€"\n'.encode()
