"""A chat-completions endpoint as a connection: one request at a time, its answer event by event.

A frame sent is the JSON body of a request; frames that come are the server's events and, as bytes,
what the connection itself has to say (``codecs.chat_frames``). httpx is imported at the first
connection, in a thread, because its import takes about 100 ms.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from neko_cli.core import classify
from neko_cli.core.addresses import check_encrypted, is_loopback, split_address
from neko_cli.core.codecs import chat_frames
from neko_cli.core.codecs.chat_wire import EventStream, error_words, simpler_body
from neko_cli.core.errors import LinkError, NekoError, ProtocolSurprise
from neko_cli.core.ports import Closing, Endpoint
from neko_cli.core.transport.http_steps import (
    MAX_ERROR_BYTES,
    errors_of,
    http_errors,
    list_models,
    read_body,
)

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

WAITING = 8
"""Requests that may wait for the one under way; a session asks for one reply at a time."""

MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""Bytes taken for one answer, all events together."""

CLOSE_TIMEOUT = 1.0
"""Seconds for closing; then the sockets are left to the system."""

ABNORMAL = 1006
"""Close code for an end without a close frame (RFC 6455 §7.1.5), which is all that HTTP has."""

PROTOCOL_ERROR = 1002
"""Close code for a peer that does not follow the protocol (RFC 6455 §7.4.1)."""


class ChatTimeouts(msgspec.Struct, frozen=True):
    """How long each phase may take, in seconds.

    ``first`` is generous because a local server loads the model at the first request.
    """

    connect: float = 5.0
    write: float = 30.0
    first: float = 120.0
    between: float = 60.0
    whole: float = 600.0


class Stopped(Exception):
    """The answer is not wanted any more, or the connection is being closed."""


