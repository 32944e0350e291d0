"""What was played: by position, overwriting the oldest, and at another rate."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.audio.echo_far import KEPT_S, STALE_S, FarEnd, Track

RATE = 8_000
COUNT = np.arange(4 * RATE, dtype="<i2")


def read(track: Track, start: int, n: int) -> list[int]:
    out = np.full(n, -1, dtype=np.int16)
    track.read_into(out, start)
    return [int(one) for one in out]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 900), max_size=60), st.integers(-200, 30_000), st.integers(1, 400))
def test_a_stretch_is_what_was_pushed_or_silence(sizes: list[int], start: int, n: int) -> None:
    track = Track(RATE)
    at = 0
    for size in sizes:
        track.push(COUNT[at : at + size].tobytes())
        at += size
    at = min(at, COUNT.size)
    kept = max(0, at - track.capacity + n)
    assert track.written == at
    expected = [int(COUNT[i]) if kept <= i < at else 0 for i in range(start, start + n)]
    assert read(track, start, n) == expected


def test_a_skip_leaves_nothing_from_before() -> None:
    track = Track(RATE)
    track.push(COUNT[1:101].tobytes())
    track.skip_to(5000)
    track.push(COUNT[1:4].tobytes())
    assert read(track, 4998, 6) == [0, 0, 1, 2, 3, 0]
    assert read(track, 50, 2) == [0, 0]


def test_it_began_by_the_blocks_that_came_in_time_and_stops_when_the_latest_is_old() -> None:
    far = FarEnd(RATE)
    assert far.began(0.0) is None
    far.played(bytes(160), 10.0)
    far.played(bytes(160), 10.02)  # 10 ms late
    assert far.began(10.0) == 10.0
    assert far.began(10.02 + STALE_S + 0.01) is None


def test_pieces_of_the_devices_own_length_come_in_time_and_blocks_cut_from_them_do_not() -> None:
    pieces, cut, given, was_late = FarEnd(48_000), FarEnd(48_000), 0, False
    for n in range(200):
        now = n * 512 / 48_000
        pieces.played(bytes(2 * 512), now)
        assert not pieces.is_late
        while given < (n + 1) * 512:
            cut.played(bytes(2 * 480), now)
            given += 480
            was_late |= cut.is_late
    assert was_late, "so a stream that runs both ways tells of pieces"


def test_at_the_same_rate_it_is_not_copied() -> None:
    far = FarEnd(RATE)
    far.played(COUNT[:80].tobytes(), 0.0)
    assert read(far.sync(RATE), 0, 80) == COUNT[:80].tolist()


def test_at_another_rate_positions_keep_their_times() -> None:
    far = FarEnd(48_000)
    tone = (8000 * np.sin(2 * np.pi * 200 * np.arange(48_000) / 48_000)).astype("<i2")
    for at in range(0, tone.size, 480):
        far.played(tone[at : at + 480].tobytes(), at / 48_000)
        track = far.sync(16_000)
    assert 15_600 < track.written <= 16_000
    found = np.array(read(track, 2000, 1000))
    best = min(range(-80, 81), key=lambda late: np.max(np.abs(found - tone[6000 - late : 9000 - late : 3])))
    assert abs(best) <= 48, "a ms at 48 kHz"
    assert np.max(np.abs(found - tone[6000 - best : 9000 - best : 3])) < 120


def test_a_long_pause_of_the_reader_starts_it_afresh() -> None:
    far = FarEnd(48_000)
    far.sync(16_000)
    for n in range(100 * KEPT_S * 2):
        far.played(bytes(960), n / 100)
    track = far.sync(16_000)
    assert track.written == 16_000 * KEPT_S * 2
