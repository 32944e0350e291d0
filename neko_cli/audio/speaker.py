"""The loudspeaker: queue → ring → PortAudio callback, and the count of what was really heard."""

from __future__ import annotations

import asyncio
import threading
import time as clock_time
from collections.abc import Callable, Sequence
from typing import Any

from neko_cli.audio.clock import PlayedClock
from neko_cli.audio.devices import Kind
from neko_cli.audio.duplex import DuplexPair
from neko_cli.audio.fade import Fades
from neko_cli.audio.ring import SAMPLE_BYTES, ByteRing, RecentSound
from neko_cli.audio.streams import DeviceStream
from neko_cli.core.errors import AudioError
from neko_cli.core.loudspeakers import KEEP_MS
from neko_cli.core.pcm import SILENCE_DBFS, bytes_for, duration_ms, level_dbfs

RING_S = 120
"""Sound that can wait: providers send a reply much faster than it is spoken."""

RECENT_MS = 500
LEVEL_MS = 100
DRAIN_LOOK_S = 0.05
"""How often ``drained`` looks, so that it notices a ``clear`` soon."""

BLOCKS_TO_FADE = 2
"""One may have begun before a pause did; the next one fades; when a third begins there is silence."""


Tap = Callable[[memoryview, int, float], None]
"""Takes a copy of what is played: a block with its fill-in silence, the rate, and when it is heard.

It is called in the device's callback, where only copying is allowed.
"""

MakeTap = Callable[[], Tap]
"""Makes a tap for one stream, before its first callback."""


