"""A user who talks with a session over real sockets, while the test plays a Gemini Live service."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from neko_cli.core.clock import RealClock
from neko_cli.core.codecs import make_codec
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.commands import AudioChunk
from neko_cli.core.events import AnyEvent, InputMode, Outcome, TurnEnded
from neko_cli.core.manager import SessionManager
from neko_cli.core.profile import Profile, parse
from neko_cli.core.session_ports import SessionPorts
from neko_cli.core.stream import Reader
from neko_cli.core.transport.websocket import WebSocketTransport
from tests.fakes.sound import FakeSpeaker
from tests.fakes.strict_gemini import KEY, PATIENCE, GeminiLink, GeminiService

E = TypeVar("E")

RATE = 16_000
ROOM = np.full(RATE // 20, -1, np.int16)
"""50 ms of a quiet room, which is never quite silent."""

PROFILE: dict[str, Any] = {
    "character": {"persona": "You are Mio."},
    "provider": {"name": "gemini"},
    "turns": {"silence_ms": 200},
    "sound": {"duplex": "full"},
    "emotion": {"tags": "off"},
    "swap": {"standby": "cold"},
    "guard": {"park_minutes": 0},
}


@dataclass
class Talk:
    """A session and its user."""

    session: SessionManager
    service: GeminiService
    reader: Reader
    seen: list[AnyEvent] = field(default_factory=list)

    async def start(self, mode: InputMode = InputMode.TEXT) -> GeminiLink:
        """Start the session; returns the service's side."""
        await self.session.start_session(mode)
        return await self.service.accepted()

    async def until(self, kind: type[E], /, **fields: Any) -> E:
        """The next event of this kind with these fields; all are kept in ``seen``."""
        async with asyncio.timeout(PATIENCE):
            async for event in self.reader:
                self.seen.append(event)
                if isinstance(event, kind) and all(getattr(event, k) == v for k, v in fields.items()):
                    return event
        raise AssertionError(f"no {kind.__name__} {fields} in {self.seen}")

    def told(self, kind: type[E], /, **fields: Any) -> list[E]:
        """All events of a kind that were read so far."""
        return [
            e
            for e in self.seen
            if isinstance(e, kind) and all(getattr(e, key) == value for key, value in fields.items())
        ]

    async def taken(self, link: GeminiLink) -> None:
        """Wait until the session has taken all that the service has sent."""
        live = self.session._core.links.live
        assert live is not None
        await link.tell(anUnknownMessage={})
        async with asyncio.timeout(PATIENCE):
            while live.link.surprises == 0:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0)

    async def turn(self, link: GeminiLink, said: str, answer: str) -> None:
        """One text turn."""
        await self.session.send_message(said)
        assert await link.asked("text") == said
        await link.reply(answer)
        ended = await self.until(TurnEnded)
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, answer)

    async def speak(self, first: int, samples: int = 4800, *, quiet: bool = True) -> None:
        """Speech whose samples count up from ``first``, and then silence, if it is ``quiet``."""
        numbers = np.arange(first, first + samples, dtype=np.int16)
        for piece in (*np.split(numbers, 6), *[ROOM] * (6 * quiet)):
            await self.session.stream_data(AudioChunk(piece.tobytes(), RATE))

    def remembered(self) -> list[tuple[str, str]]:
        """The conversation, as the session knows it."""
        return [(message.role, message.text) for message in self.session.memory.recent(100)]


@contextlib.asynccontextmanager
async def talking(
    *, speaker: FakeSpeaker | None = None, key: str = KEY, vertex: bool = False, **tables: dict[str, Any]
) -> AsyncIterator[Talk]:
    """A session with a service that the test plays; afterwards nobody has broken the protocol."""
    named = {"provider": {"name": "vertex"}} if vertex else {}
    async with GeminiService(vertex=vertex) as service:

        async def dial(profile: Profile, spec: SessionSpec) -> Codec:
            return make_codec(profile.provider.name, spec, url=service.url, key=key)

        ports = SessionPorts(
            clock=RealClock(),
            transport=WebSocketTransport(),
            dial=dial,
            provider_title="Google Gemini",
            speaker=speaker,
            random=lambda: 0.5,
        )
        session = SessionManager(parse({**PROFILE, **named, **tables}, "test.toml"), ports)
        talk = Talk(session, service, session.events(samples=True))
        try:
            yield talk
        finally:
            await session.cleanup()
        assert service.wrong == []
