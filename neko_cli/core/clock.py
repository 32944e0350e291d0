"""The real clock."""

from __future__ import annotations

import time


class RealClock:
    """The machine's own time."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps."""
        return time.monotonic()

    def time(self) -> float:
        """Unix time in seconds."""
        return time.time()
