"""Holds a reply's sound back for as long as the jitter buffer wants, and lets it go by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from neko_cli.core import pcm
from neko_cli.core.jitter import JitterBuffer

EMPTY_MS = 0.5
"""Less than this in the queue is nothing: the next block of the device is silence."""

TIMER_LATE_MS = 0.7
"""An event loop's timers are late by so much in the mean: epoll counts whole ms, and rounds up."""


def joined(pieces: Sequence[tuple[bytes, int]]) -> Iterator[tuple[bytes, int]]:
    """Pieces of one rate as one: a device that takes a block between two of them finds a hole there."""
    for rate, same in groupby(pieces, itemgetter(1)):
        yield b"".join(sound for sound, _ in same), rate


class Pacer:
    """For one loudspeaker that is open; used on one event loop."""

    def __init__(self, play: Callable[[bytes, int], None], queued_ms: Callable[[], float]) -> None:
        """``play`` takes a piece and its rate in Hz; ``queued_ms`` says how much waits in the device."""
        self._play = play
        self._queued_ms = queued_ms
        self._held: list[tuple[bytes, int]] = []
        self._waits = True
        self._timer: asyncio.TimerHandle | None = None
        self.jitter = JitterBuffer()
        self.held_ms = 0.0
        """Sound that is held back, in ms."""

    def begin(self) -> None:
        """Another reply, or another part of one, begins: what is held of the one before goes first."""
        self.release()
        self.jitter.begin()
        self._waits = True

    def feed(self, sound: bytes, rate: int) -> None:
        """A piece has come: it is played now or later, behind those before it."""
        loop = asyncio.get_running_loop()
        now, length = loop.time(), pcm.duration_ms(len(sound), rate)
        queued = self._queued_ms()
        if not self._waits and queued < EMPTY_MS:
            self.jitter.ran_dry()
            self._waits = True
        self.jitter.came(now, length)
        if not self._waits:
            self._play(sound, rate)
            return
        self._held.append((sound, rate))
        self.held_ms += length
        # What is still being played gives as much time as a wait would.
        wait = self.jitter.wait_ms(now) - queued
        if wait <= 0.0:
            self.release()
        elif self._timer is None:
            self._timer = loop.call_later(max(0.0, wait - TIMER_LATE_MS) / 1000.0, self.release)

    def release(self) -> None:
        """Play what is held; what comes next follows at once."""
        held = self._held
        self.drop()
        for sound, rate in joined(held):
            self._play(sound, rate)
        if held:
            self._waits = False
            self.jitter.goes_on()

    def drop(self) -> None:
        """Forget what is held."""
        self._held = []
        self.held_ms = 0.0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
