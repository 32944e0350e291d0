"""The two-channel file: each channel at any place, whole at any moment."""

from __future__ import annotations

import stat
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neko_cli.audio.wav import WavReader
from neko_cli.audio.wav_tracks import WavTracks
from neko_cli.core.errors import ConfigError

RATE = 8_000


def read(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1),
            st.integers(0, 5000),
            st.lists(st.integers(-32768, 32767), min_size=1, max_size=50),
        ),
        max_size=20,
    )
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_holds_what_was_placed_and_silence(
    tmp_path: Path, places: list[tuple[int, int, list[int]]]
) -> None:
    path = tmp_path / "talk.wav"
    path.unlink(missing_ok=True)
    wanted = np.zeros((6000, 2), dtype=np.int16)
    end = 0
    tracks = WavTracks(path, RATE)
    for track, at, values in places:
        tracks.place(track, at, np.array(values, dtype="<i2").tobytes())
        wanted[at : at + len(values), track] = values
        end = max(end, at + len(values))
    tracks.close()
    assert np.array_equal(read(path), wanted[:end])


def test_it_is_whole_after_each_save_although_nobody_closes_it(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    tracks = WavTracks(path, RATE)
    tracks.place(1, 10, b"\x01\x00" * 5)
    tracks.reach(100)
    tracks.save()
    sound = read(path)
    assert sound.shape == (100, 2)
    assert sound[:, 1].nonzero()[0].tolist() == list(range(10, 15))
    with WavReader.open(path) as reader:
        assert reader.rate == RATE
    tracks.abandon()


def test_it_is_its_owners_alone_and_never_in_the_place_of_another(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    WavTracks(path, RATE).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ConfigError, match="exists already"):
        WavTracks(path, RATE)
    with pytest.raises(ConfigError, match="cannot be created"):
        WavTracks(tmp_path / "no" / "talk.wav", RATE)
