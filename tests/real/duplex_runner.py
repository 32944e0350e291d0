"""Runs a scene of a microphone and a loudspeaker that share a device and prints its findings as JSON lines.

A process of its own, as ``sound_runner``. Usage: ``python -m tests.real.duplex_runner SCENE [ARGUMENT…]``.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from neko_cli.audio.duplex import Duplex
from neko_cli.audio.microphone import DeviceMicrophone
from neko_cli.audio.sound import DeviceSound
from neko_cli.core.errors import AudioError
from tests.real.device_runner import noise
from tests.real.sound_runner import line_from_test, say, until_played

SECONDS = 3.0
"""Of the reply that is played."""


def is_shared(microphone: DeviceMicrophone) -> bool:
    """Whether the microphone's stream runs both ways."""
    return isinstance(microphone._device._stream, Duplex)


@asynccontextmanager
async def writing(microphone: DeviceMicrophone, path: str) -> AsyncIterator[None]:
    """Inside, all that is heard goes to a file."""

    async def write() -> None:
        with Path(path).open("wb") as sink:
            async for frame in microphone.frames():
                sink.write(frame)

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        yield
        await microphone.close()


async def talk(path: str) -> None:
    """Both ways at once; the microphone is closed in the middle of a reply, which goes on."""
    sound = DeviceSound()
    speaker, microphone = sound.speaker(), sound.microphone()
    await speaker.open()
    alone_ms = speaker.latency_ms
    begun = time.monotonic()
    await microphone.open()
    say(
        shared=is_shared(microphone),
        open_ms=(time.monotonic() - begun) * 1000,
        latency_ms=[alone_ms, speaker.latency_ms, microphone.latency_ms],
    )
    async with writing(microphone, path):
        await line_from_test()
        speaker.play(noise(SECONDS).tobytes())
        await until_played(speaker, speaker.rate)
        begun = time.monotonic()
        await microphone.close()
    say(closed_ms=(time.monotonic() - begun) * 1000, played=speaker.played, overflows=microphone.overflows)
    await line_from_test()
    await speaker.drained()
    say(played=speaker.played, handed=speaker.handed, underruns=speaker.underruns)
    await line_from_test()
    await speaker.close()


async def key(times: str) -> None:
    """The microphone is opened and closed so many times, with a little sound between."""
    sound = DeviceSound()
    speaker = sound.speaker()
    await speaker.open()
    shared, took = [], []
    for _ in range(int(times)):
        microphone = sound.microphone()
        begun = time.monotonic()
        await microphone.open()
        took.append(round((time.monotonic() - begun) * 1000, 1))
        shared.append(is_shared(microphone))
        await anext(microphone.frames())
        await microphone.close()
        speaker.play(noise(0.1).tobytes())
        await speaker.drained()
    say(
        shared=shared, took_ms=took, played=speaker.played, handed=speaker.handed, underruns=speaker.underruns
    )
    await line_from_test()
    await speaker.close()
    say(python_threads=threading.active_count(), failure=str(speaker.failure))


async def while_it_talks() -> None:
    """A microphone that opens while a reply is played, then one that opens after it."""
    sound = DeviceSound()
    speaker = sound.speaker()
    await speaker.open()
    speaker.play(noise(1.0).tobytes())
    shared = []
    for _ in range(2):
        microphone = sound.microphone()
        await microphone.open()
        shared.append(is_shared(microphone))
        await speaker.drained()
        await microphone.close()
    say(shared=shared, played=speaker.played, underruns=speaker.underruns)
    await line_from_test()
    await speaker.close()


async def other_loudspeaker(path: str) -> None:
    """The loudspeaker is closed while the microphone goes on, and opened again."""
    sound = DeviceSound()
    first, second, microphone = sound.speaker(), sound.speaker(), sound.microphone()
    await first.open()
    await microphone.open()
    shared = is_shared(microphone)
    async with writing(microphone, path):
        say(shared=shared)
        await line_from_test()
        await asyncio.sleep(0.5)
        await first.close()
        await asyncio.sleep(0.5)
        await second.open()
        second.play(noise(0.5).tobytes())
        await second.drained()
    say(played=second.played, same=first.rate == second.rate)
    second.play(noise(0.5).tobytes())
    await second.drained()
    say(played=second.played, overflows=microphone.overflows)
    await line_from_test()
    await second.close()


async def die() -> None:
    """The sound server is killed or frozen by the test."""
    sound = DeviceSound()
    speaker, microphone = sound.speaker(), sound.microphone()
    await speaker.open()
    await microphone.open()
    speaker.play(noise(SECONDS).tobytes())
    say(shared=is_shared(microphone))

    async def read() -> None:
        try:
            async for _ in microphone.frames():
                pass
        except AudioError as error:
            say(event="microphone", error=str(error), kind=type(error).__name__)

    async def watch() -> None:
        error = await speaker.lost()
        say(event="speaker", error=str(error), kind=type(error).__name__)

    async with asyncio.timeout(15), asyncio.TaskGroup() as group:
        group.create_task(read())
        group.create_task(watch())
    begun = time.monotonic()
    await microphone.close()
    await speaker.close()
    say(event="closed", ms=(time.monotonic() - begun) * 1000)


async def round_trip(clicks: str, order: str) -> None:
    """Clicks from the loudspeaker to the microphone; ``order`` "apart" opens the microphone first."""
    sound = DeviceSound()
    speaker, microphone = sound.speaker(), sound.microphone()
    for device in (microphone, speaker) if order == "apart" else (speaker, microphone):
        await device.open()
    heard: list[float] = []

    async def hear() -> None:
        quiet_until = 0.0
        async for frame in microphone.frames():
            samples = array("h", frame)
            if max(samples) > 8_000 and time.monotonic() > quiet_until:
                late = len(samples) - next(i for i, s in enumerate(samples) if s > 8_000)
                heard.append(time.monotonic() - late / microphone.rate)
                quiet_until = time.monotonic() + 0.5
            if len(heard) == int(clicks):
                return

    begun, cpu = time.monotonic(), time.process_time()
    sent: list[float] = []
    async with asyncio.timeout(int(clicks) + 10), asyncio.TaskGroup() as group:
        group.create_task(hear())
        for _ in range(int(clicks)):
            await asyncio.sleep(1.0)
            sent.append(time.monotonic())
            speaker.play(array("h", [16_000] * 48).tobytes())
            await speaker.drained()
    used = (time.process_time() - cpu) / (time.monotonic() - begun)
    say(
        shared=is_shared(microphone),
        delays_ms=[round((b - a) * 1000, 1) for a, b in zip(sent, heard, strict=True)],
        latency_ms=[speaker.latency_ms, microphone.latency_ms],
        cpu=used,
        underruns=speaker.underruns,
        overflows=microphone.overflows,
    )
    await microphone.close()
    await speaker.close()


SCENES = {scene.__name__: scene for scene in (talk, key, while_it_talks, other_loudspeaker, die, round_trip)}

if __name__ == "__main__":
    asyncio.run(SCENES[sys.argv[1]](*sys.argv[2:]))
