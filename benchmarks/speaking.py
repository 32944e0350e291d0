"""How soon the voice of this machine begins, and how free it leaves the process that owns the sound.

    python -m benchmarks.speaking [--runs N] [--check]

espeak-ng in its worker process, a voice worker's thread, the pipeline in front of it. The clock starts
with the delta that completes a reply's first sentence, and stops when the first sound can be played.
Every other reply is interrupted in the middle: the clock starts again with the next reply's sentence.
Then the same sentence comes from a chat server on a real socket, through a whole session: from the
server's write to the first sample that the loudspeaker is given. Then a story is taken as fast as it
would be heard, and the loop's lag is compared with that of a loop with nothing else to do. With
``--check`` the exit code is 1 when a limit is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

from benchmarks.kit.read_aloud import SETTLE_S, first_samples
from benchmarks.kit.stats import Limit, Reading, Series, readings, table
from neko_cli.core.pcm import duration_ms
from neko_cli.core.ports_voice import SpeechSpoken, SpokenSound, SpokenUpTo, VoiceTrouble
from neko_cli.core.profile import parse
from neko_cli.local.ports import Speech
from neko_cli.local.voice_source import LocalSource
from neko_cli.speech.tts.choose import VoiceNeeds, make_voice
from neko_cli.speech.tts.pipeline import Out, VoiceWorker
from neko_cli.speech.tts.settings import VoiceSettings

FIRST_SOUND_LIMIT_MS = 50.0
FIRST_SAMPLE_LIMIT_MS = 150.0
HOLD_LIMIT_MS = 3.0
TICK_S = 0.001
LISTEN_S = 5.0
SENTENCE = "Hello there, I am the cat that lives in your terminal. "
STORY = "And then the little cat went on and on to tell its story. "


async def main() -> int:
    """Measure, print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    fresh, after = Series("first sentence → first sound"), Series("the same after an interruption")
    whole_way = Series("server's write → first sample")
    idle, speaking = Series("event loop lag, idle"), Series("event loop lag while it speaks")
    with tempfile.TemporaryDirectory() as folder:
        voice = voice_in(Path(folder))
        await voice.start()
        try:
            sounds = voice.sounds()
            await replies(voice, sounds, options.runs, fresh, after)
            await first_samples(SENTENCE, STORY[0], options.runs, Path(folder), whole_way)
            await ticking(idle, asyncio.sleep(LISTEN_S))
            await ticking(speaking, listen(voice, sounds))
        finally:
            await voice.close()
    limits = [
        Limit(fresh, milliseconds=FIRST_SOUND_LIMIT_MS),
        Limit(after, milliseconds=FIRST_SOUND_LIMIT_MS),
        Limit(whole_way, basis=fresh, milliseconds=FIRST_SAMPLE_LIMIT_MS),
    ]
    print(table([idle, speaking], limits))
    held = Reading("later than when idle, p99", max(0.0, speaking.p99 - idle.p99), "ms", HOLD_LIMIT_MS)
    late = Reading("server's write → first sample, p99", whole_way.p99, "ms", FIRST_SAMPLE_LIMIT_MS)
    print(readings([held, late]))
    kept = all(one.kept for one in (*limits, held, late))
    return 1 if options.check and not kept else 0


def voice_in(folder: Path) -> VoiceWorker:
    """espeak, as a profile chooses it."""

    def local(name: str, settings: VoiceSettings) -> LocalSource:
        return LocalSource(name, Speech(language=settings.language), models_dir=folder)

    profile = parse({"speak": {"worker": "espeak"}}, "benchmark")
    voice = make_voice(profile, VoiceNeeds(lambda _: "", local), trouble=failed)
    assert voice is not None
    return voice


async def replies(
    voice: VoiceWorker, sounds: AsyncIterator[Out], runs: int, fresh: Series, after: Series
) -> None:
    """First sound of replies on their own, and right after an interruption; the first run is not counted."""
    for number in range(runs + 1):
        for series, speech in ((fresh, f"whole {number}"), (after, f"after {number}")):
            voice.say(speech, SENTENCE)
            if series is fresh:
                await asyncio.sleep(SETTLE_S)  # the last reply is over in the worker as well
            begun = time.perf_counter()
            voice.say(speech, STORY[0])  # the letter that tells that the sentence has ended
            first = await anext(sounds)
            elapsed = (time.perf_counter() - begun) * 1000.0
            assert isinstance(first, SpokenSound)
            assert first.speech == speech
            if number:
                series.times.append(elapsed)
            if series is fresh:
                voice.finish(speech)
                while not isinstance(await anext(sounds), SpeechSpoken):
                    pass
                voice.say(f"cut {number}", STORY * 5)
                await anext(sounds)
            voice.interrupt()


async def listen(voice: VoiceWorker, sounds: AsyncIterator[Out]) -> None:
    """Take a story as fast as it would be heard."""
    voice.say("story", STORY * 20)
    begun, heard_ms = time.perf_counter(), 0.0
    while time.perf_counter() - begun < LISTEN_S:
        item = await anext(sounds)
        if isinstance(item, SpokenUpTo):
            continue
        assert isinstance(item, SpokenSound)
        heard_ms += duration_ms(len(item.pcm), item.rate)
        await asyncio.sleep(max(0.0, begun + heard_ms / 1000.0 - time.perf_counter()))
    voice.interrupt()


async def ticking(lag: Series, work: Coroutine[Any, Any, None]) -> None:
    """Do some work, and note how late the loop wakes every ms meanwhile."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        while not task.done():
            due = time.perf_counter() + TICK_S
            await asyncio.sleep(TICK_S)
            lag.times.append((time.perf_counter() - due) * 1000.0)


def failed(trouble: VoiceTrouble) -> None:
    """A voice in trouble measures nothing."""
    raise RuntimeError(str(trouble.error))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
