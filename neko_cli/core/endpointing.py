"""When speech begins and ends: from probabilities, one a frame, to decisions. Pure."""

from __future__ import annotations

import math

import msgspec

DETECTOR_RATE = 16_000
"""Sample rate in Hz of the frames that are judged."""

HYSTERESIS = 0.15
"""Speech goes on down to this much below the threshold, as Silero's own post-processing does."""


class SpeechBegan(msgspec.Struct, frozen=True):
    """Speech began; ``sample`` is where, padding included, counted from the start of the stream."""

    sample: int


class SpeechEnded(msgspec.Struct, frozen=True):
    """Speech ended; ``sample`` is where, the silence that proved it included."""

    sample: int


class Endpointer:
    """Finds utterances in a stream of speech probabilities.

    Positions are samples at DETECTOR_RATE from the start of the stream.
    """

    def __init__(
        self,
        *,
        frame_samples: int,
        threshold: float,
        prefix_ms: int,
        silence_ms: int,
        onset_ms: int = 64,
        position: int = 0,
    ) -> None:
        self.position = position
        self._frame = frame_samples
        self.retune(threshold=threshold, prefix_ms=prefix_ms, silence_ms=silence_ms, onset_ms=onset_ms)
        self._floor = position
        self._onset_at = position
        self._loud = 0
        self._quiet = 0
        self.speaking = False

    @property
    def speech_ms(self) -> float:
        """How long somebody has been speaking, pauses included but not the silence since; 0 for nobody."""
        if not self.speaking:
            return 0.0
        return (self.position - self._quiet - self._onset_at) * 1000.0 / DETECTOR_RATE

    @property
    def quiet_ms(self) -> float:
        """The silence since somebody spoke who may go on; 0 for nobody."""
        return self._quiet * 1000.0 / DETECTOR_RATE if self.speaking else 0.0

    def end_after(self, silence_ms: int) -> None:
        """So much silence ends an utterance from now on, that of one under way included."""
        self._silence = silence_ms * DETECTOR_RATE // 1000

    def retune(self, *, threshold: float, prefix_ms: int, silence_ms: int, onset_ms: int) -> None:
        """Change the figures without losing an utterance that is under way."""
        self._onset = max(1, math.ceil(onset_ms * DETECTOR_RATE / 1000 / self._frame))
        self._threshold = threshold
        self._prefix = prefix_ms * DETECTOR_RATE // 1000
        self.end_after(silence_ms)

    def push(self, probability: float) -> SpeechBegan | SpeechEnded | None:
        """Take the next frame's probability; returns the decision it brings, if any."""
        self.position += self._frame
        if self.speaking:
            return self._while_speaking(probability)
        self._loud = self._loud + 1 if probability >= self._threshold else 0
        if self._loud < self._onset:
            return None
        self.speaking = True
        self._quiet = 0
        self._onset_at = self.position - self._loud * self._frame
        return SpeechBegan(max(self._floor, self._onset_at - self._prefix))

    def _while_speaking(self, probability: float) -> SpeechEnded | None:
        if probability >= max(min(0.01, self._threshold), self._threshold - HYSTERESIS):
            self._quiet = 0
            return None
        self._quiet += self._frame
        if self._quiet < self._silence:
            return None
        self.restart(self.position)
        return SpeechEnded(self.position)

    def restart(self, position: int) -> None:
        """Forget the utterance; what lies before ``position`` belongs to no later one."""
        self.position = self._floor = position
        self._loud = self._quiet = 0
        self.speaking = False
