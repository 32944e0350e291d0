"""Runs a scene of a microphone and a loudspeaker that share a device and prints its findings as JSON lines.

A sound server is behind that device, so that it has to be asked for (``streams = "one"``). A process of its
own, as ``sound_runner``. Usage: ``python -m tests.real.duplex_runner SCENE [ARGUMENT…]``.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from neko_cli.audio import portaudio
from neko_cli.audio.duplex import Duplex
from neko_cli.audio.echo_care import DeviceEcho
from neko_cli.audio.microphone import DeviceMicrophone
from neko_cli.audio.sound import DeviceSound
from neko_cli.core.errors import AudioError
from neko_cli.core.ports_sound import Streams
from tests.real.device_runner import RATE, noise
from tests.real.sound_runner import line_from_test, say, until_played

SECONDS = 3.0
"""Of the reply that is played."""


def shared_sound(echo: DeviceEcho | None = None) -> DeviceSound:
    """One stream for both ways, though a sound server is behind it."""
    return DeviceSound(echo=echo, streams=Streams.ONE)


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
    sound = shared_sound()
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
    sound = shared_sound()
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
    sound = shared_sound()
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
    sound = shared_sound()
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
    sound = shared_sound()
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


async def orders() -> None:
    """Both are opened and closed in every order; each time a little is played and heard."""
    sound = shared_sound()
    for opens in ("speaker first", "microphone first"):
        for closes in ("speaker first", "microphone first"):
            speaker, microphone = sound.speaker(), sound.microphone()
            pair = (speaker, microphone) if opens == "speaker first" else (microphone, speaker)
            for device in pair:
                await device.open()
            speaker.play(noise(0.1).tobytes())
            heard = 0
            async for frame in microphone.frames():
                heard += len(frame)
                if heard >= speaker.rate // 2:
                    break
            await speaker.drained()
            is_one = is_shared(microphone)
            for device in (speaker, microphone) if closes == "speaker first" else (microphone, speaker):
                await device.close()
            failures = [str(speaker.failure), str(microphone._device.failure)]
            say(opens=opens, shared=is_one, played=speaker.played, handed=speaker.handed, failures=failures)
    say(open=portaudio.streams_are_open(), python_threads=threading.active_count())


async def echo() -> None:
    """What the echo canceller knows of while something with ups and downs is played and comes back."""
    care = DeviceEcho()
    sound = shared_sound(care)
    speaker, microphone = sound.speaker(), sound.microphone()
    await speaker.open()
    await microphone.open()
    loud = noise(SECONDS)
    swell = np.abs(np.sin(np.pi * 3 * np.arange(len(loud)) / RATE))
    speaker.play((loud * swell).astype("<i2").tobytes())
    known = 0
    async for frame in microphone.frames():
        if care.figure.state != "waiting":
            known += len(frame) // 2
        if not speaker.queued_ms:
            break
    say(
        shared=is_shared(microphone),
        known_s=known / microphone.rate,
        state=care.figure.state,
        erle_db=care.figure.erle_db,
        overflows=microphone.overflows,
    )
    await microphone.close()
    await speaker.close()


SCENES = {
    scene.__name__: scene for scene in (talk, key, while_it_talks, other_loudspeaker, die, orders, echo)
}

if __name__ == "__main__":
    asyncio.run(SCENES[sys.argv[1]](*sys.argv[2:]))
