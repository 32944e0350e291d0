"""A session against a provider in memory, made anywhere: with other capabilities, ports and time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from neko_cli.core.codecs import endpoints
from neko_cli.core.events import AnyEvent, InputMode, LinkWord
from neko_cli.core.manager import SessionManager
from neko_cli.core.profile import parse
from neko_cli.core.session_ports import SessionPorts
from neko_cli.core.stream import Reader
from tests.fakes.sound import FakeMicrophone, FakeSpeaker
from tests.fakes.virtual import VirtualClock
from tests.fakes.wire import PATIENCE, FakeConnection, FakeTransport

E = TypeVar("E")

LONG = 4 * 3600.0
"""Virtual seconds within which whatever is waited for must have come."""


@dataclass
class Stage:
    """A session, its provider and its devices; time is that of the running loop."""

    session: SessionManager
    transport: FakeTransport
    clock: VirtualClock
    reader: Reader
    microphones: list[FakeMicrophone]
    seen: list[AnyEvent] = field(default_factory=list)
    within: float = PATIENCE

    @property
    def core(self) -> Any:
        """The parts of the session."""
        return self.session._core

    async def start(self, mode: InputMode = InputMode.TEXT, **options: Any) -> FakeConnection:
        """Start the session and play the hand-shake; a session that ended has told all its readers so."""
        if self.session.state.link is LinkWord.CLOSED:
            self.seen, self.reader = [], self.session.events()
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            group.create_task(self.session.start_session(mode, **options))
            server = await self.transport.accepted()
            self.configuration = await server.configured()
        return server

    async def back(self, within: float = LONG) -> FakeConnection:
        """The next link, configured."""
        async with asyncio.timeout(within):
            server = await self.transport.connections.get()
        self.configuration = await server.configured()
        return server

    async def until(self, kind: type[E], /, *, within: float = LONG, **fields: Any) -> E:
        """The next event of this kind with these fields; all are kept in ``seen``."""
        async with asyncio.timeout(within):
            async for event in self.reader:
                self.seen.append(event)
                if isinstance(event, kind) and all(getattr(event, k) == v for k, v in fields.items()):
                    return event
        raise AssertionError(f"no {kind.__name__} {fields} in {self.seen}")

    async def passes(self, seconds: float) -> None:
        """Let time pass, and read what is told meanwhile."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for event in self.reader:
                    self.seen.append(event)
                await asyncio.Event().wait()

    def told(self, kind: type[E], /, **fields: Any) -> list[E]:
        """All events of a kind that were read so far."""
        return [
            e
            for e in self.seen
            if isinstance(e, kind) and all(getattr(e, key) == value for key, value in fields.items())
        ]


@contextlib.asynccontextmanager
async def staged(
    profile: dict[str, Any] | None = None,
    *,
    capabilities: dict[str, Any] | None = None,
    speaker: FakeSpeaker | None = None,
    **ports: Any,
) -> AsyncIterator[Stage]:
    """A session with OpenAI's codec; ``capabilities`` replaces some of what it can do.

    A handle that the codec is given stands in the address as ``conversation``.
    """
    known = endpoints.find_provider("openai")
    provider = msgspec.structs.replace(
        known,
        capabilities=msgspec.structs.replace(known.capabilities, **(capabilities or {})),
        dialect=msgspec.structs.replace(known.dialect, resume_query="conversation"),
    )

    async def dial(profile: Any, spec: Any) -> Any:
        spec = msgspec.structs.replace(spec, model=spec.model or "m")
        endpoint = endpoints.Endpoint(url=endpoints.address_of(provider, "", spec))
        return endpoints.FAMILIES[provider.family](provider, spec, endpoint)

    microphones: list[FakeMicrophone] = []

    def new_microphone() -> FakeMicrophone:
        microphones.append(FakeMicrophone())
        return microphones[-1]

    clock, transport = VirtualClock(), FakeTransport()
    session = SessionManager(
        parse(profile or {}, "test.toml"),
        SessionPorts(
            clock=clock,
            transport=transport,
            dial=dial,
            provider_title="OpenAI",
            microphone=new_microphone,
            speaker=speaker,
            random=lambda: 0.5,
            **ports,
        ),
    )
    stage = Stage(session, transport, clock, session.events(), microphones)
    try:
        yield stage
    finally:
        await session.cleanup()


def texts_of(items: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Role and text of ``conversation.item.create`` frames."""
    return [(i["item"]["role"], i["item"]["content"][0]["text"]) for i in items]
