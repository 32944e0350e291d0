"""Rules for HTTP that involve no I/O: which addresses are allowed, and what a status means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit, urlunsplit

from neko_cli.core.addresses import is_loopback
from neko_cli.core.errors import (
    ConfigError,
    CredentialsError,
    InvalidRequest,
    LinkError,
    NekoError,
    QuotaExhausted,
    RateLimited,
    ServerFault,
)

MAX_RETRY_AFTER_S = 3600.0
"""A longer wait than an hour is not believed."""

MAX_SAID_CHARS = 200
"""How much of the server's own words goes into an error sentence."""


def checked_url(url: str, *, insecure: bool = False) -> SplitResult:
    """The address in parts, when it is one that we may call.

    ``http://`` is allowed to this machine alone, unless ``insecure``. Raises ConfigError for
    anything else, also for a name or password inside the address, which would end up in logs.
    """
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigError(
            "The address of the server cannot be read.", hint="Give http://HOST:PORT."
        ) from None
    if any(ord(char) <= 0x20 or ord(char) == 0x7F for char in url.strip()):
        raise ConfigError("The address of the server holds a blank or a control character.")
    if parts.scheme not in ("http", "https"):
        raise ConfigError(
            f"The address of the server must begin with http:// or https://, not {parts.scheme[:20]!r}."
        )
    if not host:
        raise ConfigError("The address of the server names no host.", hint="Give http://HOST:PORT.")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            "The address of the server holds a user name or password.",
            hint="Leave it out; keys come from the environment or the keyring.",
        )
    if parts.scheme == "http" and not insecure and not is_loopback(host):
        raise ConfigError(
            f"http:// to {host} would send the conversation in the clear.",
            hint="Use https://, or allow it with --insecure.",
        )
    return parts


def place(parts: SplitResult) -> str:
    """``host:port`` for people; never the path or the query, which may hold a key."""
    return parts.netloc.rpartition("@")[2]


def api_base(parts: SplitResult) -> str:
    """The base address of an OpenAI-compatible API.

    Without a path ``/v1`` is added, with one it is used as it is; a full ``…/chat/completions``
    is cut back to its base.
    """
    path = parts.path.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, path or "/v1", "", ""))


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds to wait from ``Retry-After``, as a number or a date (RFC 9110 §10.2.3)."""
    value = next((text for key, text in headers.items() if key.lower() == "retry-after"), "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except (ValueError, IndexError, OverflowError):
            return None
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        seconds = (when - (now or datetime.now(tz=UTC))).total_seconds()
    if not seconds >= 0:  # also drops NaN
        return 0.0 if seconds < 0 else None
    return min(seconds, MAX_RETRY_AFTER_S)


def status_error(
    status: int, said: str, *, where: str, code: str = "", retry_after: float | None = None
) -> NekoError:
    """The typed error for a refused request.

    ``said`` is the server's own sentence (cut and cleaned by the caller), ``code`` its structured
    code when it sent one, ``where`` the server's host and port.
    """
    words = said[:MAX_SAID_CHARS].strip()
    tail = f": {words}" if words else "."
    code = code or str(status)
    if status in (401, 403):
        return CredentialsError(
            f"{where} rejected the key{tail}", hint="Check the key for this server.", code=code
        )
    if status == 402 or code == "insufficient_quota":
        return QuotaExhausted(f"The quota at {where} is used up{tail}", code=code)
    if status == 429:
        return RateLimited(f"{where} asks us to slow down{tail}", code=code, retry_after=retry_after)
    if status == 408:
        return LinkError(f"{where} gave up waiting for our request{tail}", code=code)
    if 300 <= status < 400:
        return InvalidRequest(
            f"{where} sends us to another address (HTTP {status}).", hint="Give the final one.", code=code
        )
    if status == 404:
        return InvalidRequest(
            f"{where} does not know what we asked for (HTTP 404){tail}",
            hint="Check the address and the model's name.",
            code=code,
        )
    if 400 <= status < 500:
        return InvalidRequest(f"{where} refused the request (HTTP {status}){tail}", code=code)
    return ServerFault(f"{where} failed (HTTP {status}){tail}", code=code, retry_after=retry_after)
