"""The providers' error codes, types and words, sorted into categories; data for ``classify``.

Sources: the error lists of OpenAI, Google, DashScope, Zhipu, StepFun and xAI; RFC 6455 §7.4.1 and
the IANA registry for close codes; RFC 9110 for HTTP.
"""

from __future__ import annotations

import re

from neko_cli.core.errors import Category

BENIGN_CODES = frozenset(
    {
        "response_cancel_not_active",
        "input_audio_buffer_commit_empty",
        "conversation_already_has_active_response",
    }
)
"""Errors that only say that a command came a moment too late or too early."""

_CREDENTIALS, _REQUEST, _RATE = Category.CREDENTIALS, Category.REQUEST, Category.RATE_LIMIT
_QUOTA, _EXPIRED, _SERVER, _LINK = Category.QUOTA, Category.EXPIRED, Category.SERVER, Category.LINK

CODES: dict[str, Category] = {
    **dict.fromkeys(BENIGN_CODES, _REQUEST),
    "invalid_value": _REQUEST,
    "invalid_type": _REQUEST,
    "invalid_event": _REQUEST,
    "invalid_json": _REQUEST,
    "invalid_model": _REQUEST,
    "invalid_argument": _REQUEST,
    "missing_required_parameter": _REQUEST,
    "unknown_parameter": _REQUEST,
    "integer_below_min_value": _REQUEST,
    "integer_above_max_value": _REQUEST,
    "decimal_below_min_value": _REQUEST,
    "decimal_above_max_value": _REQUEST,
    "string_above_max_length": _REQUEST,
    "cannot_update_voice": _REQUEST,
    "model_not_found": _REQUEST,
    "unsupported_country_region_territory": _REQUEST,
    "content_policy_violation": _REQUEST,
    "item_not_found": _REQUEST,
    "invalid_api_key": _CREDENTIALS,
    "incorrect_api_key": _CREDENTIALS,
    "invalid_authentication": _CREDENTIALS,
    "missing_api_key": _CREDENTIALS,
    "account_deactivated": _CREDENTIALS,
    "authentication_error": _CREDENTIALS,
    "permission_denied": _CREDENTIALS,
    "unauthenticated": _CREDENTIALS,
    "insufficient_quota": _QUOTA,
    "billing_hard_limit_reached": _QUOTA,
    "billing_not_active": _QUOTA,
    "credit_balance_exhausted": _QUOTA,
    "arrearage": _QUOTA,
    "rate_limit_exceeded": _RATE,
    "inference_rate_limit_exceeded": _RATE,
    "rate_limit_reached": _RATE,
    "too_many_requests": _RATE,
    "resource_exhausted": _RATE,
    "session_expired": _EXPIRED,
    "max_duration": _EXPIRED,
    "server_error": _SERVER,
    "internal_error": _SERVER,
    "internal_server_error": _SERVER,
    "service_unavailable": _SERVER,
    "engine_overloaded": _SERVER,
    "overloaded": _SERVER,
    # DashScope: written with and without underscores, in any case.
    "invalidapikey": _CREDENTIALS,
    "accessdenied": _CREDENTIALS,
    "modelnotfound": _REQUEST,
    "throttling": _RATE,
    "throttling.ratequota": _RATE,
    "throttling.burstrate": _RATE,
    "throttling.allocationquota": _RATE,
    "limitrequests": _RATE,
    "datainspectionfailed": _REQUEST,
    "data_inspection_failed": _REQUEST,
    "response_idle_timeout": _EXPIRED,
    # Zhipu's numbers; a key that is out of credit is answered with HTTP 429 like one that is too quick.
    "1000": _CREDENTIALS,
    "1001": _CREDENTIALS,
    "1002": _CREDENTIALS,
    "1003": _CREDENTIALS,
    "1004": _CREDENTIALS,
    "1112": _CREDENTIALS,
    "1113": _QUOTA,
    "1210": _REQUEST,
    "1211": _REQUEST,
    "1213": _REQUEST,
    "1214": _REQUEST,
    "1220": _CREDENTIALS,
    "1301": _REQUEST,
    "1302": _RATE,
    "1303": _RATE,
    "1304": _RATE,
    "1305": _RATE,
    "1308": _RATE,
    "1309": _QUOTA,
    "model_query_error": _SERVER,
    "video_model_query_error": _REQUEST,
}
"""Structured codes, and words of the same form in a close reason."""

