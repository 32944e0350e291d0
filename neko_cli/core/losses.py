"""Sound that a full queue pushed out: counted while it goes on, told once when it is over. Pure."""

from __future__ import annotations

WORTH_TELLING_MS = 100.0
"""A shorter loss is not heard as a gap in a sentence."""


class Loss:
    """Watches one counter of lost sound, in ms; the counter may begin anew with another link."""

    def __init__(self, sentence: str) -> None:
        """``sentence`` has a place ``{seconds:.1f}`` for how much was lost."""
        self._sentence = sentence
        self._seen = 0.0
        self._untold = 0.0

    def look(self, counted_ms: float) -> str:
        """What to tell now: the sentence once a loss has stopped growing, else nothing."""
        grown = counted_ms - self._seen if counted_ms >= self._seen else counted_ms
        self._seen = counted_ms
        self._untold += grown
        if grown > 0.0 or self._untold < WORTH_TELLING_MS:
            return ""
        lost, self._untold = self._untold, 0.0
        return self._sentence.format(seconds=lost / 1000.0)
