"""How much of what was sent a client can have played, taking it to play at once and in real time. Pure."""

from __future__ import annotations


class Playback:
    """The sound of one turn on its way to somebody's ears. Times are seconds of any one clock."""

    def __init__(self) -> None:
        self._end = 0.0
        self._starts: dict[str, float] = {}

    def add(self, item_id: str, ms: float, now: float) -> None:
        """A piece of an item was sent."""
        start = max(self._end, now)
        self._starts.setdefault(item_id, start)
        self._end = start + ms / 1000.0

    def left(self, now: float) -> float:
        """Seconds until all is played."""
        return max(0.0, self._end - now)

    def heard_ms(self, now: float) -> dict[str, float]:
        """What can have been heard of each item since it began to sound, in ms."""
        return {item_id: max(0.0, (now - start) * 1000.0) for item_id, start in self._starts.items()}

    def reset(self) -> None:
        """The turn is over: nothing sounds any more."""
        self._end = 0.0
        self._starts.clear()
