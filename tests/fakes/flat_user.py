"""A session with a provider of the flat family on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import msgspec
import numpy as np

from neko_cli.core.clock import RealClock
from neko_cli.core.codecs import find_provider, make_codec
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.codecs.endpoints import FAMILIES
from neko_cli.core.commands import AudioChunk
from neko_cli.core.events import AnyEvent, InputMode
from neko_cli.core.manager import SessionManager
from neko_cli.core.profile import Profile, parse
from neko_cli.core.session_ports import SessionPorts
from neko_cli.core.transport.websocket import WebSocketTransport
from tests.fakes.flat_strict import FlatTalk
from tests.fakes.numbered_user import CHUNK, ROOM, SPEECH, Conversation, first_of
from tests.fakes.strict import Life, StrictProvider

E = TypeVar("E")

PATIENCE = 5.0
"""Seconds for what is waited for to come."""

BREATH = 0.02
"""Seconds without news after which the room is heard again."""

SPOKEN = {
    "character": {"persona": "You talk in numbers."},
    "turns": {"silence_ms": 200},
    "emotion": {"tags": "off"},
}


def flat_session(
    provider: str,
    url: str,
    *,
    capabilities: dict[str, Any] | None = None,
    profile: dict[str, Any] | None = None,
    **ports: Any,
) -> SessionManager:
    """A session that is not started; ``capabilities`` replaces some of what the provider can do."""
    row = find_provider(provider)
    row = msgspec.structs.replace(
        row, capabilities=msgspec.structs.replace(row.capabilities, **(capabilities or {}))
    )

    async def dial(profile: Profile, spec: SessionSpec) -> Codec:
        spec = msgspec.structs.replace(spec, model=spec.model or "m", voice=spec.voice or row.voice)
        endpoint = make_codec(provider, spec, url=url, key="test-key").endpoint()
        return FAMILIES[row.family](row, spec, endpoint)

    return SessionManager(
        parse({**SPOKEN, **(profile or {})}, "test.toml"),
        SessionPorts(
            clock=RealClock(), transport=WebSocketTransport(), dial=dial, provider_title=row.title, **ports
        ),
    )


def flat_conversation(provider: str, url: str, standby: str = "cold", **options: Any) -> Conversation:
    """Two spoken turns with that provider, at the rate that it hears."""
    session = flat_session(provider, url, profile={"swap": {"standby": standby}}, **options)
    return Conversation(session, rate=find_provider(provider).capabilities.input_rate)


class Seat:
    """Somebody who talks with a session of that kind, and watches what it tells."""

    def __init__(self, session: SessionManager, life: Life, rate: int) -> None:
        self.session = session
        self.life = life
        self.rate = rate
        self.seen: list[AnyEvent] = []
        self.is_quiet = False
        """Whether nothing of the room is heard."""
        self._reader = session.events(samples=True)

    @property
    def server(self) -> FlatTalk:
        """The newest connection, as the provider sees it."""
        link = self.life.links[-1]
        assert isinstance(link, FlatTalk)
        return link

    async def until(self, kind: type[E], **fields: Any) -> E:
        """The next event of this kind with these fields; until then nobody speaks. All are kept."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    async with asyncio.timeout(BREATH):
                        event = await anext(self._reader)
                except TimeoutError:
                    await self._room()
                    continue
                self.seen.append(event)
                if isinstance(event, kind) and all(getattr(event, k) == v for k, v in fields.items()):
                    return event

    def of(self, kind: type[E]) -> list[E]:
        """All events of a kind that were seen."""
        return [event for event in self.seen if isinstance(event, kind)]

    async def speak(self, turn: int, *, pace: float = 0.002) -> None:
        """One utterance, ``pace`` seconds apart in its pieces; a quiet room before it."""
        numbers = np.arange(first_of(turn), first_of(turn + 1), dtype=np.int16)
        for _ in range(3):
            await self._room()
        for at in range(0, SPEECH, CHUNK):
            await self._stream(numbers[at : at + CHUNK])
            await asyncio.sleep(pace)

    async def _room(self) -> None:
        if self.session.state.input_mode is InputMode.AUDIO and not self.is_quiet:
            await self._stream(ROOM)

    async def _stream(self, samples: Any) -> None:
        await self.session.stream_data(AudioChunk(samples.tobytes(), self.rate))


@contextlib.asynccontextmanager
async def seated(
    talk: type[FlatTalk], mode: InputMode = InputMode.AUDIO, *, life: Life | None = None, **options: Any
) -> AsyncIterator[Seat]:
    """A started session with such a server; at its end, no rule may have been broken."""
    life = life or Life()
    async with StrictProvider({"life": life}, talk) as server:
        session = flat_session(talk.provider, server.url("life"), **options)
        seat = Seat(session, life, talk.rate)
        try:
            await session.start_session(mode)
            yield seat
        finally:
            await session.cleanup()
    assert life.wrong == [], f"broke the protocol: {life.wrong}"