class DeviceSpeaker:
    """A loudspeaker (core's ``Speaker``): 16-bit mono PCM at the device's own rate."""

    def __init__(
        self,
        wanted: str = "",
        *,
        ring_s: float = RING_S,
        taps: Sequence[MakeTap] = (),
        pair: DuplexPair | None = None,
    ) -> None:
        """The device with this name, number or part of a name; empty for the default.

        ``ring_s`` is how many seconds of sound can wait; ``taps`` make what is told of all that is played;
        ``pair`` is what a microphone shares its stream by.
        """
        self._device = DeviceStream(Kind.SPEAKER, wanted, self._on_failure, pair=pair, player=self)
        self._ring_s = ring_s
        self._ring = ByteRing(0)
        self._clock = PlayedClock(1)
        self._recent = RecentSound(SAMPLE_BYTES)
        self._fades = Fades(1)
        self._was_playing = False
        self._holds = False
        self._held = self._pauses = False  # why it holds; the callback looks at one flag
        self._holding = threading.Lock()
        self._paused_at = 0  # block
        self._hands_over = False
        self._awaited = 0  # how many wait for the end of what is queued, which is then no break
        self._next_at = 0.0  # when the block after the last one will be heard
        self._gone = asyncio.Event()
        self._make_taps = taps
        self._taps: list[Tap] = []
        self._piece_taps: list[Tap] = []  # in their place, where the stream has pieces of its own length
        self.underruns = 0
        """Times that the device itself ran out of sound: our callback came too late."""
        self.gaps = 0
        """Times that the queue ran dry: once at each reply's end, more often when the link is slow."""

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
        """The device's output latency as reported, in ms."""
        return self._device.latency_s * 1000.0

    @property
    def ahead_ms(self) -> float:
        """After how long the next sample that the device takes will be heard, in ms."""
        if not self._next_at:
            return self.latency_ms
        return max(0.0, self._next_at - clock_time.monotonic()) * 1000.0

    @property
    def level(self) -> float:
        """Level of the 100 ms that are being heard, in dBFS."""
        if not self.rate:
            return SILENCE_DBFS
        not_yet = bytes_for(self.latency_ms, self.rate)
        sound = self._recent.last(bytes_for(LEVEL_MS, self.rate), before=not_yet)
        return level_dbfs(sound) if sound else SILENCE_DBFS

    @property
    def played(self) -> int:
        """Samples really heard since it was opened; fill-in silence does not count."""
        return self._clock.heard(clock_time.monotonic())

    @property
    def handed(self) -> int:
        """Samples given to the device since it was opened: what ``played`` reaches after a clear."""
        return self._clock.handed

    @property
    def queued_ms(self) -> float:
        """How much is waiting to be heard, what the device holds included, in ms."""
        if not self.rate:
            return 0.0
        in_device = max(0, self.handed - self.played) * SAMPLE_BYTES
        in_queue = self._ring.available + self._fades.left_of(self._ring)
        return duration_ms(in_queue + in_device, self.rate)

    @property
    def failure(self) -> AudioError | None:
        """Why the device died, once it has; nothing is taken any more then."""
        return self._device.failure

    async def open(self) -> None:
        """Start the device; raises NoSpeaker or AudioError. Counts begin at zero."""
        if not self._device.is_open:
            self._gone.clear()
            await self._device.open(self._fill, self._ready)

    def play(self, pcm: bytes) -> int:
        """Queue whole samples, never blocking; returns the bytes taken.

        The queue holds ``ring_s`` seconds; what does not fit is not taken. Nothing is taken while
        the device is closed or dead.
        """
        if not self._device.is_open or self._device.failure is not None:
            return 0
        self._hands_over = False
        return self._ring.write(pcm)

    def clear(self) -> None:
        """Drop what is not yet handed to the device, from the next block on (10 ms at most).

        What the device holds (``latency_ms``) is still heard, and 5 ms more in which the sound fades out;
        both are counted.
        """
        self._ring.clear()
        self.hold(False)

    def hold(self, on: bool) -> None:
        """Silence from the next block on (10 ms at most), or go on where that stopped; what waits stays.

        The sound fades out within 5 ms, which count as heard, and in again.
        """
        with self._holding:
            self._held = on
            self._holds = on or self._pauses

    def take_back(self, keep_ms: float = 0.0) -> bytes:
        """What waits and was not handed to the device, but for the next ``keep_ms``: it is not played here.

        A device that runs keeps 20 ms at least. Where they end there is no fade: the next sample is heard
        from another device.
        """
        self._hands_over = True
        if self._device.failure is not None or not self._device.is_open:
            return self._ring.take_back(0)
        return self._ring.take_back(bytes_for(max(keep_ms, KEEP_MS), self.rate))

    async def drained(self) -> None:
        """Wait until all that was queued has been heard, dropped or closed.

        Who waits says that it is complete: its end is played as it is, without a fade.
        Raises AudioError when the device dies, which its watchdog says within 2 s.
        """
        self._awaited += 1
        try:
            while self._device.is_open:
                if self._device.failure is not None:
                    raise self._device.failure
                waiting = self.queued_ms
                if waiting <= 0.0:
                    return
                await asyncio.sleep(min(DRAIN_LOOK_S, waiting / 1000.0))
        finally:
            self._awaited -= 1

    async def lost(self) -> AudioError:
        """Wait until the device dies; the error that says how. Waits for ever while all is well."""
        await self._gone.wait()
        assert self._device.failure is not None
        return self._device.failure

    async def close(self) -> None:
        """Stop at once, dropping what waits; within a second, idempotent."""
        await self._device.close()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is played, and nothing waits; on the lane."""
        return not self._ring.available and self._device_is_silent

    @property
    def rests(self) -> bool:
        """Whether a pause has begun and all that was handed over has been heard; on the lane."""
        faded = self._device.blocks >= self._paused_at + BLOCKS_TO_FADE
        return faded and self._device_is_silent

    @property
    def _device_is_silent(self) -> bool:
        ahead_ms = self.ahead_ms
        on_its_way = self._recent.last(bytes_for(ahead_ms, self.rate))
        return ahead_ms < RECENT_MS and on_its_way.count(0) == len(on_its_way)

    def pause(self, on: bool) -> None:
        """Silence from the next block on, as in a hold, while another stream takes over; on the lane."""
        with self._holding:
            self._pauses = on
            self._holds = on or self._held
        self._paused_at = self._device.blocks

    def moved(self, latency_s: float, *, in_pieces: bool) -> None:
        """Another stream of the same device is about to play; ``in_pieces``: see ``tell``. On the lane."""
        self._device.latency_s = self._clock.latency_s = latency_s
        made = [make() for make in self._make_taps]
        self._taps, self._piece_taps = ([], made) if in_pieces else (made, [])

    def tell(self, piece: memoryview, time: Any) -> None:
        """In the callback of a stream that takes pieces of any length: this is one of them.

        Taps go by when they are called, and blocks of 10 ms are cut unevenly from such pieces.
        """
        delay_s = time.outputBufferDacTime - time.currentTime
        heard_at = self._clock.block(clock_time.monotonic(), delay_s, 0)
        for tap in self._piece_taps:
            tap(piece, self._device.rate, heard_at)

    def _ready(self, rate: int, latency_s: float) -> None:
        """On the lane, before the first callback: memory for this rate."""
        self._ring = ByteRing(int(rate * self._ring_s) * SAMPLE_BYTES)
        self._recent = RecentSound(bytes_for(RECENT_MS, rate))
        self._clock = PlayedClock(rate, latency_s)
        self._fades = Fades(rate)
        self._was_playing = False
        self._hands_over = False
        self._next_at = 0.0
        self._holds = self._held = self._pauses = False
        self._taps, self._piece_taps = [make() for make in self._make_taps], []

    def _fill(self, block: Any, frames: int, time: Any, status: Any) -> None:
        """PortAudio's callback: copies what waits, then silence, with a fade where it breaks off."""
        self._device.blocks += 1
        out = memoryview(block)
        held = self._holds
        is_end = self._hands_over or self._awaited > 0
        filled = self._fades.fill(self._ring, out, held=held, ends=not is_end)
        if filled < len(out) and self._was_playing and not held:
            self.gaps += 1
        self._was_playing = filled == len(out)
        delay_s = time.outputBufferDacTime - time.currentTime
        heard_at = self._clock.block(clock_time.monotonic(), delay_s, filled // SAMPLE_BYTES)
        self._next_at = heard_at + frames / self._device.rate
        self._recent.push(out)
        for tap in self._taps:
            tap(out, self._device.rate, heard_at)
        if status and status.output_underflow:
            self.underruns += 1

    def _on_failure(self) -> None:
        self._gone.set()
