"""Fades in the place of jumps, where sound stops or goes on in mid-wave.

What is cut off (cleared, held) ends with its own next samples, faded out. Where the queue ran dry there are
none: the sound rings on at the pitch that it had, without a kink, and fades. What follows such a break fades
in. Sound that ends in quiet, and all that follows it, is left alone bit for bit.

Plain integers, at most 5 ms of samples, once a break: 50 to 200 µs at 48 kHz (measured). A block without a
break costs 2 µs more than its copy.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from operator import add, mul

from neko_cli.audio.ring import SAMPLE_BYTES, ByteRing

FADE_MS = 5
LATER_S = 1
"""What comes so long after a break does not go on in mid-wave: it begins."""

LOOK_MS = 2
"""How much of the sound before a break tells its pitch and whether it was quiet."""

QUIET = 33
"""The loudest sample that may stop at once: -60 dBFS."""

SLOWEST_HZ = 50.0
FASTEST = 2.0
"""Radians a sample."""

SHIFT = 15
HALF = 1 << (SHIFT - 1)
HIGHEST, LOWEST = 32_767, -32_768


class Fades:
    """Fills the blocks of one stream from its queue; on the consumer's thread alone."""

    def __init__(self, rate: int) -> None:
        """For a stream of ``rate`` Hz, before its first block."""
        n = max(1, rate * FADE_MS // 1000)
        self._down = tuple(
            round((1 << SHIFT) * math.cos(math.pi / 2 * (k + 1) / (n + 1)) ** 2) for k in range(n)
        )
        self._up = self._down[::-1]
        self._risen = n  # how far the fade in has come
        self._still = 0  # bytes of silence since the latest sound
        self._later = rate * LATER_S * SAMPLE_BYTES
        self._tail: list[int] = []  # what still rings on
        self._slowest = 2 * math.pi * SLOWEST_HZ / rate
        self._look = max(3, rate * LOOK_MS // 1000) * SAMPLE_BYTES
        self._before = memoryview(bytearray(self._look))
        self.size = n * SAMPLE_BYTES
        """Bytes of a whole fade."""
        self.sounds = False
        """Whether the latest block was sound up to its end, so that a stop would be heard."""

    def left_of(self, ring: ByteRing) -> int:
        """Bytes that will still be heard of what was dropped; from any thread."""
        return min(self.size, ring.dropped) if self.sounds else 0

    def fill(self, ring: ByteRing, out: memoryview, *, held: bool = False, ends: bool = True) -> int:
        """Fill a block; returns how many bytes at its beginning came from the ring.

        ``held`` takes nothing beyond a fade; without ``ends`` a dry queue is no break: the sound was
        complete, or another device goes on with its next sample.
        """
        stopped = self.sounds and (held or ring.dropped > 0)
        first = self._stop(ring, out) if stopped else 0
        more = 0 if held else ring.read_into(out[first:] if first else out)
        filled = first + more
        if self._still >= self._later:
            self._risen = len(self._up)
        self._still = 0 if filled else self._still + len(out)
        if more and self._risen < len(self._up):
            self._rise(out[first:filled].cast("h"))
        is_dry = filled < len(out) and not held and (more > 0 or (self.sounds and not stopped))
        if filled < len(out):
            out[filled:] = bytes(len(out) - filled)
        if self._tail:
            self._ring_on(out[first : filled if is_dry else len(out)])
        if is_dry and ends:
            self._end(out, filled)
        self.sounds = more > 0 and filled == len(out)
        if len(out) >= self._look:
            self._before[:] = out[len(out) - self._look :]
        return filled

    def _stop(self, ring: ByteRing, out: memoryview) -> int:
        """What is cut off fades out with its own samples, or rings on where there are too few."""
        part = out[: self.size]
        n = ring.read_dropped(part) if ring.dropped else ring.read_into(part)
        real = part[:n].cast("h")
        heard = [*self._before.cast("h"), *real]
        real[:] = array("h", [(s * gain + HALF) >> SHIFT for s, gain in zip(real, self._down, strict=False)])
        self._break(heard, self._down[len(real) :])
        return n

    def _end(self, out: memoryview, filled: int) -> None:
        """The queue ran dry after so many bytes."""
        last = out[max(0, filled - self._look) : filled].cast("h")
        self._break([*self._before.cast("h"), *last], self._down)
        self._ring_on(out[filled:])

    def _break(self, heard: Sequence[int], fade: Sequence[int]) -> None:
        heard = heard[-self._look // SAMPLE_BYTES :]
        peak = max(max(heard), -min(heard))
        if peak > QUIET:
            self._risen = 0
            self._tail = ringing(heard, peak, self._slowest, fade) if fade else []
        else:
            self._tail = []

    def _ring_on(self, out: memoryview) -> None:
        """Add what rings on to what is there."""
        samples, tail = out.cast("h"), self._tail
        n = min(len(tail), len(samples))
        samples[:n] = array("h", _within([*map(add, samples[:n], tail)]))
        self._tail = tail[n:]

    def _rise(self, samples: memoryview) -> None:
        """What follows a break fades in."""
        gains = self._up[self._risen : self._risen + len(samples)]
        n = len(gains)
        samples[:n] = array("h", [(s * g + HALF) >> SHIFT for s, g in zip(samples[:n], gains, strict=True)])
        self._risen += n


def ringing(heard: Sequence[int], peak: int, slowest: float, fade: Sequence[int]) -> list[int]:
    """How sound goes on that ended with ``heard``: a sine of its pitch that continues value and slope.

    The pitch is the one that fits best (exact for a tone), but high enough that the sine is about as loud
    as what was heard.
    """
    before, last = heard[-2:]
    inner = heard[1:-1]
    power = sum(map(mul, inner, inner))
    turn = sum(map(mul, inner, map(add, heard, heard[2:]))) / (2 * power) if power else 1.0
    pace = max(math.acos(max(-1.0, min(1.0, turn))), abs(last - before) / peak, slowest)
    factor = 2.0 * math.cos(min(pace, FASTEST))
    older, newer, out = float(before), float(last), []
    for gain in fade:
        older, newer = newer, factor * newer - older
        out.append(int(newer * gain) >> SHIFT)
    return _within(out)


def _within(samples: list[int]) -> list[int]:
    """Samples that fit into 16 bits; hardly ever one does not."""
    if samples and (max(samples) > HIGHEST or min(samples) < LOWEST):
        return [max(LOWEST, min(HIGHEST, sample)) for sample in samples]
    return samples
