"""Steps of HTTP that a chat connection is made of: reading a body, listing models, naming what failed.

httpx is imported when it is used: its import takes about 100 ms.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from neko_cli.core import classify
from neko_cli.core.codecs.chat_wire import model_names
from neko_cli.core.errors import ConfigError, LinkError, NekoError, ProtocolSurprise

if TYPE_CHECKING:
    import httpx

MAX_ERROR_BYTES = 64 * 1024
"""How much of a refusal is read."""

MAX_LIST_BYTES = 4 * 1024 * 1024
"""Largest model list that is read (public gateways list several hundred models)."""

ENDPOINT = "/chat/completions"


async def list_models(client: httpx.AsyncClient, url: str, where: str) -> list[str]:
    """The models that a server lists; none where it has no such list. Raises NekoError."""
    parts = urlsplit(url)
    base = parts._replace(path=parts.path.removesuffix(ENDPOINT) + "/models").geturl()
    async with errors_of(where), client.stream("GET", base) as response:
        body = await read_body(response, MAX_LIST_BYTES)
        status, headers = response.status_code, dict(response.headers)
    if status == 200:
        try:
            return model_names(body)
        except ProtocolSurprise:
            return []
    if status in (401, 402, 403, 407, 408, 425, 429) or status >= 500 or 300 <= status < 400:
        raise classify.from_handshake(
            status,
            body=body[:MAX_ERROR_BYTES].decode("utf-8", "replace"),
            retry_after=classify.retry_after_of(headers),
            who=where,
        )
    return []


async def read_body(response: httpx.Response, limit: int) -> bytes:
    """The body, at most ``limit`` bytes of it."""
    parts: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        parts.append(chunk)
        size += len(chunk)
        if size > limit:
            break
    return b"".join(parts)[:limit]


def http_errors() -> tuple[type[Exception], ...]:
    """What httpx raises."""
    import httpx

    return (httpx.HTTPError, httpx.StreamError)


def _connect_error(error: BaseException, where: str) -> NekoError:
    """Why no connection could be made, from what lies below httpx's own exception."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, ssl.SSLError):
            return LinkError(
                f"The certificate of {where} cannot be trusted, or it does not speak TLS.",
                hint="Check the address, the port and this machine's clock.",
                code="certificate",
                permanent=isinstance(below, ssl.SSLCertVerificationError),
            )
        if isinstance(below, socket.gaierror):
            return LinkError(
                f"The name of {where} cannot be found.",
                hint="Check the network and the address.",
                code="name",
            )
        below = below.__cause__ or below.__context__
    return LinkError(f"Nothing answers at {where}.", hint="Is it running?", code="refused")


@asynccontextmanager
async def errors_of(where: str) -> AsyncIterator[None]:
    """Translate what httpx and the clock raise; nothing of it holds a header."""
    import httpx

    try:
        yield
    except httpx.ConnectTimeout:
        raise LinkError(f"{where} does not answer.", hint="Is it running?", code="timeout") from None
    except httpx.ConnectError as error:
        raise _connect_error(error, where) from None
    except (TimeoutError, httpx.TimeoutException):
        raise LinkError(f"{where} took the request and then said nothing.", code="timeout") from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise ConfigError(f"The address of {where} cannot be read.") from None
    except (httpx.HTTPError, httpx.StreamError):
        raise LinkError(f"The connection to {where} was lost.", code="cut") from None
