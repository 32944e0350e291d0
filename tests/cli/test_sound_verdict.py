"""The sound test's verdict, case by case."""

from __future__ import annotations

import pytest

from neko_cli.cli.sound_verdict import Result, is_silent, summary, verdict

FINE = "Full duplex is fine: the microphone does not hear the loudspeaker."


def result(**found: object) -> Result:
    return Result(
        **{"loudest": -20.0, "noise_floor": -70.0, "hears_itself": False, "clipped": 0, **found}  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("found", "sentences"),
    [
        ({}, [FINE]),
        (
            {"hears_itself": True, "echo_db": -14.2, "delay_ms": 61.6},
            ["Use headphones or echo cancelling: your loudspeaker comes back 14 dB below what is played, "
             "after 62 ms."],
        ),
        (
            {"hears_itself": True, "echo_db": 3.0, "delay_ms": 10.0},
            ["Use headphones or echo cancelling: your loudspeaker comes back 3 dB above what is played, "
             "after 10 ms."],
        ),
        (
            {"hears_itself": True, "echo_db": -0.2},
            ["Use headphones or echo cancelling: your loudspeaker comes back as loud as what is played."],
        ),
        (
            {"hears_itself": True, "echo_db": -52.0, "delay_ms": 10.0},
            ["Full duplex is fine: your loudspeaker comes back 52 dB below what is played, "
             "too faint to be taken for you."],
        ),
        (
            {"loudest": -96.0, "noise_floor": -96.0},
            ["The microphone hears nothing at all: it is muted, not connected or not allowed."],
        ),
        # A loop without noise is no dead microphone.
        (
            {"loudest": -96.0, "noise_floor": -96.0, "hears_itself": True, "echo_db": -60.0},
            ["Full duplex is fine: your loudspeaker comes back 60 dB below what is played, "
             "too faint to be taken for you."],
        ),
        ({"clipped": 9}, [FINE]),
        (
            {"clipped": 4000},
            [FINE, "The microphone is overdriven (4000 samples at full scale): turn it down."],
        ),
        (
            {"noise_floor": -38.0},
            [FINE, "It is loud around the microphone (-38 dBFS): a headset or a quieter place helps to hear "
             "where you stop speaking."],
        ),
        (
            {"microphone_rate": 8000},
            [FINE, "The microphone runs at 8000 Hz, as Bluetooth headsets do in calls: "
             "another one is understood better."],
        ),
        (
            {"underruns": 1, "overflows": 3},
            [FINE, "The loudspeaker ran out of sound once: the machine was too busy.",
             "Sound of the microphone was lost 3 times: the machine was too busy."],
        ),
    ],
)  # fmt: skip
def test_the_verdict(found: dict[str, object], sentences: list[str]) -> None:
    assert verdict(result(**found)) == sentences


def test_of_what_could_not_be_tested_nothing_is_said() -> None:
    assert verdict(Result()) == []
    assert verdict(Result(loudest=-30.0, noise_floor=-70.0)) == []
    assert not is_silent(Result())
    assert summary(Result()) == "No sound could be tested."


def test_a_name_from_a_device_is_sanitised() -> None:
    assert "\x1b" not in summary(Result(microphone="a\x1b[31mb", loudest=-10.0, speaker="\x1b]0;x\x07"))


def test_the_summary_has_the_figures() -> None:
    found = result(
        microphone="Ear", microphone_rate=48_000, speaker="Mouth", speaker_rate=44_100, hears_itself=True,
        delay_ms=61.5, round_trip_ms=92.3, echo_db=-14.2,
    )  # fmt: skip
    found.verdict = verdict(found)
    assert summary(found).splitlines() == [
        "microphone   Ear (48000 Hz): loudest -20.0 dBFS, noise floor -70.0 dBFS",
        "loudspeaker  Mouth (44100 Hz): the test sound was played",
        "loop-back    62 ms (round trip 92 ms), -14.2 dB relative to what was played",
        *found.verdict,
    ]
