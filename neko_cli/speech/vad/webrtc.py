"""WebRTC's voice activity detector, where Silero has no wheel: yes or no, made into a probability.

It decides on 10 ms pieces. A frame of 30 ms has three of them; their mean moves an average that rises
faster than it falls, so that one noisy piece is no speech and a short pause no end.
"""

from __future__ import annotations

from typing import Any

from neko_cli.speech.vad.base import RATE, check_length

MODE = 3
"""The strictest mode; milder ones take white noise at 5 dB for speech (measured)."""

PIECE_BYTES = RATE // 100 * 2
PIECES = 3
RISE, FALL = 0.6, 0.4
"""Share of the new frame in the average, upwards and downwards."""


class WebrtcDetector:
    """A detector for one stream; raises ImportError where webrtcvad is missing."""

    frame_bytes = PIECE_BYTES * PIECES

    def __init__(self) -> None:
        import webrtcvad

        self._package: Any = webrtcvad
        self._model: Any = webrtcvad.Vad(MODE)
        self._average = 0.0

    def probability(self, frame: bytes) -> float:
        """See :class:`~neko_cli.speech.vad.base.FrameDetector`."""
        check_length(frame, self.frame_bytes)
        pieces = (frame[at : at + PIECE_BYTES] for at in range(0, self.frame_bytes, PIECE_BYTES))
        now = sum(bool(self._model.is_speech(piece, RATE)) for piece in pieces) / PIECES
        self._average += (RISE if now > self._average else FALL) * (now - self._average)
        return self._average

    def reset(self) -> None:
        """Forget the past."""
        self._model = self._package.Vad(MODE)
        self._average = 0.0
