"""The embedded engine on a loopback port: HTTP checks, then one session for each WebSocket.

Which protocol is spoken is decided by the path alone: see ``WIRES``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection
from websockets.http11 import Request, Response
from websockets.protocol import State

from neko_cli.core.addresses import is_loopback
from neko_cli.core.errors import ConfigError
from neko_cli.local.answers import (
    ErrorBody,
    dashscope_error,
    google_error,
    json_response,
    openai_error,
)
from neko_cli.local.config import EngineConfig
from neko_cli.local.door import Door
from neko_cli.local.engine import Engine
from neko_cli.local.entrance import Tokens
from neko_cli.local.ports import EngineParts
from neko_cli.local.wire import openai
from neko_cli.local.wire.openai_session import DEFAULT_MODEL

if TYPE_CHECKING:
    import ssl

log = logging.getLogger(__name__)

socket_log = logging.getLogger(f"{__name__}.sockets")
"""websockets' own: below INFO it would write out frames and headers, which hold speech and tokens."""

socket_log.setLevel(logging.INFO)

MAX_FRAME_BYTES = 16 * 1024 * 1024
"""Larger frames close the socket with 1009: room for an append of 15 MiB."""

READ_AHEAD = 4
"""Frames read ahead of the one being worked on; then the socket's own flow control holds the client."""

PING_EVERY_S = 30.0
PING_TIMEOUT_S = 60.0
CLOSE_S = 2.0
"""For a client to answer our close frame."""

TLS_HANDSHAKE_S = 10.0

STOP_S = 5.0
"""For the handlers, and then for the parts, to end when the server stops."""

RETRY_AFTER_S = 5

Serve = Callable[[ServerConnection, Engine, str], Awaitable[None]]

OPENAI_PATH = "/v1/realtime"
QWEN_PATH = "/api-ws/v1/realtime"
GEMINI_PATH = "/ws/google.ai.generativelanguage.{}.GenerativeService.BidiGenerateContent"
VERTEX_PATH = "/ws/google.cloud.aiplatform.{}.LlmBidiService/BidiGenerateContent"


class Wire(NamedTuple):
    """A protocol, and how its provider words an HTTP error."""

    serve: Serve
    error: ErrorBody


# The other providers' protocols are loaded with their first client: neko's own speaks OpenAI's.


async def _qwen(socket: ServerConnection, engine: Engine, model: str) -> None:
    from neko_cli.local.wire import qwen

    await qwen.serve(socket, engine, model)


async def _gemini(socket: ServerConnection, engine: Engine, model: str) -> None:
    from neko_cli.local.wire import gemini

    await gemini.serve(socket, engine, model)


async def _vertex(socket: ServerConnection, engine: Engine, model: str) -> None:
    from neko_cli.local.wire import gemini

    await gemini.serve_vertex(socket, engine, model)


_GEMINI, _VERTEX = Wire(_gemini, google_error), Wire(_vertex, google_error)

WIRES: dict[str, Wire] = {
    OPENAI_PATH: Wire(openai.serve, openai_error),
    QWEN_PATH: Wire(_qwen, dashscope_error),
    **{GEMINI_PATH.format(version): _GEMINI for version in ("v1", "v1alpha", "v1beta")},
    **{VERTEX_PATH.format(version): _VERTEX for version in ("v1", "v1beta1")},
}
"""Path → protocol. The paths are those of the providers' own libraries."""


