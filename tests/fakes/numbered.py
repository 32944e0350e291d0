"""Speech as numbers: samples that count up from 1, and a detector that knows exactly what it heard."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

RATE = 24_000
"""Of the sound on the wire, in Hz, unless a provider wants another one."""


def samples_of(event: dict[str, Any]) -> np.ndarray:
    """The sound of an ``input_audio_buffer.append``."""
    return np.frombuffer(base64.b64decode(event["audio"], validate=True), np.int16)


class Ear:
    """A detector that takes everything above zero for speech; counts samples of its connection."""

    def __init__(self, rate: int = RATE) -> None:
        self.rate = rate
        self.silence = 0
        """Samples of silence after which an utterance is over."""
        self.numbers: list[int] = []
        """All speech samples so far, in the order of their coming."""
        self._total = 0
        self._taken = 0
        self._last = 0
        self._speaking = False

    def hear(self, samples: np.ndarray) -> list[tuple[str, float]]:
        """What begins or ends with these samples, and at how many ms of the connection's sound."""
        found: list[tuple[str, float]] = []
        loud = np.flatnonzero(samples > 0)
        if loud.size:
            if not self._speaking:
                self._speaking = True
                found.append(("began", (self._total + int(loud[0])) * 1000 / self.rate))
            self._last = self._total + int(loud[-1]) + 1
            self.numbers.extend(samples[loud].tolist())
        self._total += samples.size
        if self._speaking and self._total - self._last >= self.silence:
            self._speaking = False
            found.append(("ended", self._total * 1000 / self.rate))
        return found

    @property
    def has_heard(self) -> bool:
        """Whether something was said since the last time."""
        return len(self.numbers) > self._taken

    def forget(self) -> None:
        """What was said since the last time was thrown away."""
        self._taken = len(self.numbers)
        self._speaking = False

    def take(self) -> str:
        """What was said since the last time: runs of samples, as in ``u1-300+310-400``."""
        said = np.array(self.numbers[self._taken :])
        self._taken = len(self.numbers)
        runs = np.split(said, np.flatnonzero(np.diff(said) != 1) + 1)
        return "u" + "+".join(f"{run[0]}-{run[-1]}" for run in runs)
