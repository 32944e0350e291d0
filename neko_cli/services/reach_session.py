"""A session that is opened as for a conversation and left at once: nothing is said, no sound is sent."""

from __future__ import annotations

import asyncio
import ssl
import time

from neko_cli.core.codecs.base import Codec
from neko_cli.core.errors import NekoError
from neko_cli.core.link import Link
from neko_cli.core.ports import Transport
from neko_cli.core.provider_events import ProviderEvent, Ready
from neko_cli.core.transport.by_scheme import SchemeTransport
from neko_cli.core.transport.chat_http import ChatTransport
from neko_cli.core.transport.websocket import WebSocketTransport


class Ways:
    """The transports and their trust, which all visits share: reading certificates takes a while."""

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        """``trust`` replaces what the system and httpx trust (tests)."""
        self._given = trust
        self._trusts: dict[bool, ssl.SSLContext] = {}
        self._lock = asyncio.Lock()

    async def trust(self, *, http: bool) -> ssl.SSLContext:
        """The certificates that the transport of this kind trusts; httpx brings its own list."""
        if self._given is not None:
            return self._given
        async with self._lock:
            if http not in self._trusts:
                self._trusts[http] = await asyncio.to_thread(_httpx_trust if http else _system_trust)
            return self._trusts[http]

    def transport(self) -> Transport:
        """The project's own transport, with the trust that is loaded by now."""
        return SchemeTransport(
            WebSocketTransport(ssl_context=self._given or self._trusts.get(False)),
            ChatTransport(ssl_context=self._given or self._trusts.get(True)),
        )


def _system_trust() -> ssl.SSLContext:
    return ssl.create_default_context()


def _httpx_trust() -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context()


class Visit:
    """One session, from the handshake to the goodbye; a listener of its link. Times are monotonic seconds."""

    def __init__(self, codec: Codec, transport: Transport, *, title: str) -> None:
        """``title`` names the provider in sentences."""
        self._link = Link(codec, transport, 1, self, title=title)
        self._scope = asyncio.timeout(None)
        self._leave = self._end = 0.0
        self.begun_at = self.opened_at = self.ready_at = 0.0
        self.ready: Ready | None = None

    async def run(self, *, limit: float, leave: float, end: float) -> Ready:
        """Open, wait for the configured session, leave.

        ``limit`` is in seconds until it is configured, ``leave`` for the goodbye, which ends at the moment
        ``end`` at the latest. Raises TimeoutError, or the NekoError that says why there is no session.
        """
        self._leave, self._end = leave, end
        self._scope = asyncio.timeout(limit)
        self.begun_at = time.monotonic()
        try:
            async with self._scope:
                await self._link.run()
        except (NekoError, TimeoutError):
            if self.ready is None:
                raise
            # How it ends says nothing any more about whether it could be opened.
        assert self.ready is not None  # a link ends by itself only once it is asked to, which is then
        return self.ready

    def link_opened(self, generation: int) -> None:
        """The socket is open."""
        self.opened_at = time.monotonic()

    def link_ready(self, generation: int, ready: Ready) -> None:
        """All that was to be known: take leave before a first silence would be sent."""
        self.ready_at = time.monotonic()
        self.ready = ready
        self._link.close()
        left = max(0.0, min(self._leave, self._end - self.ready_at))
        if not self._scope.expired():
            self._scope.reschedule(asyncio.get_running_loop().time() + left)

    def link_room(self, generation: int) -> None:
        """No sound is ever sent."""

    def link_event(self, generation: int, event: ProviderEvent) -> None:
        """Nothing else that a provider says matters here."""
