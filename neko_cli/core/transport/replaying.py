"""Plays a recording as if it were a provider."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from itertools import islice, zip_longest
from pathlib import Path
from typing import BinaryIO

import msgspec

from neko_cli.core.errors import ConfigError, LinkError, NekoError
from neko_cli.core.ports import Closing, Connection, Endpoint
from neko_cli.core.text import one_line
from neko_cli.core.transport.recording_format import FORMAT, VERSION, Entry, Header

AS_FAST_AS_POSSIBLE = float("inf")

READ_LINES = 64
"""Lines read from the disk at a time; sound makes them up to some 100 KB long."""

DIFFERENCES_LIMIT = 100

_ENTRY = msgspec.json.Decoder(Entry)
_HEADER = msgspec.json.Decoder(Header)


class ReplayingTransport:
    """Incoming frames at their times (or ``speed`` times as fast); outgoing ones are only compared.

    The first ``open`` plays the recording's first connection, the next its second, and so on.
    """

    def __init__(self, path: Path, *, speed: float = 1.0) -> None:
        """Read through the file once; raises ConfigError, with the line, when it is broken.

        Takes about a second for an hour of sound: call it in a thread where that matters.
        """
        if not speed > 0:
            raise ConfigError("The speed of a replay must be more than 0.")
        self._path = path
        self._speed = speed
        self._next = 0
        self.differences: list[str] = []
        """Where what we sent is of another kind than what was sent when it was recorded."""
        self.header, self._opened, self._sent, self.seconds = _survey(path)

    @property
    def links(self) -> int:
        """Connections in the recording."""
        return len(self._opened)

    async def open(self, endpoint: Endpoint, *, timeout: float = 10.0) -> Connection:
        """The next recorded connection; raises LinkError when there is none or it had failed."""
        link = self._next
        if link >= len(self._opened):
            raise LinkError("The recording is over.", code="replay_over", permanent=True)
        self._next += 1
        failed = self._opened[link]
        if failed is not None:
            raise LinkError(failed or "The connection failed.", code="replayed")
        return _ReplayingConnection(self, link)

    def entries(self, link: int) -> Iterator[Entry]:
        """The lines of one connection, read as they are taken; raises ConfigError."""
        for entry in read_entries(self._path):
            if entry.link == link and entry.dir in ("open", "in", "close"):
                yield entry

    def delay(self, seconds: float) -> float:
        """How long a recorded time lasts in this replay, in seconds."""
        return max(0.0, seconds) / self._speed

    def compare(self, link: int, sent: list[str]) -> None:
        """Note where the kinds of frames sent differ from those recorded."""
        recorded = self._sent.get(link, [])
        for number, (ours, theirs) in enumerate(zip_longest(sent, recorded, fillvalue="nothing"), 1):
            if ours != theirs and len(self.differences) < DIFFERENCES_LIMIT:
                self.differences.append(f"link {link}, step {number}: {ours} instead of {theirs}")


class _ReplayingConnection:
    def __init__(self, transport: ReplayingTransport, link: int) -> None:
        self._transport = transport
        self._link = link
        self._kinds: list[str] = []
        self._closing: Closing | None = None
        self._closed = asyncio.Event()

    @property
    def closing(self) -> Closing | None:
        return self._closing

    async def frames(self) -> AsyncIterator[str | bytes]:
        loop = asyncio.get_running_loop()
        began, first = loop.time(), None
        entries = self._transport.entries(self._link)
        end = Closing(1006, "the recording ends here")
        while batch := await asyncio.to_thread(lambda: list(islice(entries, READ_LINES))):
            for entry in batch:
                first = entry.t if first is None else first
                due = began + self._transport.delay(entry.t - first)
                if await self._interrupted(due - loop.time()):
                    return
                if entry.dir == "close":
                    end = Closing(entry.code, entry.reason, by_us=entry.by_us)
                elif entry.dir == "in" and entry.frame is not None:
                    yield b64decode(entry.frame) if entry.binary else entry.frame
        self._end(end)

    async def send(self, frame: str | bytes) -> None:
        if self._closing is not None:
            raise LinkError("The recorded connection is over.", code="replayed")
        _collect(self._kinds, _kind(frame))

    async def probe(self, timeout: float) -> bool:
        # Silence was part of what was recorded; the recorded end comes at its own time.
        return True

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._end(Closing(code, reason, by_us=True))

    async def _interrupted(self, seconds: float) -> bool:
        """Wait; True when the connection was closed meanwhile."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._closed.wait()
        except TimeoutError:
            return False
        return True

    def _end(self, closing: Closing) -> None:
        if self._closing is None:
            self._closing = closing
            self._closed.set()
            self._transport.compare(self._link, self._kinds)


