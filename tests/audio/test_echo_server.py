"""Sources that cancel echo themselves, by the names that sound servers give them."""

from __future__ import annotations

import pytest

from neko_cli.audio.echo_server import cancels_echo, own_echo_source
from neko_cli.core.ports import DeviceInfo


@pytest.mark.parametrize(
    "name",
    [
        "mic.echo-cancel",
        "alsa_input.pci-0000_00_1f.3.analog-stereo.echo-cancel",
        "Built-in Audio Analog Stereo (echo cancelled with Built-in Audio Analog Stereo)",
        "echo-cancel-source",
        "Echo-Cancel Source",
        "Echo Cancellation Microphone",
        "echocancel",
        "input.echo_cancelled",
    ],
)
def test_recognised(name: str) -> None:
    assert cancels_echo(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "default",
        "Built-in Audio Analog Stereo",
        "Amazon Echo Dot",
        "Noise cancelling headset",
        "speaker.echo-cancel.monitor",
        "Monitor of Null Output (echo cancelled with Built-in Audio)",
        "echo-cancel-sink",
        "echo-cancel-capture",
        "Echo-Cancel Playback",
    ],
)
def test_not_taken_for_one(name: str) -> None:
    assert not cancels_echo(name)


def device(index: int, name: str, *, inputs: int = 1, default: bool = False) -> DeviceInfo:
    return DeviceInfo(index, name, "PulseAudio", inputs, 0, 48_000, default, False)


DEVICES = (
    device(0, "Webcam"),
    device(1, "Webcam (echo cancelled with Speaker)"),
    device(2, "Speaker (echo cancelled with Webcam)", inputs=0),
    device(3, "Headset (echo cancelled with Headset)", default=True),
)


@pytest.mark.parametrize(("wanted", "index"), [("", 3), ("webcam", 1), ("1", 1), ("HEADSET", 3)])
def test_the_one_that_is_meant(wanted: str, index: int) -> None:
    found = own_echo_source(DEVICES, wanted)
    assert found is not None
    assert found.index == index


def test_none_is_none() -> None:
    assert own_echo_source(DEVICES[:1]) is None
    assert own_echo_source(DEVICES, "usb") is None
    assert own_echo_source(()) is None
