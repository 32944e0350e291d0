"""Runs an optional engine in its worker process and prints what came out: a program for .venv-models.

python optional_engine.py RECOGNISER|SYNTHESISER MODELS_DIR
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from neko_cli.core.errors import NekoError
from neko_cli.local.config import EngineConfig
from neko_cli.local.parts import LocalParts
from neko_cli.local.ports import EARS_RATE, Hearing, Speech


def tone(level: float) -> bytes:
    """A second of 440 Hz."""
    time = np.arange(EARS_RATE) / EARS_RATE
    return bytes((np.sin(2 * np.pi * 440 * time) * level).round().astype("<i2").tobytes())


async def listen(parts: LocalParts) -> dict[str, Any]:
    """What is heard in loud and in faint sound, and what a grammar gives."""
    loud = await parts.ears.recognise(tone(8000), Hearing(vocabulary=("yes", "no")))
    faint = await parts.ears.recognise(tone(1), Hearing())
    silent = await parts.ears.recognise(bytes(3200), Hearing())
    try:
        await parts.ears.recognise(tone(8000), Hearing(grammar="public <a> = b;"))
        grammar = ""
    except NekoError as error:
        grammar = f"{type(error).__name__}: {error}"
    return {
        "loud": [loud.text, loud.confidence],
        "faint": [faint.text, faint.confidence],
        "silent": silent.text,
        "grammar": grammar,
    }


async def speak(parts: LocalParts) -> dict[str, Any]:
    """Lengths of the chunks of a short and a long text, and whether an interruption works."""
    text = "Hello there. And more. "
    short = [len(chunk) async for chunk in parts.voice.speak(text, Speech())]
    long = [len(chunk) async for chunk in parts.voice.speak(text * 8, Speech())]
    stopped = parts.voice.speak(text * 50, Speech())
    await anext(stopped)
    await stopped.aclose()
    again = [len(chunk) async for chunk in parts.voice.speak(text, Speech())]
    return {"short": short, "long": long, "again": again, "voices": list(parts.voices())}


async def main(name: str, models_dir: Path) -> dict[str, Any]:
    """Make the parts with the engine, use them, and end them."""
    is_voice = name.startswith("piper")
    config = EngineConfig(synthesiser=name) if is_voice else EngineConfig(recogniser=name, recognisers=1)
    parts = LocalParts(config, models_dir=models_dir, brain=None, log_path=models_dir / "engine.log")  # type: ignore[arg-type]
    try:
        return await (speak(parts) if is_voice else listen(parts))
    except NekoError as error:
        return {"error": type(error).__name__, "message": str(error)}
    finally:
        await parts.aclose()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], Path(sys.argv[2])))))
