"""Sound devices whose time the test holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from neko_cli.core.errors import AudioError, NoMicrophone, NoSpeaker
from neko_cli.core.pcm import SILENCE_DBFS, level_dbfs
from neko_cli.core.ports import UNKNOWN_DEVICE, DeviceInfo


class FakeSpeaker:
    """A loudspeaker that plays only when the test says so."""

    def __init__(self, rate: int = 24_000, *, error: AudioError | None = None, slow: bool = False) -> None:
        """``slow`` opens when ``ready`` is set."""
        self.ready = asyncio.Event()
        if not slow:
            self.ready.set()
        self.rate = rate
        self.name = "fake"
        self.level = -20.0
        self.ahead_ms = 0.0
        self.played = 0
        self.queue = bytearray()
        self.is_open = False
        self.opened = 0
        self.error = error
        self.everything = bytearray()
        self._empty = asyncio.Event()
        self._empty.set()
        self._came = asyncio.Event()
        self._dead: AudioError | None = None
        self._died = asyncio.Event()
        self.is_held = False

    @property
    def queued_ms(self) -> float:
        return len(self.queue) / 2 / self.rate * 1000

    async def open(self) -> None:
        if self.error is not None:
            raise self.error
        await self.ready.wait()
        self.is_open = True
        self._dead = None
        self._died.clear()
        self.opened += 1

    def play(self, pcm: bytes) -> int:
        assert self.is_open, "sound for a loudspeaker that is closed"
        self.queue += pcm
        self._empty.clear()
        self._came.set()
        return len(pcm)

    async def holds(self, ms: float) -> None:
        """Wait until so much is queued."""
        async with asyncio.timeout(5.0):
            while self.queued_ms < ms:
                self._came.clear()
                await self._came.wait()

    def clear(self) -> None:
        self.is_held = False
        self.queue.clear()
        self._empty.set()

    def take_back(self, keep_ms: float = 0.0) -> bytes:
        keep = int(self.rate * keep_ms / 1000) * 2
        taken = bytes(self.queue[keep:])
        del self.queue[keep:]
        if not self.queue:
            self._empty.set()
        return taken

    def hold(self, on: bool) -> None:
        self.is_held = on

    def die(self, error: AudioError) -> None:
        """The device is unplugged: nothing more is heard of what waits."""
        self._dead = error
        self._died.set()
        self._empty.set()

    async def lost(self) -> AudioError:
        await self._died.wait()
        assert self._dead is not None
        return self._dead

    def advance(self, ms: float) -> None:
        """Let so much be heard."""
        if self.is_held:
            return
        n = min(len(self.queue), int(self.rate * ms / 1000) * 2)
        self.everything += self.queue[:n]
        del self.queue[:n]
        self.played += n // 2
        if not self.queue:
            self._empty.set()

    async def drained(self) -> None:
        await self._empty.wait()
        if self._dead is not None:
            raise self._dead

    async def close(self) -> None:
        self.is_open = False


class FakeMicrophone:
    """A microphone that hears what the test puts in; None ends it, an error kills it."""

    unhurried = False

    def __init__(self, rate: int = 24_000, *, error: AudioError | None = None) -> None:
        self.rate = rate
        self.name = "fake"
        self.level = -30.0
        self.is_open = False
        self.error = error
        self._frames: asyncio.Queue[bytes | AudioError | None] = asyncio.Queue()
        self._latest = b""
        self.taken = 0

    @property
    def raw_level(self) -> float:
        return level_dbfs(self._latest) if self._latest else SILENCE_DBFS

    async def open(self) -> None:
        if self.error is not None:
            raise self.error
        self.is_open = True

    def hear(self, frame: bytes | AudioError) -> None:
        self._frames.put_nowait(frame)

    async def frames(self) -> AsyncIterator[bytes]:
        while True:
            frame = await self._frames.get()
            if frame is None:
                return
            if isinstance(frame, AudioError):
                raise frame
            self._latest = frame
            yield frame
            self.taken += 1

    async def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._frames.put_nowait(None)


class FakeSound:
    """Devices that the test plugs in and out; ``""`` is the system's default."""

    def __init__(self, **rates: int) -> None:
        """Devices by their names and rates, each a microphone and a loudspeaker; the first is the default."""
        self.rates = rates
        self.plugged = set(rates)
        self.known = set(rates)
        """What the sound library has read; others must be read anew, which closes everything."""
        self.speakers: list[FakeSpeaker] = []
        self.microphones: list[FakeMicrophone] = []
        self.open_at_once = 0

    @property
    def default(self) -> str:
        """The first device that is plugged in; empty for none."""
        return next((name for name in self.rates if name in self.plugged), "")

    async def devices(self) -> list[DeviceInfo]:
        return [
            DeviceInfo(at, name, "Fake", 1, 2, rate, name == self.default, name == self.default)
            for at, (name, rate) in enumerate(self.rates.items())
            if name in self.plugged
        ]

    async def full_name(self, wanted: str, *, microphone: bool) -> str:
        for device in await self.devices():
            if wanted in (str(device.index), device.name) or wanted in device.name:
                return device.name
        raise self.error(wanted, microphone=microphone)

    def error(self, name: str, *, microphone: bool) -> AudioError:
        kind = NoMicrophone if microphone else NoSpeaker
        return kind(f"There is no {name!r}.", code=UNKNOWN_DEVICE)

    def speaker(self, name: str = "") -> FakeSpeaker:
        made = NamedSpeaker(self, name)
        self.speakers.append(made)
        return made

    def microphone(self, name: str = "") -> FakeMicrophone:
        made = NamedMicrophone(self, name)
        self.microphones.append(made)
        return made

    def check(self, wanted: str, *, microphone: bool) -> str:
        """The device that opens by a name; raises AudioError."""
        if not any(device.is_open for device in (*self.speakers, *self.microphones)):
            self.known = set(self.plugged)
        name = wanted or self.default
        if name not in self.plugged & self.known:
            raise self.error(name, microphone=microphone)
        self.open_at_once = max(
            self.open_at_once, 1 + sum(device.is_open for device in (*self.speakers, *self.microphones))
        )
        return name

    def unplug(self, name: str) -> None:
        """A device goes, and what is open on it dies."""
        self.plugged.discard(name)
        for speaker in self.speakers:
            if speaker.is_open and speaker.name == name:
                speaker.die(NoSpeaker(f"{name!r} was unplugged.", permanent=False))
        for microphone in self.microphones:
            if microphone.is_open and microphone.name == name:
                microphone.hear(NoMicrophone(f"{name!r} was unplugged.", permanent=False))

    def plug(self, name: str) -> None:
        """It is back."""
        self.plugged.add(name)

    @property
    def speaker_open(self) -> list[FakeSpeaker]:
        """The loudspeakers that are open."""
        return [speaker for speaker in self.speakers if speaker.is_open]

    @property
    def microphone_open(self) -> list[FakeMicrophone]:
        """The microphones that are open."""
        return [microphone for microphone in self.microphones if microphone.is_open]


class NamedSpeaker(FakeSpeaker):
    """A loudspeaker of a ``FakeSound``."""

    def __init__(self, sound: FakeSound, wanted: str) -> None:
        super().__init__()
        self._sound = sound
        self._wanted = wanted

    async def open(self) -> None:
        self.name = self._sound.check(self._wanted, microphone=False)
        self.rate = self._sound.rates[self.name]
        await super().open()


class NamedMicrophone(FakeMicrophone):
    """A microphone of a ``FakeSound``."""

    def __init__(self, sound: FakeSound, wanted: str) -> None:
        super().__init__()
        self._sound = sound
        self._wanted = wanted

    async def open(self) -> None:
        self.name = self._sound.check(self._wanted, microphone=True)
        self.rate = self._sound.rates[self.name]
        await super().open()
