"""Records both sides of a conversation as a two-channel WAV: left the user, right the character.

Whoever has sound only appends it to a queue, also inside a device's callback; a thread of its own places
it on one clock and writes it down. A disk that is too slow costs sound of the recording, which is
counted, and holds up nobody.
"""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from neko_cli.audio.speaker import Tap
from neko_cli.audio.timeline import HOLD_S, Piece, Timeline, any_sound, joined
from neko_cli.audio.wav_tracks import WavTracks
from neko_cli.core.pcm import Resampler, duration_ms

RATE = 48_000
"""What nearly every device runs at: its samples pass bit-exact."""

QUEUE_BYTES = 8 * 1024 * 1024
"""Sound of one side that may wait for the disk: more than a minute."""

WRITE_EVERY_S = 0.2
SAVE_EVERY_S = 1.0
CLOSE_TIMEOUT_S = 5.0

YOU, CHARACTER = 0, 1


class WavTape:
    """The file, its queues and its thread. Every method but ``close`` returns at once."""

    def __init__(self, path: Path, *, began: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Create the file; its first sample is at ``began`` on the monotonic clock. Raises ConfigError."""
        self._clock = clock
        self._began = began
        self._file = WavTracks(path, RATE)
        self._you = _Side(YOU)
        self._sides = [self._you]  # of streams that may still have sound
        self._lost_ms = 0.0  # of those that have gone
        self._stop = threading.Event()
        self.trouble = ""
        """Why nothing more is written; empty while all is well."""
        self._thread = threading.Thread(target=self._run, name="neko-tape", daemon=True)
        self._thread.start()

    @property
    def lost_ms(self) -> float:
        """Sound that is missing because the disk was too slow, in ms."""
        return self._lost_ms + sum(side.lost_ms for side in list(self._sides))

    def heard(self, sound: bytes, rate: int, *, live: bool) -> None:
        """The user's sound, as it came just now."""
        at = self._clock() - self._began - (duration_ms(len(sound), rate) / 1000.0 if live else 0.0)
        self._you.put(_Raw(sound, rate, at, live))

    def loudspeaker(self) -> Tap:
        """A tap for one loudspeaker, which is done with when nobody holds it; two may run at once."""
        side = _Side(CHARACTER)
        self._sides.append(side)

        def played(block: memoryview, rate: int, heard_at: float) -> None:
            side.put(_Raw(bytes(block), rate, heard_at - self._began, live=True))

        weakref.finalize(played, side.end)
        return played

    def close(self) -> None:
        """Write what waits, within some seconds; idempotent. Blocks."""
        self._stop.set()
        self._thread.join(CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        saved = self._clock()
        while not self._stop.wait(WRITE_EVERY_S):
            self._write(last=False)
            if self._clock() - saved >= SAVE_EVERY_S:
                saved = self._clock()
                self._try(self._file.save)
        self._write(last=True)
        self._try(self._file.close)
        with contextlib.suppress(OSError):
            self._file.abandon()

    def _write(self, *, last: bool) -> None:
        now = self._clock() - self._began
        self._file.reach(int((now - (0.0 if last else HOLD_S)) * RATE))
        for side in list(self._sides):  # a loudspeaker may be opened meanwhile
            is_over = side.is_over  # asked first: what came before that is fetched
            side.fetch()
            placed = side.timeline.flush() if last else side.timeline.take(now)
            # Silence is there already, or the sound of a loudspeaker that another one took over from.
            for position, pcm in joined([piece for piece in placed if any_sound(piece.pcm)]):
                self._try(partial(self._file.place, side.track, position, pcm))
            if is_over and side.timeline.is_empty:
                self._sides.remove(side)
                self._lost_ms += side.lost_ms

    def _try(self, write: Callable[[], None]) -> None:
        """After the first failure nothing more is written: a hole would not be seen as one."""
        if self.trouble:
            return
        try:
            write()
        except OSError as error:
            self.trouble = error.strerror or "the file cannot be written"


class _Raw(NamedTuple):
    pcm: bytes
    rate: int
    at: float
    live: bool


class _Side:
    """A stream of one side: ``put`` is called on one thread, ``fetch`` on the tape's."""

    def __init__(self, track: int) -> None:
        self.track = track
        self.timeline = Timeline(RATE)
        self.lost_ms = 0.0
        self.is_over = False
        self._queue: deque[_Raw] = deque()  # bounded by QUEUE_BYTES: the newest is refused
        self._put = 0  # bytes, written by put() alone
        self._taken = 0  # bytes, written by fetch() alone
        self._converter: _Converter | None = None

    def put(self, raw: _Raw) -> None:
        if self._put - self._taken + len(raw.pcm) > QUEUE_BYTES:
            self.lost_ms += duration_ms(len(raw.pcm), raw.rate)
            return
        self._put += len(raw.pcm)
        self._queue.append(raw)

    def end(self) -> None:
        """Nothing more is put."""
        self.is_over = True

    def fetch(self) -> None:
        """Hand what came to the timeline."""
        while self._queue:
            raw = self._queue.popleft()
            self._taken += len(raw.pcm)
            if self._converter is None or self._converter.source_rate != raw.rate:
                self._converter = _Converter(raw.rate)
            self.timeline.add(self._converter.convert(raw))


class _Converter:
    """To the file's rate; what comes out later than it went in keeps its own time."""

    def __init__(self, rate: int) -> None:
        self.source_rate = rate
        self._resampler = Resampler(rate, RATE)
        self._in_s = self._out_s = 0.0

    def convert(self, raw: _Raw) -> Piece:
        if self._resampler.passes_through:
            return Piece(raw.pcm, raw.at, raw.live)
        at = raw.at - (self._in_s - self._out_s)
        pcm = self._resampler.push(raw.pcm)
        self._in_s += duration_ms(len(raw.pcm), raw.rate) / 1000.0
        self._out_s += duration_ms(len(pcm), RATE) / 1000.0
        return Piece(pcm, at, raw.live)
