"""The benchmark of echo cancelling measures what it says."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import echo
from benchmarks.kit import echo_live
from benchmarks.kit.echo_bench import level_db
from benchmarks.kit.echo_engines import OURS
from benchmarks.kit.echo_room import ECHO_DB, RATE, Room, character, user
from benchmarks.kit.stats import Reading


def test_a_room_is_as_loud_and_as_late_as_it_says() -> None:
    played = character(3.0)
    for delay_ms in (60.0, 150.0):
        echoed = Room(delay_ms).echo(played)
        assert level_db(echoed) - level_db(played) == pytest.approx(ECHO_DB, abs=1.0)
        first = np.flatnonzero(np.abs(echoed) > 1e-6)[0] - np.flatnonzero(np.abs(played) > 1e-6)[0]
        assert first / RATE * 1000 == pytest.approx(delay_ms, abs=2.0)
    assert np.array_equal(Room().microphone(played), Room().microphone(played))


def test_a_room_drifts_and_jumps() -> None:
    tone = np.sin(2 * np.pi * 100 * np.arange(4 * RATE) / RATE)
    steady = Room(60.0).echo(tone)
    late = int(0.2 * RATE)
    assert level_db(Room(60.0, drift_ppm=100.0).echo(tone)[late:] - steady[late:]) > level_db(steady) - 40.0
    jumped = Room(60.0, jump_ms=90.0).echo(tone)
    assert np.array_equal(jumped[: 2 * RATE], steady[: 2 * RATE])
    assert not np.array_equal(jumped[2 * RATE :], steady[2 * RATE :])


def test_the_user_speaks_once() -> None:
    near = user(8.0, 2.0)
    at = np.flatnonzero(np.abs(near) > 1e-3)
    assert 2.0 <= at[0] / RATE < 2.2
    assert at[-1] / RATE < 7.5


@pytest.mark.parametrize("part", ["frames", "package", "rooms"])
def test_every_part_measures(
    part: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(echo, "installed", lambda: [OURS])
    monkeypatch.setattr(echo, "STEADY_S", 5.0)
    monkeypatch.setattr(echo, "TALK_S", 5.0)
    monkeypatch.setattr(echo, "SPEAKS_S", 2.0)
    assert echo.main(["--only", part, "--runs", "20"]) == 0
    printed = capsys.readouterr().out
    words = {
        "frames": ("resampling", "48 kHz", "p99"),
        "package": ("load", "memory"),
        "rooms": ("ppm", "over"),
    }
    for word in words[part]:
        assert word in printed


@pytest.mark.parametrize(("most", "code"), [(2.0, 0), (0.5, 1)])
def test_check_fails_when_a_limit_is_broken(most: float, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Reading("a figure", 1.0, "dB", most)
    monkeypatch.setattr(echo, "PARTS", {"rooms": lambda engines, runs: ([], [], [one])})
    assert echo.main(["--check"]) == code
    assert echo.main([]) == 0


def test_without_a_sound_server_the_rest_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(echo_live, "missing_programs", lambda: ["pulseaudio"])
    assert echo.main(["--only", "real", "--check"]) == 0
    assert "pulseaudio" in capsys.readouterr().err
