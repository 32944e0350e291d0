"""A voice of ours that speaks only what the test lets it, and holds the session to the port's contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from neko_cli.core.errors import NekoError
from neko_cli.core.ports_voice import SpeechSpoken, SpokenSound, SpokenUpTo, VoiceTrouble
from neko_cli.core.profile import Profile

RATE = 24_000
PATIENCE = 5.0


class FakeVoice:
    """One voice; ``said`` is what it was given, by speech."""

    def __init__(self, profile: Profile, trouble: Callable[[VoiceTrouble], None]) -> None:
        self.profile = profile
        self.trouble = trouble
        self.said: dict[str, str] = {}
        self.finished: list[str] = []
        self.dropped: set[str] = set()
        self.interrupts = 0
        self.started = self.closed = False
        self.error: NekoError | None = None
        self.taken = 0
        self._out: asyncio.Queue[SpokenSound | SpokenUpTo | SpeechSpoken | None] = asyncio.Queue()
        self._news = asyncio.Event()

    async def start(self) -> None:
        self.started = True
        if self.error is not None:
            raise self.error

    def say(self, speech: str, delta: str) -> None:
        assert not self.closed, "words for a voice that is closed"
        assert speech not in self.dropped, "words for a speech that was interrupted"
        assert speech not in self.finished, "words for a speech that is finished"
        self.said[speech] = self.said.get(speech, "") + delta
        self._news.set()

    def finish(self, speech: str) -> None:
        assert speech in self.said
        assert speech not in self.finished
        self.finished.append(speech)
        self._news.set()

    def interrupt(self) -> None:
        self.interrupts += 1
        self.dropped.update(self.said)
        while not self._out.empty():
            self._out.get_nowait()

    async def sounds(self) -> AsyncIterator[SpokenSound | SpokenUpTo | SpeechSpoken]:
        while (item := await self._out.get()) is not None:
            self.taken += 1
            yield item

    async def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._out.put_nowait(None)

    # -- the test's side --------------------------------------------------------------------

    def gives(self, speech: str, ms: int, *, upto: int | None = None) -> None:
        """Sound of a speech; ``upto``: characters of its text that end there."""
        for _ in range(0, ms, 100):
            self._out.put_nowait(SpokenSound(speech, b"\x10\x20" * (RATE // 10), RATE))
        if upto is not None:
            self._out.put_nowait(SpokenUpTo(speech, upto))

    def ends(self, speech: str, *, whole: bool = True) -> None:
        """All sound of a speech was given."""
        self._out.put_nowait(SpeechSpoken(speech, whole))

    async def has(self, *, said: str = "", finished: int = 0) -> str:
        """Wait until the newest speech is these words, or so many are finished; returns its id."""
        async with asyncio.timeout(PATIENCE):
            while len(self.finished) < finished or (said and list(self.said.values())[-1:] != [said]):
                self._news.clear()
                await self._news.wait()
        return list(self.said)[-1]


class Voices:
    """Makes voices, as ``SessionPorts.voice``."""

    def __init__(self) -> None:
        self.made: list[FakeVoice] = []

    def __call__(self, profile: Profile, trouble: Callable[[VoiceTrouble], None]) -> FakeVoice | None:
        if not profile.speak.worker:
            return None
        self.made.append(FakeVoice(profile, trouble))
        return self.made[-1]
