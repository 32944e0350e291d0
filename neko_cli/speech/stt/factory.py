"""From the name in a profile to a loaded recogniser. Runs in the worker process."""

from __future__ import annotations

from pathlib import Path

from neko_cli.core.errors import ConfigError
from neko_cli.speech.model_folder import find_model_folder
from neko_cli.speech.stt.base import Expected, Recogniser

FLOOR = "pocketsphinx"
WITH_MODEL = ("whisper", "sherpa")


def is_floor(name: str) -> bool:
    """Whether the name means the recogniser that needs no further model."""
    return name.strip() in (FLOOR, "")


def make_recogniser(name: str, models_dir: Path, expected: Expected) -> Recogniser:
    """Load ``pocketsphinx``, ``whisper:NAME`` or ``sherpa:NAME``; raises ConfigError.

    NAME is a folder below ``MODELS/KIND``, or a path. ``expected`` is what will probably be
    asked for, so that it can be loaded at once.
    """
    if is_floor(name):
        from neko_cli.speech.stt.pocketsphinx import PocketsphinxRecogniser

        return PocketsphinxRecogniser(expected)
    kind, _, model = name.strip().partition(":")
    if kind not in WITH_MODEL:
        raise ConfigError(
            f"There is no recogniser {name!r}.", hint="Allowed: pocketsphinx, whisper:NAME, sherpa:NAME."
        )
    folder = find_model_folder(models_dir, kind, model)
    if kind == "whisper":
        from neko_cli.speech.stt.whisper import WhisperRecogniser

        return WhisperRecogniser(folder)
    from neko_cli.speech.stt.sherpa import SherpaRecogniser

    return SherpaRecogniser(folder)
