"""A client for any OpenAI-compatible chat-completions endpoint, streamed.

httpx is imported at the first request, in a thread, because its import takes about 100 ms.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from neko_cli.core.addresses import is_loopback
from neko_cli.core.codecs.chat_wire import (
    ChatPart,
    ChatText,
    EventStream,
    ReplyAssembler,
    error_words,
    model_names,
    request_body,
    simpler_body,
)
from neko_cli.core.errors import ConfigError, CredentialsError, LinkError, NekoError, ProtocolSurprise
from neko_cli.core.transport.chat_http import MAX_ANSWER_BYTES, ChatTimeouts
from neko_cli.core.transport.http_steps import MAX_ERROR_BYTES, MAX_LIST_BYTES, read_body
from neko_cli.services.http_rules import (
    api_base,
    checked_url,
    place,
    retry_after_s,
    status_error,
)

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)


class ChatEndpoint(msgspec.Struct, frozen=True):
    """Where the chat model is; ``api_key`` is never logged. ``insecure`` allows plain http elsewhere."""

    url: str
    api_key: str = ""
    insecure: bool = False
    timeouts: ChatTimeouts = ChatTimeouts()

    def __repr__(self) -> str:
        """Without the key."""
        return f"ChatEndpoint({self.url!r})"


class ChatModel:
    """One chat endpoint; several requests may run at the same time. Close it with ``aclose``."""

    def __init__(self, endpoint: ChatEndpoint, model: str = "") -> None:
        """``model`` may be left empty and set later; raises ConfigError for a bad address."""
        parts = checked_url(endpoint.url, insecure=endpoint.insecure)
        if not all(0x21 <= ord(char) <= 0x7E for char in endpoint.api_key):
            raise CredentialsError("The key of the chat server holds blanks or characters that no key has.")
        self.model = model
        self.where = place(parts)
        self._base = api_base(parts)
        self._loopback = is_loopback(parts.hostname or "")
        self._plain = parts.scheme == "http"
        self._endpoint = endpoint
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def models(self) -> list[str]:
        """Names of the models that the server offers; raises NekoError."""
        client = await self._open()
        limit = self._endpoint.timeouts.connect + self._endpoint.timeouts.write
        request = client.stream("GET", f"{self._base}/models")
        async with self._errors(), asyncio.timeout(limit), request as response:
            body = await read_body(response, MAX_LIST_BYTES)
            if response.status_code != 200:
                raise self._refusal(response, body)
        return model_names(body)

    async def stream(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        tool_choice: str = "auto",
        max_tokens: int = 0,
        temperature: float | None = None,
    ) -> AsyncGenerator[ChatPart, None]:
        """Parts of one reply as they come; closing the iterator stops the server's work.

        Raises CredentialsError, RateLimited, QuotaExhausted, InvalidRequest, ServerFault, LinkError
        or ProtocolSurprise.
        """
        body: dict[str, Any] | None = request_body(
            self.model,
            messages,
            tools=tools,
            tool_choice=tool_choice,
            max_tokens=max_tokens,
            temperature=temperature,
        )
        while body is not None:
            tried, body = body, None
            async with self._post(tried) as response:
                if response.status_code == 200:
                    async with aclosing(self._parts(response)) as parts:
                        async for part in parts:
                            yield part
                    return
                async with self._errors():
                    said = await read_body(response, MAX_ERROR_BYTES)
                if response.status_code in (400, 422):
                    body = simpler_body(tried, said.decode("utf-8", "replace"))
                if body is None:
                    raise self._refusal(response, said)

    async def complete(
        self, messages: Sequence[Mapping[str, Any]], *, max_tokens: int = 0, temperature: float | None = None
    ) -> str:
        """The whole text of a reply, for summaries and translations; raises as ``stream`` does."""
        texts: list[str] = []
        async with aclosing(self.stream(messages, max_tokens=max_tokens, temperature=temperature)) as parts:
            async for part in parts:
                if isinstance(part, ChatText):
                    texts.append(part.text)
        return "".join(texts).strip()

    async def aclose(self) -> None:
        """Close the connections; idempotent."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _open(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._make_client)
            return self._client

    def _make_client(self) -> httpx.AsyncClient:
        import httpx

        times = self._endpoint.timeouts
        headers = {"Accept-Encoding": "identity"}
        if self._endpoint.api_key:
            headers["Authorization"] = f"Bearer {self._endpoint.api_key}"
        # Plain http needs no certificates; loading them takes 30 ms. This context trusts nobody.
        verify: ssl.SSLContext | bool = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if self._plain else True
        return httpx.AsyncClient(
            headers=headers,
            verify=verify,
            trust_env=not self._loopback,
            follow_redirects=False,
            timeout=httpx.Timeout(times.between, connect=times.connect, write=times.write, read=times.first),
        )

    @asynccontextmanager
    async def _post(self, body: Mapping[str, Any]) -> AsyncIterator[httpx.Response]:
        """The response to a request, its head read and its body not yet."""
        client = await self._open()
        content = msgspec.json.encode(body)
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        async with self._errors():
            request = client.build_request(
                "POST", f"{self._base}/chat/completions", content=content, headers=headers
            )
            async with asyncio.timeout(self._endpoint.timeouts.first):
                response = await client.send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    async def _parts(self, response: httpx.Response) -> AsyncGenerator[ChatPart, None]:
        assembler = ReplyAssembler(self.where)
        if response.headers.get("content-type", "").startswith("application/json"):
            async with self._errors():
                whole = await read_body(response, MAX_ANSWER_BYTES)
            for part in assembler.feed(whole):
                yield part
        else:
            stream = EventStream()
            async with aclosing(self._chunks(response)) as chunks:
                async for chunk in chunks:
                    for data in stream.feed(chunk):
                        for part in assembler.feed(data):
                            yield part
            for data in stream.finish():
                for part in assembler.feed(data):
                    yield part
        if not assembler.finished:
            raise LinkError(f"{self.where} broke off in the middle of its reply.")
        for part in assembler.finish():
            yield part

    async def _chunks(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        """Raw chunks under all time limits and the size limit."""
        loop = asyncio.get_running_loop()
        times = self._endpoint.timeouts
        end = loop.time() + times.whole
        raw = response.aiter_bytes().__aiter__()
        wait, total = times.first, 0
        while True:
            left = end - loop.time()
            if left <= 0:
                raise LinkError(f"The reply of {self.where} took longer than {times.whole:g} s.")
            async with self._errors():
                try:
                    async with asyncio.timeout(min(wait, left)):
                        chunk = await anext(raw)
                except StopAsyncIteration:
                    return
            total += len(chunk)
            if total > MAX_ANSWER_BYTES:
                raise ProtocolSurprise(f"{self.where} sent more than a reply can hold.")
            wait = times.between
            yield chunk

    @asynccontextmanager
    async def _errors(self) -> AsyncIterator[None]:
        """Translate what httpx and the clock raise."""
        import httpx

        try:
            yield
        except httpx.ConnectTimeout:
            raise LinkError(f"{self.where} does not answer.", hint="Is it running?") from None
        except httpx.ConnectError as error:
            raise LinkError(f"No connection to {self.where}.", hint="Is it running?") from error
        except (TimeoutError, httpx.TimeoutException):
            raise LinkError(f"{self.where} accepted the request and then said nothing.") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise ConfigError("The address of the chat server cannot be read.") from None
        except httpx.HTTPError as error:
            log.debug("chat server link: %s", type(error).__name__)
            raise LinkError(f"The connection to {self.where} was lost.") from error

    def _refusal(self, response: httpx.Response, body: bytes) -> NekoError:
        said, code = error_words(body)
        wait = retry_after_s(response.headers)
        return status_error(response.status_code, said, where=self.where, code=code, retry_after=wait)


async def list_models(url: str, *, api_key: str = "", insecure: bool = False) -> list[str]:
    """Names of the models that a server offers; raises NekoError."""
    model = ChatModel(ChatEndpoint(url, api_key=api_key, insecure=insecure))
    try:
        return await model.models()
    finally:
        await model.aclose()
