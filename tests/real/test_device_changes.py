"""Devices are changed while they play and listen: what the sound server got, sample by sample."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.real.conftest import require
from tests.real.device_runner import noise
from tests.real.pulse import RATE, PulseBox, missing_programs
from tests.real.scenes import scenes

pytestmark = [pytest.mark.real, pytest.mark.serial, pytest.mark.timeout(90)]

EVERY_MS = 300
MS = RATE // 1000

# Two loudspeakers that are the two channels of one, whose recording gives both one timeline.
SINKS = "".join(
    f"load-module module-remap-sink sink_name={name} master=speaker channels=1 channel_map=mono "
    f"master_channel_map={channel} remix=no\n"
    for name, channel in (("one", "front-left"), ("two", "front-right"))
)
# Two microphones that hear the same.
SOURCES = "".join(
    f"load-module module-remap-source source_name={name} master=mic_in.monitor channels=1 "
    "master_channel_map=mono channel_map=mono remix=no\n"
    for name in ("ear_one", "ear_two")
)
PCMS = "".join(
    f'pcm.{name} {{ type pulse device "{name}" }}\n' for name in ("one", "two", "ear_one", "ear_two")
)


@pytest.fixture
def box() -> Iterator[PulseBox]:
    """A sound server with two loudspeakers and two microphones to choose from."""
    require(missing_programs())
    with PulseBox(extra_config=SINKS + SOURCES, extra_alsa=PCMS) as made:
        yield made


scene = scenes("device_runner")


def runs(channel: np.ndarray) -> list[tuple[int, int]]:
    """From where to where a channel is not silent; a hole of less than a ms is none."""
    sounding = np.flatnonzero(channel)
    if not len(sounding):
        return []
    breaks = np.flatnonzero(np.diff(sounding) > MS)
    begins = [sounding[0], *sounding[breaks + 1]]
    ends = [*sounding[breaks], sounding[-1]]
    return [(int(begin), int(end) + 1) for begin, end in zip(begins, ends, strict=True)]


def played(box: PulseBox, changes: int, rate: int = 0) -> tuple[dict[str, Any], np.ndarray]:
    """A reply over so many changes: what the scene found, and both channels of what was played."""
    recording = box.record_speaker(channels=2)
    with scene(box, "play", str(changes), str(EVERY_MS), "one", "two", str(rate)) as running:
        found = running.findings()
        recording.wait_for_samples(len(recording.path.read_bytes()) // 2 + 2 * RATE // 10)
        running.go_on()
        assert running.findings()["closed_ms"] < 1000
        running.wait()
    return found, np.frombuffer(recording.stop(), "<i2").reshape(-1, 2).astype(int)


def gaps_of(recorded: np.ndarray) -> tuple[list[float], np.ndarray]:
    """Gaps between one stretch and the next in ms (an overlap is less than 0), and all stretches joined."""
    stretches = sorted((*run, channel) for channel in (0, 1) for run in runs(recorded[:, channel]))
    gaps = [(after[0] - before[1]) / MS for before, after in zip(stretches, stretches[1:], strict=False)]
    return gaps, np.concatenate([recorded[begin:end, channel] for begin, end, channel in stretches])


def test_twenty_changes_of_the_loudspeaker_play_every_sample_once(box: PulseBox) -> None:
    for _ in range(3):  # a machine that lets a device run dry shows nothing of us; thrice it does
        found, recorded = played(box, 20)
        gaps, sound = gaps_of(recorded)
        if len(gaps) == 20:
            break
    print("gaps in ms:", [round(gap, 1) for gap in gaps])
    sent = noise(found["length_ms"] / 1000).astype(int)
    assert len(sound) == len(sent)
    assert np.max(np.abs(sound - sent)) <= 1, "sample for sample, over both"
    assert len(gaps) == 20
    assert max(gaps) <= 50.0
    assert min(gaps) >= -20.0, "the two hardly ever play at once"
    assert found["lost_ms"] == 0.0
    assert found["heard_ms"] == pytest.approx(found["length_ms"], abs=0.1)
    assert found["threads"] == 0, "none is left behind"
    for at, heard in enumerate(found["heard"]):
        assert EVERY_MS * (at + 1) <= heard <= EVERY_MS * (at + 2)


def test_loudspeakers_of_different_rates_play_the_same_reply(box: PulseBox) -> None:
    found, recorded = played(box, 4, 44_100)
    gaps, _ = gaps_of(recorded)
    sent = noise(found["length_ms"] / 1000).astype(float)
    assert found["heard_ms"] == pytest.approx(found["length_ms"], abs=2)
    assert max(gaps) <= 50.0
    sound = recorded.sum(axis=1).astype(float)
    begin = int(np.flatnonzero(sound)[0])
    last, window = 0, 50 * MS
    steps = []
    for at in range(begin, begin + len(sent) - window, window):
        piece = sound[at : at + window]
        expected = at - begin
        around = sent[max(0, expected - 400 * MS) : expected + window + 20 * MS]
        likeness = np.correlate(around, piece, "valid")
        power = np.convolve(around**2, np.ones(window), "valid") * np.sum(piece**2)
        best = int(np.argmax(likeness / np.sqrt(power + 1)))
        if likeness[best] / np.sqrt(power[best] + 1) < 0.85:
            continue  # a change within the window
        late = expected - (max(0, expected - 400 * MS) + best)
        steps.append((late - last) / MS)
        last = late
    assert len(steps) > 0.7 * len(sent) / window
    assert all(-20.0 <= step <= 50.0 for step in steps), "never back, and never far behind"


def test_twenty_changes_of_the_microphone_lose_no_sample(box: PulseBox, tmp_path: Path) -> None:
    sent = noise(6.0)
    with wave.open(str(tmp_path / "said.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(sent.tobytes())
    heard_file = tmp_path / "heard.pcm"
    with scene(box, "listen", str(heard_file), "20", "200", "ear_one", "ear_two") as running:
        assert running.findings()["event"] == "open"
        player = box.play_as_microphone(tmp_path / "said.wav")
        running.go_on()
        assert running.findings()["python_threads"] <= 3
        running.wait()
        player.wait(timeout=10)
    heard = np.frombuffer(heard_file.read_bytes(), "<i2").astype(int)
    begin = int(np.flatnonzero(heard)[0])
    at, position, again = begin, 0, []
    while at < len(heard) and position < len(sent):
        length = min(len(heard) - at, len(sent) - position)
        differs = np.flatnonzero(np.abs(heard[at : at + length] - sent[position : position + length]) > 1)
        same = int(differs[0]) if len(differs) else length
        at, position = at + same, position + same
        if not len(differs):
            break
        key = heard[at : at + 240]
        back = sent[max(0, position - 100 * MS) : position + 240].astype(int)
        windows = np.lib.stride_tricks.sliding_window_view(back, len(key))
        hits = np.flatnonzero(np.all(np.abs(windows - key) <= 1, axis=1))
        assert len(hits), f"after {position / MS:.1f} ms something is missing"
        earlier = max(0, position - 100 * MS) + int(hits[-1])
        again.append((position - earlier) / MS)
        position = earlier
    print("there twice, in ms:", again)
    assert position > 4 * RATE
    assert len(again) <= 20
    assert all(twice <= 60.0 for twice in again), "and hardly anything twice"
