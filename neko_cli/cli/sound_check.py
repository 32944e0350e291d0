"""The sound test: a level meter, a tone, and whether the one hears the other."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
from array import array

import msgspec

from neko_cli.audio.meters import Meter
from neko_cli.cli.exits import Exit, exit_code, sentence, tell, wants_colour, write_quietly
from neko_cli.core.errors import AudioError, NekoError
from neko_cli.core.ports import Microphone, Sound
from neko_cli.core.text import one_line, to_json

TONE_HZ = 1000.0
TONE_S = 1.0
TONE_PEAK = 0.25
"""A quarter of full scale: clearly audible, and no shock in headphones."""

HEARD_DB = 10.0
"""How far above the quiet before it the tone must stand to count as heard."""

SILENT_DBFS = -80.0
"""Real microphones are noisier than this; below it one is muted or not connected."""

METER_CELLS = 30
OPEN_TIMEOUT_S = 10.0


class Result(msgspec.Struct, kw_only=True):
    """What the test found; levels in dBFS, None where there was nothing to measure."""

    microphone: str = ""
    speaker: str = ""
    loudest: float | None = None
    quiet_tone_db: float | None = None
    heard_tone_db: float | None = None
    hears_itself: bool | None = None
    problems: list[str] = []


def tone(rate: int, seconds: float = TONE_S) -> bytes:
    """A 16-bit sine with soft ends, so that it does not click."""
    count = int(rate * seconds)
    ramp = max(1, rate // 100)
    samples = array("h", bytes(2 * count))
    for i in range(count):
        edge = min(1.0, i / ramp, (count - 1 - i) / ramp)
        samples[i] = int(32767 * TONE_PEAK * edge * math.sin(2 * math.pi * TONE_HZ * i / rate))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def tone_level(pcm: bytes, rate: int, frequency: float = TONE_HZ) -> float:
    """How strong a frequency is in 16-bit PCM, in dB relative to full scale (Goertzel's algorithm)."""
    samples = array("h", pcm[: len(pcm) & ~1])
    if sys.byteorder == "big":
        samples.byteswap()
    if not samples:
        return -120.0
    turn = 2 * math.cos(2 * math.pi * frequency / rate)
    one = two = 0.0
    for sample in samples:
        one, two = sample + turn * one - two, one
    power = one * one + two * two - turn * one * two
    amplitude = 2 * math.sqrt(max(power, 0.0)) / len(samples) / 32768.0
    return 20 * math.log10(max(amplitude, 1e-6))


def drawn(bar: float, level: float) -> str:
    """A bar of 0 … 1 in cells, and the level in dBFS beside it."""
    filled = round(METER_CELLS * bar)
    return f"[{'#' * filled}{'.' * (METER_CELLS - filled)}] {level:6.1f} dBFS"


def hears(quiet_db: float, tone_db: float) -> bool:
    """Whether the tone stands out from what was there before."""
    return tone_db - quiet_db >= HEARD_DB


async def run(sound: Sound, mic: str, speaker: str, *, seconds: float, json: bool) -> int:
    """Test both; a missing one is told and the other tested all the same."""
    result = Result()
    codes: list[Exit] = []
    microphone: Microphone | None = sound.microphone(mic)
    assert microphone is not None
    try:
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            await microphone.open()
        result.microphone = microphone.name
        _say(f"Microphone: {one_line(microphone.name, 60)}. Speak for {seconds:g} seconds.")
        result.loudest = await _watch(microphone, seconds)
        if result.loudest < SILENT_DBFS:
            _problem(result, "The microphone gives silence: it is muted, not connected or not allowed.")
            codes.append(Exit.SOUND)
    except (NekoError, TimeoutError) as error:
        codes.append(_failed(result, error, "microphone"))
        await microphone.close()
        microphone = None
    try:
        await _loop_back(sound, speaker, microphone, result)
    except (NekoError, TimeoutError) as error:
        codes.append(_failed(result, error, "loudspeaker"))
    finally:
        if microphone is not None:
            await microphone.close()
    if json:
        sys.stdout.write(to_json(result) + "\n")
    else:
        sys.stdout.write(summary(result) + "\n")
    return max(codes, default=Exit.OK)


def summary(result: Result) -> str:
    """The findings as lines."""
    lines = []
    if result.loudest is not None:
        lines.append(f"microphone   {one_line(result.microphone, 60)}: loudest {result.loudest:.1f} dBFS")
    if result.speaker:
        lines.append(f"loudspeaker  {one_line(result.speaker, 60)}: the tone was played")
    if result.hears_itself is not None:
        heard = "hears" if result.hears_itself else "does not hear"
        advice = "; headphones keep the character from hearing itself" if result.hears_itself else ""
        lines.append(f"loop-back    the microphone {heard} the loudspeaker{advice}")
    return "\n".join(lines) or "No sound could be tested."


async def _watch(microphone: Microphone, seconds: float) -> float:
    """Show the level for a while; returns the loudest."""
    loudest = -96.0
    live = wants_colour(sys.stderr)
    bar = Meter()
    loop = asyncio.get_running_loop()
    shown = loop.time()
    end = loop.time() + seconds
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(end):
            async for _ in microphone.frames():
                loudest = max(loudest, microphone.level)
                if live and (passed := loop.time() - shown) > 0.05:
                    shown += passed
                    level = microphone.level
                    write_quietly(f"\r{drawn(bar.update(level, passed), level)}", sys.stderr)
    if live:
        write_quietly("\n", sys.stderr)
    return loudest


async def _loop_back(sound: Sound, name: str, microphone: Microphone | None, result: Result) -> None:
    speaker = sound.speaker(name)
    try:
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            await speaker.open()
        result.speaker = speaker.name
        _say(f"Loudspeaker: {one_line(speaker.name, 60)}. You should hear a tone.")
        quiet = await _record(microphone, 0.5)
        speaker.play(tone(speaker.rate))
        heard = await _record(microphone, TONE_S)
        async with asyncio.timeout(TONE_S + OPEN_TIMEOUT_S):
            await speaker.drained()
        if microphone is not None and quiet and heard:
            result.quiet_tone_db = round(tone_level(quiet, microphone.rate), 1)
            result.heard_tone_db = round(tone_level(heard, microphone.rate), 1)
            result.hears_itself = hears(result.quiet_tone_db, result.heard_tone_db)
    finally:
        await speaker.close()


async def _record(microphone: Microphone | None, seconds: float) -> bytes:
    """What the microphone hears for a while."""
    if microphone is None:
        return b""
    heard = bytearray()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for frame in microphone.frames():
                heard += frame
    return bytes(heard)


def _failed(result: Result, error: BaseException, what: str) -> Exit:
    if isinstance(error, TimeoutError):
        error = AudioError(f"The {what} does not answer.", hint="Is the sound server running?")
    _problem(result, sentence(error))
    return exit_code(error)


def _problem(result: Result, text: str) -> None:
    result.problems.append(one_line(text, 300))
    tell(text)


def _say(text: str) -> None:
    write_quietly(text + "\n", sys.stderr)
