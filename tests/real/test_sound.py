"""The sound path against a real, private sound server: what is heard, counted and said when it dies."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
import wave
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neko_cli.audio.fade import FADE_MS
from tests.fakes.clicks import above, dbfs
from tests.real.pulse import RATE, PulseBox
from tests.real.scenes import scenes
from tests.real.sound_runner import TONE_HZ, tone

# The sound server and the device have deadlines of milliseconds, which other tests would make them miss.
pytestmark = [pytest.mark.real, pytest.mark.serial]

ROOT = Path(__file__).parents[2]
BLOCK = RATE // 100


scene = scenes("sound_runner")


def sounding(recorded: bytes) -> np.ndarray:
    """Positions of the samples that are not silence."""
    return np.flatnonzero(np.frombuffer(recorded, dtype="<i2"))


def played_tone(box: PulseBox) -> tuple[dict[str, Any], bytes]:
    """What a second of tone was counted as, and what the sink got."""
    recording = box.record_speaker()
    with scene(box, "play_tone", "1") as running:
        found = running.findings()
        recording.wait_for_samples(len(recording.path.read_bytes()) // 2 + RATE // 10)
        running.go_on()
        running.wait()
    return found, recording.stop()


def test_speaker_plays_every_sample_once_and_counts_it(pulse_box: PulseBox) -> None:
    for _ in range(3):  # a machine that lets the device run dry shows nothing of us; thrice it does
        found, recorded = played_tone(pulse_box)
        if not found["underruns"]:
            break

    assert found["rate"] == RATE
    assert found["taken"] == 2 * RATE
    assert found["played"] == RATE
    assert (found["gaps"], found["underruns"]) == (1, 0)
    assert found["drained_ms"] >= found["queued_ms"] - 40, "waits for all of it"
    at = sounding(recorded)
    assert len(at) == RATE, "as many samples as were played"
    assert at[-1] - at[0] + 1 == RATE, "without a hole"
    heard = np.frombuffer(recorded, dtype="<i2")[at[0] : at[-1] + 1].astype(float)
    sent = np.frombuffer(tone(RATE, 1.0), dtype="<i2").astype(float)
    assert np.max(np.abs(heard - sent)) <= 1, "sample for sample"
    assert np.argmax(np.abs(np.fft.rfft(heard))) == TONE_HZ
    level = 20 * math.log10(16_000 / 32_768 / math.sqrt(2))
    assert found["level"] == pytest.approx(level, abs=0.2)


def test_clear_silences_within_two_blocks_and_played_is_what_was_heard(pulse_box: PulseBox) -> None:
    recording = pulse_box.record_speaker()
    with scene(pulse_box, "clear") as running:
        found = running.findings()
        recording.wait_for_samples(len(recording.path.read_bytes()) // 2 + RATE // 10)
        running.go_on()
        again = running.findings()
        recording.wait_for_samples(len(recording.path.read_bytes()) // 2 + RATE // 10)
        running.go_on()
        running.wait()
    at = sounding(recording.stop())

    assert found["played"] - found["handed_at_clear"] <= 2 * BLOCK
    assert found["silent_ms"] < found["latency_ms"] + 60
    gap = int(np.argmax(np.diff(at) > 1)) + 1
    assert gap == pytest.approx(found["played"], abs=RATE // 50), "20 ms"
    assert again["played"] - found["played"] == RATE // 4, "what is played after a clear is heard whole"
    assert len(at) == pytest.approx(again["played"], abs=RATE // 50)


def test_sound_that_breaks_off_and_goes_on_does_not_click(pulse_box: PulseBox) -> None:
    recording = pulse_box.record_speaker()
    with scene(pulse_box, "breaks") as running:
        found = running.findings()
        recording.wait_for_samples(len(recording.path.read_bytes()) // 2 + RATE // 10)
        running.go_on()
        running.wait()
    heard = np.frombuffer(recording.stop(), dtype="<i2")
    fade = RATE * FADE_MS // 1000

    assert found["held"] == found["still_held"]
    assert found["played"] == found["handed"]
    at = np.flatnonzero(heard)
    stretches = np.split(at, np.flatnonzero(np.diff(at) > 4 * fade) + 1)
    lengths = [len(stretch) and stretch[-1] - stretch[0] + 1 for stretch in stretches]
    played = [found["dry"] + fade, found["held"] - found["dry"], found["played"] - found["held"]]
    assert lengths == pytest.approx(played, abs=fade // 5), "each sample once; the softest are zero"
    assert dbfs(above(heard, RATE, 4_000)) < -60.0, "no click anywhere"


def test_played_at_the_moment_of_closing_is_what_the_sink_has_heard(pulse_box: PulseBox) -> None:
    recording = pulse_box.record_speaker()
    with scene(pulse_box, "cut") as running:
        found = running.findings()
        running.wait()
    recording.wait_for_samples(len(recording.path.read_bytes()) // 2 + RATE // 10)
    assert len(sounding(recording.stop())) == pytest.approx(found["played"], abs=RATE // 50)


@pytest.mark.parametrize("rate", [48_000, 24_000])
def test_wav_as_microphone_is_read_whole(pulse_box: PulseBox, tmp_path: Path, rate: int) -> None:
    random = np.random.default_rng(1)
    smooth = np.convolve(random.normal(size=rate), np.ones(12) / 12, mode="same")
    sent = (smooth / np.max(np.abs(smooth)) * 20_000).astype("<i2")
    with wave.open(str(tmp_path / "said.wav"), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(sent.tobytes())
    heard_file = tmp_path / "heard.pcm"
    with scene(pulse_box, "listen", str(heard_file)) as running:
        opened = running.findings()
        assert opened["rate"] == RATE
        assert pulse_box.play_as_microphone(tmp_path / "said.wav").wait(timeout=10) == 0
        running.go_on()
        found = running.findings()
        running.wait()

    assert set(found["lengths"]) <= {2 * BLOCK, 4 * BLOCK}, "one block may be left at the end"
    assert found["overflows"] == 0
    assert found["closed_ms"] < 500
    heard = np.frombuffer(heard_file.read_bytes(), dtype="<i2").astype(float)
    wanted = np.interp(np.arange(RATE) * rate / RATE, np.arange(rate), sent.astype(float))
    size = 1 << (len(heard) + len(wanted)).bit_length()
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size))
    offset = int(np.argmax(np.fft.irfft(product)[: len(heard)]))
    # paplay may end before the sink has played its last few ms.
    length = min(len(wanted), len(heard) - offset)
    assert length > 0.9 * RATE
    part = heard[offset : offset + length]
    correlation = np.corrcoef(part, wanted[:length])[0, 1]
    assert correlation > (0.999 if rate == RATE else 0.98), "linear interpolation is a poor reference"
    loudest = 20 * math.log10(np.sqrt(np.mean(np.square(sent / 32_768))))
    assert found["loudest"] == pytest.approx(loudest, abs=3)


def test_killed_daemon_is_an_error_at_once(pulse_box: PulseBox) -> None:
    with scene(pulse_box, "die") as running:
        assert running.findings()["event"] == "open"
        pulse_box.kill()
        killed = time.monotonic()
        told = {found["event"]: found for found in (running.findings() for _ in range(4))}
        running.wait()
    assert told["microphone"]["at"] - killed < 1.0
    assert told["speaker"]["at"] - killed < 1.0
    assert told["microphone"]["kind"] == "NoMicrophone"
    assert "stopped or was unplugged" in told["speaker"]["error"]
    assert "stopped" in told["drained"]["error"]
    assert told["closed"]["taken"] == 0, "a dead speaker takes nothing"


def test_hung_daemon_is_told_and_closing_and_exit_do_not_wait_for_it(pulse_box: PulseBox) -> None:
    with scene(pulse_box, "die") as running:
        assert running.findings()["event"] == "open"
        with pulse_box.frozen():
            frozen = time.monotonic()
            told = {found["event"]: found for found in (running.findings() for _ in range(4))}
            closed = time.monotonic()
            running.wait()
            assert time.monotonic() - closed < 2.0
    assert told["microphone"]["at"] - frozen < 4.0
    assert "does not answer" in told["microphone"]["error"]
    assert told["closed"]["ms"] < 1500


def test_sound_comes_back_when_a_hung_daemon_does(pulse_box: PulseBox) -> None:
    with scene(pulse_box, "die", "reopen") as running:
        assert running.findings()["event"] == "open"
        with pulse_box.frozen():
            events = [running.findings()["event"] for _ in range(4)]
        assert events[-1] == "closed"
        recording = pulse_box.record_speaker()
        running.go_on()
        assert running.findings()["played"] == RATE // 2
        recording.wait_for_samples(len(recording.path.read_bytes()) // 2 + RATE // 10)
        running.go_on()
        running.wait()
        assert len(sounding(recording.stop())) >= RATE // 2


def test_no_device_is_one_clear_sentence(pulse_box: PulseBox) -> None:
    with scene(pulse_box, "open_all", env={"PULSE_SERVER": f"unix:{pulse_box.folder}/nothing"}) as running:
        assert running.findings()["devices"] == []
        microphone, speaker = running.findings(), running.findings()
        running.wait()
    assert (microphone["kind"], speaker["kind"]) == ("NoMicrophone", "NoSpeaker")
    assert microphone["error"].startswith("No microphone was found.")


def test_sound_server_that_hangs_from_the_start_is_told(pulse_box: PulseBox) -> None:
    with pulse_box.frozen(), scene(pulse_box, "open_all") as running:
        told = [running.findings() for _ in range(3)]
        running.wait()
    assert all(found["error"].startswith("The sound system does not answer.") for found in told)
    assert told[2]["at"] - told[0]["at"] < 0.5, "what hangs is not asked again"


def test_unknown_device_lists_what_there_is(pulse_box: PulseBox) -> None:
    with scene(pulse_box, "open_all", "no such thing") as running:
        assert set(running.findings()["devices"]) == {"pulse", "default"}
        error = running.findings()["error"]
        running.findings()
        running.wait()
    assert error.startswith("There is no microphone called 'no such thing'.")
    assert "default, pulse" in error


def test_device_is_chosen_by_a_part_of_its_name(pulse_box: PulseBox) -> None:
    headset = PulseBox(
        extra_config="load-module module-null-sink norewinds=1 sink_name=headset rate=48000 channels=2\n",
        extra_alsa='pcm.headset { type pulse device "headset" }\n',
    )
    with headset, scene(headset, "play_tone", "1", "HEAD") as running:
        recording = headset.record_speaker()
        found = running.findings()
        running.go_on()
        running.wait()
        assert found["name"] == "headset"
        assert len(sounding(recording.stop())) == 0, "nothing went to the default device"


def test_round_trip_and_processor_time(pulse_box: PulseBox) -> None:
    with scene(pulse_box, "round_trip", "5", env={"PULSE_SOURCE": "speaker.monitor"}) as running:
        found = running.findings()
        running.wait()
    assert sorted(found["delays_ms"])[2] < 60, "median of queue to microphone frame, in ms"
    assert found["cpu"] < 0.15, "of one core, both directions"
    assert (found["underruns"], found["overflows"]) == (0, 0)


def test_missing_portaudio_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    program = (
        "import asyncio\n"
        "from neko_cli.audio.sound import DeviceSound\n"
        "from neko_cli.core.errors import AudioError\n"
        "try:\n    asyncio.run(DeviceSound().speaker().open())\n"
        "except AudioError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("Sound needs the PortAudio library, which is missing.")


def test_tone_helper_never_holds_silence() -> None:
    assert 0 not in array("h", tone(RATE, 0.5))
