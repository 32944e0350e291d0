"""What PortAudio says when a device will not open, in words of ours: not allowed is not missing."""

from __future__ import annotations

import pytest

from neko_cli.audio.portaudio import PA_DEVICE_UNAVAILABLE, PA_INVALID_SAMPLE_RATE, is_wrong_rate, plain_error
from neko_cli.core.errors import AudioError, MicrophonePermissionError, NoMicrophone, NoSpeaker


class PortAudioError(Exception):
    """As ``sounddevice`` raises it: a sentence, and often PortAudio's own number."""


DENIED = PortAudioError("Error opening InputStream: Permission denied")


@pytest.mark.parametrize(
    ("error", "microphone", "kind"),
    [
        (DENIED, True, MicrophonePermissionError),
        (PermissionError(13, "Permission denied"), True, MicrophonePermissionError),
        (DENIED, False, AudioError),
        (PortAudioError("Device unavailable", PA_DEVICE_UNAVAILABLE), True, NoMicrophone),
        (PortAudioError("Device unavailable", PA_DEVICE_UNAVAILABLE), False, NoSpeaker),
        (PortAudioError("Internal PortAudio error", -9986), True, NoMicrophone),
        (PortAudioError(), False, NoSpeaker),
    ],
)
def test_what_will_not_open_is_told_apart(error: Exception, microphone: bool, kind: type[AudioError]) -> None:
    told = plain_error(error, "USB Audio", microphone=microphone)
    assert type(told) is kind
    assert told.message.endswith(".")
    assert told.permanent == ("denied" in str(error))  # only somebody's hand changes that


@pytest.mark.parametrize(
    ("error", "sentence", "advice"),
    [
        (
            PortAudioError("Device unavailable", PA_DEVICE_UNAVAILABLE),
            "is busy or was unplugged",
            "Close the",
        ),
        (PortAudioError("host error 'AUDCLNT_E_DEVICE_IN_USE'", -9999), "for itself alone", "exclusive use"),
        (PortAudioError("host error 'Device or resource busy'", -9999), "for itself alone", "Close that"),
        (
            PortAudioError("Invalid sample rate", PA_INVALID_SAMPLE_RATE),
            "none of the sample rates",
            "48000 Hz",
        ),
        (
            PortAudioError("host error 'Input/output error'", -9999),
            "is not there at the moment",
            "Plug it in",
        ),
        (PortAudioError("host error 'No such device'", -9999), "is not there at the moment", "Plug it in"),
        (PortAudioError("Insufficient memory", -9992), "cannot be used (Insufficient memory)", "Choose"),
    ],
)
def test_each_reason_has_its_sentence_and_says_what_to_do(
    error: Exception, sentence: str, advice: str
) -> None:
    for microphone in (True, False):
        told = plain_error(error, "USB Audio", microphone=microphone)
        assert sentence in told.message
        assert "'USB Audio'" in told.message
        assert advice in told.hint
        assert not told.permanent


def test_a_device_that_is_busy_is_named() -> None:
    told = plain_error(PortAudioError("busy", PA_DEVICE_UNAVAILABLE), "USB Audio", microphone=True)
    assert "USB Audio" in told.message
    assert "busy" in told.message
    assert told.hint


def test_a_rate_that_a_device_does_not_take_is_known_by_its_number() -> None:
    assert is_wrong_rate(PortAudioError("Invalid sample rate", PA_INVALID_SAMPLE_RATE))
    assert not is_wrong_rate(PortAudioError("Invalid sample rate"))