def _survey(path: Path) -> tuple[Header, list[str | None], dict[int, list[str]], float]:
    """Header; for each connection None, or why it failed; kinds of frames sent; length in seconds."""
    header = read_header(path)
    opened: dict[int, str | None] = {}
    sent: dict[int, list[str]] = {}
    seconds = 0.0
    for entry in read_entries(path):
        seconds = max(seconds, entry.t)
        if entry.dir == "open":
            opened[entry.link] = None
        elif entry.dir == "close" and entry.failed:
            opened[entry.link] = one_line(entry.reason)
        elif entry.dir == "out" and entry.frame is not None:
            frame = b64decode(entry.frame) if entry.binary else entry.frame
            _collect(sent.setdefault(entry.link, []), _kind(frame))
    return header, [opened.get(link) for link in range(max(opened, default=-1) + 1)], sent, seconds


def read_header(path: Path) -> Header:
    """The first line; raises ConfigError."""
    with _open(path) as file:
        return _header(path, file.readline())


def _header(path: Path, line: bytes) -> Header:
    try:
        header = _HEADER.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise _broken(path, 1, "this is not a recording") from None
    if header.format != FORMAT:
        raise _broken(path, 1, "this is not a recording")
    if header.version != VERSION:
        raise _broken(path, 1, f"version {header.version} is unknown, this program knows {VERSION}")
    return header


def read_entries(path: Path, *, cut: bool = False) -> Iterator[Entry]:
    """The lines after the header; raises ConfigError for one that is broken.

    ``cut`` allows a last line that was not written to its end, as after a crash.
    """
    opened = 0
    with _open(path) as file:
        for number, line in enumerate(file, 1):
            if number == 1:
                continue
            try:
                entry = _ENTRY.decode(line)
            except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
                if cut and not line.endswith(b"\n"):
                    return
                raise _broken(path, number, one_line(str(error), 120)) from None
            in_turn = entry.link == opened if entry.dir == "open" else 0 <= entry.link < max(1, opened)
            if not in_turn or entry.t < 0:
                raise _broken(path, number, "this line cannot follow the one before")
            if entry.binary and not _is_base64(entry.frame):
                raise _broken(path, number, "a binary frame that is not base64")
            opened += entry.dir == "open"
            yield entry


def _is_base64(text: str | None) -> bool:
    try:
        b64decode(text or "", validate=True)
    except ValueError:
        return False
    return True


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ConfigError(f"{one_line(str(path))} cannot be read: {error.strerror}.") from None


def _broken(path: Path, number: int, why: str) -> NekoError:
    return ConfigError(
        f"{one_line(str(path))}, line {number}: {why}.", hint="Is it a recording made by neko?"
    )


def _collect(kinds: list[str], kind: str) -> None:
    """Runs of the same kind count as one: chunks of sound never come in the same number twice."""
    if not kinds or kinds[-1] != kind:
        kinds.append(kind)


def _kind(frame: str | bytes) -> str:
    """What a frame is: its ``type``, or its first key (Gemini)."""
    try:
        data = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return "not JSON"
    if not isinstance(data, dict) or not data:
        return "not an object"
    kind = data.get("type")
    return one_line(kind if isinstance(kind, str) else str(next(iter(data))), 80)
