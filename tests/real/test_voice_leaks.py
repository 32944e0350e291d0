"""A thousand replies that are read aloud leave nothing behind: no thread, task, file or process."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from neko_cli.core.events import Outcome, ReplyAudio, ReplyText, TurnEnded
from neko_cli.core.voicing import MakeVoice
from neko_cli.speech.tts.pipeline import VoiceWorker
from neko_cli.speech.tts.worker import TtsWorker
from tests.fakes.conversing import Talk, conversing
from tests.fakes.read_aloud import LiveSpeaker, chat_server, real_voices, voice_processes, writes
from tests.fakes.voice_ear import RATE, tiny
from tests.real.test_swap_leaks import Held, held

WARM_UP = 30
CUT_EVERY = 7
CLOSE_S = 2.0
STORY = "And then the little cat went on and on to tell its story. " * 6
PROFILE = {
    "speak": {"worker": "espeak"},
    # A link that comes or goes is none of the voice's.
    "swap": {"standby": "cold"},
    # Full after the first turns, so that its growth is none of the run's.
    "memory": {"messages": 10},
}


def in_memory(profile: Any, trouble: Any) -> VoiceWorker:
    """A worker's thread around a source that needs no process."""
    return VoiceWorker(lambda wake: TtsWorker(tiny, name="memory", notify=wake), trouble=trouble)


async def rest(before: Held | None = None) -> Held:
    """What is held when nothing changes any more, or when it is what was held before."""
    last, same = held(), 0
    deadline = time.monotonic() + 10
    while same < 5 and last != before and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
        now = held()
        same, last = (same + 1 if now == last else 0), now
    return last


async def utterances(talk: Talk, count: int) -> None:
    """Replies that are heard whole, and now and then one that is interrupted at its first sound."""
    for number in range(count):
        if number % CUT_EVERY == 3:
            await talk.session.send_message("Tell a story.")
            await talk.until(ReplyAudio)
            await talk.session.interrupt()
            assert (await talk.until(TurnEnded)).outcome is Outcome.INTERRUPTED
        else:
            ended = await talk.turn("Well?")
            assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "Yes.")
        talk.seen.clear()


@pytest.mark.parametrize(
    ("count", "real"), [(1_000, False), (30, True)], ids=["a thousand in memory", "thirty of espeak"]
)
@pytest.mark.timeout(120)
async def test_utterances_leave_nothing_behind(tmp_path: Path, count: int, real: bool) -> None:
    voice: MakeVoice = real_voices(tmp_path) if real else in_memory

    def answer(request: Any) -> None:
        asked = request.json["messages"][-1]["content"]
        writes(STORY if asked.endswith("story.") else "Yes.")(request)

    with chat_server(answer) as box:
        await asyncio.to_thread(time.time)  # the loop keeps such a thread for its own
        before, speaker = await rest(), LiveSpeaker(RATE, speed=200.0)
        async with conversing("chat", box.url, speaker=speaker, voice=voice, **PROFILE) as talk:
            await utterances(talk, min(WARM_UP, count // 3))
            running, processes = await rest(), voice_processes()
            assert len(processes) == real
            await utterances(talk, count)
            assert await rest(running) == running
            assert voice_processes() == processes
        assert voice_processes() == []
        assert await rest(before) == before


@pytest.mark.serial  # what ends must be gone within a time
@pytest.mark.parametrize("speaks", [True, False], ids=["while it speaks", "while it waits for text"])
async def test_a_session_that_ends_in_the_middle_of_a_speech_ends_soon(tmp_path: Path, speaks: bool) -> None:
    with chat_server(writes(STORY if speaks else STORY[:20], threading.Event())) as box:
        voice, speaker = real_voices(tmp_path), LiveSpeaker()
        async with conversing("chat", box.url, speaker=speaker, voice=voice, **PROFILE) as talk:
            await talk.session.send_message("Tell a story.")
            await talk.until(ReplyAudio if speaks else ReplyText)
            async with asyncio.timeout(CLOSE_S):
                await talk.session.cleanup()
            assert voice_processes() == []
        box.released.set()
