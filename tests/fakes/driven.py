"""The real loudspeaker and microphone classes, with a script in the place of the sound library.

The script calls their callbacks block by block, as the library does, at whatever pace and clock it likes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace

from neko_cli.audio.echo_care import DeviceEcho
from neko_cli.audio.microphone import DeviceMicrophone
from neko_cli.audio.speaker import DeviceSpeaker, MakeTap

RATE = 48_000
LATENCY_S = 0.02


class DrivenSpeaker(DeviceSpeaker):
    """A loudspeaker whose blocks are asked for by ``blocks``."""

    def __init__(self, rate: int = RATE, *, ring_s: float = 10.0, taps: Sequence[MakeTap] = ()) -> None:
        super().__init__(ring_s=ring_s, taps=taps)
        self._device.rate = rate
        self._device._stream = object()  # it is open
        self._ready(rate, LATENCY_S)
        self.block = bytearray(rate // 100 * 2)
        self._time = SimpleNamespace(outputBufferDacTime=LATENCY_S, currentTime=0.0)

    async def open(self) -> None:
        """It is open."""

    def blocks(self, n: int = 1, then: Callable[[bytes], None] | None = None) -> bytes:
        """What the device is given in its next blocks, or hand each block to ``then``."""
        given = bytearray()
        for _ in range(n):
            self._fill(self.block, len(self.block) // 2, self._time, None)
            if then is not None:
                then(bytes(self.block))
            else:
                given += self.block
        return bytes(given)


class DrivenMicrophone(DeviceMicrophone):
    """A microphone that captures what it is told to."""

    def __init__(self, rate: int = RATE, *, echo: DeviceEcho | None = None) -> None:
        super().__init__(echo=echo)
        self._device.rate = rate
        self._device._stream = object()
        self._ready(rate, LATENCY_S)

    async def listen(self, name: str) -> None:
        """A reader is about to come, on this loop; the echo canceller is told of a microphone."""
        self._loop = asyncio.get_running_loop()
        if self._echo is not None:
            self._ear = await self._echo.microphone_opened(name)

    @property
    def unread(self) -> int:
        """Samples that wait for the reader."""
        return self._ring.available // 2

    def capture(self, block: bytes) -> None:
        """The device has captured a block."""
        self._copy(block, len(block) // 2, None, None)
