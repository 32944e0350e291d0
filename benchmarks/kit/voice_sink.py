"""What a sound server's device plays, sample by sample, with the time of each.

    python -m benchmarks.kit.voice_sink SOURCE PCM TIMES

As a program it records until it is ended: 16-bit mono at 48 kHz, and beside it when how much had come. A null
sink's clock is the system's own, so samples are evenly spaced; the piece that came with the least delay tells
when the first one was played. What is left of that delay is less than a piece of 5 ms, makes every sound seem
later, never sooner, and is the same for all clients.
"""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

RATE = 48_000
PIECE_MS = 5
SILENT = 600
"""Levels up to this are silence; what is played in a measurement is louder, each sample of it."""

MARK = struct.Struct("<dq")


def record(source: str, pcm: Path, times: Path) -> None:
    """Copy what a source gives, noting when each piece came."""
    command = ["parec", f"--device={source}", "--format=s16le", f"--rate={RATE}", "--channels=1"]
    command += [f"--latency-msec={PIECE_MS}", "--raw"]
    total = 0
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as parec,
        pcm.open("wb", buffering=0) as sound,
        times.open("wb", buffering=0) as marks,
    ):
        assert parec.stdout is not None
        signal.signal(signal.SIGTERM, lambda *_: parec.terminate())
        while piece := os.read(parec.stdout.fileno(), 1 << 16):
            at = time.monotonic()
            total += len(piece)
            sound.write(piece)
            marks.write(MARK.pack(at, total))


class Sink:
    """A recording that runs inside the context, and what is heard in it."""

    def __init__(self, source: str, folder: Path, env: Mapping[str, str]) -> None:
        self._pcm, self._times = folder / f"{source}.pcm", folder / f"{source}.times"
        self._command = [sys.executable, "-m", "benchmarks.kit.voice_sink", source, self._pcm, self._times]
        self._env = env

    def __enter__(self) -> Sink:
        self._process = subprocess.Popen(self._command, env=self._env)
        deadline = time.monotonic() + 10.0
        while not (self._times.exists() and self._times.stat().st_size):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError("the sink cannot be recorded")
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    def heard(self) -> Heard:
        """All that was recorded so far."""
        return Heard(self._pcm, self._times, RATE, evenly=True)


class Heard:
    """Sound and when it came. ``evenly`` says that its samples are as far apart as its rate says."""

    def __init__(self, pcm: Path, times: Path, rate: int, *, evenly: bool) -> None:
        import numpy as np

        marks = np.frombuffer(_whole(times, MARK.size), dtype=[("at", "<f8"), ("bytes", "<i8")])
        self.samples: Any = np.frombuffer(_whole(pcm, 2), dtype="<i2")
        self.rate = rate
        self._at: Any = marks["at"]
        self._ends: Any = marks["bytes"] // 2
        self._start = float(np.min(self._at - self._ends / rate)) if evenly else None

    def time_of(self, sample: int) -> float:
        """When a sample was played, or came."""
        if self._start is not None:
            return self._start + sample / self.rate
        return float(self._at[int(self._ends.searchsorted(sample, side="right"))])

    def between(self, begin: float, end: float) -> tuple[int, Any]:
        """The first sample of a stretch of an even recording, and all of them."""
        assert self._start is not None
        first = max(0, round((begin - self._start) * self.rate))
        return first, self.samples[first : max(first, round((end - self._start) * self.rate))]

    def sounding(self, begin: float, end: float) -> Sounding | None:
        """What is heard in a stretch; None for silence."""
        import numpy as np

        first, samples = self.between(begin, end)
        at = np.flatnonzero(np.abs(samples.astype(np.int32)) > SILENT)
        if not at.size:
            return None
        last = samples[max(0, int(at[-1]) - self.rate * 30 // 1000) : int(at[-1]) + 1]
        holes = int(at[-1]) - int(at[0]) + 1 - at.size
        return Sounding(
            self.time_of(first + int(at[0])),
            self.time_of(first + int(at[-1])),
            holes * 1000.0 / self.rate,
            float(np.max(last)),
        )


class Sounding:
    """A stretch of sound."""

    def __init__(self, begins: float, ends: float, silent_ms: float, last_level: float) -> None:
        self.begins = begins
        self.ends = ends
        self.silent_ms = silent_ms
        """Silence between its first and its last sample."""
        self.last_level = last_level
        """The highest level of its last 30 ms: where a ramp was when it ended, with or without a fade."""


def _whole(path: Path, size: int) -> bytes:
    """A file that may still be written to, up to its last whole record."""
    found = path.read_bytes()
    return found[: len(found) // size * size]


if __name__ == "__main__":
    record(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
