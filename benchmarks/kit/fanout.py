"""How many events a session can tell its readers in a second, beside bare queues."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks.kit.stats import Reading
from neko_cli.core.events import AnyEvent, Notice, NoticeKind, SessionEnded, Severity
from neko_cli.core.stream import Broadcast, Reader

EVENTS = 20_000
BURST = 64
"""Events that are told before readers get their turn, as when a frame of a provider says many things."""

ROUNDS = 5
READERS = (1, 10)
FACTOR = 3.0
"""Time to tell an event, as a multiple of what bare queues take for it."""


async def fanout() -> list[Reading]:
    """Events a second to one reader and to ten; the best of some rounds, in turns with bare queues."""
    found = []
    events: list[AnyEvent] = [
        Notice(at=float(n), kind=NoticeKind.SESSION, severity=Severity.INFO, text="something happened")
        for n in range(EVENTS)
    ]
    for readers in READERS:
        ours, bare = [], []
        for _ in range(ROUNDS):
            ours.append(await _timed(_broadcast, events, readers))
            bare.append(await _timed(_queues, events, readers))
        found += [
            Reading(f"bare queues, {readers} readers", EVENTS / min(bare), "events/s"),
            Reading(f"event stream, {readers} readers", EVENTS / min(ours), "events/s"),
            Reading(f"event stream, {readers} readers, to bare", min(ours) / min(bare), "times", FACTOR),
        ]
    return found


Tell = Callable[[list[AnyEvent], int], Coroutine[Any, Any, int]]


async def _timed(tell: Tell, events: list[AnyEvent], readers: int) -> float:
    """Seconds until everybody has read everything."""
    started = time.perf_counter()
    read = await tell(events, readers)
    elapsed = time.perf_counter() - started
    if read != len(events) * readers:
        raise RuntimeError(f"{read} events were read of {len(events) * readers}")
    return elapsed


async def _publish(events: list[AnyEvent], tell: Callable[[AnyEvent], None]) -> None:
    for number, event in enumerate(events):
        tell(event)
        if number % BURST == 0:
            await asyncio.sleep(0)


async def _broadcast(events: list[AnyEvent], readers: int) -> int:
    stream = Broadcast()

    async def read(reader: Reader) -> int:
        count = 0
        async for _ in reader:
            count += 1
        return count - 1  # the last one says that it is over

    subscribed = [stream.subscribe(()) for _ in range(readers)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(read(reader)) for reader in subscribed]
        await _publish(events, stream.publish)
        stream.publish(SessionEnded(at=0.0, reason="ended"))
    return sum(task.result() for task in tasks)


async def _queues(events: list[AnyEvent], readers: int) -> int:
    queues: list[asyncio.Queue[AnyEvent | None]] = [asyncio.Queue() for _ in range(readers)]

    async def read(queue: asyncio.Queue[AnyEvent | None]) -> int:
        count = 0
        while await queue.get() is not None:
            count += 1
        return count

    def put(event: AnyEvent | None) -> None:
        for queue in queues:
            queue.put_nowait(event)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(read(queue)) for queue in queues]
        await _publish(events, put)
        put(None)
    return sum(task.result() for task in tasks)
