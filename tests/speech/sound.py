"""Sound for the tests of ears: sentences spoken by espeak-ng, silence and noise, at 16 kHz."""

from __future__ import annotations

from functools import cache

from neko_cli.core.pcm import Resampler, silence
from neko_cli.speech.stt.base import RATE
from neko_cli.speech.tts.base import Manner
from neko_cli.speech.tts.espeak import EspeakEngine, load_espeak


@cache
def engine() -> EspeakEngine:
    """One engine for the whole test process: the library keeps global state."""
    return load_espeak()


@cache
def spoken(text: str, voice: str = "en-us", rate: int = RATE) -> bytes:
    """A sentence at ``rate`` Hz with 200 ms of digital silence around it."""
    chunks: list[bytes] = []

    def emit(pcm: bytes) -> bool:
        chunks.append(pcm)
        return True

    engine().synthesise(text, Manner(voice), emit)
    resampler = Resampler(engine().rate, rate)
    quiet = silence(200, rate)
    return quiet + resampler.push(b"".join(chunks)) + resampler.drain() + quiet


@cache
def noise(ms: int, deviation: float = 500.0) -> bytes:
    """White noise, the same every time."""
    import numpy as np

    samples = np.random.default_rng(3).normal(0.0, deviation, RATE * ms // 1000)
    return bytes(samples.clip(-32768, 32767).astype("<i2").tobytes())
