"""A microphone and a loudspeaker of one device run as one stream.

The device here is PulseAudio's plugin for ALSA, which no profile shares by itself: it adds or doubles single
samples in a stream that runs both ways, so that sound is not held to the sample.
"""

from __future__ import annotations

import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.real.conftest import require
from tests.real.device_runner import noise
from tests.real.duplex_runner import SECONDS
from tests.real.pulse import RATE, PulseBox, missing_programs
from tests.real.room import ALSA, looped_back
from tests.real.scenes import scenes
from tests.real.sound_runner import TONE_HZ, tone

pytestmark = [pytest.mark.real, pytest.mark.serial, pytest.mark.timeout(60)]

MS = RATE // 1000
SHORT = 20
"""Samples: digital silence in a reply is no longer."""

THROUGH = 0.98
"""Of the samples that were sent so many come through."""


scene = scenes("duplex_runner")


def listening(box: PulseBox) -> list[str]:
    """Who takes sound from the microphone: the lines of the server's list, without our own recordings."""
    number = next(
        line.split("\t")[0]
        for line in box.pactl("list", "short", "sources").splitlines()
        if "\tmic\t" in line
    )
    lines = box.pactl("list", "short", "source-outputs").splitlines()
    return [line for line in lines if line.split("\t")[1] == number]


def stretches(recorded: np.ndarray) -> list[np.ndarray]:
    """What is not silent, in pieces."""
    sounding = np.flatnonzero(recorded)
    breaks = np.flatnonzero(np.diff(sounding) > SHORT)
    begins = [sounding[0], *sounding[breaks + 1]]
    ends = [*sounding[breaks], sounding[-1]]
    return [np.arange(begin, end + 1) for begin, end in zip(begins, ends, strict=True)]


