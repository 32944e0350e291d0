"""Reads any common WAV as 16-bit mono PCM, and writes 16-bit WAV to a file or a pipe.

Nothing is believed about sizes: a pipe's header declares none, and a crashed recorder's a wrong
one. Sound is read until the declared end or the real one, and memory is never taken for a
declared size.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

from neko_cli.audio.wav_format import STREAMED, WavFormat, header, parse_format, to_mono16
from neko_cli.core.errors import ConfigError

READ_BYTES = 65_536
MAX_HEADER_BYTES = 64 * 1024 * 1024
"""Tags and pictures before the sound that are skipped; beyond it is not a WAV that we read."""

MAX_FORMAT_BYTES = 4096


class WavReader:
    """A WAV as an iterator of 16-bit mono chunks at the file's own rate; a context manager."""

    def __init__(self, source: BinaryIO, name: str, *, owned: bool = False) -> None:
        """Read the header from ``source``, called ``name`` in messages; closed with us if ``owned``.

        Blocks until the first sound has arrived. Raises ConfigError for what is not a usable WAV.
        """
        self._source = source
        self._name = name
        self._owned = owned
        self._left: int | None = None
        try:
            self.format: WavFormat = self._read_header()
            self._ahead = self._read_frames(1)
            if not self._ahead:
                raise ConfigError(f"{name} holds no sound.")
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a file, or standard input for ``-``; raises ConfigError."""
        if str(path) == "-":
            if sys.stdin is None:
                raise ConfigError("Standard input is closed.")
            return cls(sys.stdin.buffer, "standard input")
        try:
            source = Path(path).open("rb")  # noqa: SIM115 (closed by close)
        except (OSError, ValueError) as error:  # ValueError: a null byte in the path
            raise ConfigError(_cannot("read", str(path), error)) from error
        return cls(source, Path(path).name, owned=True)

    @property
    def rate(self) -> int:
        """Sample rate in Hz."""
        return self.format.rate

    def chunks(self, ms: float = 20.0) -> Iterator[bytes]:
        """16-bit mono PCM in chunks of ``ms``; the last may be shorter. Raises ConfigError."""
        frames = max(1, int(self.rate * ms / 1000.0))
        while True:
            data = self._ahead + self._read_frames(frames - len(self._ahead) // self.format.frame_bytes)
            self._ahead = b""
            if not data:
                return
            yield to_mono16(data, self.format)

    def skip(self, seconds: float) -> None:
        """Leave out so much of the sound that comes next. Raises ConfigError."""
        wanted = round(self.rate * seconds) * self.format.frame_bytes
        ahead = min(wanted, len(self._ahead))
        self._ahead, wanted = self._ahead[ahead:], wanted - ahead
        if self._left is not None:
            wanted = min(wanted, self._left)
            self._left -= wanted
        if self._owned and self._source.seekable():
            self._source.seek(wanted, os.SEEK_CUR)
        else:
            self._skip(wanted)

    def close(self) -> None:
        """Close the file, unless it is standard input."""
        if self._owned:
            self._source.close()

    def __enter__(self) -> Self:
        """The reader itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()

    def _read_header(self) -> WavFormat:
        """Go to the first sample; sets how many bytes of sound are declared."""
        start = self._read(12)
        if not start:
            raise ConfigError(f"{self._name} is empty.")
        if len(start) < 12 or start[:4] not in (b"RIFF", b"RF64") or start[8:] != b"WAVE":
            raise ConfigError(f"{self._name} is not a WAV file.")
        form: WavFormat | None = None
        long_size: int | None = None
        passed = 0
        while passed <= MAX_HEADER_BYTES:
            head = self._read(8)
            if len(head) < 8:
                raise ConfigError(f"{self._name} holds no sound.")
            kind, size = head[:4], int.from_bytes(head[4:], "little")
            if kind == b"data":
                if form is None:
                    raise ConfigError(f"{self._name} is not a usable WAV file: it does not say its format.")
                if size == STREAMED and long_size is not None:
                    self._left = long_size
                elif size not in (0, STREAMED):
                    self._left = size
                return form
            content = self._read(min(size, MAX_FORMAT_BYTES)) if kind in (b"fmt ", b"ds64") else b""
            if kind == b"fmt ":
                form = parse_format(content, self._name)
            elif kind == b"ds64" and len(content) >= 16:  # EBU Tech 3306: sizes beyond 4 GiB
                long_size = int.from_bytes(content[8:16], "little")
            self._skip(size + size % 2 - len(content))  # chunks are padded to even sizes
            passed += size + 8
        raise ConfigError(f"{self._name} is not a usable WAV file: its header does not end.")

    def _read_frames(self, frames: int) -> bytes:
        """Up to ``frames`` whole frames of sound; empty at the end."""
        wanted = frames * self.format.frame_bytes
        if self._left is not None:
            wanted = min(wanted, self._left)
        data = self._read(wanted)
        if self._left is not None:
            self._left -= len(data)
        return data[: len(data) - len(data) % self.format.frame_bytes]

    def _skip(self, n: int) -> None:
        while n > 0:
            got = len(self._read(min(n, READ_BYTES)))
            if got == 0:
                return
            n -= got

    def _read(self, n: int) -> bytes:
        """``n`` bytes, fewer only at the end, read piecewise so that memory follows what is there."""
        parts = []
        try:
            while n > 0:
                part = self._source.read(min(n, READ_BYTES))
                if not part:
                    break
                parts.append(part)
                n -= len(part)
        except (OSError, ValueError) as error:  # ValueError: standard input is closed
            raise ConfigError(_cannot("read", self._name, error)) from error
        return b"".join(parts)


