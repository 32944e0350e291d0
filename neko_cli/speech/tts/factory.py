"""From the name in a profile to a voice: loaded in the worker, or listed without loading it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from neko_cli.core.errors import ConfigError
from neko_cli.speech.model_folder import find_model_folder
from neko_cli.speech.tts.base import Engine

FLOOR = "espeak"
KIND = "piper"


def is_floor(name: str) -> bool:
    """Whether the name means the synthesiser that needs no further model."""
    return name.strip() in (FLOOR, "")


def make_engine(name: str, models_dir: Path) -> Engine:
    """Load ``espeak`` or ``piper:NAME``; raises ConfigError."""
    if is_floor(name):
        from neko_cli.speech.tts.espeak import load_espeak

        return load_espeak()
    folder = _piper_folder(name, models_dir)
    from neko_cli.speech.tts.piper import PiperEngine

    return PiperEngine(folder)


def list_voices(name: str, models_dir: Path, language: str) -> Sequence[str]:
    """Voice names that can be asked for, read from files; raises ConfigError."""
    if is_floor(name):
        from neko_cli.speech.tts.espeak_voices import installed_voices

        return installed_voices().offered(language)
    from neko_cli.speech.tts.piper import speaker_names, voice_files

    _, settings = voice_files(_piper_folder(name, models_dir))
    return sorted(speaker_names(settings))


def _piper_folder(name: str, models_dir: Path) -> Path:
    kind, _, voice = name.strip().partition(":")
    if kind != KIND:
        raise ConfigError(f"There is no synthesiser {name!r}.", hint="Allowed: espeak, piper:NAME.")
    return find_model_folder(models_dir, KIND, voice)
