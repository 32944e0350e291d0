"""The benchmark of conversations by voice measures what it says: real sound, terminal and sockets."""

from __future__ import annotations

import shutil
from array import array
from pathlib import Path

import numpy as np
import pytest

from benchmarks import voice
from benchmarks.kit import voice_scenes
from benchmarks.kit.stats import Series
from benchmarks.kit.voice_server import DELTA_MS, JITTER_S, schedule
from benchmarks.kit.voice_signal import FADE, HIGH, LOW, RATE, murmur, place_ms, ramp
from benchmarks.kit.voice_sink import MARK, Heard
from benchmarks.kit.voice_table import Row, table
from tests.real.conftest import require
from tests.real.pulse import missing_programs

CONTROL = Path(voice.__file__).with_name("kit") / "voice_control.py"


def test_a_level_of_a_ramp_is_a_place_in_it() -> None:
    levels = array("h", ramp(1000))
    assert len(levels) == RATE
    for ms in (0, 250, 900):
        assert place_ms(levels[ms * RATE // 1000], 1000) == pytest.approx(ms, abs=0.1)
    assert min(levels[:-FADE]) >= LOW
    assert max(levels) <= HIGH


def test_a_murmur_is_as_long_and_as_loud_as_it_says() -> None:
    samples = array("h", murmur(500, peak=1000))
    assert len(samples) == RATE // 2
    assert 100 < max(samples) <= 1000


def test_servers_send_evenly_at_once_in_lumps_or_late() -> None:
    steady = schedule("steady", 50, 0)
    assert steady == [n * DELTA_MS / 1000.0 for n in range(50)]
    assert set(schedule("once", 50, 0)) == {0.0}
    burst = schedule("burst", 50, 0)
    assert len(set(burst)) == 5
    assert burst[-1] < steady[-1] / 3
    late = schedule("jitter", 50, 1)
    assert late == sorted(late)
    assert all(0.0 <= came - due <= JITTER_S for came, due in zip(late, steady, strict=True))
    assert late == schedule("jitter", 50, 1)
    assert late != schedule("jitter", 50, 2)


def recording(folder: Path, samples: np.ndarray, *, delays: tuple[float, ...], evenly: bool = True) -> Heard:
    """48 kHz in pieces of 5 ms that came with these delays in turn, from second 100 on."""
    pcm, times = folder / "pcm", folder / "times"
    pcm.write_bytes(samples.astype("<i2").tobytes())
    marks = [
        MARK.pack(100.0 + end / 48_000 + delays[n % len(delays)], 2 * end)
        for n, end in enumerate(range(240, samples.size + 1, 240))
    ]
    times.write_bytes(b"".join(marks))
    return Heard(pcm, times, 48_000, evenly=evenly)


def test_the_piece_that_came_soonest_tells_when_all_were_played(tmp_path: Path) -> None:
    samples = np.zeros(48_000)
    samples[4_800:9_600] = 10_000
    samples[6_000:6_480] = 0
    heard = recording(tmp_path, samples, delays=(0.004, 0.001, 0.03))
    sound = heard.sounding(100.0, 100.9)
    assert sound is not None
    assert sound.begins == pytest.approx(100.101, abs=0.0001)
    assert sound.ends == pytest.approx(100.201, abs=0.0001)
    assert sound.silent_ms == pytest.approx(10.0)
    assert sound.last_level == 10_000
    assert heard.sounding(100.3, 100.9) is None


def test_without_a_steady_clock_a_sample_came_with_its_piece(tmp_path: Path) -> None:
    heard = recording(tmp_path, np.zeros(4_800), delays=(0.004, 0.001), evenly=False)
    assert heard.time_of(0) == pytest.approx(100.009)
    assert heard.time_of(239) == pytest.approx(100.009)
    assert heard.time_of(240) == pytest.approx(100.011)


def test_limits_go_by_the_floor_of_the_same_run() -> None:
    floor = Series("", [20.0, 22.0])
    kept = Row(Series("kept", [30.0, 31.0]), floor, above=10.0, most=60.0)
    late = Row(Series("late at times", [25.0, 33.0]), floor, above=10.0)
    median = Row(Series("by the median", [25.0, 33.0, 24.0]), floor, above=10.0, tail=False)
    double = Row(Series("more than double", [50.0]), floor, factor=2.0, unit="%")
    ever = Row(Series("too much once", [5.0, 21.0]), most=20.0)
    shown = Row(Series("only shown", [1e6]))
    rows = [kept, late, median, double, ever, shown]
    assert [row.kept for row in rows] == [True, False, True, False, False, True]
    lines = table(rows).splitlines()[1:]
    assert lines[0].endswith("kept")
    assert "control + 10, <= 60" in lines[0]
    assert "+9.5" in lines[0]
    assert lines[1].endswith("BROKEN")
    assert lines[-1].split()[-1] == "1000000.0"


def test_the_control_client_is_forty_lines() -> None:
    assert sum(bool(line.strip()) for line in CONTROL.read_text().splitlines()) <= 40


@pytest.mark.parametrize(("most", "code"), [(2.0, 0), (0.5, 1)])
def test_check_fails_when_a_limit_is_broken(most: float, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice, "missing", list)
    monkeypatch.setattr(voice, "PARTS", {"stop": lambda bench: [Row(Series("a figure", [1.0]), most=most)]})
    assert voice.main(["--check"]) == code
    assert voice.main([]) == 0


def test_what_cannot_be_measured_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(bench: voice.Bench) -> list[Row]:
        raise ValueError("nothing was heard")

    monkeypatch.setattr(voice, "missing", list)
    monkeypatch.setattr(voice, "PARTS", {"stop": fails})
    assert voice.main([]) == 1
    assert "nothing was heard" in capsys.readouterr().err


def test_without_a_sound_server_nothing_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(voice, "missing", lambda: ["pulseaudio"])
    assert voice.main(["--check"]) == 0
    assert "pulseaudio" in capsys.readouterr().err


@pytest.mark.real
@pytest.mark.serial
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (("latency", "gaps"), ("audible, burst", "silence inside a reply")),
        pytest.param(("truncate",), ("still sending", "all sent", "opening"), marks=pytest.mark.soak),
        pytest.param(("microphone",), ("microphone -> wire", "echo cancelled"), marks=pytest.mark.soak),
        pytest.param(("cpu",), ("processor", "detector"), marks=pytest.mark.soak),
    ],
)
def test_every_part_measures(
    parts: tuple[str, ...],
    words: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require([*missing_programs(), *([] if shutil.which("tmux") else ["tmux"])])
    monkeypatch.setattr(voice, "PACES", ("burst",))
    monkeypatch.setattr(voice_scenes, "REPLY_MS", 300)
    monkeypatch.setattr(voice_scenes, "STREAM_MS", 500)
    wanted = [word for part in parts for word in ("--only", part)]
    assert voice.main([*wanted, "--turns", "1"]) == 0
    printed = capsys.readouterr().out
    for word in words:
        assert word in printed
