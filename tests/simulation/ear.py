"""The simulated provider's hearing: where an utterance begins and ends, by the sound alone."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation import numbers
from tests.simulation.numbers import Run


class Ear:
    """Counts samples of one link; positions are in samples since the link's first.

    ``on_began`` and ``on_ended`` are told the position; the second one has to ``take`` the utterance.
    """

    def __init__(
        self,
        rate: int,
        on_began: Callable[[int], None],
        on_ended: Callable[[int], None],
        *,
        manual: bool,
        silence_ms: int,
        prefix_ms: int,
        onset_ms: int,
    ) -> None:
        self.manual = manual
        self.position = 0
        self._on_began = on_began
        self._on_ended = on_ended
        self._silence = max(1, silence_ms * rate // 1000)
        self._prefix = prefix_ms * rate // 1000
        self._onset = max(1, onset_ms * rate // 1000)
        self._parts: list[tuple[int, int, int]] = []
        self._since = 0
        self._loud = 0
        self._quiet = 0
        self._begin = 0
        self.is_hearing = False
        self.noises: list[Run] = []
        """Sound too short for the detector to take it for speech, and silence after it."""

    @property
    def buffered(self) -> int:
        """Samples since the last commit or clear."""
        return self.position - self._since

    def hear(self, pcm: bytes) -> None:
        """Take one chunk."""
        start, n = self.position, len(pcm) // 2
        for offset, first, last in numbers.runs_in(pcm):
            self._hear_silence(start + offset)
            self._hear_speech(first, last)
        self._hear_silence(start + n)

    def _hear_speech(self, first: int, last: int) -> None:
        self._parts.append((self.position, first, last))
        if not self._loud:
            self._begin = self.position
        self.position += last - first + 1
        self._quiet = 0
        self._loud += last - first + 1
        if self.manual or self.is_hearing or self._loud < self._onset:
            return
        self.is_hearing = True
        start = max(self._since, self._begin - self._prefix)
        self._parts = [part for part in self._parts if part[0] + part[2] - part[1] >= start]
        self._on_began(start)

    def _hear_silence(self, upto: int) -> None:
        quiet = upto - self.position
        if quiet <= 0:
            return
        left = self._silence - self._quiet
        self._quiet += quiet
        if quiet < left or self.manual:
            self.position = upto
            return
        self.position += max(0, left)
        if self._loud and not self.is_hearing:
            self.noises += [(first, last) for at, first, last in self._parts if at >= self._begin]
        self._loud = 0
        if self.is_hearing:
            self.is_hearing = False
            self._on_ended(self.position)
        self.position = upto

    def take(self) -> list[Run]:
        """Commit: all speech since the last commit, which is forgotten."""
        runs: list[Run] = []
        for _, first, last in self._parts:
            numbers.append(runs, first, last)
        self.clear()
        return runs

    def clear(self) -> None:
        """Forget the buffer."""
        self._parts = []
        self._since = self.position
        self._loud = self._quiet = 0
        self.is_hearing = False
