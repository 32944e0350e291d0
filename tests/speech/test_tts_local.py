"""The voices of this machine, for real: espeak in its own process behind a worker's thread."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from neko_cli.core.errors import ConfigError
from neko_cli.core.pcm import duration_ms, level_dbfs
from neko_cli.core.ports_voice import SpeechSpoken, SpokenSound, VoiceTrouble
from neko_cli.local.ports import VOICE_RATE, Speech
from neko_cli.local.voice_source import LocalSource
from neko_cli.speech.tts.by_pieces import ByPieces
from neko_cli.speech.tts.messages import Interrupt
from neko_cli.speech.tts.pipeline import VoiceWorker
from neko_cli.speech.tts.worker import TtsWorker
from tests.fakes.voice_ear import ear_of
from tests.local.real_parts import is_gone

PATIENCE = 20.0
STORY = "And then the little cat went on and on to tell its story. "


def source_in(folder: Path, name: str = "espeak") -> LocalSource:
    return LocalSource(name, Speech(), models_dir=folder)


def pid_of(source: LocalSource) -> int:
    """The process that speaks now."""
    assert source._voice is not None
    worker = source._voice._worker._seat.worker
    assert worker is not None
    return worker.pid


async def test_espeak_speaks_and_its_process_ends(tmp_path: Path) -> None:
    source = source_in(tmp_path)
    async with ear_of(lambda: ByPieces(source, together=0)) as ear:
        ear.say("one", "Hello there.", "How are you?")
        pcm = await ear.rest("one")
        assert 500 < duration_ms(len(pcm), VOICE_RATE) < 5_000
        assert level_dbfs(pcm) > -40
        pid = pid_of(source)
    assert is_gone(pid, 2.0)


async def test_an_interrupted_story_is_followed_by_the_new_speech_alone(tmp_path: Path) -> None:
    chance = random.Random(3)
    async with ear_of(lambda: ByPieces(source_in(tmp_path), together=0)) as ear:
        for number in range(50):
            old, new = f"old {number}", f"new {number}"
            ear.say(old, *[STORY] * 5)
            for _ in range(chance.randrange(30)):
                assert (await ear.next()).speech == old
            ear.worker.put(Interrupt())
            assert ear.worker.take() is None
            ear.say(new, "Yes.")
            assert 100 < duration_ms(len(await ear.rest(new)), VOICE_RATE) < 2_000


async def test_a_process_that_is_killed_is_replaced_with_a_notice(tmp_path: Path) -> None:
    sources: list[LocalSource] = []
    told: list[VoiceTrouble] = []

    def worker(wake: Callable[[], None]) -> TtsWorker:
        sources.append(source_in(tmp_path))
        return TtsWorker(lambda: ByPieces(sources[-1], together=0), name="espeak", notify=wake)

    voice = VoiceWorker(worker, trouble=told.append)
    try:
        async with asyncio.timeout(PATIENCE):
            await voice.start()
            sounds = voice.sounds()
            voice.say("one", STORY * 20)
            voice.finish("one")
            assert isinstance(await anext(sounds), SpokenSound)
            os.kill(pid_of(sources[0]), signal.SIGKILL)
            ms = 0.0
            while not isinstance(item := await anext(sounds), SpeechSpoken):
                if isinstance(item, SpokenSound):
                    ms += duration_ms(len(item.pcm), item.rate)
            assert item == SpeechSpoken("one", whole=False)
            assert ms > 10_000  # the stories that had not been begun came from the second process
            assert len(sources) == 2
            assert [trouble.retry_in is not None for trouble in told] == [True]
    finally:
        await voice.close()


async def test_a_voice_that_is_not_installed_is_told_and_not_tried_again(tmp_path: Path) -> None:
    async with ear_of(lambda: ByPieces(source_in(tmp_path, "piper:nowhere"))) as ear:
        error = (await ear.failed()).error
        assert isinstance(error, ConfigError)
        assert error.permanent


async def test_a_handful_of_voices_leaves_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    for _ in range(3):
        async with ear_of(lambda: ByPieces(source_in(tmp_path))) as ear:
            for number in range(10):
                ear.say(f"s{number}", "Yes.")
                await ear.rest(f"s{number}")
    deadline = time.monotonic() + 5.0
    for thread in set(threading.enumerate()) - before:
        if not thread.name.startswith("asyncio_"):  # the test's own helpers
            thread.join(max(0.0, deadline - time.monotonic()))
            assert not thread.is_alive(), thread.name


@pytest.mark.parametrize("name", ["espeak"])
def test_the_thread_loads_no_synthesiser(tmp_path: Path, name: str) -> None:
    import subprocess
    import sys

    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from neko_cli.local.ports import Speech\n"
        "from neko_cli.local.voice_source import LocalSource\n"
        "async def main():\n"
        f"    source = LocalSource({name!r}, Speech(), models_dir=Path({str(tmp_path)!r}))\n"
        "    await source.open()\n"
        "    print(len([chunk async for chunk in source.speak('Yes.')]) > 0)\n"
        "    await source.aclose()\n"
        "asyncio.run(main())\n"
        "print(sorted({'espeakng_loader', 'numpy', 'soxr', 'piper'} & set(sys.modules)))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert run.stdout.split("\n")[:2] == ["True", "[]"]
