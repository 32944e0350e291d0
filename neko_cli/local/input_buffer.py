"""The sound a client has sent and not yet committed: as it came, and at EARS_RATE. No I/O.

Positions are samples at EARS_RATE from the start of everything ever received.
"""

from __future__ import annotations

import msgspec

from neko_cli.local.audio_format import AudioFormat, ToEars
from neko_cli.local.ports import EARS_RATE


class Utterance(msgspec.Struct, frozen=True):
    """A piece of the stream: wire bytes, the same at EARS_RATE, its place and length in ms."""

    format: AudioFormat
    data: bytes
    pcm: bytes
    start_ms: int
    duration_ms: float
    spoken_until: int = -1
    """Where its last speech ends, as far as a detector found that out."""


class InputBuffer:
    """Sound waiting for a commit."""

    def __init__(self, source: AudioFormat, position: int = 0) -> None:
        self.format = source
        self.start = position
        self._to_ears = ToEars(source)
        self._wire = bytearray()
        self._ears = bytearray()

    @property
    def end(self) -> int:
        """Position behind the newest sample."""
        return self.start + len(self._ears) // 2

    @property
    def end_ms(self) -> int:
        """All sound ever received, in ms, what the rate conversion holds back included."""
        return round(self.start * 1000 / EARS_RATE + self.duration_ms)

    @property
    def duration_ms(self) -> float:
        """Length of what waits, in ms, counted in the wire's samples."""
        return self.format.duration_ms(len(self._wire))

    def push(self, data: bytes) -> None:
        """Add a chunk in the wire's format."""
        self._wire += data
        self._ears += self._to_ears.push(data)

    def frame(self, position: int, samples: int) -> bytes | None:
        """``samples`` samples from a position on, or None while they are not all there."""
        at = (position - self.start) * 2
        if at < 0 or at + samples * 2 > len(self._ears):
            return None
        return bytes(self._ears[at : at + samples * 2])

    def so_far(self, begin: int) -> bytes:
        """Everything from ``begin`` on at EARS_RATE; it stays in the buffer."""
        return self._pcm(max(begin, self.start), self.end)

    def take(self, begin: int, end: int) -> Utterance:
        """Cut out an utterance; it and everything before it leave the buffer."""
        begin = max(begin, self.start)
        data = bytes(self._wire[self._wire_offset(begin) : self._wire_offset(end)])
        pcm = self._pcm(begin, end)
        self.forget_before(end)
        return self._utterance(data, pcm, begin)

    def take_all(self, begin: int) -> Utterance:
        """Cut out everything from ``begin`` on, to the last sample; the buffer is empty then."""
        begin = max(begin, self.start)
        self._ears += self._to_ears.drain()
        whole = len(self._wire) - len(self._wire) % self.format.sample_bytes
        data, pcm = bytes(self._wire[self._wire_offset(begin) : whole]), self._pcm(begin, self.end)
        self.clear()
        return self._utterance(data, pcm, begin)

    def forget_before(self, position: int) -> None:
        """Drop everything before a position."""
        position = min(position, self.end)
        if position <= self.start:
            return
        del self._wire[: self._wire_offset(position)]
        del self._ears[: (position - self.start) * 2]
        self.start = position

    def clear(self) -> None:
        """Drop everything; the count of positions goes on."""
        self._ears += self._to_ears.drain()
        self.start = self.end
        self._wire.clear()
        self._ears.clear()

    def _pcm(self, begin: int, end: int) -> bytes:
        return bytes(self._ears[(begin - self.start) * 2 : (end - self.start) * 2])

    def _utterance(self, data: bytes, pcm: bytes, begin: int) -> Utterance:
        duration_ms = self.format.duration_ms(len(data))
        return Utterance(self.format, data, pcm, begin * 1000 // EARS_RATE, duration_ms)

    def _wire_offset(self, position: int) -> int:
        """Bytes into the wire's sound; from absolute counts, so that rounding never adds up."""
        rate = self.format.rate
        samples = round(position * rate / EARS_RATE) - round(self.start * rate / EARS_RATE)
        return min(len(self._wire), samples * self.format.sample_bytes)
