"""The sound test: a level meter, a test sound, and how the microphone hears it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from neko_cli.audio.meters import Meter
from neko_cli.cli.exits import Exit, exit_code, sentence, tell, wants_colour, write_quietly
from neko_cli.cli.sound_verdict import Result, is_silent, summary, verdict
from neko_cli.core.errors import AudioError, NekoError
from neko_cli.core.pcm import SILENCE_DBFS, duration_ms, level_dbfs
from neko_cli.core.ports import Microphone, Speaker
from neko_cli.core.text import one_line, to_json

QUIET_S = 0.5
"""Before the test sound, to know what is there anyway."""

METER_CELLS = 30
METER_S = 0.05
METER_LINE_S = 0.5
"""How often the meter is written where it cannot be drawn over."""

LEVEL_MS = 100.0
OPEN_TIMEOUT_S = 10.0
LOOK_S = 0.002


class TestedMicrophone(Microphone, Protocol):
    """A microphone that counts what it lost."""

    overflows: int


class TestedSpeaker(Speaker, Protocol):
    """A loudspeaker that counts when it ran dry."""

    underruns: int


class TestedSound(Protocol):
    """Where the two come from."""

    def microphone(self, name: str = "") -> TestedMicrophone:
        """A microphone by name, number or part of a name; empty for the default."""
        ...

    def speaker(self, name: str = "") -> TestedSpeaker:
        """A loudspeaker, chosen likewise."""
        ...


class Heard:
    """All that the microphone gives while it is open, and when."""

    def __init__(self, microphone: TestedMicrophone) -> None:
        """For a microphone that is open."""
        self._microphone = microphone
        self._loop = asyncio.get_running_loop()
        self._sound = bytearray()
        self._began = float("inf")
        self._ended: BaseException | None = None

    @property
    def pcm(self) -> bytes:
        """16-bit mono so far."""
        return bytes(self._sound)

    @property
    def level(self) -> float:
        """Of the last moment, in dBFS."""
        last = int(self._microphone.rate * LEVEL_MS / 1000.0) * 2
        return level_dbfs(bytes(self._sound[-last:])) if self._sound else SILENCE_DBFS

    def place(self, at: float) -> float:
        """The place in the sound of a moment on the loop's clock, in seconds.

        A frame never comes before it was spoken: the promptest of all tells when the sound began.
        """
        return at - self._began

    async def run(self) -> None:
        """Collect until it is cancelled, or the microphone dies."""
        rate = self._microphone.rate
        try:
            async for frame in self._microphone.frames():
                self._sound += frame
                passed = duration_ms(len(self._sound), rate) / 1000.0
                self._began = min(self._began, self._loop.time() - passed)
        except AudioError as error:
            self._ended = error

    def check(self) -> None:
        """Raise what the microphone died of, or AudioError when it gave nothing."""
        if self._ended is not None:
            raise self._ended
        if not self._sound:
            raise TimeoutError


def drawn(bar: float, level: float) -> str:
    """A bar of 0 … 1 in cells, and the level in dBFS beside it."""
    filled = round(METER_CELLS * bar)
    return f"[{'#' * filled}{'.' * (METER_CELLS - filled)}] {level:6.1f} dBFS"


async def run(sound: TestedSound, mic: str, speaker: str, *, seconds: float, json: bool) -> int:
    """Test both; a missing one is told and the other tested all the same."""
    result = Result()
    codes: list[Exit] = []
    async with _listening(sound.microphone(mic), result, codes) as heard:
        if heard is not None:
            _say(f"Microphone: {one_line(result.microphone, 60)}. Speak for {seconds:g} seconds.")
            result.loudest = await _watch(heard, seconds)
        try:
            await _loop_back(sound.speaker(speaker), heard, result)
        except (NekoError, TimeoutError) as error:
            codes.append(_failed(result, error, "loudspeaker"))
    result.verdict = verdict(result)
    if is_silent(result):
        codes.append(Exit.SOUND)
    sys.stdout.write((to_json(result) if json else summary(result)) + "\n")
    return max(codes, default=Exit.OK)


@asynccontextmanager
async def _listening(
    microphone: TestedMicrophone, result: Result, codes: list[Exit]
) -> AsyncIterator[Heard | None]:
    """The microphone, open and heard; None when it cannot be, which is told."""
    from neko_cli.audio.loopback import clipped, noise_floor

    try:
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await microphone.open()
        except (NekoError, TimeoutError) as error:
            codes.append(_failed(result, error, "microphone"))
            yield None
            return
        result.microphone, result.microphone_rate = microphone.name, microphone.rate
        heard = Heard(microphone)
        async with asyncio.TaskGroup() as group:
            collecting = group.create_task(heard.run())
            yield heard
            collecting.cancel()
        try:
            heard.check()
        except (NekoError, TimeoutError) as error:
            codes.append(_failed(result, error, "microphone"))
        result.noise_floor = round(noise_floor(heard.pcm, microphone.rate), 1)
        result.clipped = clipped(heard.pcm)
        result.overflows = microphone.overflows
    finally:
        await microphone.close()


async def _watch(heard: Heard, seconds: float) -> float:
    """Show the level for a while; returns the loudest."""
    live = wants_colour(sys.stderr)
    every = METER_S if live else METER_LINE_S
    bar, loudest, most = Meter(), SILENCE_DBFS, SILENCE_DBFS
    loop = asyncio.get_running_loop()
    end, due = loop.time() + seconds, loop.time() + every
    while (now := loop.time()) < end:
        await asyncio.sleep(min(METER_S, end - now))
        level = heard.level
        loudest, most = max(loudest, level), max(most, level)
        if loop.time() >= due:
            due += every
            line = drawn(bar.update(most, every), most)
            write_quietly(f"\r{line}" if live else f"{line}\n", sys.stderr)
            most = SILENCE_DBFS
    if live:
        write_quietly("\n", sys.stderr)
    return round(loudest, 1)


async def _loop_back(speaker: TestedSpeaker, heard: Heard | None, result: Result) -> None:
    from neko_cli.audio.loopback import LATEST_S, SIGNAL_S, find_echo, test_signal

    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            await speaker.open()
        result.speaker, result.speaker_rate = speaker.name, speaker.rate
        _say(f"Loudspeaker: {one_line(speaker.name, 60)}. You should hear three sweeps.")
        await asyncio.sleep(QUIET_S)
        noise = heard.pcm if heard is not None else b""
        before = speaker.played
        handed_at = loop.time()
        speaker.play(test_signal(speaker.rate))
        async with asyncio.timeout(SIGNAL_S + OPEN_TIMEOUT_S):
            while (played := speaker.played) <= before:  # noqa: ASYNC110 (there is no event for a count)
                await asyncio.sleep(LOOK_S)
            audible_at = loop.time() - (played - before) / speaker.rate
            await speaker.drained()
        result.underruns = speaker.underruns
        if heard is None:
            return
        await asyncio.sleep(LATEST_S)
        if not heard.pcm:
            return
        rate = result.microphone_rate or 1
        quiet = noise[-int(rate * QUIET_S) * 2 :]
        echo = await asyncio.to_thread(find_echo, heard.pcm, rate, heard.place(audible_at), quiet)
        result.hears_itself = echo is not None
        if echo is not None:
            result.delay_ms = round(echo.delay_ms, 1)
            result.round_trip_ms = round(echo.delay_ms + (audible_at - handed_at) * 1000.0, 1)
            result.echo_db = round(echo.level_db, 1) + 0.0  # never −0.0
    finally:
        await speaker.close()


def _failed(result: Result, error: BaseException, what: str) -> Exit:
    if isinstance(error, TimeoutError):
        error = AudioError(f"The {what} does not answer.", hint="Is the sound server running?")
    text = sentence(error)
    result.problems.append(one_line(text, 300))
    tell(text)
    return exit_code(error)


def _say(text: str) -> None:
    write_quietly(text + "\n", sys.stderr)
