"""The only client WebSocket: opens, sends with a bounded wait, tells how it ended.

The settings (no compression, 16 MiB frames, a second for closing) are measured
ones: base64 sound gains little from deflate, which costs five times the processor time.
Every failure becomes a NekoError with one sentence; none of them holds a header.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import socket
import ssl
from collections.abc import AsyncIterator
from urllib.parse import SplitResult

from websockets import exceptions as ws_errors
from websockets.asyncio.client import ClientConnection, connect
from websockets.protocol import State

from neko_cli.core import classify
from neko_cli.core.addresses import check_encrypted, is_loopback, split_address, without_secrets
from neko_cli.core.errors import ConfigError, LinkError, NekoError, ProtocolSurprise
from neko_cli.core.ports import Closing, Endpoint
from neko_cli.core.redaction import redact
from neko_cli.core.text import one_line

MAX_FRAME = 16 * 1024 * 1024
"""Largest incoming message in bytes; a second of sound has 64 KB, but an image may be larger than 1 MiB."""

SEND_TIMEOUT = 10.0
"""Seconds that a slow peer may hold up one message."""

CLOSE_TIMEOUT = 1.0
"""Seconds for the closing handshake, after which the socket is dropped."""

ABNORMAL = 1006
"""Close code for an end without a close frame (RFC 6455 §7.1.5)."""

_REASON_BYTES = 123
"""Room for a reason in a close frame (RFC 6455 §5.5)."""

# websockets would log headers, with the key, and whole frames at debug level: it gets a logger that
# belongs to no tree and is never enabled.
_SILENT = logging.Logger("websockets, silent", logging.CRITICAL + 1)

_ERRNO = re.compile(r"\[Errno (\d+)\]")
_REFUSED = {errno.ECONNREFUSED}
_HUNG_UP = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}


class _Connect(connect):
    """Follows no redirect: the key would go to an address that the user did not name."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class WebSocketTransport:
    """Opens WebSockets; see ``ports.Transport``. One may open many connections."""

    def __init__(
        self, *, ssl_context: ssl.SSLContext | None = None, send_timeout: float = SEND_TIMEOUT
    ) -> None:
        """``ssl_context`` replaces the system's trust (tests); ``send_timeout`` is in seconds."""
        self._ssl_context = ssl_context
        self._send_timeout = send_timeout
        self._peers: dict[str, str] = {}

    def peer_of(self, host: str) -> str:
        """The IP address that the newest connection to a host went to; empty when there was none.

        Behind a proxy it is the proxy's: that is where packets go.
        """
        return self._peers.get(host.lower(), "")

    async def open(self, endpoint: Endpoint, *, timeout: float = 10.0) -> WebSocketConnection:
        """Connect within ``timeout`` seconds; raises a NekoError that is already classified."""
        parts = split_address(endpoint.url)
        check_encrypted(parts, insecure=endpoint.insecure)
        who = _place(parts)
        try:
            async with asyncio.timeout(timeout):
                socket_ = await self._connect(endpoint, parts)
        except (OSError, ws_errors.WebSocketException, ValueError, ImportError) as error:
            # “from None”: an exception of websockets can hold the request and its headers.
            raise _open_error(error, who, parts, timeout) from None
        peer = socket_.remote_address
        if isinstance(peer, tuple) and parts.hostname:
            self._peers[parts.hostname] = str(peer[0])
        return WebSocketConnection(socket_, who, self._send_timeout)

    async def _connect(self, endpoint: Endpoint, parts: SplitResult) -> ClientConnection:
        secure = parts.scheme == "wss"
        if secure and self._ssl_context is None:
            # Reading the system's certificates takes tens of milliseconds.
            self._ssl_context = await asyncio.to_thread(ssl.create_default_context)
        return await _Connect(
            parts.geturl(),
            subprotocols=[*endpoint.subprotocols] or None,  # type: ignore[list-item]
            additional_headers=dict(endpoint.headers),
            compression=None,
            proxy=None if is_loopback(parts.hostname or "") else True,
            open_timeout=None,
            ping_interval=endpoint.ping_interval,
            ping_timeout=endpoint.ping_timeout,
            close_timeout=CLOSE_TIMEOUT,
            max_size=MAX_FRAME,
            logger=_SILENT,
            ssl=self._ssl_context if secure else None,
        )


