"""One HTTP client of a voice: requests whose answer is sound that streams in.

httpx is imported when the voice is opened: its import takes about 100 ms.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from neko_cli.core import classify
from neko_cli.core.addresses import is_loopback
from neko_cli.core.errors import NekoError
from neko_cli.core.redaction import secrets_of, without_keys
from neko_cli.core.transport.http_steps import MAX_ERROR_BYTES, errors_of, read_body
from neko_cli.speech.tts.settings import host_of

if TYPE_CHECKING:
    import httpx

CONNECT_S = 10.0


class HttpVoice:
    """The client; opened and closed in a worker's loop."""

    def __init__(self, url: str, headers: Mapping[str, str], *, silence_s: float) -> None:
        """``url`` is where all requests go; ``headers`` may hold a key and are never told."""
        self.who = host_of(url)
        self._url = url
        self._headers = dict(headers)
        self._silence_s = silence_s
        self._client: httpx.AsyncClient | None = None

    async def open(self) -> None:
        """Make the client; nothing is sent yet."""
        import httpx

        parts = urlsplit(self._url)
        verify: ssl.SSLContext | bool = True
        if parts.scheme == "http":
            verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # needs no certificates, and trusts nobody
        self._client = httpx.AsyncClient(
            headers={"Accept-Encoding": "identity", **self._headers},
            verify=verify,
            trust_env=not is_loopback(parts.hostname or ""),
            follow_redirects=False,
            timeout=httpx.Timeout(self._silence_s, connect=CONNECT_S),
        )

    @asynccontextmanager
    async def post(self, body: Mapping[str, Any]) -> AsyncIterator[httpx.Response]:
        """Send JSON; gives the answer, whose body is still to be read. Raises NekoError."""
        assert self._client is not None
        content = msgspec.json.encode(body)
        kind = {"Content-Type": "application/json"}
        async with (
            errors_of(self.who),
            self._client.stream("POST", self._url, content=content, headers=kind) as answer,
        ):
            if answer.status_code != 200:
                raise await self._refusal(answer)
            yield answer

    async def aclose(self) -> None:
        """Close all connections; idempotent."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _refusal(self, answer: httpx.Response) -> NekoError:
        body = (await read_body(answer, MAX_ERROR_BYTES)).decode("utf-8", "replace")
        return classify.from_handshake(
            answer.status_code,
            body=without_keys(body, secrets_of(self._url, self._headers)),
            retry_after=classify.retry_after_of(dict(answer.headers)),
            who=self.who,
        )
