"""Handles by which a provider goes on with an earlier session; pure, and never kept on disk.

A handle is good for what it was told for, and for nothing else: provider, model, profile and mode
must all be the same, and it must not be too old. Calls and text have one each.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from neko_cli.core.errors import Category, NekoError
from neko_cli.core.modes import Mode


class Tags(msgspec.Struct, frozen=True):
    """What a handle belongs to; ``profile`` is the profile's name."""

    provider: str
    model: str
    profile: str
    mode: Mode


class Handle(msgspec.Struct, frozen=True):
    """A handle with its tags; ``issued_at`` and ``ttl`` in seconds, ttl None when nobody said."""

    value: str
    tags: Tags
    issued_at: float
    ttl: float | None = None

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Everything but the value: who has it can go on with the conversation."""
        return [("tags", self.tags), ("issued_at", self.issued_at), ("ttl", self.ttl)]

    def __repr__(self) -> str:
        return f"Handle({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


class HandleBook:
    """The newest handle of each mode."""

    def __init__(self) -> None:
        """Start with none."""
        self._handles: dict[Mode, Handle] = {}

    def told(self, value: str, tags: Tags, *, now: float, ttl: float | None = None) -> None:
        """The provider told a handle; an empty one says that it cannot resume just now.

        Then the one from before is forgotten too: it stands for an earlier state, and going back to
        that would lose words.
        """
        if value:
            self._handles[tags.mode] = Handle(value, tags, now, ttl)
        else:
            self._handles.pop(tags.mode, None)

    def link_alive(self, mode: Mode, now: float) -> None:
        """The link that told the handle is alive: its age counts from the link's end.

        Gemini and xAI both count from there (protocols.md §5 and §9), and xAI tells its handle once,
        at the beginning.
        """
        handle = self._handles.get(mode)
        if handle is not None and now > handle.issued_at:
            self._handles[mode] = msgspec.structs.replace(handle, issued_at=now)

    def has(self, mode: Mode) -> bool:
        """Whether there is a handle, good or not."""
        return mode in self._handles

    def usable(self, tags: Tags, now: float) -> str:
        """The handle for exactly these tags; empty when there is none that is still good."""
        handle = self._handles.get(tags.mode)
        if handle is None or handle.tags != tags:
            return ""
        if handle.ttl is not None and now - handle.issued_at >= handle.ttl:
            return ""
        return handle.value

    def clear(self, mode: Mode | None = None) -> None:
        """Forget a mode's handle, or all."""
        if mode is None:
            self._handles.clear()
        else:
            self._handles.pop(mode, None)


_REJECTING = frozenset({Category.REQUEST, Category.EXPIRED})
_REJECTING_CLOSES = frozenset({"1007", "1008"})
_NEVER_THE_HANDLE = frozenset({Category.RATE_LIMIT, Category.QUOTA})


def is_rejection(error: NekoError, used_handle: str) -> bool:
    """Whether an error of a link that is not yet configured means that its handle was refused.

    Gemini closes with 1007 or 1008, in words that may speak of a bad token (protocols.md §5). Where it
    was the key after all, the one fresh try that follows has no handle and gives the true error.
    """
    if not used_handle or error.category in _NEVER_THE_HANDLE:
        return False
    return error.category in _REJECTING or error.code in _REJECTING_CLOSES


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_NUMBER = r"[0-9]{1,18}(?:\.[0-9]{0,18})?"
_PART = re.compile(rf"({_NUMBER})\s?(ms|us|µs|ns|h|m|s)")
_SPAN = re.compile(rf"(?:{_NUMBER}\s?(?:ms|us|µs|ns|h|m|s)\s?)+")


def parse_duration(value: object) -> float | None:
    """Seconds of a duration as providers write them; None when it is none. Never raises.

    Takes ``"50s"``, ``"1.5s"``, ``"1m30s"``, a number of seconds (also as text), and protobuf's long
    form ``{"seconds": 50, "nanos": 0}``. What lies in the past counts as 0.
    """
    if not isinstance(value, Mapping):
        return _read_scalar(value)
    if "seconds" not in value and "nanos" not in value:
        return None
    seconds, nanos = (_read_scalar(value.get(key, 0)) for key in ("seconds", "nanos"))
    return None if seconds is None or nanos is None else _finite(seconds + nanos * 1e-9)


def _read_scalar(value: object) -> float | None:
    if isinstance(value, str):
        return _read_span(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return _finite(float(value))
    except OverflowError:
        return None


def _read_span(text: str) -> float | None:
    plain = text[:100].strip().lower()
    unsigned = plain.removeprefix("-").removeprefix("+")
    if re.fullmatch(_NUMBER, unsigned):
        seconds = float(unsigned)
    elif _SPAN.fullmatch(unsigned):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(unsigned))
    else:
        return None
    return 0.0 if plain.startswith("-") else _finite(seconds)


def _finite(seconds: float) -> float | None:
    return max(0.0, seconds) if math.isfinite(seconds) else None
