"""Replays a recording: its sound through the loudspeaker, its lines on standard output at their time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from neko_cli.audio.playback import Playback
from neko_cli.audio.wav import WavReader
from neko_cli.cli.exits import Exit, tell
from neko_cli.cli.output import Output, Writer
from neko_cli.cli.replay_lines import Line, lines_of, stamped
from neko_cli.core.errors import AudioError, ConfigError
from neko_cli.core.ports import Speaker
from neko_cli.core.text import one_line
from neko_cli.core.transport.recorded import Recorded, read_recorded
from neko_cli.wiring.recording import LOG, SOUND

LOOK_S = 0.02


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be replayed, and how; ``start`` in seconds, ``speed`` 0 as fast as can be."""

    file: Path
    sound: bool = True
    speaker: str = ""
    start: float = 0.0
    speed: float = 1.0


class Files(NamedTuple):
    """The parts of a recording that are there."""

    log: Path | None
    sound: Path | None


def find(file: Path) -> Files:
    """What belongs to a file that was named; raises ConfigError when there is none."""
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "is not there"
        raise ConfigError(f"{one_line(str(file))} {what}.", hint="Name a recording: talk.wav or talk.jsonl.")
    if file.suffix.lower() == SOUND:
        log = file.with_suffix(LOG)
        return Files(log if log.is_file() else None, file)
    sound = file.with_suffix(SOUND)
    return Files(file, sound if sound.is_file() else None)


async def run(replay: Replay, make_speaker: Callable[[str], Speaker]) -> int:
    """Replay it to the end; raises NekoError."""
    files = find(replay.file)
    plays = replay.sound and files.sound is not None
    if files.log is None and not plays:
        raise ConfigError(
            f"{one_line(replay.file.name)} has no log beside it, so there are no lines to print.",
            hint="Without --no-sound it is played.",
        )
    reader = Writer()  # a thread that no slow disk keeps us from leaving
    recorded = await reader.run(read_recorded, files.log) if files.log is not None else None
    lines = _lines(recorded, replay.start)
    output = Output(Writer())
    if not plays or files.sound is None:
        if files.log is not None and files.sound is None and replay.sound:
            tell(f"There is no {files.log.with_suffix(SOUND).name} beside it: the lines alone.")
        await _print(lines, output, _Clock(replay.start, replay.speed).position)
        return Exit.OK
    wav = await reader.run(WavReader.open, files.sound)
    with wav:
        await _play(wav, make_speaker(replay.speaker), replay, lines, output, reader)
    return Exit.OK


async def _play(
    wav: WavReader, speaker: Speaker, replay: Replay, lines: list[Line], output: Output, reader: Writer
) -> None:
    playback = Playback(wav, reader.run, start=replay.start, speed=replay.speed)
    await playback.load()
    try:
        try:
            await speaker.open()
        except AudioError as error:
            error.hint = f"{error.hint} Or see the lines alone: --no-sound.".strip()
            raise
        clock = _Clock(replay.start, replay.speed)
        async with asyncio.TaskGroup() as group:
            playing = group.create_task(playback.run(speaker))
            playing.add_done_callback(lambda _: clock.go_on_from(playback.position))
            group.create_task(
                _print(lines, output, lambda: clock.position() if playing.done() else playback.position)
            )
    finally:
        await speaker.close()


def _lines(recorded: Recorded | None, start: float) -> list[Line]:
    if recorded is None:
        return []
    if not recorded.moments:
        tell("The log tells nothing but frames, so there are no lines.")
    return [line for line in lines_of(recorded.moments, recorded.header.character) if line.at >= start]


async def _print(lines: list[Line], output: Output, position: Callable[[], float]) -> None:
    for line in lines:
        while position() < line.at:  # noqa: ASYNC110 (a place in a sound is no event)
            await asyncio.sleep(LOOK_S)
        await output.text(stamped(line) + "\n")


class _Clock:
    """Where a replay without sound is."""

    def __init__(self, start: float, speed: float) -> None:
        self._speed = speed
        self.go_on_from(start)

    def go_on_from(self, position: float) -> None:
        self._start = position
        self._since = asyncio.get_running_loop().time()

    def position(self) -> float:
        if not self._speed:
            return float("inf")
        return self._start + (asyncio.get_running_loop().time() - self._since) * self._speed
