"""Runs one scene with the real sound path and prints its findings as JSON lines.

A process of its own, because PortAudio is global to a process and reads its environment at the
start. Usage: ``python -m tests.real.sound_runner SCENE [ARGUMENT…]``. Times are on the system's
monotonic clock, which the test shares.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from array import array
from pathlib import Path

from neko_cli.audio.microphone import DeviceMicrophone
from neko_cli.audio.sound import DeviceSound
from neko_cli.audio.speaker import DeviceSpeaker
from neko_cli.core.errors import AudioError

TONE_HZ = 440
TONE_PEAK = 16_000


def tone(rate: int, seconds: float) -> bytes:
    """A sine without a sample of exactly zero, so that its ends are seen in a recording."""
    step = 2 * math.pi * TONE_HZ / rate
    samples = (round(TONE_PEAK * math.sin(0.3 + step * n)) or 1 for n in range(int(rate * seconds)))
    return array("h", samples).tobytes()


def say(**findings: object) -> None:
    print(json.dumps({"at": time.monotonic(), **findings}), flush=True)


async def line_from_test() -> str:
    return (await asyncio.to_thread(sys.stdin.readline)).strip()


async def until_played(speaker: DeviceSpeaker, samples: int) -> None:
    async with asyncio.timeout(10):
        while speaker.played < samples:  # noqa: ASYNC110 (there is no event for a count)
            await asyncio.sleep(0.002)


async def play_tone(seconds: str, device: str = "") -> None:
    """A tone from the first to the last sample."""
    speaker = DeviceSpeaker(device)
    await speaker.open()
    taken = speaker.play(tone(speaker.rate, float(seconds)))
    await until_played(speaker, speaker.rate // 2)
    level, queued_ms, begun = speaker.level, speaker.queued_ms, time.monotonic()
    await speaker.drained()
    say(
        rate=speaker.rate,
        name=speaker.name,
        taken=taken,
        level=level,
        played=speaker.played,
        gaps=speaker.gaps,
        underruns=speaker.underruns,
        queued_ms=queued_ms,
        drained_ms=(time.monotonic() - begun) * 1000,
        idle_level=speaker.level,
    )
    await line_from_test()
    await speaker.close()


async def clear() -> None:
    """A long tone is dropped in the middle; then a short one is played."""
    speaker = DeviceSpeaker()
    await speaker.open()
    speaker.play(tone(speaker.rate, 10))
    await until_played(speaker, speaker.rate // 2)
    handed, played = speaker.handed, speaker.played
    speaker.clear()
    begun = time.monotonic()
    await speaker.drained()
    say(
        rate=speaker.rate,
        latency_ms=speaker.latency_ms,
        handed_at_clear=handed,
        played_at_clear=played,
        played=speaker.played,
        silent_ms=(time.monotonic() - begun) * 1000,
    )
    await line_from_test()
    speaker.play(tone(speaker.rate, 0.25))
    await speaker.drained()
    say(played=speaker.played)
    await line_from_test()
    await speaker.close()


async def cut() -> None:
    """A tone is cut by closing the device: what was heard is what had been counted."""
    speaker = DeviceSpeaker()
    await speaker.open()
    speaker.play(tone(speaker.rate, 10))
    await until_played(speaker, speaker.rate // 2)
    played = speaker.played
    await speaker.close()
    say(rate=speaker.rate, played=played)


async def breaks() -> None:
    """A tone that begins softly runs dry, goes on, is held and goes on, and is cleared, each in mid-wave."""
    speaker = DeviceSpeaker()
    await speaker.open()
    whole = array("h", tone(speaker.rate, 3.0))
    soft = speaker.rate // 50
    for n in range(soft):
        whole[n] = round(whole[n] * math.sin(math.pi / 2 * n / soft) ** 2)
    sound, dry_at = whole.tobytes(), 2 * (speaker.rate // 2 + 123)
    speaker.play(sound[:dry_at])
    await until_played(speaker, dry_at // 2)
    await asyncio.sleep(0.1)
    dry = speaker.played
    speaker.play(sound[dry_at:])
    await until_played(speaker, dry + speaker.rate // 2)
    speaker.hold(True)
    await asyncio.sleep(0.2)
    held = speaker.handed
    await asyncio.sleep(0.1)
    still_held = speaker.handed
    speaker.hold(False)
    await until_played(speaker, held + speaker.rate // 2)
    speaker.clear()
    await speaker.drained()
    say(dry=dry, held=held, still_held=still_held, played=speaker.played, handed=speaker.handed)
    await line_from_test()
    await speaker.close()


async def listen(path: str) -> None:
    """Everything from the microphone goes to a file until the test says stop."""
    microphone = DeviceMicrophone()
    await microphone.open()
    lengths: set[int] = set()
    loudest = -96.0

    async def write() -> None:
        nonlocal loudest
        with Path(path).open("wb") as sink:
            async for frame in microphone.frames():
                lengths.add(len(frame))
                loudest = max(loudest, microphone.level)
                sink.write(frame)

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        say(event="open", rate=microphone.rate, name=microphone.name)
        await line_from_test()
        begun = time.monotonic()
        await microphone.close()
        closed_ms = (time.monotonic() - begun) * 1000
    say(lengths=sorted(lengths), overflows=microphone.overflows, loudest=loudest, closed_ms=closed_ms)


async def die(reopen: str = "") -> None:
    """The daemon is killed or frozen by the test while both directions are open."""
    microphone, speaker = DeviceMicrophone(), DeviceSpeaker()
    await asyncio.gather(microphone.open(), speaker.open())
    speaker.play(tone(speaker.rate, 60))

    async def read() -> None:
        first = True
        try:
            async for _ in microphone.frames():
                if first:
                    say(event="open")
                first = False
        except AudioError as error:
            say(event="microphone", error=str(error), kind=type(error).__name__)

    async def watch() -> None:
        error = await speaker.lost()
        say(event="speaker", error=str(error), kind=type(error).__name__)

    async def drain() -> None:
        try:
            await speaker.drained()
        except AudioError as error:
            say(event="drained", error=str(error))

    async with asyncio.timeout(15), asyncio.TaskGroup() as group:
        for part in (read(), watch(), drain()):
            group.create_task(part)
    begun = time.monotonic()
    await asyncio.gather(microphone.close(), speaker.close())
    say(event="closed", ms=(time.monotonic() - begun) * 1000, taken=speaker.play(b"\0\0"))
    if reopen:
        await line_from_test()
        async with asyncio.timeout(20):
            while True:
                try:
                    await speaker.open()
                    break
                except AudioError:
                    await asyncio.sleep(0.05)
        speaker.play(tone(speaker.rate, 0.5))
        await speaker.drained()
        say(event="again", played=speaker.played)
        await line_from_test()
        await speaker.close()


async def open_all(device: str = "") -> None:
    """Lists the devices and tries to open both directions, telling the errors."""
    sound = DeviceSound()
    try:
        say(event="devices", devices=[device.name for device in await sound.devices()])
    except AudioError as error:
        say(event="devices", error=str(error))
    for stream in (sound.microphone(device), sound.speaker(device)):
        begun = time.monotonic()
        try:
            await stream.open()
            say(event="open", name=stream.name, ms=(time.monotonic() - begun) * 1000)
        except AudioError as error:
            say(event="refused", error=str(error), kind=type(error).__name__)
        await stream.close()


async def round_trip(seconds: str) -> None:
    """Clicks from the speaker to the microphone, with the processor time of both streams."""
    microphone, speaker = DeviceMicrophone(), DeviceSpeaker()
    await asyncio.gather(microphone.open(), speaker.open())
    rate, wanted = speaker.rate, int(float(seconds))
    heard: list[float] = []

    async def hear() -> None:
        quiet_until, position = 0.0, 0
        async for frame in microphone.frames():
            samples = array("h", frame)
            if max(samples) > 8_000 and time.monotonic() > quiet_until:
                late = len(samples) - next(i for i, s in enumerate(samples) if s > 8_000)
                heard.append(time.monotonic() - late / microphone.rate)
                quiet_until = time.monotonic() + 0.5
            position += len(samples)
            if len(heard) == wanted:
                return

    begun, cpu = time.monotonic(), time.process_time()
    sent: list[float] = []
    async with asyncio.timeout(wanted + 10), asyncio.TaskGroup() as group:
        group.create_task(hear())
        for _ in range(wanted):
            await asyncio.sleep(1.0)
            sent.append(time.monotonic())
            speaker.play(array("h", [16_000] * 48).tobytes())
            await speaker.drained()  # a whole sound: the next one is not faded in
    used = (time.process_time() - cpu) / (time.monotonic() - begun)
    delays = [round((b - a) * 1000, 1) for a, b in zip(sent, heard, strict=True)]
    say(rate=rate, delays_ms=delays, cpu=used, underruns=speaker.underruns, overflows=microphone.overflows)
    await asyncio.gather(microphone.close(), speaker.close())


SCENES = {
    scene.__name__: scene for scene in (play_tone, clear, cut, breaks, listen, die, open_all, round_trip)
}

if __name__ == "__main__":
    asyncio.run(SCENES[sys.argv[1]](*sys.argv[2:]))
