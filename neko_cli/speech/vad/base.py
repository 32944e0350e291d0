"""What a detector is. It keeps state, so every stream has one of its own."""

from __future__ import annotations

from typing import Protocol

RATE = 16_000
"""Sample rate in Hz of the frames."""


class FrameDetector(Protocol):
    """Judges frames of ``frame_bytes`` bytes, 16-bit mono at RATE."""

    frame_bytes: int

    def probability(self, frame: bytes) -> float:
        """How likely the frame holds speech, 0 … 1; ValueError for a frame of another length."""
        ...

    def reset(self) -> None:
        """Forget the past, as at the start of a stream."""
        ...


def check_length(frame: bytes, wanted: int) -> None:
    """Raise ValueError unless the frame has the detector's length."""
    if len(frame) != wanted:
        raise ValueError(f"the detector takes frames of {wanted} bytes, not {len(frame)}")