class ChatTransport:
    """Opens chat connections; see ``ports.Transport``."""

    def __init__(
        self, *, timeouts: ChatTimeouts | None = None, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        """``ssl_context`` replaces the system's trust (tests)."""
        self._timeouts = timeouts or ChatTimeouts()
        self._ssl_context = ssl_context

    async def open(self, endpoint: Endpoint, *, timeout: float = 10.0) -> ChatConnection:
        """Ask the server for its models within ``timeout`` seconds: it is there, and takes the key.

        Servers without such a list are taken as they are. Raises a NekoError that is classified.
        """
        parts = split_address(endpoint.url)
        check_encrypted(parts, insecure=endpoint.insecure)
        where = parts.netloc
        client = await asyncio.to_thread(self._client, endpoint)
        try:
            async with asyncio.timeout(timeout):
                names = await list_models(client, endpoint.url, where)
        except TimeoutError:
            await client.aclose()
            raise LinkError(f"{where} did not answer within {timeout:g} s.", code="timeout") from None
        except BaseException:
            await client.aclose()
            raise
        return ChatConnection(client, endpoint.url, where, names, self._timeouts)

    def _client(self, endpoint: Endpoint) -> httpx.AsyncClient:
        import httpx

        parts = urlsplit(endpoint.url)
        times = self._timeouts
        verify: ssl.SSLContext | bool = self._ssl_context or True
        if parts.scheme == "http":
            # Needs no certificates, and loading them takes 30 ms. This context trusts nobody.
            verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return httpx.AsyncClient(
            headers={"Accept-Encoding": "identity", **endpoint.headers},
            verify=verify,
            trust_env=not is_loopback(parts.hostname or ""),
            follow_redirects=False,
            timeout=httpx.Timeout(times.between, connect=times.connect, write=times.write, read=times.first),
        )


class ChatConnection:
    """One open endpoint; see ``ports.Connection``. ``frames`` does the work, one request after another."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: str,
        where: str,
        models: list[str],
        timeouts: ChatTimeouts,
    ) -> None:
        """``where`` names the server in sentences."""
        self._client = client
        self._url = url
        self._where = where
        self._models = models
        self._times = timeouts
        self._requests: asyncio.Queue[str | None] = asyncio.Queue(WAITING)
        self._closing: Closing | None = None
        self._stop = False  # the answer under way is not wanted any more
        self._busy = False
        self._skips = 0  # requests that were stopped before they were made
        self._scope: asyncio.Timeout | None = None
        self._response: httpx.Response | None = None

    def __repr__(self) -> str:
        return f"<ChatConnection to {self._where}>"

    @property
    def closing(self) -> Closing | None:
        """How it ended, once it has."""
        return self._closing

    async def frames(self) -> AsyncIterator[str | bytes]:
        """Events in order; ends when the connection does."""
        yield chat_frames.opened(self._models)
        while self._closing is None:
            body = await self._requests.get()
            if body is None or self._closing is not None:
                return
            if self._skips:
                self._skips -= 1
                yield chat_frames.CANCELLED
                continue
            self._busy, self._stop = True, False
            try:
                async with aclosing(self._answer(body)) as frames:
                    async for frame in frames:
                        yield frame
            except Stopped:
                if self._closing is None:
                    yield chat_frames.CANCELLED
            except ProtocolSurprise as error:
                self._closing = self._closing or Closing(PROTOCOL_ERROR, error.message)
            except LinkError as error:
                self._closing = self._closing or Closing(ABNORMAL, error.message)
            finally:
                self._busy = False

    async def send(self, frame: str | bytes) -> None:
        """Queue a request, or stop the answer under way; raises LinkError when the connection is gone."""
        if self._closing is not None:
            raise classify.from_close(self._closing, who=self._where)
        if frame == chat_frames.CANCEL:
            if self._busy:
                self._interrupt()
            elif self._skips < self._requests.qsize():
                self._skips += 1
            return
        try:
            self._requests.put_nowait(frame if isinstance(frame, str) else frame.decode("utf-8", "replace"))
        except asyncio.QueueFull:
            raise LinkError(f"{self._where} does not get on with its answers.", code="slow_peer") from None

    async def probe(self, timeout: float) -> bool:
        """Whether the server still answers within ``timeout`` seconds; never raises."""
        if self._closing is not None:
            return False
        try:
            async with asyncio.timeout(timeout):
                await list_models(self._client, self._url, self._where)
        except (NekoError, TimeoutError):
            return False
        return True

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Stop whatever is under way and close within about a second; idempotent, never raises."""
        if self._closing is None:
            self._closing = Closing(code, reason, by_us=True)
        self._interrupt()
        with contextlib.suppress(asyncio.QueueFull):
            self._requests.put_nowait(None)
        # What httpx raises about a stream that somebody still reads is of no interest any more.
        with contextlib.suppress(TimeoutError, OSError, RuntimeError, *http_errors()):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                if self._response is not None:
                    await self._response.aclose()
                await self._client.aclose()

    # -- own work ---------------------------------------------------------------------------

    def _interrupt(self) -> None:
        self._stop = True
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(asyncio.get_running_loop().time())

    async def _within(self, seconds: float, step: Callable[[], Awaitable[T]]) -> T:
        """The result of one step; raises Stopped when it is not wanted, LinkError when it takes too long."""
        if self._stop or self._closing is not None:
            raise Stopped
        try:
            async with errors_of(self._where), asyncio.timeout(seconds) as scope:
                self._scope = scope
                return await step()
        except LinkError:
            if self._stop or self._closing is not None:
                raise Stopped from None
            raise
        finally:
            self._scope = None

    async def _answer(self, body: str) -> AsyncGenerator[str | bytes, None]:
        """The frames of one request."""
        trying: str | None = body
        while trying is not None:
            tried, trying = trying, None
            async with self._post(tried) as response:
                if response.status_code == 200:
                    async with aclosing(self._events(response)) as events:
                        async for event in events:
                            yield event
                    yield chat_frames.ENDED
                    return
                said = await self._within(self._times.between, lambda: read_body(response, MAX_ERROR_BYTES))
                if response.status_code in (400, 422):
                    trying = _simpler(tried, said)
                if trying is None:
                    wait = classify.retry_after_of(dict(response.headers))
                    yield chat_frames.refused(response.status_code, said.decode("utf-8", "replace"), wait)

    @asynccontextmanager
    async def _post(self, body: str) -> AsyncIterator[httpx.Response]:
        """The answer to a request, its head read and its body not yet."""
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        request = self._client.build_request("POST", self._url, content=body.encode(), headers=headers)
        response = await self._within(self._times.first, lambda: self._client.send(request, stream=True))
        self._response = response
        try:
            yield response
        finally:
            self._response = None
            with contextlib.suppress(RuntimeError, *http_errors()):
                await response.aclose()

    async def _events(self, response: httpx.Response) -> AsyncGenerator[str, None]:
        if response.headers.get("content-type", "").startswith("application/json"):
            whole = await self._within(self._times.whole, lambda: read_body(response, MAX_ANSWER_BYTES))
            yield whole.decode("utf-8", "replace")
            return
        stream = EventStream()
        async with aclosing(self._chunks(response)) as chunks:
            async for chunk in chunks:
                for data in stream.feed(chunk):
                    yield data.decode("utf-8", "replace")
                    if data.strip() == b"[DONE]":
                        return
        for data in stream.finish():
            yield data.decode("utf-8", "replace")

    async def _chunks(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        """Raw chunks under all limits of time and size."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._times.whole
        raw = response.aiter_bytes().__aiter__()
        wait, total = self._times.first, 0
        while True:
            chunk = await self._within(max(0.0, min(wait, end - loop.time())), lambda: anext(raw, b""))
            if not chunk:
                return
            total += len(chunk)
            if total > MAX_ANSWER_BYTES:
                raise ProtocolSurprise(f"{self._where} sent more than an answer can hold.")
            wait = self._times.between
            yield chunk


def _simpler(body: str, said: bytes) -> str | None:
    """The request without what the server just refused; None when there is nothing to leave out."""
    words, _ = error_words(said)
    request: dict[str, Any] = msgspec.json.decode(body)
    simpler = simpler_body(request, words or said.decode("utf-8", "replace"))
    return None if simpler is None else msgspec.json.encode(simpler).decode()
