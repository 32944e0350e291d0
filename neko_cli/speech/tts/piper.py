"""piper voices: natural, a sentence at a time; the extra `piper` (GPL-3) and an installed voice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neko_cli.core.errors import ConfigError, ServerFault
from neko_cli.speech.model_folder import need_package
from neko_cli.speech.tts.base import Emit, Manner

CHUNK_MS = 100
MIN_SPEED, MAX_SPEED = 0.25, 1.5


def voice_files(folder: Path) -> tuple[Path, Path]:
    """The model and its settings in a folder; raises ConfigError."""
    for model in sorted(folder.glob("*.onnx")):
        settings = model.with_name(model.name + ".json")
        if settings.is_file():
            return model, settings
    raise ConfigError(
        f"The folder {folder.name!r} holds no piper voice (NAME.onnx and NAME.onnx.json).",
        hint="Run: neko local install piper:en_US-lessac-medium",
    )


def speaker_names(settings: Path) -> dict[str, int]:
    """Speakers of a voice with several of them, by name; empty for one speaker. Raises ConfigError."""
    try:
        told = json.loads(settings.read_text(encoding="utf-8")).get("speaker_id_map") or {}
        return {str(name): int(number) for name, number in told.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ConfigError(f"The settings of the voice {settings.parent.name!r} cannot be read.") from error


class PiperEngine:
    """A loaded piper voice. It speaks one language; the language asked for is not looked at."""

    def __init__(self, folder: Path) -> None:
        """Load the voice; raises ConfigError when the package or the voice is missing."""
        try:
            from piper import PiperVoice, SynthesisConfig
        except ImportError as missing:
            raise need_package("piper-tts", "piper") from missing
        model, settings = voice_files(folder)
        self._speakers = speaker_names(settings)
        self._configure: Any = SynthesisConfig
        try:
            self._voice: Any = PiperVoice.load(str(model), str(settings))
        except Exception as error:  # onnxruntime's errors have no public base class
            raise ConfigError(
                f"The piper voice {folder.name!r} cannot be loaded.",
                hint=f"Install it again: neko local remove piper:{folder.name}, then install.",
            ) from error
        self.rate = int(self._voice.config.sample_rate)

    def synthesise(self, text: str, manner: Manner, emit: Emit) -> None:
        """See :class:`~neko_cli.speech.tts.base.Engine`; can be stopped between chunks and sentences."""
        speed = min(MAX_SPEED, max(MIN_SPEED, manner.speed))
        settings = self._configure(
            speaker_id=self._speakers.get(manner.voice), length_scale=self._length_scale() / speed
        )
        chunk = self.rate * CHUNK_MS // 1000 * 2
        try:
            for sentence in self._voice.synthesize(text, settings):
                pcm = sentence.audio_int16_bytes
                for at in range(0, len(pcm), chunk):
                    if not emit(pcm[at : at + chunk]):
                        return
        except (RuntimeError, ValueError) as error:
            raise ServerFault("The voice could not speak.", code="piper") from error

    def voices(self) -> Sequence[str]:
        """The speakers of this voice."""
        return sorted(self._speakers)

    def close(self) -> None:
        """Free the voice; idempotent."""
        self._voice = None

    def _length_scale(self) -> float:
        return float(getattr(self._voice.config, "length_scale", 1.0) or 1.0)
