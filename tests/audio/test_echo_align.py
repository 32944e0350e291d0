"""Two streams side by side: the lead is constant, drift is followed in small steps, jumps at once."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.audio.echo_align import JUMP_FRAMES, JUMP_MS, SPARE_MS, Aligner

RATE, FRAME = 48_000, 480
MS = RATE // 1000
BEHIND = FRAME + round(SPARE_MS * MS)


def offsets(aligner: Aligner, frames: int, wanted: Callable[[int], float], begin: int = 0) -> list[int]:
    """By how much each frame is placed ahead of its own position."""
    return [aligner.place(n * FRAME, wanted(n)) - n * FRAME for n in range(begin, begin + frames)]


def test_a_frame_goes_with_the_latest_block_that_is_there() -> None:
    found = offsets(Aligner(RATE, FRAME), 1000, lambda n: 5 * MS)
    assert set(found) == {5 * MS - BEHIND}


def test_drift_is_followed_by_single_samples() -> None:
    aligner = Aligner(RATE, FRAME)
    drift = 100e-6 * FRAME
    found = offsets(aligner, 60_000, lambda n: n * drift)  # ten minutes
    assert abs(found[-1] - (60_000 * drift - BEHIND)) < MS
    assert all(abs(b - a) <= 1 for a, b in zip(found, found[1:], strict=False))
    assert aligner.jumps == 0


def test_drift_is_never_followed_faster_than_the_engine_bears() -> None:
    aligner = Aligner(RATE, FRAME)
    offsets(aligner, 10, lambda n: 0.0)
    found = offsets(aligner, 1000, lambda n: (JUMP_MS - 0.1) * MS, begin=10)
    assert max(b - a for a, b in zip(found, found[7:], strict=False)) <= 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-0.2, 0.2), min_size=10, max_size=50))
def test_what_clocks_do_not_know_better_does_not_move_it(jitter_ms: list[float]) -> None:
    aligner = Aligner(RATE, FRAME)
    centred = [one - sum(jitter_ms) / len(jitter_ms) for one in jitter_ms]
    found = offsets(aligner, 1500, lambda n: centred[n % len(centred)] * MS)
    assert aligner.jumps == 0
    assert max(found) - min(found) <= MS


def test_a_jump_is_believed_when_it_lasts() -> None:
    aligner = Aligner(RATE, FRAME)
    offsets(aligner, 100, lambda n: 0.0)
    short = offsets(aligner, JUMP_FRAMES - 1, lambda n: -90.0 * MS, begin=100)
    assert set(short) == {-BEHIND}
    assert aligner.is_astray
    assert set(offsets(aligner, 10, lambda n: 0.0, begin=120)) == {-BEHIND}
    assert not aligner.is_astray
    found = offsets(aligner, JUMP_FRAMES, lambda n: -90.0 * MS, begin=130)
    assert found[-1] == -90 * MS - BEHIND
    assert (aligner.jumps, aligner.is_astray) == (1, False)
