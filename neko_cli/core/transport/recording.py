"""Records what goes over the wire, for replay and bug reports; never a key.

Lines go through a bounded queue to a thread of their own, so that a slow disk drops lines of the
recording and never holds up sound.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import re
import threading
from base64 import b64encode
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qsl, urlsplit

import msgspec

from neko_cli.core.addresses import without_secrets
from neko_cli.core.errors import ConfigError, NekoError
from neko_cli.core.events import AnyEvent
from neko_cli.core.ports import Clock, Closing, Connection, Endpoint, Transport
from neko_cli.core.redaction import REDACTED, redact
from neko_cli.core.text import one_line, to_json
from neko_cli.core.transport.recording_format import FORMAT, VERSION, Entry, Header

QUEUE_BYTES = 32 * 1024 * 1024
"""Frames that may wait for the disk; about eight minutes of sound both ways."""

QUEUE_LINES = 20_000

EARLY_EVENTS = 1000
"""Events that are kept before there is a connection, whose line comes first."""

FLUSH_TIMEOUT = 5.0
"""Seconds that closing waits for the disk."""

_MEDIA = re.compile(r'"((?:data:[\w/+.-]{1,60};base64,)?)[A-Za-z0-9+/_-]{200,}={0,2}"')
_KEY_NAME = re.compile("key|token|secret|auth|sign", re.IGNORECASE)
_SHORTEST_SECRET = 6
_LONG_SUBPROTOCOL = 20


class RecordingTransport:
    """Passes everything through and writes it down."""

    def __init__(
        self,
        inner: Transport,
        path: Path,
        *,
        clock: Clock,
        provider: str = "",
        model: str = "",
        character: str = "",
        audio: bool = True,
    ) -> None:
        """Create the file, readable by its owner alone; without ``audio`` media becomes empty strings.

        Raises ConfigError when the file exists already or cannot be created.
        """
        self._inner = inner
        self._clock = clock
        self._writer = _Writer(_create(path), audio=audio)
        self._start = clock.monotonic()
        self._header = Header(
            format=FORMAT, version=VERSION, provider=provider, model=model, audio=audio, character=character
        )
        self._header.started = dt.datetime.fromtimestamp(clock.time(), dt.UTC).isoformat(timespec="seconds")
        self._has_header = False
        self._early: deque[tuple[Entry, str]] = deque(maxlen=EARLY_EVENTS)
        self._links = 0

    @property
    def began(self) -> float:
        """When the recording's times begin, on the clock's monotonic time."""
        return self._start

    @property
    def dropped(self) -> int:
        """Lines that are missing because the disk was too slow, or failed."""
        return self._writer.dropped

    @property
    def trouble(self) -> str:
        """Why nothing more is written; empty while all is well."""
        return self._writer.trouble

    async def open(self, endpoint: Endpoint, *, timeout: float = 10.0) -> Connection:
        """Connect, and record the connection; a failure is recorded and raised on."""
        url = without_secrets(endpoint.url)
        self._write_header(url)
        link, self._links = self._links, self._links + 1
        self._writer.hide(_secrets_of(endpoint))
        self.note(Entry(t=0, dir="open", link=link, url=url))
        try:
            connection = await self._inner.open(endpoint, timeout=timeout)
        except NekoError as error:
            reason = redact(error.message)
            self.note(Entry(t=0, dir="close", link=link, code=1006, reason=reason, failed=True))
            raise
        return _RecordingConnection(connection, self, link)

    async def aclose(self) -> None:
        """Write what is waiting and close the file; idempotent."""
        if self._writer.closed:
            return
        self._write_header("")
        await asyncio.to_thread(self._writer.close, self._seconds())

    def abandon(self) -> None:
        """There is to be no recording after all; nothing more is written."""
        self._writer.close(self._seconds())

    def note(self, entry: Entry, frame: str | bytes | None = None) -> None:
        """Queue a line with the time of now; never waits."""
        entry.t = self._seconds()
        self._writer.put(entry, frame)

    def note_event(self, event: AnyEvent) -> None:
        """Queue an event as a line with the time of now; never waits."""
        text = to_json(msgspec.to_builtins(event))
        entry = Entry(t=self._seconds(), dir="event")
        if self._has_header:
            self._writer.put(entry, text)
        else:
            self._early.append((entry, text))

    def _seconds(self) -> float:
        return round(self._clock.monotonic() - self._start, 6)

    def _write_header(self, url: str) -> None:
        if not self._has_header:
            self._has_header = True
            self._header.url = url
            self._writer.put(self._header, None)
            while self._early:
                self._writer.put(*self._early.popleft())


class _RecordingConnection:
    def __init__(self, inner: Connection, recorder: RecordingTransport, link: int) -> None:
        self._inner = inner
        self._recorder = recorder
        self._link = link
        self._ended = False

    @property
    def closing(self) -> Closing | None:
        return self._inner.closing

    async def frames(self) -> AsyncIterator[str | bytes]:
        async for frame in self._inner.frames():
            self._recorder.note(Entry(t=0, dir="in", link=self._link), frame)
            yield frame
        self._end()

    async def send(self, frame: str | bytes) -> None:
        await self._inner.send(frame)
        self._recorder.note(Entry(t=0, dir="out", link=self._link), frame)

    async def probe(self, timeout: float) -> bool:
        return await self._inner.probe(timeout)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        try:
            await self._inner.close(code, reason)
        finally:
            self._end()

    def _end(self) -> None:
        closing = self._inner.closing
        if self._ended or closing is None:
            return
        self._ended = True
        reason = one_line(redact(closing.reason))
        self._recorder.note(
            Entry(t=0, dir="close", link=self._link, code=closing.code, reason=reason, by_us=closing.by_us)
        )


class _Writer:
    """A thread that turns queued frames into lines."""

    def __init__(self, file: BinaryIO, *, audio: bool) -> None:
        self.dropped = 0
        self.trouble = ""
        self.closed = False
        self._file = file
        self._audio = audio
        self._secrets: tuple[str, ...] = ()
        self._queue: deque[tuple[Header | Entry, str | bytes | None]] = deque()
        self._bytes = 0
        self._condition = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
        self._thread.start()

    def hide(self, secrets: set[str]) -> None:
        """Texts that never get into the file."""
        # Longest first, in case one is part of another.
        self._secrets = tuple(sorted({*self._secrets, *secrets}, key=len, reverse=True))

    def put(self, line: Header | Entry, frame: str | bytes | None) -> None:
        size = len(frame) if frame is not None else 0
        with self._condition:
            full = self._bytes + size > QUEUE_BYTES or len(self._queue) >= QUEUE_LINES
            # Without a line that opens or closes a connection the rest could not be replayed.
            if self.closed or self.trouble or (full and frame is not None):
                self.dropped += 1
                return
            self._bytes += size
            self._queue.append((line, frame))
            self._condition.notify()

    def close(self, seconds: float) -> None:
        with self._condition:
            self.closed = True
            self._queue.append((Entry(t=seconds, dir="end", dropped=self.dropped), None))
            self._condition.notify()
        self._thread.join(FLUSH_TIMEOUT)

    def _run(self) -> None:
        # What a full disk has not taken is tried once more when the file is closed, in vain.
        with contextlib.suppress(OSError), self._file:
            while True:
                with self._condition:
                    while not self._queue:
                        self._condition.wait()
                    line, frame = self._queue.popleft()
                    self._bytes -= len(frame) if frame is not None else 0
                    idle = not self._queue
                self._write(line, frame, flush=idle)
                if isinstance(line, Entry) and line.dir == "end":
                    return

    def _write(self, line: Header | Entry, frame: str | bytes | None, *, flush: bool) -> None:
        if self.trouble:
            self.dropped += 1
            return
        try:
            self._file.write(self._line(line, frame))
            if flush:
                self._file.flush()
        except OSError as error:
            self.trouble = error.strerror or "the file cannot be written"
            self.dropped += 1

    def _line(self, line: Header | Entry, frame: str | bytes | None) -> bytes:
        if isinstance(line, Entry) and frame is not None:
            text, line.binary = _text_of(frame)
            for secret in self._secrets:
                text = text.replace(secret, REDACTED)
            if line.dir == "event":
                line.event = msgspec.Raw(text.encode())
                return msgspec.json.encode(line) + b"\n"
            if not self._audio:
                text = "" if line.binary else _MEDIA.sub(r'"\1"', text)
            line.frame = text
        return msgspec.json.encode(line) + b"\n"


def _text_of(frame: str | bytes) -> tuple[str, bool]:
    """A frame as text, and whether that is base64 of a binary one."""
    if isinstance(frame, bytes):
        return b64encode(frame).decode(), True
    return frame.encode("utf-8", "replace").decode(), False


def _secrets_of(endpoint: Endpoint) -> set[str]:
    """What must not be written down: header values, their last words, keys in the query."""
    values = [*endpoint.headers.values()]
    values += [value.rpartition(" ")[2] for value in values]
    # Browser-style subprotocols can hold a key; their plain names are short words.
    values += [name for name in endpoint.subprotocols if len(name) >= _LONG_SUBPROTOCOL]
    query = parse_qsl(urlsplit(endpoint.url).query)
    values += [value for name, value in query if _KEY_NAME.search(name)]
    return {value for value in values if len(value) >= _SHORTEST_SECRET}


def _create(path: Path) -> BinaryIO:
    try:
        # O_EXCL: an older recording is not lost, and nobody else's file or link is written to.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(f"{one_line(str(path))} exists already.", hint="Name a new file.") from None
    except OSError as error:
        raise ConfigError(
            f"{one_line(str(path))} cannot be created: {error.strerror}.", hint="Name another file."
        ) from None
    return os.fdopen(handle, "wb")
