"""Two streams side by side: the lead, what is not there yet, drift, jitter, and jumps."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.audio.echo_align import JUMP_FRAMES, LEAD_MS, Aligner

RATE, FRAME = 48_000, 480
MS = RATE // 1000
LEAD = round(LEAD_MS) * MS


def offsets(
    aligner: Aligner,
    frames: int,
    wanted: Callable[[int], float],
    available: Callable[[int], int] = lambda n: 10**9,
    begin: int = 0,
) -> list[int]:
    """By how much each frame is placed ahead of its own position."""
    found = []
    for n in range(begin, begin + frames):
        position = n * FRAME
        found.append(aligner.place(position, wanted(n), available(n)) - position)
    return found


def test_the_lead_is_kept_when_everything_is_there() -> None:
    aligner = Aligner(RATE, FRAME)
    assert set(offsets(aligner, 1000, lambda n: LEAD)) == {LEAD}
    assert aligner.held_back == 0


def test_the_lead_shrinks_at_once_to_what_is_there() -> None:
    aligner = Aligner(RATE, FRAME)
    found = offsets(aligner, 1000, lambda n: LEAD, lambda n: n * FRAME + 30 * MS)
    assert set(found) == {8 * MS}  # a frame and 12 ms before the end
    assert aligner.held_back == LEAD - 8 * MS


def test_the_lead_grows_again_when_it_was_there_for_long() -> None:
    aligner = Aligner(RATE, FRAME)
    offsets(aligner, 100, lambda n: LEAD, lambda n: n * FRAME + 30 * MS)
    found = offsets(aligner, 1200, lambda n: LEAD, lambda n: n * FRAME + 90 * MS, begin=100)
    assert found[-1] == 68 * MS


def test_a_loudspeaker_that_ran_dry_costs_little_of_the_lead() -> None:
    aligner = Aligner(RATE, FRAME)
    offsets(aligner, 300, lambda n: LEAD, lambda n: n * FRAME + 30 * MS)
    before = aligner.held_back
    stopped = 300 * FRAME + 30 * MS
    offsets(aligner, 20, lambda n: LEAD, lambda n: stopped, begin=300)
    # The stream goes on 200 ms late.
    late = 200 * MS
    found = offsets(aligner, 500, lambda n: LEAD - late, lambda n: n * FRAME + 30 * MS - late, begin=320)
    assert aligner.jumps == 1
    assert aligner.held_back - before <= 2 * MS
    assert found[-1] <= LEAD - late - before


def test_drift_is_followed_by_single_samples() -> None:
    aligner = Aligner(RATE, FRAME)
    drift = 100e-6 * FRAME
    found = offsets(aligner, 60_000, lambda n: LEAD + n * drift)  # ten minutes
    assert abs(found[-1] - (LEAD + 60_000 * drift)) < 2 * MS
    assert all(abs(b - a) <= 1 for a, b in zip(found, found[1:], strict=False))
    assert aligner.jumps == 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-12, 12), min_size=10, max_size=50))
def test_jitter_moves_it_little(jitter_ms: list[float]) -> None:
    aligner = Aligner(RATE, FRAME)
    centred = [one - sum(jitter_ms) / len(jitter_ms) for one in jitter_ms]
    found = offsets(aligner, 1500, lambda n: LEAD + centred[n % len(centred)] * MS)
    assert aligner.jumps == 0
    assert max(found[1:]) - min(found[1:]) <= 30 * MS
    assert all(abs(b - a) <= 1 for a, b in zip(found, found[1:], strict=False))


def test_a_jump_is_believed_when_it_lasts() -> None:
    aligner = Aligner(RATE, FRAME)
    offsets(aligner, 100, lambda n: LEAD)
    short = offsets(aligner, JUMP_FRAMES - 1, lambda n: LEAD - 90 * MS, begin=100)
    assert set(short) == {LEAD}
    assert set(offsets(aligner, 10, lambda n: LEAD, begin=120)) == {LEAD}
    found = offsets(aligner, JUMP_FRAMES, lambda n: LEAD - 90 * MS, begin=130)
    assert found[-1] == LEAD - 90 * MS
    assert aligner.jumps == 1
