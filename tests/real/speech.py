"""Speech for tests: sentences spoken into WAV files, and files identified by a closed grammar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from neko_cli.audio.wav import WavReader, WavWriter
from neko_cli.core.pcm import Resampler, silence
from neko_cli.speech.stt.base import RATE, Expected
from neko_cli.speech.stt.factory import make_recogniser
from neko_cli.speech.tts.base import Manner
from neko_cli.speech.tts.factory import make_engine

NO_MODELS = Path("no-models")


def speak_into(path: Path, *sentences: str, rate: int = 24_000, pause_ms: int = 1500) -> Path:
    """Write sentences, spoken by espeak-ng with pauses between them, as a 16-bit mono WAV."""
    engine = make_engine("espeak", NO_MODELS)
    writer = WavWriter.create(str(path), rate)
    try:
        for sentence in sentences:
            pieces: list[bytes] = []

            def keep(pcm: bytes, pieces: list[bytes] = pieces) -> bool:
                pieces.append(pcm)
                return True

            engine.synthesise(sentence, Manner(), keep)
            resampler = Resampler(engine.rate, rate)
            writer.write(silence(300, rate))
            writer.write(resampler.push(b"".join(pieces)) + resampler.drain())
            writer.write(silence(pause_ms, rate))
    finally:
        writer.close()
        engine.close()
    return path


def identify(path: Path, candidates: Sequence[str]) -> str:
    """Which of the candidates is spoken in a WAV file."""
    reader = WavReader.open(str(path))
    try:
        resampler = Resampler(reader.rate, RATE)
        pcm = resampler.push(b"".join(reader.chunks(20))) + resampler.drain()
    finally:
        reader.close()
    expected = Expected(vocabulary=tuple(candidates))
    recogniser = make_recogniser("pocketsphinx", NO_MODELS, expected)
    try:
        return recogniser.recognise(silence(200, RATE) + pcm + silence(200, RATE), expected).text
    finally:
        recogniser.close()
