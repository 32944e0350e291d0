"""A reply's way from a chat server's socket to the loudspeaker, read aloud by espeak in its own process."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from benchmarks.kit.stats import Series
from neko_cli.core.events import TurnEnded
from tests.fakes.conversing import conversing
from tests.fakes.http_box import Request, delta
from tests.fakes.read_aloud import LiveSpeaker, chat_server, real_voices, send

SETTLE_S = 0.02
"""For the sentence to have arrived before the letter that completes it is written."""


class NotingSpeaker(LiveSpeaker):
    """A loudspeaker that notes when it is given something."""

    def __init__(self) -> None:
        super().__init__()
        self.given = asyncio.Event()
        self.given_at = 0.0

    def play(self, pcm: bytes) -> int:
        if not self.given.is_set():
            self.given_at = time.perf_counter()
            self.given.set()
        return super().play(pcm)


async def first_samples(sentence: str, letter: str, runs: int, folder: Path, found: Series) -> None:
    """The clock starts when a server writes the letter that ends a sentence; the first run is not counted."""
    written_at = 0.0

    def answer(request: Request) -> None:
        nonlocal written_at
        request.events(delta(sentence), done=False)
        time.sleep(SETTLE_S)
        written_at = time.perf_counter()
        send(request, delta(letter))
        time.sleep(SETTLE_S)
        send(request, delta(finish="stop"))

    speaker = NotingSpeaker()
    with chat_server(answer) as box:
        async with conversing(
            "chat", box.url, speaker=speaker, voice=real_voices(folder), speak={"worker": "espeak"}
        ) as talk:
            for number in range(runs + 1):
                speaker.given.clear()
                await talk.session.send_message("Hello?")
                await speaker.given.wait()
                if number:
                    found.times.append((speaker.given_at - written_at) * 1000.0)
                await talk.session.interrupt()
                await talk.until(TurnEnded)
