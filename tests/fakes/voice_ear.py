"""Listens to a voice worker's thread from a test's event loop, and engines that are made of nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

from neko_cli.speech.tts.by_pieces import ByPieces
from neko_cli.speech.tts.mailboxes import quietly
from neko_cli.speech.tts.messages import (
    EndOfSpeech,
    Failed,
    Ready,
    Response,
    Say,
    Sound,
    SpeechDone,
    State,
    Trouble,
)
from neko_cli.speech.tts.script import VoiceEngine
from neko_cli.speech.tts.worker import TtsWorker
from tests.fakes.voices import sound_for

PATIENCE = 10.0
RATE = 24_000


class Ear:
    """A started worker and what it said; ``async with ear_of(make) as ear``."""

    def __init__(self, make: Callable[[], VoiceEngine], ready_within: float) -> None:
        loop = asyncio.get_running_loop()
        self.news = asyncio.Event()
        wake = quietly(lambda: loop.call_soon_threadsafe(self.news.set))
        self.worker = TtsWorker(make, name="test", ready_within=ready_within, notify=wake)

    async def next(self) -> Response:
        """The next sound or mark."""
        async with asyncio.timeout(PATIENCE):
            while (item := self.worker.take()) is None:
                self.news.clear()
                if (item := self.worker.take()) is not None:
                    return item
                await self.news.wait()
        return item

    async def state(self) -> State:
        """The next thing that it tells of itself."""
        async with asyncio.timeout(PATIENCE):
            while (state := self.worker.state()) is None:
                self.news.clear()
                if (state := self.worker.state()) is not None:
                    return state
                await self.news.wait()
        return state

    async def ready(self) -> None:
        state = await self.state()
        assert isinstance(state, Ready), state

    async def failed(self) -> Failed:
        state = await self.state()
        assert isinstance(state, Failed), state
        return state

    async def refused(self) -> Trouble:
        state = await self.state()
        assert isinstance(state, Trouble), state
        return state

    def say(self, speech: str, *texts: str) -> None:
        """Ask for a whole speech."""
        for text in texts:
            assert self.worker.put(Say(speech, text))
        self.worker.put(EndOfSpeech(speech))

    async def rest(self, speech: str) -> bytes:
        """All sound up to the end of a speech; nothing may be of another one."""
        pcm = b""
        while not isinstance(item := await self.next(), SpeechDone):
            assert item.speech == speech
            if isinstance(item, Sound):
                assert 0 < len(item.pcm) <= item.rate // 10 * 2
                assert len(item.pcm) % 2 == 0
                pcm += item.pcm
        assert item.speech == speech
        return pcm

    async def over(self) -> bool:
        """Whether the thread ends by itself."""
        async with asyncio.timeout(PATIENCE):
            while not self.worker.ended:
                self.news.clear()
                if not self.worker.ended:
                    await self.news.wait()
        self.worker.join(2.0)
        return not self.worker.is_alive()


@asynccontextmanager
async def ear_of(make: Callable[[], VoiceEngine], *, ready_within: float = 5.0) -> AsyncIterator[Ear]:
    """A started worker; its thread must be gone at the end."""
    ear = Ear(make, ready_within)
    ear.worker.start()
    try:
        yield ear
    finally:
        ended = await asyncio.to_thread(ear.worker.close, 5.0)
    assert ended


class TinySource:
    """Speaks as ``sound_for`` writes; a subclass does worse."""

    def __init__(self, *, chunk: int = 4_800) -> None:
        self.chunk = chunk
        self.said: list[str] = []
        self.closed = 0
        self.stopped = 0

    async def open(self) -> None:
        """Ready at once."""

    async def speak(self, text: str) -> AsyncGenerator[tuple[bytes, int], None]:
        self.said.append(text)
        pcm = sound_for(text)
        whole = False
        try:
            for at in range(0, len(pcm), self.chunk):
                yield pcm[at : at + self.chunk], RATE
                await asyncio.sleep(0)
            whole = True
        finally:
            self.stopped += not whole

    async def aclose(self) -> None:
        self.closed += 1


def tiny(**options: int) -> ByPieces:
    """An engine made of a :class:`TinySource`."""
    return ByPieces(TinySource(**options), together=0)
