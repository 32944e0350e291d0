"""The microphone: PortAudio callback → ring → frames of 10 or 20 ms."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any

from neko_cli.audio.devices import Kind
from neko_cli.audio.duplex import DuplexPair
from neko_cli.audio.echo_care import DeviceEcho
from neko_cli.audio.echo_clock import BlockClock
from neko_cli.audio.opening import BLOCKS_PER_S
from neko_cli.audio.ring import SAMPLE_BYTES, ByteRing, RecentSound
from neko_cli.audio.streams import DeviceStream
from neko_cli.core.pcm import SILENCE_DBFS, level_dbfs

RING_S = 5
"""Sound kept for a reader that is late; what comes after is lost and counted."""

BLOCKS = 2
"""Blocks of 10 ms that a frame holds: a frame costs much the same work whatever its length. Where echo is
cancelled, which takes its own time, each block is a frame, unless nobody is in a hurry."""

LEVELS_PER_S = 10
"""``level`` looks at 100 ms."""


class DeviceMicrophone:
    """A microphone (core's ``Microphone``): 16-bit mono PCM at the device's own rate."""

    def __init__(
        self, wanted: str = "", *, echo: DeviceEcho | None = None, pair: DuplexPair | None = None
    ) -> None:
        """The device with this name, number or part of a name; empty for the default.

        ``echo`` takes what the loudspeaker plays out of its sound; ``pair`` is what they share a stream by.
        """
        self._echo = echo
        self._clock = BlockClock(1)
        self._read = 0  # samples that were read since it was opened
        self._ear = 0  # which of the microphones that the echo canceller has met
        self._device = DeviceStream(Kind.MICROPHONE, wanted, self._wake_up, pair=pair)
        self._ring = ByteRing(0)
        self._wake = asyncio.Event()
        self._wake_pending = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._recent = RecentSound(0)
        self._raw = self._recent  # where echo is cancelled, what came before
        self._wakes_at = 0  # bytes for which the reader is woken
        self.unhurried = False
        self.overflows = 0
        """Blocks of which something was lost: the reader was late, or the device said so."""

    @property
    def rate(self) -> int:
        """Sample rate in Hz; valid once open."""
        return self._device.rate

    @property
    def name(self) -> str:
        """The device's name; valid once open."""
        return self._device.name

    @property
    def latency_ms(self) -> float:
        """The device's input latency as reported, in ms."""
        return self._device.latency_s * 1000.0

    @property
    def level(self) -> float:
        """Level of the last 100 ms that were read, in dBFS."""
        return self._level_of(self._recent)

    @property
    def raw_level(self) -> float:
        """The same before echo and noise were taken out."""
        return self._level_of(self._raw)

    def _level_of(self, sound: RecentSound) -> float:
        recent = sound.last(self.rate // LEVELS_PER_S * SAMPLE_BYTES)
        return level_dbfs(recent) if recent else SILENCE_DBFS

    async def open(self) -> None:
        """Start the device; raises NoMicrophone, MicrophonePermissionError or AudioError."""
        self._loop = asyncio.get_running_loop()
        await self._device.open(self._copy, self._ready)
        if self._echo is not None:
            try:
                self._ear = await self._echo.microphone_opened(self.name)
            except BaseException:  # nobody would close it
                await self.close()
                raise

    async def frames(self) -> AsyncIterator[bytes]:
        """Frames of whole 10 ms from ``open`` on, mostly of 20, for one reader.

        Ends when closed, after what was captured until then (whole frames of it: a device that goes both ways
        in one stream has blocks of its own length); raises AudioError when the device dies, likewise. A
        reader more than 5 s late loses what comes (see ``overflows``).
        """
        block = self.rate // BLOCKS_PER_S * SAMPLE_BYTES
        takes_time = self._echo is not None and self._echo.cancels
        while True:
            self._wake.clear()
            self._wakes_at = size = block if takes_time and not self.unhurried else block * BLOCKS
            over = self._device.failure is not None or not self._device.is_open
            if over:
                size = block  # two might not be there: a frame is whole
            while self._ring.available >= size > 0:
                frame = self._clean(self._ring.read(size))
                if frame:
                    self._recent.push(memoryview(frame))
                    yield frame
            if over:
                if self._echo is not None and (rest := self._echo.rest(self._ear)):
                    yield rest
                if self._device.failure is not None:
                    raise self._device.failure
                return
            # No timeout of its own: the stream's watchdog wakes us after 2 s without a callback.
            await self._wake.wait()

    async def close(self) -> None:
        """Stop within a second; idempotent."""
        await self._device.close()
        self._wake_up()

    def _clean(self, frame: bytes) -> bytes:
        """What the echo canceller lets out when this frame comes: itself, nothing yet, or more."""
        if self._echo is None:
            return frame
        self._raw.push(memoryview(frame))
        came_at = self._clock.time_of(self._read)
        self._read += len(frame) // SAMPLE_BYTES
        return self._echo.clean(frame, came_at, self.rate, self._ear)

    def _ready(self, rate: int, latency_s: float) -> None:
        """On the lane, before the first callback: memory for this rate."""
        self._ring = ByteRing(rate * SAMPLE_BYTES * RING_S)
        self._recent = RecentSound(rate * SAMPLE_BYTES)
        self._raw = RecentSound(rate * SAMPLE_BYTES) if self._echo is not None else self._recent
        self._clock = BlockClock(rate)
        self._read = 0
        self._wake_pending = False

    def _copy(self, block: Any, frames: int, time: Any, status: Any) -> None:
        """PortAudio's callback: copies, and wakes the reader once when there is a frame for it."""
        self._device.blocks += 1
        taken = self._ring.write(block)
        self._clock.block(monotonic(), taken // SAMPLE_BYTES)
        if taken < len(block) or (status and status.input_overflow):
            self.overflows += 1
        if not self._wake_pending and self._loop is not None and self._ring.available >= self._wakes_at:
            self._wake_pending = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody reads any more
                self._loop.call_soon_threadsafe(self._wake_up)

    def _wake_up(self) -> None:
        self._wake_pending = False
        self._wake.set()
