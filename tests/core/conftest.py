"""A session against a provider in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from neko_cli.core.clock import RealClock
from neko_cli.core.codecs import make_codec
from neko_cli.core.events import AnyEvent, InputMode
from neko_cli.core.manager import SessionManager
from neko_cli.core.profile import Profile, parse
from neko_cli.core.session_ports import SessionPorts
from neko_cli.core.stream import Reader
from tests.fakes.sound import FakeMicrophone, FakeSpeaker
from tests.fakes.wire import PATIENCE, FakeConnection, FakeTransport

E = TypeVar("E")


@dataclass
class Stage:
    """A session, its provider and its devices."""

    session: SessionManager
    transport: FakeTransport
    reader: Reader
    speaker: FakeSpeaker | None
    microphones: list[FakeMicrophone]
    seen: list[AnyEvent] = field(default_factory=list)

    async def start(self, mode: InputMode = InputMode.TEXT, **options: Any) -> FakeConnection:
        """Start the session and play the hand-shake."""
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            group.create_task(self.session.start_session(mode, **options))
            server = await self.transport.accepted()
            self.configuration = await server.configured()
        return server

    async def until(self, kind: type[E], **fields: Any) -> E:
        """The next event of this kind with these fields; others are kept in ``seen``."""
        async with asyncio.timeout(PATIENCE):
            async for event in self.reader:
                self.seen.append(event)
                if isinstance(event, kind) and all(
                    getattr(event, key) == value for key, value in fields.items()
                ):
                    return event
        raise AssertionError(f"no {kind.__name__} {fields} in {self.seen}")

    async def heard(self, frames: int) -> None:
        """Wait until the session has taken so many frames of its last microphone."""
        async with asyncio.timeout(PATIENCE):
            while self.microphones[-1].taken < frames:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0)

    def told(self, kind: type[E]) -> list[E]:
        """All events of a kind that were read so far."""
        return [event for event in self.seen if isinstance(event, kind)]


@pytest.fixture
async def make_stage():
    """Makes stages, and cleans their sessions up."""
    stages: list[Stage] = []

    def make(
        profile: dict[str, Any] | None = None,
        *,
        speaker: FakeSpeaker | None = None,
        microphone: Callable[[], FakeMicrophone] | None = None,
        greet: bool = False,
        samples: bool = False,
        **ports: Any,
    ) -> Stage:
        parsed: Profile = parse(profile or {"emotion": {"tags": "angle"}}, "test.toml")
        transport = FakeTransport()
        microphones: list[FakeMicrophone] = []

        def new_microphone() -> FakeMicrophone:
            made = microphone() if microphone else FakeMicrophone()
            microphones.append(made)
            return made

        async def dial(profile, spec):
            return make_codec("openai", spec, key="test-key")

        session = SessionManager(
            parsed,
            SessionPorts(
                clock=RealClock(),
                transport=transport,
                dial=dial,
                provider_title="OpenAI",
                microphone=new_microphone,
                speaker=speaker,
                greet=greet,
                **ports,
            ),
        )
        stage = Stage(session, transport, session.events(samples=samples), speaker, microphones)
        stages.append(stage)
        return stage

    yield make
    for stage in stages:
        await stage.session.cleanup()
