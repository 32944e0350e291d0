"""A session against a provider in memory, made anywhere: with other capabilities, ports and time."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from neko_cli.core.codecs import endpoints
from neko_cli.core.errors import RateLimited
from neko_cli.core.events import AnyEvent, Failure, InputMode, LinkWord, Swap, TurnEnded
from neko_cli.core.manager import SessionManager
from neko_cli.core.profile import parse
from neko_cli.core.session_ports import SessionPorts
from neko_cli.core.stream import Reader
from tests.fakes.sound import FakeMicrophone, FakeSpeaker
from tests.fakes.virtual import VirtualClock
from tests.fakes.wire import PATIENCE, FakeConnection, FakeTransport

E = TypeVar("E")

COLD = {"swap": {"standby": "cold"}, "guard": {"park_minutes": 0}}
"""Neither standby links nor parking come in between."""

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


async def asks(stage: Stage, server: FakeConnection, question: str) -> None:
    """A typed question, and that it reaches the server."""
    await stage.session.send_message(question)
    await server.expect("conversation.item.create")
    await server.expect("response.create")


async def tells_a_story(stage: Stage, server: FakeConnection, words: str) -> None:
    """A reply that has said so much and goes on."""
    await asks(stage, server, "Tell me a story.")
    server.begin("r1")
    server.words("r1", words)


async def exchange(
    stage: Stage,
    server: FakeConnection,
    question: str = "I am Mia.",
    answer: str = "Hello Mia.",
    *,
    usage: dict[str, int] | None = None,
) -> None:
    """One typed turn, from the question to its end."""
    number = len(stage.told(TurnEnded)) + 1
    await asks(stage, server, question)
    server.begin(f"r{number}")
    server.words(f"r{number}", answer)
    response = {"id": f"r{number}", "status": "completed", "output": [], "status_details": None}
    server.tell("response.done", response={**response, "usage": usage})
    assert (await stage.until(TurnEnded)).text == answer


TALK = [("user", "I am Mia."), ("assistant", "Hello Mia.")]
"""What an ``exchange`` leaves in memory."""


async def told(server: FakeConnection, count: int) -> list[tuple[str, str]]:
    """So many messages that a link is told when it is made, or when it takes over."""
    return texts_of([await server.expect("conversation.item.create") for _ in range(count)])


async def sound(server: FakeConnection, n_bytes: int) -> bytes:
    """So much sound from the client, in however many pieces."""
    got = b""
    while len(got) < n_bytes:
        got += base64.b64decode((await server.expect("input_audio_buffer.append"))["audio"])
    return got


async def swapped(stage: Stage, reason: str, old: FakeConnection, new: FakeConnection) -> Swap:
    """The next swap, and what must be true of every planned one."""
    swap = await stage.until(Swap)
    assert (swap.reason, swap.planned) == (reason, True)
    assert swap.to_link == swap.from_link + 1
    assert swap.gap_ms <= 20.0
    await stage.passes(0.1)
    assert old.closing is not None
    assert (old.closing.code, old.closing.by_us) == (1000, True)
    assert new.closing is None
    assert stage.told(Failure) == []
    return swap


async def works(stage: Stage, server: FakeConnection) -> None:
    """The conversation goes on."""
    await exchange(stage, server, "Who am I?", "Mia.")
    assert stage.session.state.link is LinkWord.ONLINE


def profile(**tables: dict[str, Any]) -> dict[str, Any]:
    """``COLD`` with more tables, or more in its tables."""
    return {**COLD, **{name: {**COLD.get(name, {}), **table} for name, table in tables.items()}}


class Door(FakeTransport):
    """A provider that lets in one link at a time, or none, when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.one_at_a_time = False
        self.all: list[FakeConnection] = []
        self.refused = 0

    async def open(self, endpoint: endpoints.Endpoint, *, timeout: float = 10.0) -> FakeConnection:
        inside = [c for c in self.all if c.closing is None]
        if (self.one_at_a_time and inside) or self.error is not None:
            self.refused += 1
            raise self.error or RateLimited("One session at a time.", code="429")
        self.all.append(await super().open(endpoint, timeout=timeout))
        return self.all[-1]


def with_door(stage: Stage) -> Door:
    """Put a door into the stage's way, before it starts."""
    door = stage.transport = stage.core.links._transport = Door()
    return door


def texts_of(items: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Role and text of ``conversation.item.create`` frames."""
    return [(i["item"]["role"], i["item"]["content"][0]["text"]) for i in items]


async def turn_state(stage, wanted):
    """Let the event loop run until the turn is in a state that no event tells of."""
    async with asyncio.timeout(5):
        while True:
            if stage.session._core.turns.state is wanted:
                return
            await asyncio.sleep(0)
