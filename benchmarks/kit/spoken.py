"""A sentence as sound, from the engine's own voice."""

from __future__ import annotations

import tempfile
from pathlib import Path

from neko_cli.local.brain import make_brain
from neko_cli.local.config import EngineConfig
from neko_cli.local.parts import LocalParts
from neko_cli.local.ports import Speech


async def speak(text: str) -> bytes:
    """16-bit mono at 24 kHz."""
    config = EngineConfig(brain="builtin")
    with tempfile.TemporaryDirectory() as folder:
        parts = LocalParts(config, models_dir=Path(folder), brain=make_brain(config))
        try:
            return b"".join([chunk async for chunk in parts.voice.speak(text, Speech())])
        finally:
            await parts.aclose()
