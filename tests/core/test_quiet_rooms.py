"""The detector is asked only about what stands out of the room's noise, and hears nothing later for that."""

from __future__ import annotations

import numpy as np
import pytest

from neko_cli.audio.wav import WavReader
from neko_cli.core.endpointing import DETECTOR_RATE, Endpointer, SpeechBegan, SpeechEnded
from neko_cli.core.own_ear import NOISY_DBFS, ONSET_MS, SpeechEar
from neko_cli.core.profile import Turns
from neko_cli.speech.vad import make_detector
from tests.real.speech import speak_into

FRAME_MS = 32


class Asked:
    """The real detector, and how often it was asked."""

    def __init__(self) -> None:
        self._detector = make_detector()
        self.frame_bytes = self._detector.frame_bytes
        self.times = 0

    def probability(self, frame: bytes) -> float:
        self.times += 1
        return self._detector.probability(frame)

    def reset(self) -> None:
        self._detector.reset()


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Two sentences with pauses, at full scale 1."""
    file = tmp_path_factory.mktemp("said") / "said.wav"
    speak_into(file, "What time is it now?", "And tomorrow?", rate=DETECTOR_RATE, pause_ms=1200)
    reader = WavReader.open(str(file))
    try:
        sound = np.frombuffer(b"".join(reader.chunks(20)), "<i2").astype(float)
    finally:
        reader.close()
    return sound / np.abs(sound).max()


def scene(said: np.ndarray, peak_dbfs: float, noise_dbfs: float) -> bytes:
    """Three seconds of the room, and what is said in it."""
    sound = np.concatenate([np.zeros(3 * DETECTOR_RATE), said, np.zeros(DETECTOR_RATE)]) * 10 ** (
        peak_dbfs / 20
    )
    sound += np.random.default_rng(1).standard_normal(sound.size) * 10 ** (noise_dbfs / 20)
    return np.rint(np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes()


def decisions(pcm: bytes, turns: Turns) -> list[tuple[str, int]]:
    """What the detector alone decides, by number of the frame."""
    detector = make_detector()
    size = detector.frame_bytes
    ends = Endpointer(
        frame_samples=size // 2, threshold=turns.threshold, prefix_ms=0, silence_ms=700, onset_ms=ONSET_MS
    )
    found = []
    for number, at in enumerate(range(0, len(pcm) - size + 1, size)):
        match ends.push(detector.probability(pcm[at : at + size])):
            case SpeechBegan():
                found.append(("begins", number))
            case SpeechEnded():
                found.append(("ends", number))
    return found


@pytest.mark.parametrize(
    ("peak_dbfs", "noise_dbfs"),
    [(-3, -70), (-20, -60), (-30, -55), (-35, -90), (-12, -35)],
    ids=["near", "usual", "far away", "soft", "loud room"],
)
def test_nothing_is_heard_later_and_an_empty_room_costs_nothing(
    said: np.ndarray, peak_dbfs: float, noise_dbfs: float
) -> None:
    pcm, turns = scene(said, peak_dbfs, noise_dbfs), Turns()
    alone = decisions(pcm, turns)
    assert [what for what, _ in alone] == ["begins", "ends"] * 2
    asked = Asked()
    ear = SpeechEar(asked, turns, silence_ms=700)
    found: list[tuple[str, int]] = []
    for number, at in enumerate(range(0, len(pcm) - asked.frame_bytes + 1, asked.frame_bytes)):
        was_open = ear.is_open
        ear.hear(pcm[at : at + asked.frame_bytes], DETECTOR_RATE)
        if ear.is_open is not was_open:
            found.append(("begins" if ear.is_open else "ends", number))
        if noise_dbfs < NOISY_DBFS and at < 2 * 3 * DETECTOR_RATE * 0.9:
            assert asked.times <= 5, "an empty room"
    assert [what for what, _ in found] == [what for what, _ in alone]
    for (what, ours), (_, theirs) in zip(found, alone, strict=True):
        # The model remembers; what it was not told of makes it a little slower to let go.
        assert abs(ours - theirs) <= (1 if what == "begins" else 3)
