"""A room with an open loudspeaker, computed: what its microphone hears, and when somebody speaks in it.

Nothing is drawn anew: the same scene is the same samples every time. Sound is float64, full scale 1, at
RATE.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from neko_cli.speech.tts.base import Manner
from neko_cli.speech.tts.factory import make_engine

RATE = 48_000
FRAME = RATE // 100
"""Samples of 10 ms."""

ECHO_DB = -6.0
"""Level of the echo at the microphone against what the loudspeaker plays, the tail included."""

TAIL_MS = 120.0
"""Until the room's answer has decayed by 60 dB: a small, furnished room."""

VOICE_DBFS = -20.0
ROOM_NOISE_DBFS = -70.0

STORY = (
    "Once upon a time a small cat lived in a terminal. It slept between two processes and woke up "
    "whenever somebody typed. One night the power failed, and the cat had to find its way in the dark. ",
    "It listened to the fans as they came to rest. It counted the seconds until the battery gave up. "
    "Then it curled up on the last warm key, and waited for the morning to bring back the light. ",
    "In the morning a friend came by, opened the lid, and asked how the night had been. The cat "
    "stretched, yawned, and said that it had seen worse nights, but few that were as quiet. ",
)
QUESTION = "Excuse me, could you please stop for a moment? I would like to ask you something else."
"""What the user says over the character."""

Sound = Any
"""A one-dimensional array of float64."""


@cache
def spoken(text: str, voice: str = "") -> Sound:
    """A text in the embedded engine's voice, at VOICE_DBFS."""
    engine = make_engine("espeak", Path("no-models"))
    pieces: list[bytes] = []

    def keep(pcm: bytes) -> bool:
        pieces.append(pcm)
        return True

    engine.synthesise(text, Manner(voice=voice), keep)
    rate = engine.rate
    engine.close()
    samples = np.frombuffer(b"".join(pieces), dtype="<i2").astype(np.float64) / 32768.0
    at_rate: Sound = soxr.resample(samples, rate, RATE)
    return at_rate * (10 ** (VOICE_DBFS / 20) / np.sqrt(np.mean(at_rate**2)))


def character(seconds: float, pause_s: float = 0.6) -> Sound:
    """The character telling its story for so long, with pauses between the parts."""
    pause = np.zeros(int(pause_s * RATE))
    once = np.concatenate([part for text in STORY for part in (spoken(text), pause)])
    return np.resize(once, int(seconds * RATE))


def user(seconds: float, starts_s: float, *, db: float = 0.0) -> Sound:
    """Silence in which the user asks once, ``db`` louder than the character's echo is at most."""
    asked = spoken(QUESTION, "en-us+f3") * 10 ** ((ECHO_DB + db) / 20)
    sound = np.zeros(int(seconds * RATE))
    at = int(starts_s * RATE)
    sound[at : at + asked.size] = asked[: sound.size - at]
    return sound


@dataclass(frozen=True)
class Room:
    """How the loudspeaker comes back."""

    delay_ms: float = 60.0
    """From the sample that is played to the first of its echo, the devices' latencies included."""
    drift_ppm: float = 0.0
    """How much faster the loudspeaker's clock runs than the microphone's."""
    jump_ms: float = 0.0
    """The delay grows by so much in the middle, as when the device is changed."""
    gain_db: float = ECHO_DB

    def echo(self, played: Sound) -> Sound:
        """What of it comes back, as long as what was played."""
        if self.jump_ms:
            half = played.size // 2
            early = Room(self.delay_ms, self.drift_ppm, gain_db=self.gain_db).echo(played)
            late = Room(self.delay_ms + self.jump_ms, self.drift_ppm, gain_db=self.gain_db).echo(played)
            return np.concatenate([early[:half], late[half:]])
        heard = played
        if self.drift_ppm:
            heard = soxr.resample(played, RATE * (1 + self.drift_ppm * 1e-6), RATE)
        answer = self._answer()
        size = 1 << (heard.size + answer.size - 1).bit_length()
        full = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(answer, size), size)
        delayed = np.concatenate([np.zeros(round(self.delay_ms * RATE / 1000)), full])
        return np.resize(np.concatenate([delayed, np.zeros(played.size)]), played.size)

    def microphone(self, played: Sound, near: Sound | None = None) -> Sound:
        """What the microphone hears: the echo, the room's own noise, and somebody who speaks."""
        noise = np.random.default_rng(5).standard_normal(played.size) * 10 ** (ROOM_NOISE_DBFS / 20)
        sound = self.echo(played) + noise
        return sound if near is None else sound + near

    def _answer(self) -> Sound:
        """The impulse response: the direct sound and a tail of decaying noise, of energy ``gain_db``."""
        n = int(TAIL_MS * RATE / 1000)
        tail = np.random.default_rng(3).standard_normal(n) * 10 ** (-3.0 * np.arange(n) / n)
        tail *= 0.5 / np.sqrt(np.sum(tail**2))
        tail[0] += 0.85
        answer: Sound = tail * (10 ** (self.gain_db / 20) / np.sqrt(np.sum(tail**2)))
        return answer


def as_pcm(sound: Sound) -> bytes:
    """16-bit mono."""
    return bytes(np.clip(np.rint(sound * 32767.0), -32768, 32767).astype("<i2").tobytes())
