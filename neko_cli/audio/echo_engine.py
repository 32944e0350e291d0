"""What cancels echo in one frame: WebRTC's audio processing, from the package ``pywebrtc-audio``.

The package (extra ``aec``) is loaded when an engine is made, and lets go of the interpreter lock while it
works. Measured against livekit's copy of the same algorithm: import 2 to 150 ms, memory 3 to 27 MB, disk
1 to 33 MB, no thread to four; the figures are from benchmarks/echo.py.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from neko_cli.core.errors import AudioError

PACKAGE = "pywebrtc_audio"

FRAMES_PER_S = 100
"""The engine works in frames of exactly 10 ms."""

Samples = Any
"""A one-dimensional numpy array of int16."""


class Why(StrEnum):
    """Why echo cannot be cancelled."""

    NOT_INSTALLED = "not installed"
    BROKEN = "broken"
    """The package is there and cannot be loaded."""


class EchoUnavailable(AudioError):
    """Echo cannot be cancelled here; the caller falls back to half duplex."""

    def __init__(self, why: Why, message: str, *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.why = why


class EchoSettings(msgspec.Struct, frozen=True):
    """What is done to the microphone's sound besides cancelling echo."""

    noise_suppression: bool = True
    """Costs 6 ms of delay, on top of the canceller's 8 to 9.5 (measured)."""
    noise_level: int = 1
    """0 … 3: at most 6, 12, 18 or 21 dB of the noise are taken."""
    high_pass: bool = True
    automatic_gain: bool = False
    """Off: it lifts what is left of the echo as well."""


class EchoEngine(Protocol):
    """Cancels echo at one sample rate, one frame of 10 ms after the other."""

    def process(self, near: Samples, far: Samples) -> Samples:
        """The microphone's frame without the echo of ``far``; all three int16 and equally long."""
        ...

    def reset(self) -> None:
        """Forget the room."""
        ...


MakeEngine = Callable[[int], EchoEngine]
"""Makes an engine for a sample rate in Hz."""


def webrtc(settings: EchoSettings = EchoSettings()) -> MakeEngine:  # noqa: B008 (frozen)
    """Load the package (2 ms after numpy); raises EchoUnavailable.

    It takes 8 to 384 kHz, which it converts inside; making one takes 0.3 to 0.7 ms (measured).
    """
    try:
        package: Any = importlib.import_module(PACKAGE)
        processor = package.AudioProcessor
    except ModuleNotFoundError as missing:
        if missing.name != PACKAGE:
            raise _broken(missing) from missing
        raise EchoUnavailable(
            Why.NOT_INSTALLED,
            "Echo cancelling needs the package pywebrtc-audio, which is not installed.",
            hint="Run: pip install 'neko-cli[aec]'",
        ) from missing
    except (ImportError, OSError, AttributeError) as error:
        raise _broken(error) from error

    def make(rate: int) -> EchoEngine:
        engine: EchoEngine = processor(
            sample_rate=rate,
            echo_cancellation=True,
            noise_suppression=settings.noise_suppression,
            ns_level=settings.noise_level,
            high_pass_filter=settings.high_pass,
            auto_gain_control=settings.automatic_gain,
        )
        return engine

    return make


def _broken(error: Exception) -> EchoUnavailable:
    return EchoUnavailable(
        Why.BROKEN,
        f"The package pywebrtc-audio cannot be loaded ({error}).",
        hint="Install it again: pip install --force-reinstall pywebrtc-audio",
    )
