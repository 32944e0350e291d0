"""Minutes of talk both ways with a microphone that runs 100 ppm too fast: nothing grows or is lost.

The loudspeaker's sink runs on the system's clock. The microphone is a pipe that a program fills at 48004.8
samples a second: a sound server has no other source whose clock could be chosen.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.fakes.speaking_server import AHEAD_S
from tests.fakes.speaking_server import RATE as WIRE
from tests.real.pulse import PulseBox
from tests.real.scenes import ROOT
from tests.real.test_sound_path import Talk, talked, told

pytestmark = [pytest.mark.real, pytest.mark.serial]

PPM = 100.0


class Fed:
    """The program that feeds it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def begin(self) -> None:
        """The file, from now on."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()


class DriftingMicrophone:
    """Speaks a file into a source whose clock is not the system's."""

    def __init__(self, box: PulseBox) -> None:
        self._fifo = box.folder / "microphone.fifo"
        box.pactl(
            "load-module", "module-pipe-source", "source_name=drifting", f"file={self._fifo}",
            "rate=48000", "channels=1", "format=s16le",
        )  # fmt: skip
        box.pactl("set-default-source", "drifting")

    @contextlib.contextmanager
    def __call__(self, talk: Talk) -> Iterator[Fed]:
        """Silence from now on, until it is told to begin."""
        raw = talk.folder / "user.pcm"
        raw.write_bytes(talk.user.tobytes())
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.real.drifting_microphone", str(self._fifo), str(raw), str(PPM)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
        )
        try:
            yield Fed(process)
        finally:
            process.kill()
            process.communicate()


def growth(talk: Talk, name: str) -> float:
    """How much it grew from the first quarter on, by the straight line that fits best."""
    looks = talk.found["looks"]
    values = [look[name] for look in looks[len(looks) // 4 :]]
    x = np.arange(len(values))
    return float(np.polyfit(x, values, 1)[0] * (len(values) - 1))


def check_flat(talk: Talk) -> float:
    """Nothing grows; returns by how much the microphone was too fast, in ppm."""
    looks = talk.found["looks"]
    most = {name: max(look[name] for look in looks) for name in ("microphone_ms", "speaker_ms")}
    seconds = looks[-1]["at"] - looks[0]["at"]
    pace = np.polyfit([look["at"] for look in looks], [look["heard"] for look in looks], 1)[0] / WIRE
    print(
        f"{seconds:.0f} s: memory {growth(talk, 'rss') / 1e6:+.2f} MB, unread at most "
        f"{most['microphone_ms']:.0f} ms, queued at most {most['speaker_ms']:.0f} ms, "
        f"microphone {(pace - 1) * 1e6:+.0f} ppm"  # of a short talk the scheduler's moments count more
    )
    assert growth(talk, "rss") < 4e6
    assert abs(growth(talk, "threads")) < 1
    assert abs(growth(talk, "files")) < 2
    assert abs(growth(talk, "tasks")) < 2
    assert abs(growth(talk, "microphone_ms")) < 20.0
    assert abs(growth(talk, "speaker_ms")) < 1_000.0 * AHEAD_S
    assert most["microphone_ms"] < 500.0
    assert most["speaker_ms"] < 1_000.0 * (AHEAD_S + 1.0)
    return float((pace - 1) * 1e6)


@pytest.mark.timeout(240)
def test_a_minute_with_a_fast_microphone_is_flat(pulse_box: PulseBox, tmp_path: Path) -> None:
    talk = talked(pulse_box, tmp_path, 60.0, tries=1, microphone=DriftingMicrophone(pulse_box))
    check_flat(talk)  # in a minute a busy machine lets something run dry; a short talk is whole in any case


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_ten_minutes_with_a_fast_microphone(pulse_box: PulseBox, tmp_path: Path) -> None:
    talk = talked(pulse_box, tmp_path, 600.0, tries=1, microphone=DriftingMicrophone(pulse_box))
    assert check_flat(talk) == pytest.approx(PPM, abs=50.0)
    print(told(*talk.check()))
