"""The simulated user's microphone and loudspeaker, on virtual time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

import msgspec

from neko_cli.core.errors import AudioError
from tests.simulation import numbers
from tests.simulation.loop import VirtualLoop

BLOCK_MS = 10
"""A device's block; a frame of the microphone is two of them where they come so, as in the program."""

SPEAKER_MS = 60_000.0
"""Sound that the loudspeaker's queue takes."""


class Heard(msgspec.Struct, frozen=True):
    """A frame that the session took from a microphone; ``first`` is -1 for silence."""

    at: float
    first: int
    last: int
    samples: int


class Mouth:
    """What the user says: numbered samples, at the pace of the microphone that hears them."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.spoken = 0
        """Numbers used so far."""
        self._left: deque[int] = deque()
        self._cough = 0  # samples of it that are left
        self._done = asyncio.Event()
        self._done.set()

    @property
    def room(self) -> int:
        """Samples that still have numbers."""
        return numbers.COUNT - self.spoken - sum(part for part in self._left if part > 0)

    def say(self, *parts_ms: int) -> None:
        """Speak for so many ms; a negative part is a pause."""
        for part in parts_ms:
            samples = part * self.rate // 1000
            if samples and samples <= self.room:
                self._left.append(samples)
        if self._left:
            self._done.clear()

    def cough(self, ms: int) -> None:
        """Make a noise, unless something is being said."""
        if not self._left:
            self._cough = ms * self.rate // 1000

    def hush(self) -> None:
        """Stop speaking."""
        self._left.clear()
        self._done.set()

    @property
    def is_speaking(self) -> bool:
        """Whether something is still to be said."""
        return bool(self._left)

    @property
    def is_loud(self) -> bool:
        """Whether there is anything to be heard."""
        return bool(self._left) or self._cough > 0

    async def silent(self) -> None:
        """Wait until all was said."""
        await self._done.wait()

    def take(self, n: int) -> tuple[bytes, int, int]:
        """The next frame of ``n`` samples, and the numbers in it (-1, -1 for silence)."""
        if not self._left:
            noise = min(n, self._cough)
            self._cough -= noise
            return numbers.NOISE.to_bytes(2, "little") * noise + bytes(2 * (n - noise)), -1, -1
        self._cough = 0
        part = self._left[0]
        take = min(n, abs(part))
        if part < 0:
            pcm, first, last = bytes(2 * n), -1, -1
        else:
            first, last = self.spoken, self.spoken + take - 1
            pcm = numbers.sound(first, last) + bytes(2 * (n - take))
            self.spoken += take
        rest = abs(part) - take
        if rest:
            self._left[0] = rest if part > 0 else -rest
        else:
            self._left.popleft()
            if not self._left:
                self._done.set()
        return pcm, first, last


class SimMicrophone:
    """See ``ports.Microphone``; ``burst`` blocks come together, as from a device with large ones."""

    def __init__(
        self,
        loop: VirtualLoop,
        mouth: Mouth,
        burst: int,
        on_heard: Callable[[Heard], None],
        *,
        open_s: float = 0.02,
        error: AudioError | None = None,
    ) -> None:
        self._loop = loop
        self._mouth = mouth
        self._burst = burst
        self._on_heard = on_heard
        self._open_s = open_s
        self._error = error
        self._frames: deque[tuple[bytes, int, int]] = deque()
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._begun = 0.0
        self._blocks = 0
        frame_ms = BLOCK_MS * min(burst, 2)
        self._frames_at_once = burst * BLOCK_MS // frame_ms
        self._silence = bytes(2 * (mouth.rate * frame_ms // 1000))
        self.rate = mouth.rate
        self.name = "simulated microphone"
        self.unhurried = False
        self.is_open = False

    @property
    def level(self) -> float:
        return -12.0 if self._mouth.is_speaking else -80.0

    raw_level = level

    async def open(self) -> None:
        await asyncio.sleep(self._open_s)
        if self._error is not None and not self.is_open:
            raise self._error
        self.is_open = True
        self._begun = self._loop.time()
        self._blocks = 0
        self._schedule()

    def frames(self) -> AsyncIterator[bytes]:
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._frames:
            if self._error is not None and self.is_open:
                raise self._error
            if not self.is_open:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        pcm, first, last = self._frames.popleft()
        self._on_heard(Heard(self._loop.time(), first, last, len(pcm) // 2))
        return pcm

    def die(self, error: AudioError) -> None:
        """The device is unplugged."""
        self._error = error
        self._cancel()
        self._wake.set()

    async def close(self) -> None:
        self.is_open = False
        self._cancel()
        self._wake.set()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        # A process that was stopped finds its device's blocks gone, not piled up.
        self._blocks += 1
        due = self._begun + self._blocks * self._burst * BLOCK_MS / 1000.0
        if due < self._loop.time():
            self._begun, self._blocks = self._loop.time(), 0
            due = self._begun
        self._timer = self._loop.call_at(due, self._block)

    def _block(self) -> None:
        n = len(self._silence) // 2
        for _ in range(self._frames_at_once):
            self._frames.append(self._mouth.take(n) if self._mouth.is_loud else (self._silence, -1, -1))
        self._wake.set()
        self._schedule()


class SimSpeaker:
    """See ``ports.Speaker``; keeps the numbers of all that was heard, in order."""

    def __init__(self, loop: VirtualLoop, rate: int) -> None:
        self._loop = loop
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._offset = 0
        self._from = 0.0
        self._passed = 0
        self.rate = rate
        self.name = "simulated loudspeaker"
        self.is_open = False
        self.heard: list[tuple[float, int, int]] = []
        """(time, first number, last number) in the order of playing; runs are joined."""
        self._played = 0
        self._is_held = False
        self.holds: list[tuple[float, float]] = []
        """From when to when it was held, as far as that is over."""
        self._held_at = 0.0
        self._error: AudioError | None = None
        self._cleared = asyncio.Event()
        self._dead = asyncio.Event()
        self.ahead_ms = 0.0

    @property
    def level(self) -> float:
        return -14.0 if self.queued_ms > 0 else -96.0

    @property
    def played(self) -> int:
        self._advance()
        return self._played

    @property
    def queued_ms(self) -> float:
        self._advance()
        return self._queued * 1000.0 / self.rate

    async def open(self) -> None:
        await asyncio.sleep(0.02)
        self.is_open = True
        self._played = 0

    def play(self, pcm: bytes) -> int:
        if not self.is_open:
            raise AssertionError("sound for a loudspeaker that is closed")
        self._advance()
        room = int((SPEAKER_MS - self.queued_ms) * self.rate / 1000.0)
        taken = pcm[: 2 * max(0, room)]
        if taken:
            if not self._queue:
                self._from, self._passed = self._loop.time(), 0
            self._queue.append(taken)
            self._queued += len(taken) // 2
        return len(taken)

    def hold(self, on: bool) -> None:
        self._advance()
        if self._is_held and not on:
            self._from, self._passed = self._loop.time(), 0
            self.holds.append((self._held_at, self._loop.time()))
        elif on and not self._is_held:
            self._held_at = self._loop.time()
        self._is_held = on

    @property
    def is_held(self) -> bool:
        return self._is_held

    def clear(self) -> None:
        self.hold(False)
        self._queue.clear()
        self._queued = self._offset = 0
        self._cleared.set()

    def take_back(self, keep_ms: float = 0.0) -> bytes:
        self._advance()
        taken = b"".join(self._queue)[2 * self._offset :]
        self.clear()
        return taken

    async def lost(self) -> AudioError:
        await self._dead.wait()
        assert self._error is not None
        return self._error

    async def drained(self) -> None:
        while self.queued_ms > 0:
            self._cleared.clear()
            try:
                async with asyncio.timeout(self.queued_ms / 1000.0 + 1e-6):
                    await self._cleared.wait()
            except TimeoutError:
                continue
        if self._error is not None:
            raise self._error

    def die(self, error: AudioError) -> None:
        """The device is unplugged."""
        self.clear()
        self._error = error
        self._dead.set()

    async def close(self) -> None:
        self.clear()
        self.is_open = False

    def _advance(self) -> None:
        """Count what was heard since the last look."""
        if self._is_held:
            return
        due = int((self._loop.time() - self._from) * self.rate + 1e-6)
        while self._queue and self._passed < due:
            chunk = self._queue[0]
            there = len(chunk) // 2 - self._offset
            take = min(there, due - self._passed)
            piece = chunk[2 * self._offset : 2 * (self._offset + take)]
            for _, first, last in numbers.runs_in(piece):
                if self.heard and self.heard[-1][2] + 1 == first:
                    self.heard[-1] = (self.heard[-1][0], self.heard[-1][1], last)
                else:
                    self.heard.append((self._loop.time(), first, last))
            self._passed += take
            self._played += take
            self._queued -= take
            if take == there:
                self._queue.popleft()
                self._offset = 0
            else:
                self._offset += take
