"""Two devices and a canceller between them, without waiting: what comes out, and how long each frame took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import soxr

from benchmarks.kit.echo_room import RATE, Sound, as_pcm
from neko_cli.audio.echo import EchoCanceller
from neko_cli.audio.echo_meter import EchoReport
from neko_cli.core.own_ear import Heard, OwnEar
from neko_cli.core.profile import Turns
from neko_cli.speech.vad import make_detector


@dataclass
class Pass:
    """What came of one scene, at the microphone's rate."""

    rate: int
    near: Sound
    out: Sound
    frame_ms: list[float] = field(default_factory=list)
    reports: list[EchoReport] = field(default_factory=list)
    """One a second."""

    def taken_db(self, begin_s: float, end_s: float) -> float:
        """By how much the microphone's level sank in this stretch."""
        part = slice(int(begin_s * self.rate), int(end_s * self.rate))
        return level_db(self.near[part]) - level_db(self.out[part])

    def turns(self) -> list[float]:
        """When our own detector begins a user's turn, in s."""
        ear = OwnEar(make_detector(), Turns(), silence_ms=700)
        pcm, size = as_pcm(self.out), self.rate // 100 * 2
        begun = []
        for at in range(0, len(pcm), size):
            if ear.hear(pcm[at : at + size], self.rate).heard is Heard.BEGINS:
                begun.append(at / 2 / self.rate)
        return begun

    def speech_share(self, begin_s: float = 0.0, end_s: float = float("inf")) -> float:
        """Share of the detector's frames in this stretch that it takes for speech, 0 … 1."""
        detector = make_detector()
        heard = self.out if self.rate == 16_000 else soxr.resample(self.out, self.rate, 16_000)
        pcm, size = as_pcm(heard), detector.frame_bytes
        share = [
            detector.probability(pcm[at : at + size]) >= 0.5 for at in range(0, len(pcm) - size + 1, size)
        ]
        step = size / 2 / 16_000
        judged = [is_speech for n, is_speech in enumerate(share) if begin_s <= n * step < end_s]
        return sum(judged) / len(judged)


def level_db(sound: Sound) -> float:
    """Mean level; -120 for silence."""
    return float(10.0 * np.log10(np.mean(sound**2) + 1e-12))


def run(
    canceller: EchoCanceller,
    played: Sound,
    microphone: Sound,
    *,
    mic_rate: int = RATE,
    speaker_rate: int = RATE,
    drift_ppm: float = 0.0,
    reset_at_s: float = -1.0,
) -> Pass:
    """Play and capture in blocks of 10 ms, as a sound server calls; sounds are at RATE.

    The loudspeaker's clock runs faster by ``drift_ppm``; at ``reset_at_s`` the device is changed.
    """
    far = as_pcm(played if speaker_rate == RATE else soxr.resample(played, RATE, speaker_rate))
    near = as_pcm(microphone if mic_rate == RATE else soxr.resample(microphone, RATE, mic_rate))
    far_size, near_size = speaker_rate // 100 * 2, mic_rate // 100 * 2
    canceller.speaker_opened(speaker_rate)
    done = Pass(mic_rate, sound_of(near), np.zeros(0))
    pieces: list[bytes] = []
    blocks = 0
    for n in range(len(near) // near_size):
        now = n / 100.0
        if abs(now - reset_at_s) < 0.005:
            canceller.reset()
        while (due := blocks / 100.0 / (1 + drift_ppm * 1e-6)) <= now and (blocks + 1) * far_size <= len(far):
            canceller.played(far[blocks * far_size : (blocks + 1) * far_size], due)
            blocks += 1
        frame = near[n * near_size : (n + 1) * near_size]
        begun = time.perf_counter()
        pieces.append(canceller.process(frame, now, mic_rate))
        done.frame_ms.append((time.perf_counter() - begun) * 1000.0)
        if n % 100 == 99:
            done.reports.append(canceller.report)
    pieces.append(canceller.rest())
    done.out = sound_of(b"".join(pieces))
    done.near = done.near[: done.out.size]
    return done


def sound_of(pcm: bytes) -> Any:
    """16-bit mono as float64."""
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64) / 32768.0
