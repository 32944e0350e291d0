"""A realtime server that says what it is told to, when it is told to, and notes when it did.

    python -m benchmarks.kit.voice_server FOLDER

A process of its own, so that it shares no event loop with a client. It speaks the server's side of OpenAI's
realtime protocol to one client. Orders come as JSON lines on standard input, findings leave as JSON lines on
standard output; times are of the system's monotonic clock, which all processes share. Sound that the client
sends goes to ``microphone.pcm`` in the folder, and to ``microphone.times`` when how much of it had come.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import random
import struct
import sys
import time
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from benchmarks.kit.voice_signal import RATE, murmur, ramp

SESSION = {"type": "realtime", "id": "sess_1", "model": "m"}
DELTA_MS = 40
LUMP_S = 0.1
LUMP = 10
"""A burst is so many deltas each ``LUMP_S``: four times as fast as it is spoken."""

JITTER_S = 0.2
PUNCTUAL_S = 0.002
"""So long before a piece is due the server does nothing else any more."""

WORDS_EVERY = 8
"""Deltas of sound between two pieces of words: about three words a second."""

MARK = struct.Struct("<dq")
"""A time in s, and the bytes that had come by then."""


def say(event: str, at: float | None = None, **findings: object) -> None:
    """Tell whoever started us."""
    print(json.dumps({"event": event, "at": time.monotonic() if at is None else at, **findings}), flush=True)


def schedule(pace: str, count: int, seed: int) -> list[float]:
    """When each delta is due, in s after the first."""
    if pace == "once":
        return [0.0] * count
    if pace == "burst":
        return [n // LUMP * LUMP_S for n in range(count)]
    due = [n * DELTA_MS / 1000.0 for n in range(count)]
    if pace == "jitter":
        chance, latest = random.Random(seed), 0.0
        for n in range(count):
            due[n] = latest = max(latest, due[n] + chance.uniform(0.0, JITTER_S))
    return due


async def until(moment: float) -> None:
    """Wait punctually: an event loop alone comes back a ms or two late, which is not what is measured."""
    await asyncio.sleep(max(0.0, moment - time.monotonic() - PUNCTUAL_S))
    time.sleep(max(0.0, moment - time.monotonic()))  # noqa: ASYNC251 (a ms, of nobody else)


def go_first() -> None:
    """It stands for a machine of its own, which no client keeps waiting: its turn comes when it is due."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except (AttributeError, PermissionError):
        print("the server's pieces may be late: it may not go before others", file=sys.stderr)


