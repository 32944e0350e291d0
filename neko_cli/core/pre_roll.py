"""The newest moments of a microphone, kept for speech that may turn out to have begun in them. Pure."""

from __future__ import annotations

from collections import deque

from neko_cli.core import pcm


class PreRoll:
    """Keeps the newest ``ms`` of sound, at most a frame more; older frames are forgotten."""

    def __init__(self, ms: float) -> None:
        """Nothing is kept where ``ms`` is 0."""
        self._ms = ms
        self._rate = 0
        self._frames: deque[bytes] = deque()
        self._size = 0

    @property
    def rate(self) -> int:
        """Sample rate in Hz of what is kept; 0 before the first frame."""
        return self._rate

    @property
    def kept_ms(self) -> float:
        """How much is kept, in ms."""
        return pcm.duration_ms(self._size, self._rate) if self._rate else 0.0

    def keep(self, frame: bytes, rate: int) -> None:
        """One more frame, 16-bit mono at ``rate`` Hz; another rate forgets what was kept."""
        if self._ms <= 0:
            return
        if rate != self._rate:
            self.drop()
            self._rate = rate
        self._frames.append(frame)
        self._size += len(frame)
        limit = pcm.bytes_for(self._ms, rate)
        while self._size - len(self._frames[0]) >= limit:
            self._size -= len(self._frames.popleft())

    def take(self) -> bytes:
        """All that is kept, in order; it is not kept any longer."""
        taken = b"".join(self._frames)
        self.drop()
        return taken

    def drop(self) -> None:
        """Forget what is kept."""
        self._frames.clear()
        self._size = 0
