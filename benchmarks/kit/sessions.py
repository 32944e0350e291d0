"""Real sessions on real sockets, and a microphone that keeps real time without a device."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, TypeVar

from neko_cli.core import pcm
from neko_cli.core.clock import RealClock
from neko_cli.core.codecs import make_codec
from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.listening import MakeMicrophone
from neko_cli.core.manager import SessionManager
from neko_cli.core.ports import Summariser
from neko_cli.core.profile import Profile, parse
from neko_cli.core.session_ports import SessionPorts
from neko_cli.core.stream import Reader
from neko_cli.core.transport.websocket import WebSocketTransport

E = TypeVar("E")

PATIENCE = 20.0
"""Seconds for one event to come."""

FRAME_MS = 10
"""What real devices deliver."""


def make_session(
    url: str,
    *,
    key: str = "benchmark",
    provider: str = "embedded",
    profile: Mapping[str, Any] | None = None,
    microphone: MakeMicrophone | None = None,
    want_audio: bool = True,
    summariser: Summariser | None = None,
) -> SessionManager:
    """A session that connects to ``url``; not started yet."""

    async def dial(profile: Profile, spec: SessionSpec) -> Codec:
        return make_codec(provider, spec, url=url, key=key)

    return SessionManager(
        parse(profile or {}, "benchmark.toml"),
        SessionPorts(
            clock=RealClock(),
            transport=WebSocketTransport(),
            dial=dial,
            provider_title="The server",
            microphone=microphone,
            want_audio=want_audio,
            summariser=summariser,
        ),
    )


async def until(reader: Reader, kind: type[E], **fields: object) -> E:
    """The next event of a kind with these fields; raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        async for event in reader:
            if isinstance(event, kind) and all(getattr(event, k) == v for k, v in fields.items()):
                return event
    raise TimeoutError(f"the events ended without {kind.__name__} {fields}")


class PacedMicrophone:
    """Hears the same sound over and over, in frames of 10 ms, in real time."""

    def __init__(self, sound: bytes, rate: int) -> None:
        """``sound`` is 16-bit mono at ``rate`` Hz."""
        self.rate = rate
        self.name = "paced"
        self.unhurried = False
        self.level = self.raw_level = -30.0
        self._sound = sound
        self._open = False

    async def open(self) -> None:
        """Start."""
        self._open = True

    async def frames(self) -> AsyncIterator[bytes]:
        """Frames when they are due; one that is late is not waited for."""
        size = pcm.bytes_for(FRAME_MS, self.rate)
        due = time.perf_counter()
        while True:
            for at in range(0, len(self._sound) - size + 1, size):
                due += FRAME_MS / 1000.0
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                if not self._open:
                    return
                yield self._sound[at : at + size]

    async def close(self) -> None:
        """Stop; idempotent."""
        self._open = False