class Talk:
    """One client's conversation."""

    def __init__(self, connection: ServerConnection, folder: Path, greeting: dict[str, Any] | None) -> None:
        self._connection = connection
        self._greeting = greeting
        self._replying: asyncio.Task[None] | None = None
        self._replies = 0
        self._utterances = 0
        self._bytes = 0
        self._pcm = (folder / "microphone.pcm").open("wb", buffering=0)
        self._times = (folder / "microphone.times").open("wb", buffering=0)

    async def run(self) -> None:
        """Until the client goes."""
        await self._tell("session.created", session=SESSION)
        with contextlib.suppress(ConnectionClosed), self._pcm, self._times:
            async for frame in self._connection:
                await self._take(time.monotonic(), json.loads(frame))

    async def _take(self, at: float, event: dict[str, Any]) -> None:
        match event["type"]:
            case "input_audio_buffer.append":
                sound = base64.b64decode(event["audio"])
                if not self._bytes:
                    say("microphone", at)
                self._bytes += len(sound)
                self._pcm.write(sound)
                self._times.write(MARK.pack(at, self._bytes))
            case "conversation.item.truncate":
                say("truncate", at, item=event["item_id"], ms=event["audio_end_ms"])
            case "session.update":
                await self._tell("session.updated", session=SESSION)
                say("session", at)
                if self._greeting is not None:
                    self.reply(**self._greeting)
                    self._greeting = None

    def reply(self, pace: str, ms: int, *, seed: int = 0, sound: str = "ramp", begin: float = 0.0) -> None:
        """Begin a reply, not before a moment of the clock."""
        self._replies += 1
        pcm = ramp(ms) if sound == "ramp" else murmur(ms)
        self._replying = asyncio.create_task(self._reply(f"resp_{self._replies}", pcm, pace, seed, begin))

    async def _reply(self, name: str, pcm: bytes, pace: str, seed: int, begin: float) -> None:
        # Late is what is sent after its time, and after a client without any wait needs it.
        item = f"item_{name}"
        where = {"response_id": name, "item_id": item, "output_index": 0, "content_index": 0}
        size = RATE * DELTA_MS // 1000 * 2
        pieces = [base64.b64encode(pcm[at : at + size]).decode() for at in range(0, len(pcm), size)]
        await until(begin)
        await self._tell("response.created", response={"id": name, "status": "in_progress"})
        begun, late = time.monotonic(), 0.0
        for n, due in enumerate(schedule(pace, len(pieces), seed)):
            await until(begun + due)
            if n % WORDS_EVERY == 0:
                await self._tell("response.output_audio_transcript.delta", delta=f"word{n} ", **where)
            at = time.monotonic()
            await self._tell("response.output_audio.delta", delta=pieces[n], **where)
            if n == 0:
                say("first", at, item=item)
                begun = at - due
            late = max(late, time.monotonic() - begun - max(due, n * DELTA_MS / 1000.0))
        await self._done(name, "completed")
        say("done", item=item, late_ms=late * 1000.0)

    async def _done(self, name: str, status: str) -> None:
        self._replying = None
        details = {"type": "cancelled", "reason": "turn_detected"} if status == "cancelled" else None
        done = {"id": name, "status": status, "output": [], "status_details": details, "usage": None}
        await self._tell("response.done", response=done)

    async def speech(self) -> None:
        """The user is heard: whatever is being said ends."""
        self._utterances += 1
        replying = self._replying
        if replying is not None:
            replying.cancel()
            await asyncio.wait({replying})
        at = time.monotonic()
        await self._tell(
            "input_audio_buffer.speech_started", audio_start_ms=0, item_id=f"user_{self._utterances}"
        )
        say("speech", at)
        if replying is not None:
            await self._done(f"resp_{self._replies}", "cancelled")

    async def commit(self) -> None:
        """The user has finished."""
        item = f"user_{self._utterances}"
        await self._tell("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id=item)
        await self._tell("input_audio_buffer.committed", item_id=item, previous_item_id=None)
        await self._tell(
            "conversation.item.input_audio_transcription.completed",
            item_id=item,
            content_index=0,
            transcript=f"sentence {self._utterances}",
        )
        say("commit")

    async def _tell(self, kind: str, **fields: Any) -> None:
        await self._connection.send(json.dumps({"type": kind, "event_id": "event_x", **fields}))


async def obey(talks: list[Talk], stop: asyncio.Event) -> None:
    """Carry out what standard input says, on the client that came last."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        match order.pop("do"):
            case "reply":
                talks[-1].reply(**order)
            case "speech":
                await talks[-1].speech()
            case "commit":
                await talks[-1].commit()
    stop.set()


async def main(folder: Path, greeting: dict[str, Any] | None) -> None:
    """Serve until standard input ends."""
    talks: list[Talk] = []
    stop = asyncio.Event()

    async def client(connection: ServerConnection) -> None:
        talks.append(Talk(connection, folder, greeting))
        await talks[-1].run()

    async with serve(client, "127.0.0.1", 0, compression=None, max_size=None) as server:
        say("port", port=next(iter(server.sockets)).getsockname()[1])
        orders = asyncio.create_task(obey(talks, stop))
        await stop.wait()
        await orders


if __name__ == "__main__":
    go_first()
    asyncio.run(main(Path(sys.argv[1]), json.loads(sys.argv[2]) if len(sys.argv) > 2 else None))
