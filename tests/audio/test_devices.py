"""Choosing devices and rates: pure decisions."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.audio.devices import Kind, describe, pick, rates_to_try
from neko_cli.core.errors import AudioError, NoMicrophone, NoSpeaker
from neko_cli.core.ports import UNKNOWN_DEVICE, DeviceInfo


def device(index: int, name: str, inputs: int = 0, outputs: int = 0, **more: object) -> DeviceInfo:
    fields = {"host_api": "Core Audio", "default_rate": 48_000, **more}
    return DeviceInfo(index=index, name=name, inputs=inputs, outputs=outputs, **fields)  # type: ignore[arg-type]


DEVICES = (
    device(0, "Built-in Microphone", inputs=1),
    device(1, "Built-in Output", outputs=2, default_output=True),
    device(2, "USB Headset", inputs=1, outputs=2, default_input=True),
    device(3, "USB Headset Pro", inputs=1, outputs=2),
    device(4, "7", outputs=2),
    device(5, "USB Headset", inputs=1, host_api="MME"),
)


@pytest.mark.parametrize(
    ("wanted", "kind", "index"),
    [
        ("", Kind.MICROPHONE, 2),
        ("", Kind.SPEAKER, 1),
        ("0", Kind.MICROPHONE, 0),
        ("3", Kind.SPEAKER, 3),
        ("usb headset", Kind.MICROPHONE, 2),
        (" PRO ", Kind.MICROPHONE, 3),
        ("microphone", Kind.MICROPHONE, 0),
        ("built", Kind.SPEAKER, 1),
        ("7", Kind.SPEAKER, 4),
    ],
)
def test_pick_by_default_number_name_or_part(wanted: str, kind: Kind, index: int) -> None:
    assert pick(DEVICES, wanted, kind).index == index


def test_without_a_marked_default_the_first_able_device_is_taken() -> None:
    assert pick(DEVICES[:1], "", Kind.MICROPHONE).index == 0


def test_ambiguous_name_says_between_what() -> None:
    with pytest.raises(NoMicrophone, match="means more than one microphone: USB Headset, USB Headset Pro"):
        pick(DEVICES, "usb", Kind.MICROPHONE)


def test_a_name_that_no_device_has_may_be_one_that_was_just_plugged_in() -> None:
    with pytest.raises(AudioError) as unknown:
        pick(DEVICES, "nothing like it", Kind.SPEAKER)
    assert unknown.value.code == UNKNOWN_DEVICE
    with pytest.raises(AudioError) as none:
        pick((), "", Kind.MICROPHONE)
    assert none.value.code == UNKNOWN_DEVICE
    with pytest.raises(AudioError) as many:
        pick(DEVICES, "usb", Kind.MICROPHONE)
    assert not many.value.code


def test_unknown_name_lists_near_ones() -> None:
    with pytest.raises(NoSpeaker) as caught:
        pick(DEVICES, "bilt in output", Kind.SPEAKER)
    assert caught.value.message == "There is no loudspeaker called 'bilt in output'."
    assert caught.value.hint == "There is: Built-in Output."


def test_unknown_name_without_near_ones_lists_all() -> None:
    with pytest.raises(NoMicrophone) as caught:
        pick(DEVICES, "@@@@", Kind.MICROPHONE)
    assert caught.value.hint == "There is: Built-in Microphone, USB Headset, USB Headset Pro."


def test_a_speaker_is_no_microphone() -> None:
    with pytest.raises(NoMicrophone):
        pick(DEVICES, "1", Kind.MICROPHONE)
    with pytest.raises(NoMicrophone, match="No microphone was found"):
        pick(DEVICES[1:2], "", Kind.MICROPHONE)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=20), st.sampled_from(Kind))
def test_any_name_gives_an_able_device_or_an_audio_error(wanted: str, kind: Kind) -> None:
    with contextlib.suppress(AudioError):
        assert kind.fits(pick(DEVICES, wanted, kind))


def test_describe_marks_defaults_and_cleans_names() -> None:
    table = [
        {
            "name": name,
            "hostapi": 0,
            "max_input_channels": 1,
            "max_output_channels": 0,
            "default_samplerate": 44_100.0,
        }
        for name in ("evil\x1b[2Jname\n", "\u202e", "plain")
    ]
    found = describe(table, [{"name": "ALSA"}], (2, -1))
    assert [entry.name for entry in found] == ["evil[2Jname", "device 1", "plain"]
    assert [entry.default_input for entry in found] == [False, False, True]
    assert not any(entry.default_output for entry in found)


@pytest.mark.parametrize(
    ("host", "own", "rates"),
    [
        ("ALSA", 44_100, (48_000, 44_100, 16_000)),
        ("Core Audio", 44_100, (44_100, 48_000, 16_000)),
        ("Core Audio", 16_000, (16_000, 48_000, 44_100)),
        ("WASAPI", 192_000, (48_000, 44_100, 192_000, 16_000)),
        ("MME", 22_050, (48_000, 44_100, 16_000)),
    ],
)
def test_rates_begin_with_the_devices_own_and_fill_ten_ms(
    host: str, own: int, rates: tuple[int, ...]
) -> None:
    found = rates_to_try(device(0, "x", host_api=host, default_rate=own))
    if own % 100:
        assert all(rate % 100 == 0 for rate in found)
    assert found == rates
