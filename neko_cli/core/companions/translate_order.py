"""Who is asked for a translation next, and what was translated already. Pure.

A service that failed is left out: for the session where it cannot get better, else for a while.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence

import msgspec

PAUSE = 30.0
"""Seconds that a service is left alone after a passing failure; doubled each time in a row."""

STRIKES = 3
"""Passing failures, or useless answers, in a row after which it is left out for the session."""

CACHE_TEXTS = 500
"""Translations that are kept; the same notices and phrases come again and again."""

CACHE_CHARS = 500_000
"""Characters of all kept texts together, about two megabytes at most."""


class _Record(msgspec.Struct):
    """What is remembered of one service."""

    failures: int = 0
    useless: int = 0
    is_out: bool = False
    back_at: float = 0.0


class Order:
    """Remembers, for a session, which services failed. Times are seconds on any monotonic clock."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}

    def next(self, names: Sequence[str], *, tried: Collection[str], now: float) -> str:
        """The first service of ``names`` that may be asked; empty when none is left."""
        for name in names:
            record = self._record(name)
            if name not in tried and not record.is_out and now >= record.back_at:
                return name
        return ""

    def is_out(self, name: str) -> bool:
        """Whether a service is not asked any more in this session."""
        return self._record(name).is_out

    def failed(self, name: str, *, now: float, permanent: bool, retry_after: float | None = None) -> None:
        """It could not answer. A wait of ``retry_after`` seconds that the service asks for is kept."""
        record = self._record(name)
        record.failures += 1
        record.is_out = record.is_out or permanent or record.failures >= STRIKES
        pause = PAUSE * 2.0 ** (record.failures - 1)
        record.back_at = now + max(pause, retry_after or 0.0)

    def useless(self, name: str) -> None:
        """It answered with nonsense, which says little about the next text."""
        record = self._record(name)
        record.useless += 1
        record.is_out = record.is_out or record.useless >= STRIKES

    def worked(self, name: str) -> None:
        """It answered well: what it did before is forgotten."""
        record = self._record(name)
        record.failures = record.useless = 0

    def _record(self, name: str) -> _Record:
        return self._records.setdefault(name, _Record())


class Cache:
    """Translations by text and languages; the one that was not used for longest goes first."""

    def __init__(self, texts: int = CACHE_TEXTS, chars: int = CACHE_CHARS) -> None:
        self._texts = texts
        self._chars = chars
        self._size = 0
        self._kept: OrderedDict[tuple[str, str, str], str] = OrderedDict()

    def __len__(self) -> int:
        """How many translations are kept."""
        return len(self._kept)

    @property
    def size(self) -> int:
        """Characters that are kept, texts and translations together."""
        return self._size

    def find(self, text: str, *, source: str, target: str) -> str:
        """A translation that was kept; empty when there is none."""
        key = (text, source, target)
        found = self._kept.get(key, "")
        if found:
            self._kept.move_to_end(key)
        return found

    def keep(self, text: str, translated: str, *, source: str, target: str) -> None:
        """Keep a translation, unless it is larger than the whole cache."""
        key = (text, source, target)
        self._forget(key)
        if not translated or len(text) + len(translated) > self._chars:
            return
        self._kept[key] = translated
        self._size += len(text) + len(translated)
        while len(self._kept) > self._texts or self._size > self._chars:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: tuple[str, str, str]) -> None:
        gone = self._kept.pop(key, "")
        if gone:
            self._size -= len(key[0]) + len(gone)
