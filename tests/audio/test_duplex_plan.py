"""When a microphone and a loudspeaker may be one stream."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from neko_cli.audio.duplex_plan import may_share
from neko_cli.core.ports import DeviceInfo
from neko_cli.core.ports_sound import Streams

DEVICE = DeviceInfo(index=3, name="headset", host_api="Core Audio", inputs=1, outputs=2, default_rate=48_000)
RATES = (48_000, 44_100, 16_000)
CARD = "USB Audio Device: - (hw:1,0)"


def planned(
    microphone: dict[str, Any],
    both: dict[str, Any],
    *,
    rate: int = 48_000,
    idle: bool = True,
    streams: Streams = Streams.AUTO,
) -> bool:
    loudspeaker = msgspec.structs.replace(DEVICE, **both)
    return may_share(
        msgspec.structs.replace(loudspeaker, **microphone),
        loudspeaker,
        streams=streams,
        rate=rate,
        rates=RATES,
        idle=idle,
    )


@pytest.mark.parametrize(
    ("host", "name", "shares"),
    [
        ("Core Audio", "headset", True),
        ("ASIO", "headset", True),
        ("JACK Audio Connection Kit", "system", True),
        ("ALSA", CARD, True),
        ("ALSA", "HDA Intel PCH: ALC257 Analog (hw:0,12)", True),
        ("ALSA", "USB Audio Device: - (plughw:1,0)", False),
        ("ALSA", "default", False),
        ("ALSA", "sysdefault", False),
        ("ALSA", "pulse", False),
        ("ALSA", "pipewire", False),
        ("ALSA", "dmix", False),
        ("ALSA", "hw", False),
        ("ALSA", "", False),
        ("PulseAudio", CARD, False),
        ("Windows WASAPI", "headset", False),
        ("MME", "headset", False),
        ("Windows DirectSound", "headset", False),
        ("Windows WDM-KS", "headset", False),
        ("OSS", CARD, False),
        ("", "", False),
    ],
)
def test_by_itself_one_stream_is_for_devices_of_one_clock(host: str, name: str, shares: bool) -> None:
    assert planned({}, {"host_api": host, "name": name}) is shares


@pytest.mark.parametrize(
    ("host", "name"), [("Core Audio", "headset"), ("ALSA", CARD), ("ALSA", "pulse"), ("OSS", "dsp")]
)
def test_a_profile_has_it_everywhere_or_nowhere(host: str, name: str) -> None:
    both = {"host_api": host, "name": name}
    assert planned({}, both, streams=Streams.ONE)
    assert not planned({}, both, streams=Streams.TWO)


@pytest.mark.parametrize("streams", [Streams.AUTO, Streams.ONE])
@pytest.mark.parametrize(
    ("microphone", "both", "more"),
    [
        ({"index": 4}, {}, {}),
        ({"host_api": "ASIO"}, {}, {}),
        ({}, {"inputs": 0}, {}),
        ({}, {"outputs": 0}, {}),
        ({}, {}, {"rate": 24_000}),
        ({}, {}, {"idle": False}),
    ],
    ids=["another device", "another system", "no input", "no output", "another rate", "a reply is played"],
)
def test_two_streams_where_one_thing_is_amiss(
    microphone: dict[str, Any], both: dict[str, Any], more: dict[str, Any], streams: Streams
) -> None:
    assert not planned(microphone, both, streams=streams, **more)


def test_a_rate_that_is_not_the_first_will_do() -> None:
    assert planned({}, {}, rate=16_000)
