"""Voice activity detection: how likely a short frame of sound holds speech."""

from __future__ import annotations

from neko_cli.speech.vad.factory import make_detector

__all__ = ["make_detector"]
