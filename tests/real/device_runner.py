"""Runs a scene of changing devices with real sound and prints its findings as JSON lines.

A process of its own, as ``sound_runner``. Usage: ``python -m tests.real.device_runner SCENE [ARGUMENT…]``.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from pathlib import Path

import numpy as np

from neko_cli.audio import streams
from neko_cli.audio.sound import DeviceSound
from neko_cli.core.microphones import Microphones
from neko_cli.core.playout import Playout

RATE = 48_000


def noise(seconds: float, seed: int = 6) -> np.ndarray:
    """Sound in which every stretch is found again: low noise without a sample of zero."""
    random = np.random.default_rng(seed)
    white = np.convolve(random.normal(size=round(RATE * seconds)), np.ones(8) / 8, mode="same")
    sound = (white / np.max(np.abs(white)) * 12_000).astype("<i2")
    sound[sound == 0] = 1
    return sound


def say(**findings: object) -> None:
    print(json.dumps({"at": time.monotonic(), **findings}), flush=True)


async def line_from_test() -> str:
    return (await asyncio.to_thread(sys.stdin.readline)).strip()


def with_rates(**rates: int) -> None:
    """Have some devices opened at rates of their own; the sound server takes any."""
    usual = streams.rates_to_try

    def chosen(device: object) -> tuple[int, ...]:
        name = str(getattr(device, "name", ""))
        return (rates[name],) if name in rates else usual(device)  # type: ignore[arg-type]

    streams.rates_to_try = chosen


async def until_heard(playout: Playout, ms: float) -> None:
    async with asyncio.timeout(20):
        while playout.heard_ms() < ms:  # noqa: ASYNC110 (there is no event for a count)
            await asyncio.sleep(0.002)


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


async def play(changes: str, every_ms: str, first: str, second: str, rate: str = "0") -> None:
    """One reply over so many changes between two loudspeakers."""
    if int(rate):
        with_rates(**{second: int(rate)})
    sound, count, every = DeviceSound(), int(changes), float(every_ms)
    playout = Playout(sound.speaker(first))
    await playout.open()
    before = threads()
    length_ms = every * (count + 1) + 500
    playout.begin()
    playout.feed(noise(length_ms / 1000).tobytes(), RATE, "item")
    playout.finish()
    took, heard = [], []
    for at in range(count):
        await until_heard(playout, every * (at + 1))
        begun = time.monotonic()
        await playout.change(sound.speaker(second if at % 2 == 0 else first))
        took.append(round((time.monotonic() - begun) * 1000, 1))
        heard.append(round(playout.heard_ms(), 1))
    await playout.drained()
    say(
        heard_ms=playout.heard_ms(),
        length_ms=length_ms,
        lost_ms=playout.lost_ms,
        took_ms=took,
        heard=heard,
        threads=threads() - before,
        python_threads=threading.active_count(),
    )
    await line_from_test()
    begun = time.monotonic()
    await playout.close()
    say(closed_ms=(time.monotonic() - begun) * 1000)


async def listen(path: str, changes: str, every_ms: str, *names: str) -> None:
    """All that is heard over so many changes between microphones goes to a file, at one rate."""

    async def nothing(error: object) -> None:
        return None

    sound = DeviceSound()
    microphones = Microphones(sound.microphone(names[0]), nothing)
    await microphones.open()

    async def write() -> None:
        with Path(path).open("wb") as sink:
            async for frame in microphones.frames():
                assert microphones.rate == RATE
                sink.write(frame)

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        say(event="open")
        await line_from_test()
        for at in range(int(changes)):
            await asyncio.sleep(float(every_ms) / 1000)
            await microphones.change(sound.microphone(names[(at + 1) % len(names)]))
        await asyncio.sleep(float(every_ms) / 1000)
        await microphones.close()
    say(event="closed", python_threads=threading.active_count())


SCENES = {scene.__name__: scene for scene in (play, listen)}

if __name__ == "__main__":
    asyncio.run(SCENES[sys.argv[1]](*sys.argv[2:]))