class WebSocketConnection:
    """One open WebSocket; see ``ports.Connection``."""

    def __init__(self, socket_: ClientConnection, who: str, send_timeout: float) -> None:
        """Takes an open connection; ``who`` names the server in sentences."""
        self._socket = socket_
        self._who = who
        self._send_timeout = send_timeout
        self._abandoned = ""

    def __repr__(self) -> str:
        return f"<WebSocketConnection to {self._who}>"

    @property
    def closing(self) -> Closing | None:
        """How it ended, once it has."""
        if self._abandoned:
            return Closing(ABNORMAL, self._abandoned)
        if self._socket.state is not State.CLOSED:
            return None
        received, sent = self._socket.protocol.close_rcvd, self._socket.protocol.close_sent
        if received is not None:
            by_us = sent is not None and not self._socket.protocol.close_rcvd_then_sent
            return Closing(received.code, received.reason, by_us=by_us)
        if sent is None:
            return Closing(ABNORMAL)
        if sent.code == 1011 and "ping" in sent.reason:
            return Closing(ABNORMAL, "no answer to pings")
        # We gave up on what the peer sent (1002, 1007, 1009), or it never answered our close.
        return Closing(sent.code, sent.reason, by_us=True)

    async def frames(self) -> AsyncIterator[str | bytes]:
        """Messages in order; ends when the connection does."""
        while True:
            try:
                message = await self._socket.recv()
            except ws_errors.ConnectionClosed:
                return
            yield message

    async def send(self, frame: str | bytes) -> None:
        """Send one message; raises LinkError, or what the close code says, when the link is gone.

        A peer that takes nothing for ``send_timeout`` seconds loses the connection.
        """
        try:
            async with asyncio.timeout(self._send_timeout):
                await self._socket.send(frame)
        except ws_errors.ConnectionClosed:
            raise classify.from_close(self.closing or Closing(ABNORMAL), who=self._who) from None
        except TimeoutError:
            self._abandon("the peer takes no more data")
            raise LinkError(
                f"{self._who} took nothing for {self._send_timeout:g} s.", code="slow_peer"
            ) from None

    async def probe(self, timeout: float) -> bool:
        """Whether a ping is answered within ``timeout`` seconds; never raises.

        The answer is read with everything else: while nobody takes ``frames`` and the queue is
        full, a healthy peer seems to be silent.
        """
        if self._abandoned:
            return False
        try:
            async with asyncio.timeout(timeout):
                await (await self._socket.ping())
        except (TimeoutError, OSError, ws_errors.WebSocketException):
            return False
        return True

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close within about a second; idempotent, never raises."""
        short = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT + 0.5):
                await self._socket.close(code, short)
        except (TimeoutError, OSError, ws_errors.WebSocketException):
            self._abandon("the peer did not close")
        except asyncio.CancelledError:
            self._abandon("closing was cancelled")
            raise

    def _abandon(self, reason: str) -> None:
        self._abandoned = reason
        self._socket.transport.abort()


def _place(parts: SplitResult) -> str:
    """Host, and port where one is given, for sentences."""
    host = one_line(parts.hostname or "", 80)
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{parts.port}" if parts.port is not None else host


def _open_error(error: Exception, who: str, parts: SplitResult, timeout: float) -> NekoError:
    """One sentence for each way in which a connection can fail to open."""
    if isinstance(error, ws_errors.InvalidStatus):
        answer = error.response
        return classify.from_handshake(
            answer.status_code,
            body=bytes(answer.body or b"").decode("utf-8", "replace"),
            retry_after=classify.retry_after_of(dict(answer.headers.raw_items())),
            who=who,
        )
    if isinstance(error, ws_errors.InvalidProxy | ws_errors.ProxyError):
        return LinkError(
            "The proxy does not let us through.", hint="Check HTTPS_PROXY and NO_PROXY.", code="proxy"
        )
    if isinstance(error, ImportError):
        return ConfigError(
            "SOCKS proxies need a package that is not installed.",
            hint="Install python-socks, or unset ALL_PROXY.",
        )
    if isinstance(error, ws_errors.InvalidMessage) and isinstance(error.__cause__, EOFError | OSError):
        return LinkError(f"{who} closed the connection before answering.", code="closed_early")
    if isinstance(error, ws_errors.InvalidHandshake):
        return ProtocolSurprise(
            f"{who} did not answer like a WebSocket server.",
            hint="Check the address.",
            code="not_websocket",
            permanent=True,
        )
    if isinstance(error, OSError):
        return _socket_error(error, who, parts, timeout)
    return ConfigError(f"“{one_line(redact(without_secrets(parts.geturl())), 120)}” is not a usable address.")


def _socket_error(error: OSError, who: str, parts: SplitResult, timeout: float) -> NekoError:
    if isinstance(error, TimeoutError):
        return LinkError(f"{who} did not answer within {timeout:g} s.", code="timeout")
    if isinstance(error, ssl.SSLCertVerificationError):
        return LinkError(
            f"The certificate of {who} cannot be trusted: {one_line(error.verify_message, 120)}.",
            hint="Check the address and this machine's clock.",
            code="certificate",
            permanent=True,
        )
    # A plain server often hangs up on the first bytes of TLS instead of answering.
    if isinstance(error, ssl.SSLError) or (parts.scheme == "wss" and isinstance(error, _HUNG_UP)):
        return LinkError(
            f"{who} does not answer by TLS.", hint="Check the port, and wss:// or ws://.", code="tls"
        )
    if isinstance(error, socket.gaierror):
        host = one_line(parts.hostname or "", 80)
        return LinkError(
            f"The name {host} cannot be found.", hint="Check the network and the address.", code="name"
        )
    numbers = {error.errno, *map(int, _ERRNO.findall(str(error)))}
    if numbers & _REFUSED:
        return LinkError(f"Nothing answers at {who}.", hint="Check the address and the port.", code="refused")
    if numbers & _UNREACHABLE:
        return LinkError(f"The network does not reach {who}.", code="unreachable")
    return LinkError(f"The connection to {who} could not be made.", code="connect")