class EngineServer:
    """A realtime API server on this machine.

    Args:
        parts: ears, voice, brain and detectors; the server closes them.
        config: limits and languages.
        token: what clients send as their key, see ``entrance``; must not be empty.
        host: address to listen on; only loopback unless ``allow_remote``.
        port: 0 takes a free one.
        allow_remote: lets ``host`` be any address.
        max_session_s: seconds until a session ends with ``session_expired``; OpenAI's are 3600. A
            client of Gemini is told to go before.
        tls: speak TLS with this certificate.

    Raises ConfigError for an empty token or an address that is not loopback.
    """

    def __init__(
        self,
        parts: EngineParts,
        config: EngineConfig,
        *,
        token: str,
        host: str = "127.0.0.1",
        port: int = 0,
        allow_remote: bool = False,
        max_session_s: float = 3600.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        if not token:
            raise ConfigError("The engine needs a token.", hint="Give one with --token-file or NEKO_TOKEN.")
        if not allow_remote and not is_loopback(host):
            raise ConfigError(
                f"The engine does not listen on {host}: other machines could reach it.",
                hint="Use 127.0.0.1; a tunnel (ssh -L) brings it to another machine.",
            )
        self._parts = parts
        self._config = config
        self._tokens = Tokens(token)
        self._tls = tls
        self._host = host
        self._port = port
        self._max_session_s = max_session_s
        self._engine: Engine | None = None
        self._door = Door()
        self._server: Server | None = None
        self._admitted: set[ServerConnection] = set()
        self._handlers: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Lock()
        self._closed = False
        self._started = int(time.time())

    @property
    def port(self) -> int:
        """The port that is listened on; raises RuntimeError before ``start``."""
        if self._server is None:
            raise RuntimeError("the server has not been started")
        return int(next(iter(self._server.sockets)).getsockname()[1]) if self._server.sockets else self._port

    @property
    def url(self) -> str:
        """Where clients of OpenAI's protocol connect; the others' paths are in ``WIRES``."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        scheme = "ws" if self._tls is None else "wss"
        return f"{scheme}://{host}:{self.port}{OPENAI_PATH}"

    async def start(self) -> None:
        """Listen; returns as soon as clients can connect. Raises ConfigError when the port is taken."""
        self._engine = Engine(self._parts, self._config, max_session_s=self._max_session_s)
        try:
            self._server = await self._door.open(
                self._handle,
                self._host,
                self._port,
                ssl=self._tls,
                ssl_handshake_timeout=TLS_HANDSHAKE_S if self._tls is not None else None,
                process_request=self._check,
                process_response=self._admit,
                compression=None,
                max_size=MAX_FRAME_BYTES,
                max_queue=READ_AHEAD,
                ping_interval=PING_EVERY_S,
                ping_timeout=PING_TIMEOUT_S,
                close_timeout=CLOSE_S,
                server_header="neko",
                logger=socket_log,
            )
        except OSError as error:
            raise ConfigError(
                f"The engine cannot listen on {self._host} port {self._port}: {error.strerror or error}.",
                hint="Choose another port, or 0 for a free one.",
            ) from error
        self._port = self.port

    async def aclose(self) -> None:
        """Stop listening, close the sessions, then the parts; idempotent, each step with a limit."""
        async with self._closing:
            if not self._closed:
                await self._close()
                self._closed = True

    async def __aenter__(self) -> EngineServer:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _close(self) -> None:
        if self._server is not None:
            await self._door.close(reason="the server is stopping")
            if self._handlers:
                _, late = await asyncio.wait(set(self._handlers), timeout=STOP_S)
                for task in late:
                    task.cancel()
            try:
                async with asyncio.timeout(STOP_S):
                    await self._door.wait_closed()
            except TimeoutError:
                log.warning("some sessions did not end within %.0f s", STOP_S)
        try:
            async with asyncio.timeout(STOP_S):
                await self._parts.aclose()
        except TimeoutError:
            log.warning("the engine's parts did not stop within %.0f s", STOP_S)

    async def _handle(self, socket: ServerConnection) -> None:
        task = asyncio.current_task()
        request = socket.request
        if task is None or request is None or self._engine is None:
            return
        self._handlers.add(task)
        try:
            target = urlsplit(request.path)
            model = parse_qs(target.query).get("model", [""])[0][:256]
            await WIRES[target.path].serve(socket, self._engine, model)
        finally:
            self._handlers.discard(task)
            self._admitted.discard(socket)

    def _check(self, socket: ServerConnection, request: Request) -> Response | None:
        """Answer plain HTTP, and refuse who has no business here, before the WebSocket opens."""
        path = urlsplit(request.path).path
        if path == "/healthz":
            return json_response(HTTPStatus.OK, {"status": "ok"})
        if not self._tokens.admit(request.headers, request.path):
            return refusal(
                path, HTTPStatus.UNAUTHORIZED, "The API key is missing or wrong.", "invalid_api_key"
            )
        if path == "/v1/models":
            models = [{"id": DEFAULT_MODEL, "object": "model", "created": self._started, "owned_by": "neko"}]
            return json_response(HTTPStatus.OK, {"object": "list", "data": models})
        if path not in WIRES:
            return refusal(path, HTTPStatus.NOT_FOUND, f"There is nothing at {path[:200]}.", "not_found")
        return None

    def _admit(self, socket: ServerConnection, request: Request, response: Response) -> Response | None:
        """The last word before a session: whether there is room for it."""
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            return None
        if self._live() >= self._config.max_sessions:
            reason = f"The engine holds {self._config.max_sessions} sessions already."
            path = urlsplit(request.path).path
            full = refusal(path, HTTPStatus.SERVICE_UNAVAILABLE, reason, "server_busy")
            full.headers["Retry-After"] = str(RETRY_AFTER_S)
            return full
        self._admitted.add(socket)
        return None

    def _live(self) -> int:
        """Sessions that are connected, or about to be."""
        self._admitted = {socket for socket in self._admitted if socket.state is not State.CLOSED}
        return len(self._admitted)


def refusal(path: str, status: HTTPStatus, message: str, code: str) -> Response:
    """An HTTP error in the words of the protocol at a path; where there is none, in OpenAI's."""
    body = WIRES[path].error if path in WIRES else openai_error
    return json_response(status, body(status, message, code))
