"""A two-channel WAV file into which each channel is written at any place, on its own."""

from __future__ import annotations

import os
from pathlib import Path

from neko_cli.audio.wav_format import HEADER_BYTES, header
from neko_cli.core.errors import ConfigError
from neko_cli.core.text import one_line

TRACKS = 2
FRAME_BYTES = 2 * TRACKS


class WavTracks:
    """What was not written is silence. The file is whole after each ``save``, also after a crash.

    Every method blocks, and raises OSError when the disk does not take it.
    """

    def __init__(self, path: Path, rate: int) -> None:
        """Create the file, readable by its owner alone; raises ConfigError, also when there is one."""
        shown = one_line(str(path))
        try:
            # O_EXCL: an older recording is not lost, and nobody else's file or link is written to.
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            number = os.open(path, flags, 0o600)
        except FileExistsError:
            raise ConfigError(f"{shown} exists already.", hint="Name a new file.") from None
        except OSError as error:
            raise ConfigError(
                f"{shown} cannot be created: {error.strerror}.", hint="Name another file."
            ) from None
        self.rate = rate
        self.frames = 0
        """Length so far: the end of the later channel."""
        self._file = os.fdopen(number, "w+b", buffering=0)
        self._write(0, header(rate, TRACKS, 0))

    def place(self, track: int, position: int, pcm: bytes) -> None:
        """Write 16-bit samples of a track (0 left, 1 right) from a sample position on."""
        import numpy as np

        samples = np.frombuffer(pcm, dtype="<i2")
        self.frames = max(self.frames, position + samples.size)
        at = HEADER_BYTES + position * FRAME_BYTES
        region = np.zeros((samples.size, TRACKS), dtype="<i2")
        there = self._read(at, samples.size * FRAME_BYTES)
        region.reshape(-1).view(np.uint8)[: len(there)] = np.frombuffer(there, dtype=np.uint8)
        region[:, track] = samples
        self._write(at, region.tobytes())

    def reach(self, position: int) -> None:
        """Make it at least so long; what is new is silence."""
        self.frames = max(self.frames, position)

    def save(self) -> None:
        """Make the header say what is there."""
        size = self.frames * FRAME_BYTES
        if os.fstat(self._file.fileno()).st_size < HEADER_BYTES + size:
            self._file.truncate(HEADER_BYTES + size)
        self._write(0, header(self.rate, TRACKS, size))

    def close(self) -> None:
        """Save and close."""
        with self._file:
            self.save()

    def abandon(self) -> None:
        """Close as it is."""
        self._file.close()

    def _read(self, at: int, size: int) -> bytes:
        self._file.seek(at)
        return self._file.read(size)

    def _write(self, at: int, data: bytes) -> None:
        self._file.seek(at)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
