"""Whisper models through faster-whisper (CTranslate2), from a local folder, on the processor."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from neko_cli.core.errors import ConfigError, ServerFault
from neko_cli.speech.model_folder import need_package
from neko_cli.speech.stt.base import Expected, Heard, is_silence

THREADS = 1
"""Processor threads: the sound path needs the other core."""

FULL_SCALE = 32768.0
HINT_CHARS = 600
"""How much of a vocabulary goes into the prompt; Whisper takes 224 tokens."""


class WhisperRecogniser:
    """A loaded Whisper model. A vocabulary is a hint to it, a grammar is not supported."""

    def __init__(self, folder: Path) -> None:
        """Load the model; raises ConfigError when the package or the model is missing."""
        try:
            from faster_whisper import WhisperModel  # the extra `whisper`
        except ImportError as missing:
            raise need_package("faster-whisper", "whisper") from missing
        if not (folder / "model.bin").is_file():
            raise ConfigError(
                f"The folder {folder.name!r} holds no Whisper model (model.bin).",
                hint="Run: neko local install whisper:base",
            )
        try:
            self._model: Any = WhisperModel(
                str(folder), device="cpu", compute_type="int8", cpu_threads=THREADS, local_files_only=True
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise ConfigError(
                f"The Whisper model {folder.name!r} cannot be loaded.",
                hint=f"Install it again: neko local remove whisper:{folder.name}, then install.",
            ) from error

    def recognise(self, pcm: bytes, expected: Expected) -> Heard:
        """See :class:`~neko_cli.speech.stt.base.Recogniser`."""
        import numpy as np

        if expected.grammar:
            raise ConfigError(
                "Whisper takes no grammar.", hint="Use a vocabulary, or the recogniser pocketsphinx."
            )
        pcm = pcm[: len(pcm) & ~1]
        if is_silence(pcm):
            return Heard("", 0.0)
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / FULL_SCALE
        language = expected.language.strip().lower().replace("_", "-").partition("-")[0] or None
        multilingual = bool(getattr(self._model.model, "is_multilingual", True))
        try:
            segments, _ = self._model.transcribe(
                samples,
                language=language if multilingual else "en",
                beam_size=1,
                condition_on_previous_text=False,
                without_timestamps=True,
                hotwords=", ".join(expected.vocabulary)[:HINT_CHARS] or None,
            )
            found = list(segments)
        except ValueError as error:
            raise ConfigError(f"Whisper does not know the language {language!r}.") from error
        except RuntimeError as error:
            raise ServerFault("Speech recognition failed.", code="whisper") from error
        text = " ".join(segment.text.strip() for segment in found).strip()
        return Heard(text, _confidence(found)) if text else Heard("", 0.0)

    def close(self) -> None:
        """Free the model; idempotent."""
        self._model = None


def _confidence(segments: list[Any]) -> float:
    """Mean probability of a token, less the model's doubt that there was speech at all."""
    tokens = [max(1, len(segment.tokens)) for segment in segments]
    mean = sum(one.avg_logprob * count for one, count in zip(segments, tokens, strict=True)) / sum(tokens)
    doubt = max(segment.no_speech_prob for segment in segments)
    return max(0.0, min(1.0, math.exp(float(mean)) * (1.0 - float(doubt))))
