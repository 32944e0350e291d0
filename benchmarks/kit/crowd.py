"""What one more session costs: many in one process, idle and sending sound. A program of its own.

    python -m benchmarks.kit.crowd URL COUNT… prints one JSON object: see ``measure``.

It is a process of its own so that its memory is that of the sessions alone.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import subprocess
import sys
import time
from array import array
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.kit.process import allow_files, resident_bytes
from benchmarks.kit.provider import Provider
from benchmarks.kit.sessions import make_session
from benchmarks.kit.stats import Reading
from neko_cli.core.commands import AudioChunk
from neko_cli.core.events import InputMode
from neko_cli.core.manager import SessionManager

ROOT = Path(__file__).resolve().parents[2]
COUNTS = (1, 10, 100, 300)
BARE = 100
"""Connections of the bare client, which sends the same frames without any of our code."""

RATE = 24_000
CHUNK_MS = 20
IDLE_S = 2.0
SENDING_S = 2.0
STARTS_AT_ONCE = 20
FILES_PER_SESSION = 2
"""A link and a standby one."""

IDLE_PERCENT = 0.15
"""Of a core, for one session in which nothing happens: a hundred may be kept beside other work."""

SENDING_FACTOR = 3.0
"""Processor time of a session that sends sound, as a multiple of a bare client's."""

MEMORY_KB = 400.0
"""For one session with its socket, and the two seconds of sound that it keeps."""


def crowd() -> list[Reading]:
    """Run the program against a cheap provider and read its figures."""
    with Provider() as provider:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.kit.crowd", provider.url, *map(str, COUNTS)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    figures = json.loads(done.stdout)
    bare = figures["bare"]
    found = [Reading(f"bare client, sending ({BARE} of them)", bare, "% of a core each")]
    for row in figures["rows"]:
        count = row["count"]
        of_many = count >= BARE
        found += [
            Reading(
                f"{count} sessions, idle", row["idle"], "% of a core each", IDLE_PERCENT if of_many else None
            ),
            Reading(f"{count} sessions, sending", row["sending"], "% of a core each"),
            Reading(
                f"{count} sessions, sending, to a bare client",
                row["sending"] / bare,
                "times",
                SENDING_FACTOR if of_many else None,
            ),
            Reading(f"{count} sessions, memory", row["kb"], "KB each", MEMORY_KB if of_many else None),
            Reading(f"{count} sessions, time for a second of sound", row["pace"], "s"),
        ]
    return found


async def measure(url: str, counts: Sequence[int]) -> dict[str, Any]:
    """For each count: CPU idle and sending (% of a core for each session), KB each, pace.

    CPU while sending is for one second of sound, so it does not depend on whether the machine keeps
    pace; ``pace`` is how many seconds that took.
    """
    allow_files(max(counts) * FILES_PER_SESSION + 64)
    rng = Random(1)
    chunk = array("h", (rng.randint(-500, 500) for _ in range(RATE * CHUNK_MS // 1000))).tobytes()
    sessions: list[SessionManager] = []
    rows = []
    try:
        # Everything that is loaded at the first use is loaded before memory is read.
        await _grow(sessions, 1, url)
        await _send([_to_session(session, chunk) for session in sessions])
        await sessions.pop().cleanup()
        gc.collect()
        empty = resident_bytes()
        for count in counts:
            await _grow(sessions, count, url)
            await asyncio.sleep(0.5)
            used = time.process_time()
            await asyncio.sleep(IDLE_S)
            idle = (time.process_time() - used) / IDLE_S
            sending, pace = await _send([_to_session(session, chunk) for session in sessions])
            gc.collect()
            rows.append(
                {
                    "count": count,
                    "idle": 100.0 * idle / count,
                    "sending": 100.0 * sending / count,
                    "pace": pace,
                    "kb": (resident_bytes() - empty) / count / 1024,
                }
            )
    finally:
        for session in sessions:
            await session.cleanup()
    # Last, because memory that it frees would hide what sessions take.
    return {"bare": await _bare(url, chunk), "rows": rows}


async def _grow(sessions: list[SessionManager], count: int, url: str) -> None:
    """Start sessions until there are so many, some at a time."""
    while len(sessions) < count:
        more = [
            make_session(url, profile={"swap": {"standby": "cold"}})
            for _ in range(min(STARTS_AT_ONCE, count - len(sessions)))
        ]
        sessions += more
        async with asyncio.TaskGroup() as group:
            for session in more:
                group.create_task(session.start_session(InputMode.AUDIO))


Say = Callable[[], Awaitable[None]]


def _to_session(session: SessionManager, chunk: bytes) -> Say:
    async def say() -> None:
        # A copy, as a device gives: what is kept to be sent again must cost what it costs.
        await session.stream_data(AudioChunk(bytes(bytearray(chunk)), RATE))

    return say


async def _send(speakers: Sequence[Say]) -> tuple[float, float]:
    """Everybody sends in real time: processor and real seconds for one second of sound."""
    used, started = time.process_time(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, say in enumerate(speakers):
            group.create_task(_pace(say, started + CHUNK_MS / 1000.0 * number / len(speakers)))
    return (time.process_time() - used) / SENDING_S, (time.perf_counter() - started) / SENDING_S


async def _pace(say: Say, begin: float) -> None:
    due = begin
    for _ in range(int(SENDING_S * 1000 / CHUNK_MS)):
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await say()
        due += CHUNK_MS / 1000.0


async def _bare(url: str, chunk: bytes) -> float:
    """CPU of a client that does nothing but send the same frames, in % of a core for each."""

    def speaker(socket: ClientConnection) -> Say:
        async def say() -> None:
            sound = base64.b64encode(chunk).decode()
            await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": sound}))

        return say

    sockets = []
    try:
        for _ in range(BARE):
            sockets.append(await connect(url, compression=None, proxy=None, ping_interval=None))
        used, _ = await _send([speaker(socket) for socket in sockets])
    finally:
        for socket in sockets:
            await socket.close()
    return 100.0 * used / BARE


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(sys.argv[1], [int(count) for count in sys.argv[2:]]))))
