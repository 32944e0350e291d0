"""A user who talks with a session in numbered samples: speaks, waits for the answer, speaks again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import numpy as np

from neko_cli.core.clock import RealClock
from neko_cli.core.codecs import make_codec
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.commands import AudioChunk
from neko_cli.core.errors import NekoError
from neko_cli.core.events import AnyEvent, InputMode, SessionState, Status, TurnEnded
from neko_cli.core.manager import SessionManager
from neko_cli.core.profile import Profile, parse
from neko_cli.core.session_core import SessionPorts
from neko_cli.core.transport.websocket import WebSocketTransport
from tests.fakes.numbered import RATE
from tests.fakes.strict import WORDS

TURNS = 2
SPEECH = 7200
"""Samples of one utterance: 300 ms."""

CHUNK = 900
ROOM = np.full(RATE // 20, -1, np.int16)
"""50 ms of a quiet room, which is never quite silent."""

BUDGET = 30.0
"""Seconds for a whole conversation, of which many run at the same time on a machine that may be busy."""


def first_of(turn: int) -> int:
    """The number of the first sample of a turn."""
    return turn * SPEECH + 1


def utterance(turn: int) -> str:
    return f"u{first_of(turn)}-{first_of(turn) + SPEECH - 1}"


def reply(turn: int) -> str:
    return " ".join(f"r{first_of(turn)}w{number}" for number in range(1, WORDS + 1))


@dataclass
class Conversation:
    """One session and its user, who speaks, waits for the answer, and speaks again."""

    session: SessionManager
    rate: int = RATE
    """Of what the user says, in Hz."""
    seen: list[AnyEvent] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    late: bool = False
    refused: NekoError | None = None
    left_in: SessionState | None = None
    """Its state, when it gave up."""
    again_in: SessionState | None = None
    """Its state after it was started again."""

    async def run(self) -> None:
        """From start to end; whatever happens, everything is closed."""
        try:
            async with asyncio.timeout(BUDGET), asyncio.TaskGroup() as group:
                group.create_task(self._listen())
                await self._talk()
                await self.session.end_session()
        except TimeoutError:
            self.late = True
        finally:
            await self.session.cleanup()

    async def _listen(self) -> None:
        async for event in self.session.events(samples=True):
            self.seen.append(event)
            async with self.news:
                self.news.notify_all()

    async def _talk(self) -> None:
        try:
            await self.session.start_session(InputMode.AUDIO)
            for turn in range(TURNS):
                await self._speak(turn)
        except NekoError as error:
            self.refused = error
        if self.session.state.status is Status.ERROR:
            self.left_in = self.session.state
            await self.session.start_session(InputMode.AUDIO)
            self.again_in = self.session.state

    async def _speak(self, turn: int) -> None:
        numbers = np.arange(first_of(turn), first_of(turn + 1), dtype=np.int16)
        for _ in range(3):
            await self._send(ROOM)
        for at in range(0, SPEECH, CHUNK):
            await self._send(numbers[at : at + CHUNK])
            await asyncio.sleep(0.004)
        while len(self.of(TurnEnded)) <= turn:
            await self._send(ROOM)
            try:
                async with asyncio.timeout(0.025), self.news:
                    await self.news.wait()
            except TimeoutError:
                continue

    async def _send(self, samples: np.ndarray) -> None:
        await self.session.stream_data(AudioChunk(samples.tobytes(), self.rate))

    def of(self, kind: type) -> list:
        return [event for event in self.seen if isinstance(event, kind)]


def conversation(url: str, standby: str) -> Conversation:
    profile = parse(
        {"turns": {"silence_ms": 200}, "emotion": {"tags": "off"}, "swap": {"standby": standby}}, "test.toml"
    )

    async def dial(profile: Profile, spec: SessionSpec) -> Codec:
        return make_codec("openai", spec, url=url, key="test-key")

    ports = SessionPorts(
        clock=RealClock(), transport=WebSocketTransport(), dial=dial, provider_title="The provider"
    )
    return Conversation(SessionManager(profile, ports))
