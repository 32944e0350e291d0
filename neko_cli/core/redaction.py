"""Text without keys, for logs, recordings, errors and bundles. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qsl

REDACTED = "[redacted]"
"""What stands where a key was."""

RECOGNISABLE = 8
"""Characters of a key that are enough to know its beginning by, where a server's words were cut."""

SHORTEST = 4
"""Shorter values are ordinary words or numbers."""

_SECRET_NAME = re.compile(r"(?i)key|token|secret|authorization|cookie|signature")

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


def secrets_of(url: str, headers: Mapping[str, str]) -> tuple[str, ...]:
    """The values of an address and its headers that are keys, by the names that they have."""
    query = parse_qsl(url.partition("?")[2])
    named = [value for name, value in (*headers.items(), *query) if _SECRET_NAME.search(name)]
    return tuple(dict.fromkeys(_bare(named)))


def _bare(values: Iterable[str]) -> Iterator[str]:
    """Keys without the word before them (``Bearer …``)."""
    for value in values:
        yield value.rpartition(" ")[2]


def without_keys(text: str, secrets: Iterable[str]) -> str:
    """The text without these values, which a server may have repeated, perhaps cut short."""
    for secret in filter(lambda value: len(value) >= SHORTEST, secrets):
        head = secret[:RECOGNISABLE]
        at = text.find(head)
        while at >= 0:
            length = len(head)
            while length < len(secret) and text[at + length : at + length + 1] == secret[length]:
                length += 1
            text = text[:at] + REDACTED + text[at + length :]
            at = text.find(head, at + len(REDACTED))
    return text