class WavWriter:
    """Writes 16-bit PCM as WAV; a context manager.

    To a file the header is set right every second of sound, so that a crash leaves a playable
    file; to a pipe it declares the size 0xFFFFFFFF, as other programs do. A reader that goes
    away is a BrokenPipeError, every other failure a ConfigError.
    """

    def __init__(
        self, sink: BinaryIO, rate: int, *, name: str, channels: int = 1, owned: bool = False
    ) -> None:
        """Write a header to ``sink``; ``rate`` in Hz; closes ``sink`` at the end when ``owned``."""
        self._sink = sink
        self._name = name
        self._owned = owned
        self._frame_bytes = 2 * channels
        self._every = rate * self._frame_bytes
        self._written = 0
        self._declared = 0
        self._odd = b""
        self.rate = rate
        self.channels = channels
        try:
            self._seekable = owned and sink.seekable()
            self._put(header(rate, channels, 0 if self._seekable else None))
        except BaseException:
            self._close_sink()
            raise

    @classmethod
    def create(cls, path: str | Path, rate: int, *, channels: int = 1) -> Self:
        """Write to a new file (readable by its owner alone), or standard output for ``-``."""
        if str(path) == "-":
            if sys.stdout is None:
                raise ConfigError("Standard output is closed.")
            return cls(sys.stdout.buffer, rate, name="standard output", channels=channels)
        try:
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
        except (OSError, ValueError) as error:
            raise ConfigError(_cannot("write", str(path), error)) from error
        sink = os.fdopen(number, "wb")
        return cls(sink, rate, name=Path(path).name, channels=channels, owned=True)

    def write(self, pcm: bytes) -> None:
        """Append samples (interleaved when there are two channels); a cut frame waits for its rest."""
        data = self._odd + pcm if self._odd else pcm
        whole = len(data) - len(data) % self._frame_bytes
        self._odd = data[whole:]
        if whole == 0:
            return
        self._put(data[:whole])
        self._written += whole
        if self._seekable and self._written - self._declared >= self._every:
            self._fix_header()
        elif not self._seekable:
            self._flush()

    def close(self) -> None:
        """Set the header right and close; idempotent."""
        if self._sink.closed:
            return
        try:
            if self._seekable:
                self._fix_header()
            else:
                self._flush()
        finally:
            self._close_sink()

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()

    def _fix_header(self) -> None:
        self._declared = self._written
        try:
            self._sink.seek(0)
            self._sink.write(header(self.rate, self.channels, self._written))
            self._sink.seek(0, os.SEEK_END)
            self._sink.flush()
        except OSError as error:
            raise ConfigError(_cannot("write", self._name, error)) from error

    def _put(self, data: bytes) -> None:
        try:
            self._sink.write(data)
        except BrokenPipeError:
            raise
        except (OSError, ValueError) as error:
            raise ConfigError(_cannot("write", self._name, error)) from error

    def _flush(self) -> None:
        try:
            self._sink.flush()
        except BrokenPipeError:
            raise
        except (OSError, ValueError) as error:
            raise ConfigError(_cannot("write", self._name, error)) from error

    def _close_sink(self) -> None:
        if self._owned:
            try:
                self._sink.close()
            except BrokenPipeError:
                raise
            except OSError as error:
                raise ConfigError(_cannot("write", self._name, error)) from error


def _cannot(do: str, name: str, error: OSError | ValueError) -> str:
    """One sentence for a failed file operation."""
    if isinstance(error, FileNotFoundError) and do == "read":
        return f"There is no file {name}."
    if isinstance(error, IsADirectoryError):
        return f"{name} is a folder, not a WAV file."
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{name} cannot be {'read' if do == 'read' else 'written'}: {reason}."
