"""How long the microphone is held by a planned swap, on real sockets with the embedded engine."""

from __future__ import annotations

import asyncio
import json
import time
from array import array
from random import Random

from websockets.asyncio.client import connect

from benchmarks.kit.engine_server import SENTENCE, TOKEN, Engine
from benchmarks.kit.sessions import PacedMicrophone, make_session, until
from benchmarks.kit.stats import Limit, Series
from neko_cli.core.events import InputMode, Swap
from neko_cli.core.pcm import Resampler, silence

GAP_MS = 20.0
"""What the design promises of each planned swap."""

DEVICE_RATE = 48_000
WIRE_RATE = 24_000
SESSION_LIMIT = 2.0
"""Seconds that the engine lets a session live, where the user speaks: swaps cannot wait for a pause."""

SPEAKERS = 2
BETWEEN_S = (0.05, 0.15)
"""Sound between two swaps that are asked for, in seconds."""

SEED = 3


async def gaps(runs: int) -> tuple[list[Series], list[Limit]]:
    """Planned swaps: asked for in quiet moments, and by the server's limit while the user speaks."""
    bare = Series("bare connect and session.update")
    quiet = Series("swap gap, quiet moment")
    speaking = Series("swap gap, user speaking")
    with Engine() as engine:
        await in_quiet(engine.url, quiet, bare, runs)
        speech = await spoken()
    with Engine(session_limit=SESSION_LIMIT) as engine:
        async with asyncio.TaskGroup() as group:
            for _ in range(SPEAKERS):
                group.create_task(
                    while_speaking(engine.url, speech, speaking, max(1, runs // (3 * SPEAKERS)))
                )
    limits = []
    for one in (quiet, speaking):
        limits.append(Limit(one, basis=bare, milliseconds=GAP_MS))
        limits.append(Limit(Series(f"{one.name}, p99", [one.p99]), basis=bare, milliseconds=GAP_MS))
    return [bare], limits


async def in_quiet(url: str, gap: Series, bare: Series, runs: int) -> None:
    """The microphone hears a room in which nobody speaks; in turns with a bare client."""
    session = make_session(
        url,
        key=TOKEN,
        profile={"swap": {"standby": "cold"}},
        microphone=lambda: PacedMicrophone(hum(), DEVICE_RATE),
        want_audio=False,
    )
    reader = session.events()
    chance = Random(SEED)
    try:
        await session.start_session(InputMode.AUDIO)
        await session.start_listening()
        for number in range(runs + 1):
            await asyncio.sleep(chance.uniform(*BETWEEN_S))
            await session.swap()
            swap = await until(reader, Swap, planned=True)
            elapsed = await bare_round_trip(url)
            if number:  # the first one loads modules
                gap.times.append(swap.gap_ms)
                bare.times.append(elapsed)
    finally:
        await session.cleanup()


async def while_speaking(url: str, speech: bytes, gap: Series, runs: int) -> None:
    """The microphone hears one sentence after another, and the server's limit comes at any moment."""
    session = make_session(
        url, key=TOKEN, microphone=lambda: PacedMicrophone(speech, DEVICE_RATE), want_audio=False
    )
    reader = session.events()
    try:
        await session.start_session(InputMode.AUDIO)
        await session.start_listening()
        for _ in range(runs):
            swap = await until(reader, Swap, planned=True)
            gap.times.append(swap.gap_ms)
    finally:
        await session.cleanup()


async def bare_round_trip(url: str) -> float:
    """Milliseconds from nothing to a configured session, without any of our code."""
    started = time.perf_counter()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with connect(url, additional_headers=headers, compression=None, proxy=None) as socket:
        await socket.recv()
        await socket.send(json.dumps({"type": "session.update", "session": {"type": "realtime"}}))
        await socket.recv()
        return (time.perf_counter() - started) * 1000.0


def hum() -> bytes:
    """A second of faint noise, which no detector takes for speech."""
    chance = Random(SEED)
    return array("h", (chance.randint(-20, 20) for _ in range(DEVICE_RATE))).tobytes()


async def spoken() -> bytes:
    """The sentence at the device's rate, with the pause after which a detector ends a turn."""
    from benchmarks.kit.spoken import speak

    pcm = await speak(SENTENCE)
    whole = Resampler(WIRE_RATE, DEVICE_RATE)
    return whole.push(silence(200, WIRE_RATE) + pcm + silence(1000, WIRE_RATE)) + whole.drain()
