"""Reads standard input as ``neko say`` needs it, without ever being stuck on a silent pipe.

The reading thread is a daemon: a pipe that nobody closes does not keep the program from ending.
It reads the descriptor itself, because a thread that is inside ``sys.stdin`` at the end of the
program holds that object's lock and makes the interpreter abort.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import stat
import threading
from collections import deque
from collections.abc import AsyncIterator

from neko_cli.core.errors import ConfigError

READ_BYTES = 65_536
MAX_TEXT_BYTES = 1024 * 1024
"""More text than any realtime model takes in one message."""

WAIT_S = 1.0
"""How long a pipe beside a TEXT may stay silent before it counts as not meant for us."""

QUEUED_PIECES = 16


def is_terminal(descriptor: int = 0) -> bool:
    """Whether a person sits there; False for a closed descriptor."""
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def can_hold_text(descriptor: int = 0) -> bool:
    """Whether it is a file, a pipe or a socket: what a shell connects on purpose."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


class InputReader:
    """Pieces of standard input, read by a daemon thread; at most ``QUEUED_PIECES`` wait."""

    def __init__(self, descriptor: int = 0) -> None:
        """Start reading at once, so that the input arrives while other things load."""
        self._descriptor = descriptor
        self._pieces: deque[bytes | OSError] = deque()
        self._room = threading.Semaphore(QUEUED_PIECES)
        self._lock = threading.Lock()
        self._waiter: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        threading.Thread(target=self._read, name="neko-stdin", daemon=True).start()

    def _read(self) -> None:
        more = True
        while more:
            self._room.acquire()
            piece: bytes | OSError
            try:
                piece = os.read(self._descriptor, READ_BYTES)
            except OSError as error:
                piece = error
            more = bool(piece) and isinstance(piece, bytes)
            with self._lock:
                self._pieces.append(piece)
                if self._waiter is not None:
                    loop, arrived = self._waiter
                    # The loop may be closed by now: then nobody waits for this piece any more.
                    with contextlib.suppress(RuntimeError):
                        loop.call_soon_threadsafe(arrived.set)

    async def _next(self, timeout: float | None) -> bytes | None:
        """The next piece, empty at the end; None when ``timeout`` seconds passed without one."""
        try:
            async with asyncio.timeout(timeout):
                piece = await self._arrival()
        except TimeoutError:
            return None
        self._room.release()
        if isinstance(piece, OSError):
            raise ConfigError(f"Standard input cannot be read: {piece.strerror}.") from piece
        return piece

    async def _arrival(self) -> bytes | OSError:
        arrived = asyncio.Event()
        with self._lock:
            if self._pieces:
                return self._pieces.popleft()
            self._waiter = (asyncio.get_running_loop(), arrived)
        try:
            await arrived.wait()
        finally:
            with self._lock:
                self._waiter = None
        return self._pieces.popleft()

    async def text(self, *, wait: float | None = None) -> str:
        """All of the input as text.

        Args:
            wait: seconds in which it has to speak up or close, else it is left unread; None waits.

        Raises:
            ConfigError: over 1 MiB, or unreadable.
        """
        whole = bytearray()
        while True:
            piece = await self._next(None if whole else wait)
            if not piece:
                return decode(bytes(whole))
            whole += piece
            if len(whole) > MAX_TEXT_BYTES:
                raise ConfigError("Standard input holds more than 1 MiB of text, too much for one message.")

    async def lines(self) -> AsyncIterator[str]:
        """Lines as they arrive, without their ends; a last one without an end counts."""
        decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        rest = ""
        while piece := await self._next(None):
            rest += decoder.decode(piece)
            *whole, rest = rest.split("\n")
            for line in whole:
                yield line.removesuffix("\r")
            if len(rest) > MAX_TEXT_BYTES:
                raise ConfigError("A line of standard input is over 1 MiB long, too much for one message.")
        rest += decoder.decode(b"", final=True)
        if rest:
            yield rest.removesuffix("\r")


def decode(data: bytes) -> str:
    """UTF-8 text, with a byte order mark dropped and broken bytes replaced."""
    return data.decode("utf-8-sig", "replace")
