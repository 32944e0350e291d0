"""Replies that are read aloud from end to end: a chat server that writes as the test says, a loudspeaker
that plays by itself, and the voices of this machine as the program binds them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from neko_cli.core.events import Notice
from neko_cli.core.voicing import MakeVoice
from neko_cli.local.ports import VOICE_RATE, Speech
from neko_cli.local.voice_source import LocalSource
from neko_cli.services.folders import Folders
from neko_cli.services.secrets import Keys
from neko_cli.wiring.parts import voices
from tests.fakes.conversing import Talk, conversing
from tests.fakes.http_box import HttpBox, Request, delta, http_box
from tests.fakes.sound import FakeSpeaker

CHAT = "/v1/chat/completions"
PATIENCE = 15.0
QUICK_SPEED = 8.0
"""How much faster than a real one a loudspeaker is where nobody has to follow it."""

BLOCK_MS = 10.0
ALIKE = 0.9
ALIKE_BYTES = 2 * VOICE_RATE // 200

Step = str | threading.Event | Mapping[str, Any]
"""What a server does next: write words, wait until it may go on, or send a whole event."""


def writes(*steps: Step, whole: bool = True) -> Callable[[Request], None]:
    """An answer; ``whole`` ends it as it should end, else the connection is cut after the last step."""

    def answer(request: Request) -> None:
        request.events(done=False)
        for step in steps:
            if isinstance(step, threading.Event):
                _wait(request, step)
                continue
            send(request, delta(step) if isinstance(step, str) else step)
        if whole:
            send(request, delta(finish="stop"))
            request.write(b"data: [DONE]\n\n")

    return answer


def _wait(request: Request, gate: threading.Event) -> None:
    """A server that thinks says so, or it counts as hung."""
    for _ in range(round(PATIENCE / 0.1)):
        if gate.wait(0.1):
            return
        request.write(b": thinking\n\n")  # nobody reads it any more: this ends the answer
    raise AssertionError("the test did not let the server go on")


def send(request: Request, event: Any) -> None:
    """One event of an answer."""
    request.write(b"data: " + json.dumps(event).encode() + b"\n\n")


def in_turn(*answers: Callable[[Request], None]) -> Callable[[Request], None]:
    """Each request is answered by the next of these; the last one answers all that follow."""
    waiting = list(answers)

    def answer(request: Request) -> None:
        (waiting.pop(0) if len(waiting) > 1 else waiting[0])(request)

    return answer


@contextmanager
def chat_server(*answers: Callable[[Request], None]) -> Iterator[HttpBox]:
    """A chat server that answers so."""
    with http_box() as box:
        box.script["/v1/models"] = lambda request: request.answer_json(200, {"data": [{"id": "m"}]})
        box.script[CHAT] = in_turn(*answers)
        yield box


def messages(box: HttpBox, number: int) -> list[tuple[str, str]]:
    """What the server was told with a request: (role, text)."""
    asked = [request for request in box.requests if request.path == CHAT]
    return [(message["role"], message["content"]) for message in asked[number].json["messages"]]


class LiveSpeaker(FakeSpeaker):
    """A loudspeaker that plays block by block, ``speed`` times as fast as a real one."""

    def __init__(self, rate: int = VOICE_RATE, *, speed: float = 1.0) -> None:
        super().__init__(rate)
        self.speed = speed
        self.gaps = 0
        """Times that it ran dry; once at the end of each reply."""
        self._playing: asyncio.Task[None] | None = None
        self._was_playing = False
        self._moved = asyncio.Event()

    async def open(self) -> None:
        await super().open()
        self._playing = asyncio.create_task(self._play_on())

    async def close(self) -> None:
        if self._playing is not None:
            self._playing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._playing
        await super().close()

    async def plays(self, ms: float) -> None:
        """Wait until so much was played since it was made."""
        async with asyncio.timeout(PATIENCE):
            while self.played < ms * self.rate / 1000:
                self._moved.clear()
                await self._moved.wait()

    def clear(self) -> None:
        super().clear()
        self._was_playing = False

    async def _play_on(self) -> None:
        while True:
            await asyncio.sleep(BLOCK_MS / self.speed / 1000)
            if self.queue:
                self.advance(BLOCK_MS)
                self._was_playing = True
                self._moved.set()
            elif self._was_playing:
                self._was_playing = False
                self.gaps += 1


def real_voices(folder: Path) -> MakeVoice:
    """The voices as the program binds them, with a home of their own."""
    folders = Folders.find({"NEKO_HOME": str(folder)})
    return voices(Keys(folders.config), folders)


async def spoken_alone(folder: Path, *texts: str, speech: Speech | None = None) -> list[bytes]:
    """What espeak makes of each text, one after the other."""
    source = LocalSource("espeak", speech or Speech(), models_dir=folder)
    await source.open()
    try:
        return [await _all_of(source, text) for text in texts]
    finally:
        await source.aclose()


async def _all_of(source: LocalSource, text: str) -> bytes:
    async with aclosing(source.speak(text)) as chunks:
        return b"".join([pcm async for pcm, _ in chunks])


def same_sound(one: bytes, other: bytes) -> bool:
    """Whether both are one speech, which espeak never speaks with the very same samples again."""
    if abs(len(one) - len(other)) > ALIKE_BYTES:
        return False
    loudness = [envelope(pcm[: min(len(one), len(other))]) for pcm in (one, other)]
    return bool(np.corrcoef(*loudness)[0, 1] > ALIKE)


def envelope(pcm: bytes) -> np.ndarray:
    """Loudness of each 10 ms."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(float)
    size = VOICE_RATE // 100
    return np.sqrt(np.mean(np.square(samples[: len(samples) // size * size].reshape(-1, size)), axis=1))


def voice_processes(of: int | None = None) -> list[int]:
    """The processes that speak for a program, or for this one."""
    found, waiting = [], [of or os.getpid()]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                for pid in map(int, task.read_text().split()):
                    waiting.append(pid)
                    if b"neko_cli.local.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                        found.append(pid)
    return found


def ms_of(pcm: bytes) -> float:
    """How long a speech lasts."""
    return len(pcm) / 2 / VOICE_RATE * 1000


class Heard:
    """A session, and what its loudspeaker plays."""

    def __init__(self, talk: Talk, speaker: LiveSpeaker) -> None:
        self.talk = talk
        self.speaker = speaker
        self._from = 0

    def since(self) -> bytes:
        """What was played since the last look."""
        new = bytes(self.speaker.everything[self._from :])
        self._from = len(self.speaker.everything)
        return new

    @property
    def told(self) -> list[str]:
        """What the user was told of the voice."""
        return [notice.text for notice in self.talk.told(Notice)]

    async def process(self) -> int:
        """The process that speaks, once it runs."""
        async with asyncio.timeout(10):
            while not (found := voice_processes()):  # noqa: ASYNC110 - nothing tells of a process
                await asyncio.sleep(0.01)
        assert len(found) == 1
        return found[0]


@asynccontextmanager
async def reading(
    box: HttpBox, folder: Path, speed: float = QUICK_SPEED, **profile: Any
) -> AsyncIterator[Heard]:
    """A session whose replies are read aloud, by espeak where the profile says nothing else."""
    speaker = LiveSpeaker(speed=speed)
    profile = {"speak": {"worker": "espeak"}, **profile}
    voice = real_voices(folder)
    async with conversing("chat", box.url, speaker=speaker, voice=voice, **profile) as talk:
        yield Heard(talk, speaker)