def talked(box: PulseBox, folder: Path) -> tuple[list[dict[str, Any]], np.ndarray, np.ndarray]:
    """The scene ``talk``: its findings, what the loudspeaker played and what the microphone heard."""
    heard = folder / "heard.pcm"
    with wave.open(str(folder / "said.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(tone(RATE, 2.0))
    with scene(box, "talk", str(heard)) as running:
        found = [running.findings()]
        assert len(listening(box)) == 1
        recording = box.record_speaker()
        box.play_as_microphone(folder / "said.wav")
        time.sleep(0.3)
        running.go_on()
        found.append(running.findings())
        assert listening(box) == [], "nobody listens when the microphone is closed"
        running.go_on()
        found.append(running.findings())
        recording.wait_for_samples(len(recording.path.read_bytes()) // 2 + RATE // 10)
        running.go_on()
        running.wait()
    played = np.frombuffer(recording.stop(), "<i2").astype(int)
    return found, played, np.frombuffer(heard.read_bytes(), "<i2").astype(float)


def test_both_run_as_one_and_a_reply_goes_on_when_the_microphone_is_closed(
    pulse_box: PulseBox, tmp_path: Path
) -> None:
    for _ in range(3):  # a machine that lets a device run dry shows nothing of us; thrice it does
        (opened, closed, ended), played, heard = talked(pulse_box, tmp_path)
        parts = stretches(played)
        if len(parts) == 2 and not ended["underruns"]:
            break
    assert opened["shared"]
    assert closed["closed_ms"] < 300
    assert ended["played"] == ended["handed"] == SECONDS * RATE
    spectrum = np.abs(np.fft.rfft(heard[-RATE // 2 :]))
    assert np.argmax(spectrum) * 2 == TONE_HZ, "the microphone hears while the loudspeaker plays"

    before, after = parts
    print("gap in ms:", (after[0] - before[-1]) / MS)
    assert (after[0] - before[-1]) / MS <= 100.0
    assert len(before) + len(after) >= THROUGH * SECONDS * RATE


def test_a_microphone_by_key_shares_each_time_and_every_sample_is_counted(pulse_box: PulseBox) -> None:
    recording = pulse_box.record_speaker()
    with scene(pulse_box, "key", "10") as running:
        found = running.findings()
        recording.wait_for_samples(len(recording.path.read_bytes()) // 2 + RATE // 10)
        running.go_on()
        assert running.findings()["failure"] == "None"
        running.wait()
    assert all(found["shared"])
    assert found["played"] == found["handed"] == RATE
    recorded = np.frombuffer(recording.stop(), "<i2").astype(int)
    if not found["underruns"]:
        assert np.count_nonzero(recorded) >= THROUGH * RATE


def test_a_reply_is_not_cut_when_the_microphone_opens(pulse_box: PulseBox) -> None:
    recording = pulse_box.record_speaker()
    with scene(pulse_box, "while_it_talks") as running:
        found = running.findings()
        recording.wait_for_samples(len(recording.path.read_bytes()) // 2 + RATE // 10)
        running.go_on()
        running.wait()
    assert found["shared"] == [False, True], "two streams first; one when nothing was played"
    recorded = np.frombuffer(recording.stop(), "<i2")
    if not found["underruns"]:
        assert len(stretches(recorded)) == 1
    assert found["played"] == RATE


def test_the_microphone_goes_on_when_the_loudspeaker_is_changed(pulse_box: PulseBox, tmp_path: Path) -> None:
    said = noise(1.5)
    with wave.open(str(tmp_path / "said.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(said.tobytes())
    for _ in range(3):
        recording = pulse_box.record_speaker()
        with scene(pulse_box, "other_loudspeaker", str(tmp_path / "heard.pcm")) as running:
            assert running.findings()["shared"]
            pulse_box.play_as_microphone(tmp_path / "said.wav")
            running.go_on()
            running.findings()
            found = running.findings()
            recording.wait_for_samples(len(recording.path.read_bytes()) // 2 + RATE // 10)
            running.go_on()
            running.wait()
        heard = np.frombuffer((tmp_path / "heard.pcm").read_bytes(), "<i2").astype(int)
        heard = heard[np.flatnonzero(heard)[0] :][: len(said)]
        played = np.count_nonzero(np.frombuffer(recording.stop(), "<i2"))
        if played >= THROUGH * RATE:
            break
    assert played >= THROUGH * RATE
    assert found["played"] == RATE
    assert np.count_nonzero(heard) >= THROUGH * len(said)


def test_both_open_and_close_in_any_order(pulse_box: PulseBox) -> None:
    with scene(pulse_box, "orders") as running:
        found = [running.findings() for _ in range(4)]
        rest = running.findings()
        running.wait()
    assert [one["shared"] for one in found] == [True, True, False, False], (
        "the loudspeaker's stream is joined"
    )
    assert {one["played"] for one in found} == {RATE // 10}
    assert [one["failures"] for one in found] == [["None", "None"]] * 4
    assert not rest["open"]


def test_the_echo_canceller_is_told_what_is_played() -> None:
    require(missing_programs())
    pytest.importorskip("pywebrtc_audio")
    with PulseBox(extra_alsa=ALSA) as box, looped_back(box, 60.0, -6.0), scene(box, "echo") as running:
        found = running.findings()
        running.wait()
    assert found["shared"]
    assert found["known_s"] > SECONDS / 2, "it knows that something is played"


def test_a_server_that_is_killed_is_told_to_both(pulse_box: PulseBox) -> None:
    with scene(pulse_box, "die") as running:
        assert running.findings()["shared"]
        pulse_box.kill()
        killed = time.monotonic()
        told = {found["event"]: found for found in (running.findings() for _ in range(3))}
        running.wait()
    assert told["microphone"]["at"] - killed < 4.0
    assert told["speaker"]["at"] - killed < 4.0
    assert (told["microphone"]["kind"], told["speaker"]["kind"]) == ("NoMicrophone", "NoSpeaker")
    assert told["closed"]["ms"] < 2000, "also where the library hangs"


def test_a_server_that_hangs_is_told_to_both_and_nothing_waits_for_it(pulse_box: PulseBox) -> None:
    with scene(pulse_box, "die") as running:
        assert running.findings()["shared"]
        with pulse_box.frozen():
            frozen = time.monotonic()
            told = {found["event"]: found for found in (running.findings() for _ in range(3))}
            closed = time.monotonic()
            running.wait()
            assert time.monotonic() - closed < 2.0
    assert told["microphone"]["at"] - frozen < 4.0
    assert told["speaker"]["at"] - frozen < 4.0
    assert told["closed"]["ms"] < 2000
