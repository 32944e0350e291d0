"""A session in writing that reads aloud on the real loudspeaker, interrupted again and again.

A process of its own, for PortAudio; run by ``test_voice_cuts``. Usage: ``python -m tests.real.voice_runner
SEED``. Each reply is a level of its own, without a sample of zero: in a recording, each sample tells which
reply it belongs to. Prints a JSON line for each cut, and one for the end.
"""

from __future__ import annotations

import asyncio
import json
import random
import string
import sys
from array import array
from collections.abc import AsyncGenerator

from neko_cli.audio.speaker import DeviceSpeaker
from neko_cli.core.events import Outcome, TurnEnded
from neko_cli.speech.tts.by_pieces import ByPieces
from neko_cli.speech.tts.pipeline import VoiceWorker
from neko_cli.speech.tts.worker import TtsWorker
from tests.fakes.conversing import conversing
from tests.fakes.read_aloud import chat_server, writes

CUTS = 50
LATEST_S = 0.2
RATE = 48_000
LETTERS = string.ascii_letters


def level_of(letter: str) -> int:
    """The level that a reply of this letter is spoken with."""
    return 2_000 + 400 * LETTERS.index(letter)


class LevelSource:
    """Speaks each text as a level, 10 ms for each of its characters; as fast as a local voice."""

    async def open(self) -> None:
        """Ready at once."""

    async def speak(self, text: str) -> AsyncGenerator[tuple[bytes, int], None]:
        block = array("h", [level_of(text[0])] * (RATE // 100)).tobytes()
        for _ in text:
            yield block, RATE
            await asyncio.sleep(0.001)

    async def aclose(self) -> None:
        """There is nothing to free."""


def voice(profile: object, trouble: object) -> VoiceWorker:
    """A worker's thread around the source; trouble would end the run."""

    def worker(wake):
        return TtsWorker(lambda: ByPieces(LevelSource(), together=0), name="levels", notify=wake)

    return VoiceWorker(worker, trouble=lambda told: print(told, file=sys.stderr))


async def main(seed: int) -> None:
    chance = random.Random(seed)
    speaker = DeviceSpeaker()
    replies = [f"{letter * 7} {letter * 8}. " * 8 for letter in LETTERS[: CUTS + 1]]
    with chat_server(*map(writes, replies)) as box:
        async with conversing(
            "chat", box.url, speaker=speaker, voice=voice, speak={"worker": "espeak"}
        ) as talk:
            async with asyncio.timeout(10):
                while not speaker.rate:  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.sleep(0.01)
            await talk.session.send_message("Begin.")
            for letter in LETTERS[:CUTS]:
                await asyncio.sleep(chance.uniform(0.0, LATEST_S))
                handed, queued = speaker.handed, speaker.queued_ms
                if chance.random() < 0.5:
                    await talk.session.interrupt()
                    await asyncio.sleep(chance.uniform(0.0, 0.05))
                await talk.session.send_message("Next.")
                ended = await talk.until(TurnEnded)
                assert ended.outcome is not Outcome.COMPLETE
                found = {"letter": letter, "handed": handed, "queued_ms": queued, "text": ended.text}
                print(json.dumps(found), flush=True)
            await talk.until(TurnEnded)
            print(json.dumps({"handed": speaker.handed, "latency_ms": speaker.latency_ms}), flush=True)
            await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
