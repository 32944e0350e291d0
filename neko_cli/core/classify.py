"""What an error of a provider means; pure, and the same for all providers.

Order of trust: HTTP status of the handshake → structured code → type → close code → words of the
message with ids removed → unknown, which counts as a fault of the server and is retried.
The tables and their sources are in ``error_tables``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from neko_cli.core.error_tables import (
    BENIGN_CODES,
    CODES,
    DECISIVE_CLOSES,
    FALLBACK_CLOSES,
    STATUSES,
    TYPES,
    WORDS,
)
from neko_cli.core.errors import (
    Category,
    CredentialsError,
    InvalidRequest,
    LinkError,
    NekoError,
    ProtocolSurprise,
    QuotaExhausted,
    RateLimited,
    ServerFault,
    SessionExpired,
)
from neko_cli.core.ports import Closing
from neko_cli.core.redaction import redact
from neko_cli.core.text import one_line

MAX_DETAIL = 200
"""Characters of a provider's own message that go into our sentence."""

MAX_WAIT = 24 * 3600.0
"""Longest wait in seconds that is believed when a provider names one."""

_CREDENTIALS, _REQUEST, _RATE = Category.CREDENTIALS, Category.REQUEST, Category.RATE_LIMIT
_QUOTA, _EXPIRED, _SERVER, _LINK = Category.QUOTA, Category.EXPIRED, Category.SERVER, Category.LINK

# Ids hold digits and words that mean nothing, as in “request_id: 429abc”.
_IDS = re.compile(
    r"""["']?\b(?:\w{0,40}_|request|session|trace|event|response|item)?id["']?\s{0,3}[:=]\s{0,3}["']?[\w./:-]+
    |\b(?:sess|resp|item|event|evt|req|request|conv|call|msg|trace)[_-][\w-]*\d[\w-]*
    |\b[0-9a-f]{8}-[0-9a-f-]{20,}\b
    |\b(?=\w*\d)(?=\w*[a-z])\w{10,}\b
    |\b\d{6,}\b""",
    re.IGNORECASE | re.VERBOSE,
)

_RETRY_WORDS = re.compile(
    r"(?:try again|retry)\D{0,20}?((?:\d{1,5}(?:\.\d{1,6})?\s?(?:ms|sec\w*|s|min\w*|m|h)(?![a-z])\s?){1,3})",
    re.IGNORECASE,
)
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s?(ms|h|m(?!s)|s)", re.IGNORECASE)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

_CLASSES: dict[Category, type[NekoError]] = {
    _CREDENTIALS: CredentialsError,
    _REQUEST: InvalidRequest,
    _RATE: RateLimited,
    _QUOTA: QuotaExhausted,
    _EXPIRED: SessionExpired,
    _SERVER: ServerFault,
    _LINK: LinkError,
    Category.PROTOCOL: ProtocolSurprise,
}

_SENTENCES: dict[Category, tuple[str, str]] = {
    _CREDENTIALS: ("{who} rejected the key", "`neko keys set` stores another one."),
    _REQUEST: ("{who} refused the request", "Check the model, the voice and the address."),
    _RATE: ("{who} asks for fewer requests", ""),
    _QUOTA: ("The account at {who} has no quota left", "See the account's billing page."),
    _EXPIRED: ("{who} ended the session at its time limit", ""),
    _SERVER: ("{who} has a fault", ""),
    _LINK: ("The connection to {who} was lost", ""),
    Category.PROTOCOL: ("{who} does not follow the protocol", ""),
}


def is_benign(code: str) -> bool:
    """Whether an error code only says that a command came a moment too late or too early."""
    return code in BENIGN_CODES


def from_error(
    code: object,
    kind: object,
    message: object,
    *,
    who: str = "The provider",
    retry_after: float | None = None,
) -> NekoError:
    """A structured error (``error`` event, a failed reply, an HTTP body) as one of ours.

    Takes what the server sent, of whatever type; ``who`` names the provider in the sentence.
    """
    code_text = _token(code)
    kind_text = _token(kind)
    words = message if isinstance(message, str) else ""
    category = CODES.get(code_text.lower()) or _status_category(code_text)
    if category is None:
        category = TYPES.get(kind_text.lower()) or TYPES.get(code_text.lower()) or _by_words(words) or _SERVER
    return _make(category, who, words, code=code_text or kind_text, retry_after=retry_after)


