"""Rings of PCM bytes between a sound callback and the event loop.

``ByteRing`` is for exactly one producing and one consuming thread and takes no lock: each index is
written by one side alone and only ever grows, and the memory is preallocated, so a callback does
nothing but copy. It holds 16-bit samples: only whole samples go in and out.
"""

from __future__ import annotations

SAMPLE_BYTES = 2


class ByteRing:
    """A bounded single-producer single-consumer queue of 16-bit PCM.

    Drop policy: what does not fit is not taken (the *newest* is refused) and ``write`` says how
    much was; ``clear`` drops all that was written before it.
    """

    def __init__(self, capacity: int) -> None:
        """Room for ``capacity`` bytes, rounded up to a whole sample; at least one sample."""
        self.capacity = max(SAMPLE_BYTES, capacity + capacity % SAMPLE_BYTES)
        self._memory = memoryview(bytearray(self.capacity))
        self._written = 0  # producer's
        self._origin = 0  # producer's: what lies at the beginning of the memory
        self._skip_to = 0  # producer's: the consumer jumps here before its next read
        self._read = 0  # consumer's

    @property
    def available(self) -> int:
        """Bytes that can be read; from either side."""
        return max(0, self._written - max(self._read, self._skip_to))

    @property
    def space(self) -> int:
        """Bytes that ``write`` would take now; producer side."""
        return self.capacity - (self._written - self._read)

    @property
    def dropped(self) -> int:
        """Bytes that ``clear`` dropped and the consumer has not yet passed; from either side."""
        return max(0, self._skip_to - self._read)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Append as many whole samples of ``data`` as fit; returns the bytes taken. Producer side."""
        taken = min(len(data), self.space)
        taken -= taken % SAMPLE_BYTES
        if taken == 0:
            return 0
        source = memoryview(data)
        if self._read == self._written:
            # Empty: begin anew, so that only as much memory is ever touched as waits at a time.
            self._origin = self._written
        at = (self._written - self._origin) % self.capacity
        first = min(taken, self.capacity - at)
        self._memory[at : at + first] = source[:first]
        if first < taken:
            self._memory[: taken - first] = source[first:taken]
        self._written += taken  # last, so that the consumer never sees bytes not yet copied
        return taken

    def clear(self) -> None:
        """Drop all that was written so far. Producer side.

        The consumer does it at its next read, so the space is free again from then on.
        """
        self._skip_to = self._written

    def take_back(self, keep: int) -> bytes:
        """What the consumer will not get any more: all but the next ``keep`` bytes. Producer side.

        ``keep`` must be no less than the consumer reads at a time, so that a read that has begun on its
        thread does not reach what is taken; 0 will do where it reads no more.
        """
        start = max(self._read, self._skip_to)
        end = min(self._written, start + keep + keep % SAMPLE_BYTES)
        taken, self._written = self._written - end, end
        at = (end - self._origin) % self.capacity
        first = min(taken, self.capacity - at)
        return bytes(self._memory[at : at + first]) + bytes(self._memory[: taken - first])

    def read_into(self, out: memoryview) -> int:
        """Move up to ``len(out)`` bytes into ``out``; returns how many. Consumer side."""
        start = max(self._read, self._skip_to)
        n = min(len(out), self._written - start)
        n -= n % SAMPLE_BYTES
        at = (start - self._origin) % self.capacity  # after ``_written`` was read: it may have moved before
        first = min(n, self.capacity - at)
        out[:first] = self._memory[at : at + first]
        if first < n:
            out[first:n] = self._memory[: n - first]
        self._read = start + n  # last, so that the producer never overwrites what is being copied
        return n

    def read_dropped(self, out: memoryview) -> int:
        """Move up to ``len(out)`` bytes of what was dropped into ``out``, and pass the rest. Consumer side.

        They are there until the consumer has passed them: their room is not free before that.
        """
        end = self._skip_to  # a later ``clear`` counts at the next read
        n = max(0, min(len(out), end - self._read))
        at = (self._read - self._origin) % self.capacity
        first = min(n, self.capacity - at)
        out[:first] = self._memory[at : at + first]
        if first < n:
            out[first:n] = self._memory[: n - first]
        self._read = max(self._read, end)
        return n

    def read(self, n: int) -> bytes:
        """The next ``n`` bytes, or fewer when there are not so many. Consumer side."""
        out = bytearray(max(0, min(n, self.available)))
        return bytes(out[: self.read_into(memoryview(out))])


class RecentSound:
    """The last stretch of a stream, overwriting the oldest: what a meter looks at.

    One thread pushes, any other may look; a look during a push can be torn by one block, which a
    meter does not show.
    """

    def __init__(self, capacity: int) -> None:
        """Keep the last ``capacity`` bytes."""
        self._memory = memoryview(bytearray(capacity))
        self._written = 0

    def push(self, block: memoryview) -> None:
        """Append a block that is shorter than the capacity."""
        capacity = len(self._memory)
        at = self._written % capacity
        first = min(len(block), capacity - at)
        self._memory[at : at + first] = block[:first]
        if first < len(block):
            self._memory[: len(block) - first] = block[first:]
        self._written += len(block)

    def last(self, n: int, *, before: int = 0) -> bytes:
        """Up to ``n`` bytes that end ``before`` bytes ago."""
        capacity = len(self._memory)
        end = self._written - before
        start = max(0, self._written - capacity, end - n)
        if end <= start:
            return b""
        a, b = start % capacity, end % capacity
        if a < b:
            return bytes(self._memory[a:b])
        return bytes(self._memory[a:]) + bytes(self._memory[:b])
