"""A session with a provider of the registry on a real socket, and what it tells."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from neko_cli.core.clock import RealClock
from neko_cli.core.codecs import find_provider, make_codec
from neko_cli.core.events import AnyEvent, InputMode, TurnEnded, UserText
from neko_cli.core.manager import SessionManager
from neko_cli.core.profile import parse
from neko_cli.core.session_ports import SessionPorts
from neko_cli.core.stream import Reader
from neko_cli.core.transport.by_scheme import SchemeTransport
from neko_cli.core.transport.chat_http import ChatTimeouts, ChatTransport
from neko_cli.core.transport.websocket import WebSocketTransport
from neko_cli.core.voicing import MakeVoice
from tests.fakes.sound import FakeSpeaker

E = TypeVar("E")

PATIENCE = 10.0
"""Seconds that a step may take before the test fails."""

QUICK = ChatTimeouts(connect=1, write=1, first=3, between=1, whole=5)


@dataclass
class Talk:
    """A session and what it tells."""

    session: SessionManager
    reader: Reader
    seen: list[AnyEvent] = field(default_factory=list)

    async def until(self, wanted: type[E], /, **fields: Any) -> E:
        """The next event of this type with these fields."""
        async with asyncio.timeout(PATIENCE):
            async for event in self.reader:
                self.seen.append(event)
                if isinstance(event, wanted) and all(getattr(event, k) == v for k, v in fields.items()):
                    return event
        raise AssertionError(f"no {wanted.__name__} {fields} in {self.seen}")

    async def turn(self, text: str) -> TurnEnded:
        """A typed turn, to its end."""
        await self.session.send_message(text)
        return await self.until(TurnEnded)

    def told(self, kind: type[E]) -> list[E]:
        """All events of a kind that were read so far."""
        return [event for event in self.seen if isinstance(event, kind)]

    @property
    def said(self) -> list[str]:
        """What the user said, as it was told in the end."""
        return [event.text for event in self.told(UserText) if event.final]

    @property
    def memory(self) -> list[tuple[str, str]]:
        """What is remembered: (role, text)."""
        return [(m.role, m.text) for m in self.session.memory.recent(100)]


@contextlib.asynccontextmanager
async def conversing(
    provider_name: str,
    url: str,
    /,
    *,
    mode: InputMode = InputMode.TEXT,
    speaker: FakeSpeaker | None = None,
    voice: MakeVoice | None = None,
    **profile: Any,
) -> AsyncIterator[Talk]:
    """A session that has started, and is cleaned up."""

    async def dial(profile: Any, spec: Any) -> Any:
        return make_codec(provider_name, spec, url=url, key="test-key")

    tables = {"emotion": {"tags": "off"}, **profile}
    tables["provider"] = {"name": provider_name, **tables.get("provider", {})}
    ports = SessionPorts(
        clock=RealClock(),
        transport=SchemeTransport(WebSocketTransport(), ChatTransport(timeouts=QUICK)),
        dial=dial,
        provider_title=find_provider(provider_name).title,
        speaker=speaker,
        voice=voice,
        random=lambda: 0.5,
    )
    session = SessionManager(parse(tables, "test.toml"), ports)
    talk = Talk(session, session.events(samples=True))
    try:
        await session.start_session(mode)
        yield talk
    finally:
        await session.cleanup()
