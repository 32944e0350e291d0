"""Text without keys, for logs, recordings, errors and bundles. Pure."""

from __future__ import annotations

import re

REDACTED = "[redacted]"
"""What stands where a key was."""

_KEY_SHAPES = re.compile(
    r"\b(?:sk|pk|rk|ek|xai|gsk|hf|ghp|github_pat|auth_tokens)[-_/][A-Za-z0-9*._-]{8,}"
    r"|\bAIza[A-Za-z0-9_-]{10,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]{8,}"
)
_BEARER = re.compile(r"(?i)\b(bearer\s{1,4})[A-Za-z0-9+/_=.~:-]{6,}")
_NAMED = re.compile(
    r"(?i)(?<![a-z0-9])((?:[a-z0-9]{1,24}[-_.]){0,4}"
    r"(?:api_?key|key|token|secret|password|passwd|authorization|cookie|credentials?|signature))"
    r"([\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:(?:bearer|basic|token)\s+)?)"
    r"[A-Za-z0-9+/_=.~%-]{6,}"
)
_USER_INFO = re.compile(r"(?<=://)[^\s/@?#]{1,200}@")


def redact(text: str) -> str:
    """Text without anything that looks like a key, for logs and bundles.

    Known by shape (``sk-…``, ``AIza…``, JSON web tokens), after ``Bearer``, by the name before
    it (``?key=…``, ``"api_key": "…"``, ``X_TOKEN=…``), and as user information in an address.
    """
    text = _USER_INFO.sub(f"{REDACTED}@", text)
    text = _BEARER.sub(rf"\1{REDACTED}", text)
    text = _NAMED.sub(rf"\1\2{REDACTED}", text)
    return _KEY_SHAPES.sub(REDACTED, text)
