"""The rules of a resumed download, without I/O (RFC 9110 §13 and §14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from neko_cli.core.errors import ConfigError

MAX_REDIRECTS = 5
"""Release pages and model hubs redirect once or twice."""

_CONTENT_RANGE = re.compile(r"^bytes (\d+)-(\d+)/(\d+|\*)$")
_UNSATISFIED = re.compile(r"^bytes \*/(\d+)$")


class PartState(msgspec.Struct, frozen=True):
    """What is known about a part: its source, the validator of that version, and its length."""

    url: str
    validator: str = ""
    total: int | None = None
    size: int = 0


class Answer(msgspec.Struct, frozen=True):
    """What to do with the server's answer: one of refused, complete, restart, or receive from ``start``."""

    state: PartState
    start: int = 0
    total: int | None = None
    refused: bool = False
    complete: bool = False
    restart: bool = False


def range_headers(state: PartState) -> dict[str, str]:
    """Ask for the rest, on condition that it is still the same file.

    Without a strong validator the whole file is asked for: parts of two versions do not fit.
    """
    if state.size <= 0 or not state.validator:
        return {}
    return {"Range": f"bytes={state.size}-", "If-Range": state.validator}


def plan_answer(status: int, headers: Mapping[str, str], state: PartState, url: str) -> Answer:
    """How to go on; ``headers`` have lower-case names."""
    fresh = PartState(url=url, validator=strong_validator(headers), total=_length(headers))
    if status == 200:
        return Answer(fresh, 0, fresh.total)
    if status == 206:
        match = _CONTENT_RANGE.match(headers.get("content-range", ""))
        if match is None or int(match[1]) != state.size:
            return Answer(state, restart=True)
        total = None if match[3] == "*" else int(match[3])
        if state.total is not None and total is not None and state.total != total:
            return Answer(state, restart=True)
        kept = PartState(url=url, validator=state.validator, total=total or state.total)
        return Answer(kept, state.size, total or state.total)
    if status == 416 and state.size:
        match = _UNSATISFIED.match(headers.get("content-range", ""))
        if match and int(match[1]) == state.size == (state.total or state.size):
            return Answer(state, complete=True)
        return Answer(state, restart=True)
    return Answer(state, refused=True)


def strong_validator(headers: Mapping[str, str]) -> str:
    """What identifies this version exactly: a strong ETag, else the date of its last change."""
    etag = headers.get("etag", "").strip()
    if etag and not etag.startswith("W/"):
        return etag
    return headers.get("last-modified", "").strip()


def next_place(url: str, location: str) -> str:
    """Where a redirect leads; raises ConfigError when it leads from https to anything else."""
    if urlsplit(url).scheme == "https" and urlsplit(location).scheme != "https":
        raise ConfigError("The server sends us from https to an address that is not encrypted.")
    return location


def _length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("content-length", "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
