"""A reply that is read aloud is interrupted at any point: nothing of it is heard 20 ms later."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neko_cli.audio.fade import FADE_MS
from neko_cli.core.events import Outcome, TurnEnded
from neko_cli.local.ports import VOICE_RATE
from tests.fakes.conversing import conversing
from tests.fakes.read_aloud import LiveSpeaker, chat_server, real_voices, same_sound, spoken_alone, writes
from tests.real.pulse import RATE, PulseBox
from tests.real.voice_runner import CUTS, LATEST_S, LETTERS, level_of

pytestmark = [pytest.mark.serial]

ROOT = Path(__file__).parents[2]
LATE_MS = 20
STORY = "And then the little cat went on and on to tell its story. " * 4


async def test_fifty_cuts_of_espeak_are_silent_at_once(tmp_path: Path) -> None:
    chance = random.Random(11)
    (reference,) = await spoken_alone(tmp_path, "Yes.")
    speaker = LiveSpeaker()
    with chat_server(*[writes(STORY)] * CUTS, writes("Yes.")) as box:
        async with conversing(
            "chat", box.url, speaker=speaker, voice=real_voices(tmp_path), speak={"worker": "espeak"}
        ) as talk:
            heard = 0
            for _ in range(CUTS):
                begun_at = speaker.played
                await talk.session.send_message("Tell a story.")
                await asyncio.sleep(chance.uniform(0.0, LATEST_S))
                cut_at = speaker.played
                await talk.session.interrupt()
                ended = await talk.until(TurnEnded)
                assert ended.outcome in (Outcome.INTERRUPTED, Outcome.CANCELLED)
                assert STORY.startswith(ended.text)
                await asyncio.sleep(0.05)
                assert speaker.played - cut_at <= VOICE_RATE * LATE_MS / 1000
                heard += cut_at > begun_at
            assert heard > CUTS / 2, "most were interrupted while they were heard"
            before = len(speaker.everything)
            assert (await talk.turn("Are you there?")).text == "Yes."
            assert same_sound(bytes(speaker.everything[before:]), reference)


@pytest.mark.real
def test_fifty_cuts_as_a_sound_server_hears_them(pulse_box: PulseBox) -> None:
    recording = pulse_box.record_speaker()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.real.voice_runner", "5"],
        env=pulse_box.env,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as runner:
        assert runner.stdout is not None
        *cuts, end = [json.loads(runner.stdout.readline()) for _ in range(CUTS + 1)]
        recording.wait_for_samples(len(recording.path.read_bytes()) // 2 + RATE // 10)
        runner.communicate("go\n", timeout=10)
    assert runner.returncode == 0
    played = np.frombuffer(recording.stop(), dtype="<i2").astype(int)
    order = played[played != 0]
    replies = np.rint((order - level_of(LETTERS[0])) / (level_of("b") - level_of("a"))).astype(int)
    fade = RATE * FADE_MS // 1000
    # What fades passes through the levels of other replies, and never stands at one of them.
    steady = (np.abs(np.gradient(order)) <= 1) & (replies >= 0)
    assert abs(len(order) - end["handed"]) <= 2 * fade, "the sink has all that the device was given"
    assert np.sum(~steady) <= 2 * fade * (CUTS + 1), "each reply fades in and out once at most"
    assert np.all(np.diff(replies[steady]) >= 0), "no reply sounds again after the next one"
    sounded = 0
    for number, cut in enumerate(cuts):
        (mine,) = np.nonzero(steady & (replies == number))
        if len(mine):
            sounded += 1
            assert mine[-1] < cut["handed"] + RATE * LATE_MS // 1000, cut
    assert sounded > CUTS / 2
    whole = RATE // 100 * 8 * 17
    assert whole - 2 * fade <= np.sum(steady & (replies == CUTS)) <= whole, "the last one is heard whole"
