"""The spoken forms of ``neko say``: a sound file, or one turn from the microphone."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from neko_cli.cli.exits import wants_colour, write_quietly
from neko_cli.cli.output import Writer
from neko_cli.cli.say_plan import STANDARD_STREAM, Pace
from neko_cli.core.codecs.base import Detection
from neko_cli.core.commands import AudioChunk
from neko_cli.core.errors import LinkError
from neko_cli.core.events import InputMode
from neko_cli.core.pcm import silence

if TYPE_CHECKING:
    from neko_cli.audio.wav import WavReader
    from neko_cli.cli.say_run import SayRun

FRAME_MS = 20.0
"""A frame in real time, as sound devices and telephones have it."""

BURST_MS = 100.0
"""A piece of a file that is sent fast: fewer messages for the same sound."""

SPEED = {Pace.REALTIME: 1.0, Pace.FAST: 5.0}
"""How many times faster than it was spoken a file is sent. Faster would run far ahead of what the
detector tells us, so that the next sentence would cut off the answer to this one."""

CLOSING_SILENCE_S = 1.5
"""Least silence after a file, beyond the profile's own; a detector needs it to be sure."""

COMMIT_AFTER_S = 4.0
"""Silence after which an utterance that the detector leaves open is committed by us."""

UNHEARD_AFTER_S = 12.0
"""Silence without any sign of speech after which there was none in the file."""

SETTLE_S = {Pace.REALTIME: 0.4, Pace.FAST: 1.0}
"""Quiet after a turn in which a further utterance of the file would have shown itself."""


async def send_file(run: SayRun) -> None:
    """Send the file, then silence until its last turn is closed; waits for that turn's end.

    The turn's time limit counts from the end of the file, because sending takes its own time.
    """
    lane = Writer()
    try:
        reader = await lane.run(_open, run.plan.audio)
    except BaseException:
        lane.close()
        raise
    try:
        async with run.limit():
            await run.start(InputMode.AUDIO)
        frame_ms = FRAME_MS if run.plan.pace is Pace.REALTIME else BURST_MS
        clock = _Clock(run.plan.pace)
        chunks = reader.chunks(frame_ms)
        # On a thread of its own: a pipe may keep us waiting for the next piece.
        while (pcm := await lane.run(next, chunks, None)) is not None:
            if run.tracker.over is not None:
                raise run.lost()
            await _send(run, AudioChunk(pcm, reader.rate))
            await clock.tick(len(pcm) / 2 / reader.rate)
            if run.plan.pace is Pace.FAST:
                await _answered(run)
        async with run.limit():
            await _close_turns(run, reader.rate)
    finally:
        lane.close()
        reader.close()
    for ended in run.tracker.ended.values():
        await run.count(ended)


async def _send(run: SayRun, chunk: AudioChunk) -> None:
    """Send sound; while there is no connection it waits for one, though not longer than a turn may take."""
    async with run.limit():
        await run.session.stream_data(chunk)


async def _answered(run: SayRun) -> None:
    """Between two sentences: wait for the answer to the first, which nobody is to interrupt."""
    tracker = run.tracker
    if tracker.utterances and not tracker.settled:
        async with run.limit():
            await run.until(lambda: tracker.settled or tracker.speaking or tracker.over is not None)


def _open(audio: str) -> WavReader:
    """Read the header; standard input is read without its buffer (see ``cli/output``)."""
    from neko_cli.audio.wav import WavReader  # numpy comes with it

    if audio == STANDARD_STREAM:
        return WavReader(open(0, "rb", buffering=0, closefd=False), "standard input")
    return WavReader.open(audio)


async def _close_turns(run: SayRun, rate: int) -> None:
    """Silence in real time until nobody speaks and no turn is open, then a moment of quiet."""
    tracker, profile = run.tracker, run.session.profile
    least = profile.turns.silence_ms / 1000.0 + CLOSING_SILENCE_S
    frame = AudioChunk(silence(FRAME_MS, rate), rate)
    clock = _Clock(Pace.REALTIME)
    manual = profile.turns.detection in (Detection.MANUAL, Detection.LOCAL)
    if manual:
        run.session.finish_input()  # the file's end is the turn's end
    sent, committed = 0.0, False
    while not manual and (sent < least or tracker.speaking or not tracker.heard):
        if tracker.over is not None:
            raise run.lost()
        if sent >= COMMIT_AFTER_S and tracker.speaking and not committed:
            run.session.finish_input()
            committed = True
        if sent >= UNHEARD_AFTER_S and not tracker.heard:
            raise LinkError("No speech was heard in the sound.", code="no_speech")
        await run.session.stream_data(frame)
        await clock.tick(FRAME_MS / 1000.0)
        sent += FRAME_MS / 1000.0
    while True:
        await run.until(lambda: tracker.settled or tracker.over is not None)
        if tracker.over is not None and not tracker.settled:
            raise run.lost()
        if not await run.until_within(lambda: not tracker.settled, SETTLE_S[run.plan.pace]):
            return


async def listen(run: SayRun) -> None:
    """One spoken turn from the microphone; raises AudioError when there is none."""
    tracker = run.tracker
    async with run.limit():
        await run.session.set_push_to_talk(False)
        await run.start(InputMode.AUDIO)
        await run.session.start_listening()
        if wants_colour(sys.stderr) and not run.plan.quiet:
            write_quietly("Listening: speak now.\n", sys.stderr)
        await run.until(lambda: tracker.utterances > 0 or bool(tracker.ended) or tracker.over is not None)
        await run.session.stop_listening()
        await run.until(lambda: (bool(tracker.ended) and tracker.settled) or tracker.over is not None)
    if not tracker.ended:
        raise run.lost()
    for ended in tracker.ended.values():
        await run.count(ended)


class _Clock:
    """Paces frames on a clock without drift."""

    def __init__(self, pace: Pace) -> None:
        self._speed = SPEED[pace]
        self._due: float | None = None

    async def tick(self, seconds: float) -> None:
        """Wait until the sound that was just sent would have been spoken."""
        seconds /= self._speed
        now = asyncio.get_running_loop().time()
        # A machine that was asleep does not catch up by a burst of more than half a second.
        self._due = now + seconds if self._due is None else max(self._due + seconds, now - 0.5)
        await asyncio.sleep(max(0.0, self._due - now))