def from_handshake(
    status: int, *, body: str = "", retry_after: float | None = None, who: str = "The provider"
) -> NekoError:
    """The HTTP answer to an opening handshake that was not 101."""
    code, kind, message = _read_body(body)
    if 200 <= status < 300:
        return ProtocolSurprise(
            f"{who} answered with a web page instead of a WebSocket.",
            hint="Check the address.",
            code=str(status),
            permanent=True,
        )
    if 300 <= status < 400:
        return InvalidRequest(
            f"{who} redirects to another address.", hint="Use that address itself.", code=str(status)
        )
    # A status says little where the body holds a code that we know (429 with insufficient_quota).
    category = CODES.get(code.lower()) or STATUSES.get(status)
    if category is None:
        category = _SERVER if status >= 500 else _REQUEST
    hint = "Check the model and the address." if status == 404 else None
    detail = message or f"HTTP {status}"
    return _make(category, who, detail, code=code or str(status), retry_after=retry_after, hint=hint)


def from_close(closing: Closing, *, who: str = "The provider") -> NekoError:
    """The end of a connection that should have gone on."""
    code, reason = closing.code, closing.reason
    category = next(
        (CODES[word] for word in re.findall(r"[a-z]+(?:_[a-z]+)+", reason) if word in CODES), None
    )
    category = category or DECISIVE_CLOSES.get(code) or _by_words(reason)
    category = category or FALLBACK_CLOSES.get(code) or _SERVER
    return _make(category, who, reason, code=str(code))


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by ``retry-after-ms`` or ``Retry-After`` (RFC 9110 §10.2.3); None without them.

    A date is read against the answer's own ``Date``, so that a wrong local clock does no harm.
    Header names are taken in lower case.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    milliseconds = _number(lower.get("retry-after-ms", ""))
    if milliseconds is not None:
        return _bounded(milliseconds / 1000.0)
    value = lower.get("retry-after", "")
    seconds = _number(value)
    if seconds is not None:
        return _bounded(seconds)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(lower.get("date", ""))
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return _bounded(wait.total_seconds())


def _make(
    category: Category,
    who: str,
    detail: str,
    *,
    code: str = "",
    retry_after: float | None = None,
    hint: str | None = None,
) -> NekoError:
    sentence, usual_hint = _SENTENCES[category]
    text = one_line(redact(detail[: MAX_DETAIL * 8]), MAX_DETAIL).rstrip(".")
    message = sentence.format(who=who) + (f": “{text}”." if text else ".")
    if retry_after is None and category in (_RATE, _SERVER):
        retry_after = _told_wait(detail)
    return _CLASSES[category](
        message,
        hint=usual_hint if hint is None else hint,
        code=one_line(code, 80),
        retry_after=retry_after,
        permanent=False if code in BENIGN_CODES else None,
    )


def _token(value: object) -> str:
    """A code as text; numbers are codes too (Zhipu sends them), anything else is none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)[:80]


def _status_category(code: str) -> Category | None:
    if len(code) != 3 or not code.isascii() or not code.isdigit():
        return None
    status = int(code)
    if status in STATUSES:
        return STATUSES[status]
    if 500 <= status < 600:
        return _SERVER
    return _REQUEST if 400 <= status < 500 else None


def _by_words(text: str) -> Category | None:
    words = _IDS.sub(" ", text[:2000]).lower()
    return next((category for category, pattern in WORDS if pattern.search(words)), None)


def _told_wait(text: str) -> float | None:
    """Seconds named in words such as “try again in 1m3.5s”."""
    found = _RETRY_WORDS.search(text[:2000])
    if found is None:
        return None
    return _bounded(sum(float(n) * _UNITS[unit.lower()] for n, unit in _SPAN.findall(found.group(1))))


def _read_body(body: str) -> tuple[str, str, str]:
    """Code, type and message of an error body; the text itself when it is short and not a page."""
    try:
        data: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        text = body.strip()
        return "", "", "" if text.startswith("<") else text
    if isinstance(data, list) and data:
        data = data[0]
    error = data.get("error", data) if isinstance(data, dict) else data
    if isinstance(error, str):
        return "", "", error
    if not isinstance(error, dict):
        return "", "", ""
    message = error.get("message")
    return (
        _token(error.get("code")),
        _token(error.get("type") or error.get("status")),
        message if isinstance(message, str) else "",
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _bounded(seconds: float) -> float | None:
    # NaN compares false with everything.
    return min(max(seconds, 0.0), MAX_WAIT) if seconds == seconds else None
