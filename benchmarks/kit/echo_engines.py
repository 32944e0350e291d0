"""The engines that are compared: the one that neko uses, and livekit's where it is installed."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from neko_cli.audio.echo import EchoCanceller
from neko_cli.audio.echo_engine import EchoEngine, webrtc

OURS, OTHER = "pywebrtc-audio", "livekit"


def installed() -> list[str]:
    """Which of them can be measured here."""
    return [OURS, OTHER] if importlib.util.find_spec(OTHER) else [OURS]


def canceller(name: str) -> EchoCanceller:
    """A fresh canceller with this engine."""
    return EchoCanceller(webrtc() if name == OURS else LivekitEngine)


class LivekitEngine(EchoEngine):
    """The audio processing module of livekit's client, with the same settings."""

    def __init__(self, rate: int) -> None:
        self._rtc: Any = importlib.import_module("livekit.rtc")
        self._rate = rate
        self.reset()

    def process(self, near: Any, far: Any) -> Any:
        """See EchoEngine."""
        import numpy as np

        self._module.process_reverse_stream(self._frame(far))
        frame = self._frame(near)
        self._module.process_stream(frame)
        return np.frombuffer(frame.data, dtype=np.int16)

    def reset(self) -> None:
        """It has no reset of its own: a new one is made."""
        self._module: Any = self._rtc.AudioProcessingModule(
            echo_cancellation=True, noise_suppression=True, high_pass_filter=True, auto_gain_control=False
        )

    def _frame(self, samples: Any) -> Any:
        return self._rtc.AudioFrame(bytearray(samples.tobytes()), self._rate, 1, samples.size)
