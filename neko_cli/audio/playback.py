"""Plays a WAV file through a loudspeaker, at any speed, and says where it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from neko_cli.audio.wav import WavReader
from neko_cli.core.pcm import Resampler
from neko_cli.core.ports import Speaker

CHUNK_MS = 100.0
AHEAD_MS = 500.0
"""Sound that waits in the loudspeaker's queue."""

LOOK_S = 0.02

Read = Callable[[Callable[[], bytes]], Awaitable[bytes]]
"""Carries out a blocking read on another thread."""


class Playback:
    """One file, once; both channels mixed. ``speed`` changes the pitch with it."""

    def __init__(self, wav: WavReader, read: Read, *, start: float, speed: float) -> None:
        """Begin at ``start`` seconds."""
        wav.skip(start)
        self._chunks = wav.chunks(CHUNK_MS)
        self._rate = max(1, round(wav.rate * speed))
        self._read = read
        self._start = start
        self._speed = speed
        self._next = b""
        self._speaker: Speaker | None = None

    @property
    def position(self) -> float:
        """What is heard now, in seconds of the file."""
        if self._speaker is None:
            return self._start
        return self._start + self._speaker.played / self._speaker.rate * self._speed

    async def load(self) -> None:
        """Read the beginning, and with it what takes its time to load: no device may run meanwhile."""
        self._next = await self._read(self._load)

    async def run(self, speaker: Speaker) -> None:
        """Play to the end through a loudspeaker that was opened just now; after ``load``.

        Raises AudioError when it dies, ConfigError for a broken file.
        """
        self._speaker = speaker
        converter = Resampler(self._rate, speaker.rate)
        while self._next:
            await self._play(converter.push(self._next), speaker)
            self._next = await self._read(self._chunk)
        await self._play(converter.drain(), speaker)
        await speaker.drained()

    def _load(self) -> bytes:
        chunk = self._chunk()
        Resampler(self._rate, self._rate + 1).push(chunk)
        return chunk

    def _chunk(self) -> bytes:
        return next(self._chunks, b"")

    async def _play(self, pcm: bytes, speaker: Speaker) -> None:
        speaker.play(pcm)
        while (waiting := speaker.queued_ms) > AHEAD_MS:
            await asyncio.sleep(LOOK_S)
            if speaker.queued_ms >= waiting:  # it plays no more: drained() knows why, or waits
                await speaker.drained()
