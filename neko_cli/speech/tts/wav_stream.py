"""Reads WAV as it arrives, in pieces of any size. Pure.

Servers that stream write lengths of zero or of all ones, because they do not know them yet
(RIFF/WAVE as in Microsoft's "Multimedia Programming Interface and Data Specifications 1.0").
"""

from __future__ import annotations

import struct

from neko_cli.core.errors import ProtocolSurprise

MAX_HEADER = 64 * 1024
_PCM, _EXTENSIBLE = 1, 0xFFFE
_UNKNOWN_LENGTHS = (0, 0xFFFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF - 36, 0x7FFFFFFF - 36)


class WavStream:
    """One WAV file, 16-bit mono."""

    def __init__(self) -> None:
        self.rate = 0
        """In Hz; 0 until it is known."""
        self._buffer = b""
        self._left: int | None = None
        self._in_data = False

    def push(self, data: bytes) -> bytes:
        """Add bytes; returns the PCM that came with them. Raises ProtocolSurprise for other formats."""
        if self._in_data:
            return self._sound(data)
        self._buffer += data
        if len(self._buffer) > MAX_HEADER:
            raise _surprise("has too long a header")
        return self._header()

    def _header(self) -> bytes:
        buffer = self._buffer
        if len(buffer) < 12:
            return b""
        if buffer[:4] != b"RIFF" or buffer[8:12] != b"WAVE":
            raise _surprise("is no WAV file")
        at = 12
        while len(buffer) >= at + 8:
            kind, length = struct.unpack_from("<4sI", buffer, at)
            if kind == b"data":
                if not self.rate:
                    raise _surprise("has no format")
                self._in_data, self._buffer = True, b""
                self._left = None if length in _UNKNOWN_LENGTHS else length
                return self._sound(buffer[at + 8 :])
            if len(buffer) < at + 8 + length:
                break
            if kind == b"fmt ":
                self._format(buffer[at + 8 : at + 8 + length])
            at += 8 + length + (length & 1)
        return b""

    def _format(self, data: bytes) -> None:
        if len(data) < 16:
            raise _surprise("has a broken format")
        kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data)
        if kind not in (_PCM, _EXTENSIBLE) or channels != 1 or bits != 16 or not 8000 <= rate <= 192_000:
            raise _surprise("is not 16-bit mono")
        self.rate = rate

    def _sound(self, data: bytes) -> bytes:
        if self._left is None:
            return data
        taken = data[: self._left]
        self._left -= len(taken)
        return taken


def _surprise(what: str) -> ProtocolSurprise:
    hint = "Check the voice's address."
    return ProtocolSurprise(f"The sound of the voice {what}.", hint=hint, permanent=True)
