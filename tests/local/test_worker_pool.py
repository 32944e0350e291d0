"""Ears in worker processes: crashes, the queue, cancelling, starting."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from neko_cli.core.errors import ConfigError, InvalidRequest, NekoError, RateLimited, ServerFault
from neko_cli.core.tasks import TaskOwner
from neko_cli.local.parts import LocalParts
from neko_cli.local.ports import EARS_RATE, Hearing, Recognised
from neko_cli.local.worker_pool import FatalRequests, Seat, pause_after
from neko_cli.local.worker_process import WorkerProcess
from neko_cli.local.worker_wire import Setup
from tests.local.real_parts import COMMANDS, HEARING, is_gone, parts_of, seats, until
from tests.speech.sound import spoken

LONG = "the committee will review the budget on thursday and then everybody goes home "


def kill(worker: WorkerProcess | None) -> None:
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)


async def until_busy(parts: LocalParts) -> None:
    """Wait until a recogniser has been given something."""
    await until(lambda: any(seat.worker is not None and not seat.worker.idle for seat in seats(parts)))


async def test_a_crash_fails_the_request_and_the_next_one_is_served(tmp_path: Path) -> None:
    async with parts_of(tmp_path, recognisers=1) as parts:
        await parts.warm_up(hearing=True, speaking=False)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(outcome(parts, spoken(LONG * 3), Hearing()))
            await until_busy(parts)
            kill(seats(parts)[0].worker)
        assert isinstance(first.result(), ServerFault)
        heard = await parts.ears.recognise(spoken("open the front door"), HEARING)
        assert heard.text == "Open the front door"


async def outcome(parts: LocalParts, pcm: bytes, hearing: Hearing) -> Recognised | NekoError:
    try:
        return await parts.ears.recognise(pcm, hearing)
    except NekoError as error:
        return error


async def test_a_request_that_kills_two_workers_is_not_tried_again(tmp_path: Path) -> None:
    deadly = spoken(LONG * 3)
    async with parts_of(tmp_path, recognisers=1) as parts:
        for _ in range(2):
            async with asyncio.TaskGroup() as group:
                one = group.create_task(outcome(parts, deadly, Hearing()))
                await until_busy(parts)
                kill(seats(parts)[0].worker)
            assert isinstance(one.result(), ServerFault)
        third = await outcome(parts, deadly, Hearing())
        assert isinstance(third, ServerFault)
        assert third.permanent
        assert (await parts.ears.recognise(spoken("tell me a story"), HEARING)).text == "Tell me a story"


async def test_a_worker_that_died_between_requests_is_replaced_unseen(tmp_path: Path) -> None:
    async with parts_of(tmp_path, recognisers=1) as parts:
        await parts.warm_up(hearing=True, speaking=False)
        old = seats(parts)[0].worker
        kill(old)
        assert old is not None
        await until(lambda: not old.alive)
        assert (await parts.ears.recognise(spoken("tell me a story"), HEARING)).text == "Tell me a story"


async def test_more_than_the_queue_holds_is_refused_and_the_rest_is_served_in_order(tmp_path: Path) -> None:
    async with parts_of(tmp_path, recognisers=1, queue=2, vocabulary=COMMANDS) as parts:
        await parts.warm_up(hearing=True, speaking=False)
        order: list[str] = []

        async def listen(command: str) -> None:
            heard = await parts.ears.recognise(spoken(command), HEARING)
            order.append(heard.text)

        async with asyncio.TaskGroup() as group:
            for command in COMMANDS[:3]:
                group.create_task(listen(command))
            await until_busy(parts)
            with pytest.raises(RateLimited) as refused:
                await parts.ears.recognise(spoken(COMMANDS[3]), HEARING)
        assert refused.value.retry_after
        assert order == list(COMMANDS[:3])


async def test_a_cancelled_recognition_lets_the_next_one_have_its_own_answer(tmp_path: Path) -> None:
    async with parts_of(tmp_path, recognisers=1) as parts:
        await parts.warm_up(hearing=True, speaking=False)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(parts.ears.recognise(spoken(LONG), Hearing()))
            await until_busy(parts)
            worker = seats(parts)[0].worker
            first.cancel()
            heard = await parts.ears.recognise(spoken("cancel the alarm"), HEARING)
        assert heard.text == "Cancel the alarm"
        assert seats(parts)[0].worker is worker, "it need not be restarted for that"


async def test_who_gives_up_waiting_leaves_the_queue(tmp_path: Path) -> None:
    async with parts_of(tmp_path, recognisers=1, queue=1) as parts:
        await parts.warm_up(hearing=True, speaking=False)
        async with asyncio.TaskGroup() as group:
            group.create_task(parts.ears.recognise(spoken(LONG), Hearing()))
            await until_busy(parts)
            waiting = group.create_task(parts.ears.recognise(spoken("tell me a story"), HEARING))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait({waiting})
            heard = await parts.ears.recognise(spoken("cancel the alarm"), HEARING)
        assert heard.text == "Cancel the alarm"


async def test_a_hung_worker_is_ended_at_its_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neko_cli.local.worker_pool.LISTEN_TIMEOUT_S", 0.3)
    monkeypatch.setattr("neko_cli.local.worker_pool.LISTEN_TIMEOUT_FACTOR", 0.0)
    async with parts_of(tmp_path, recognisers=1) as parts:
        await parts.warm_up(hearing=True, speaking=False)
        worker = seats(parts)[0].worker
        assert worker is not None
        os.kill(worker.pid, signal.SIGSTOP)
        async with asyncio.timeout(5):
            assert isinstance(await outcome(parts, spoken("tell me a story"), HEARING), ServerFault)
        assert is_gone(worker.pid, 2.0)


async def test_what_a_worker_lacks_is_told_again_without_another_process(tmp_path: Path) -> None:
    async with parts_of(tmp_path, recogniser="whisper:base", recognisers=1) as parts:
        with pytest.raises(ConfigError, match="neko local install whisper:base"):
            await parts.warm_up(hearing=True, speaking=False)
        begun = time.perf_counter()
        with pytest.raises(ConfigError, match="neko local install whisper:base"):
            await parts.ears.recognise(spoken("tell me a story"), HEARING)
        assert time.perf_counter() - begun < 0.15  # a process takes longer to start


async def test_a_worker_that_is_not_ready_in_time_is_ended(tmp_path: Path) -> None:
    tasks = TaskOwner(lambda error: None)
    seat = Seat("ears", Setup("pocketsphinx", str(tmp_path)), tasks, log_path=None, start_timeout=0.01)
    with pytest.raises(ServerFault, match="did not start within"):
        await seat.ready()
    assert seat.worker is None
    await seat.aclose()
    await tasks.aclose()


async def test_closing_while_a_worker_starts_leaves_none(tmp_path: Path) -> None:
    async with parts_of(tmp_path, recognisers=1) as parts:
        async with asyncio.TaskGroup() as group:
            starting = group.create_task(outcome(parts, spoken("tell me a story"), HEARING))
            await until(lambda: seats(parts)[0].worker)
            worker = seats(parts)[0].worker
            await parts.aclose()
        assert isinstance(starting.result(), ServerFault)
        assert worker is not None
        assert is_gone(worker.pid, 2.0)
        with pytest.raises(ServerFault, match="closed"):
            await parts.ears.recognise(spoken("tell me a story"), HEARING)


async def test_closing_refuses_those_who_wait(tmp_path: Path) -> None:
    async with parts_of(tmp_path, recognisers=1, queue=4) as parts:
        await parts.warm_up(hearing=True, speaking=False)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(outcome(parts, spoken(LONG), Hearing())) for _ in range(3)]
            await until_busy(parts)
            await parts.aclose()
        assert all(isinstance(task.result(), ServerFault) for task in tasks)


async def test_an_endless_utterance_is_refused(tmp_path: Path) -> None:
    async with parts_of(tmp_path) as parts:
        with pytest.raises(InvalidRequest, match="600 s"):
            await parts.ears.recognise(bytes(EARS_RATE * 2 * 601), HEARING)
        assert not any(seat.started for seat in seats(parts))


def test_pauses_grow_to_a_limit() -> None:
    assert [pause_after(failures) for failures in (0, 1, 2, 3)] == [0.0, 0.25, 0.5, 1.0]
    assert pause_after(50) == 8.0


def test_fatal_requests_are_remembered_a_while() -> None:
    fatal = FatalRequests()
    for _ in range(2):
        fatal.check("text")
        fatal.note("text")
    with pytest.raises(ServerFault):
        fatal.check("text")
    fatal.check("other")
    for number in range(100):
        fatal.note("filler", number)
    fatal.check("text")