TYPES: dict[str, Category] = {
    "invalid_request_error": _REQUEST,
    "not_found_error": _REQUEST,
    "censorship_blocked": _REQUEST,
    "authentication_error": _CREDENTIALS,
    "permission_error": _CREDENTIALS,
    "insufficient_quota": _QUOTA,
    "billing_error": _QUOTA,
    "rate_limit_error": _RATE,
    "requests": _RATE,
    "tokens": _RATE,
    "timeout": _EXPIRED,
    "max_duration": _EXPIRED,
    "server_error": _SERVER,
    "api_error": _SERVER,
    "overloaded_error": _SERVER,
}
"""Error types, which are coarser than codes."""

STATUSES: dict[int, Category] = {
    401: _CREDENTIALS,
    402: _QUOTA,
    403: _CREDENTIALS,
    407: _LINK,
    408: _SERVER,
    425: _SERVER,
    429: _RATE,
}
"""HTTP statuses with a meaning of their own; other 4xx are requests, 5xx are faults."""

DECISIVE_CLOSES: dict[int, Category] = {
    1001: _LINK,
    1002: Category.PROTOCOL,
    1003: _REQUEST,
    1006: _LINK,
    1009: _REQUEST,
    1012: _SERVER,
    1013: _SERVER,
    1014: _SERVER,
    1015: _LINK,
    3000: _CREDENTIALS,
    3003: _CREDENTIALS,
    3008: _EXPIRED,
}
"""Close codes that mean one thing; 3000, 3003 and 3008 by the IANA registry."""

FALLBACK_CLOSES: dict[int, Category] = {
    1000: _LINK,
    1005: _LINK,
    1007: _REQUEST,
    1008: _REQUEST,
    1011: _SERVER,
}
"""Close codes that are used for many things: the words of the reason come first."""

WORDS: tuple[tuple[Category, re.Pattern[str]], ...] = (
    (
        _QUOTA,
        re.compile(
            r"insufficient[ _]quota|billing hard limit|arrear|good standing|credit balance"
            r"|insufficient (?:balance|credit|funds)|payment required|欠费|余额不足"
        ),
    ),
    (
        _RATE,
        re.compile(
            r"(?<![a-z])rate[ _-]?limit|resource[ _]exhausted|(?<![a-z])quotas?(?![a-z])|throttl|\b429\b"
            r"|too many (?:\w+ ){0,2}(?:requests|sessions|connections|calls|tokens|users|queries)"
            r"|concurren\w* (?:limit|session)|限流|频率"
        ),
    ),
    (
        _CREDENTIALS,
        re.compile(
            r"api[ _-]?key|unauthori[sz]ed|unauthenticated|authenticat|permission denied|forbidden"
            r"|access denied|(?:invalid|expired|missing|wrong) (?:\w+ )?(?:token|credential|key)"
            r"|\b401\b|\b403\b|鉴权|密钥"
        ),
    ),
    (
        _EXPIRED,
        re.compile(
            r"session (?:has |is )?(?:expired|timed? ?out|too long)"
            r"|(?:max\w*|time) (?:session )?(?:duration|limit)"
            r"|deadline expired|session duration|会话.{0,6}超时|no response was generated"
        ),
    ),
    (_SERVER, re.compile(r"overloaded|unavailable|internal|server error|try again|\b50[0234]\b|繁忙")),
    (
        _REQUEST,
        re.compile(
            r"not found|not supported|unsupported|invalid|does not exist|policy|bad request|malformed"
            r"|too large|\b40[04]\b"
        ),
    ),
)
"""Words of a message in lower case with ids removed; the first that fits counts."""
