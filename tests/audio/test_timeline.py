"""Placing a stream on a clock: no seam by jitter, silence where it stood still, no drift, no overlap."""

from __future__ import annotations

import random
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.audio.timeline import HOLD_MOST_S, HOLD_S, Piece, Placed, Timeline, is_quiet, joined

RATE = 48_000
BLOCK = 480


def loud(n: int = BLOCK, value: int = 9000) -> bytes:
    return array("h", [value, -value] * (n // 2)).tobytes()


def quiet(n: int = BLOCK) -> bytes:
    return bytes(2 * n)


def placed_all(pieces: list[Piece], rate: int = RATE) -> list[Placed]:
    """Add and take as a tape does: each piece seen about when it came."""
    timeline = Timeline(rate)
    placed: list[Placed] = []
    for piece in pieces:
        timeline.add(piece)
        placed += timeline.take(piece.at)
    return placed + timeline.flush()


def test_jitter_makes_no_seam() -> None:
    chance = random.Random(1)
    pieces = [Piece(loud(), 2.0 + 0.01 * n + chance.random() * 0.03) for n in range(500)]
    runs = joined(placed_all(pieces))
    assert len(runs) == 1
    assert len(runs[0].pcm) == 500 * 2 * BLOCK
    assert runs[0].position / RATE == pytest.approx(2.0, abs=0.002)


@pytest.mark.parametrize("stall", [0.1, 0.5, 3.0])
def test_a_stall_after_which_all_comes_at_once_is_no_gap(stall: float) -> None:
    pieces = []
    for n in range(1000):
        at = 0.01 * n
        stalled = 4.0 <= at < 4.0 + stall
        pieces.append(Piece(loud(), 4.0 + stall if stalled else at))
    (run,) = joined(placed_all(pieces))
    assert run.position == 0
    assert len(run.pcm) == 1000 * 2 * BLOCK


@pytest.mark.parametrize("gap", [0.08, 0.5, 30.0, 4000.0])
def test_a_gap_is_as_long_as_it_was(gap: float) -> None:
    pieces = [Piece(loud(), 0.01 * n + (gap if n >= 300 else 0.0)) for n in range(600)]
    first, second = joined(placed_all(pieces))
    assert (first.position, len(first.pcm)) == (0, 300 * 2 * BLOCK)
    assert second.position / RATE == pytest.approx(3.0 + gap, abs=1 / RATE)


def test_the_first_piece_is_where_it_was_heard() -> None:
    (only,) = placed_all([Piece(loud(), 0.034)])
    assert only.position == round(0.034 * RATE)


def test_before_the_clock_began_is_at_its_beginning() -> None:
    (only,) = placed_all([Piece(loud(), -0.02)])
    assert only.position == 0


@pytest.mark.parametrize("ppm", [-300, -100, 0, 100, 300])
def test_a_clock_that_differs_is_evened_out_where_it_is_quiet(ppm: int) -> None:
    block = BLOCK * 10
    pace = 0.1 * (1 + ppm / 1e6)
    chance = random.Random(2)
    said, still = loud(block), quiet(block)
    pieces = [Piece(still if n % 30 > 20 else said, pace * n + chance.random() * 0.01) for n in range(8_000)]
    placed = placed_all(pieces)
    places = [place.position for place in placed if place.pcm == said]
    wanted = [piece.at for piece in pieces if piece.pcm is said]
    assert len(places) == len(wanted), "no word is cut"
    worst = max(abs(position / RATE - at) for position, at in zip(places, wanted, strict=True))
    assert worst < 0.04


def test_a_file_that_comes_faster_than_it_was_spoken_is_kept_whole() -> None:
    pieces = [Piece(quiet() if n % 3 else loud(), 5.0 + 0.002 * n, live=False) for n in range(3000)]
    (run,) = joined(placed_all(pieces))
    assert len(run.pcm) == 3000 * 2 * BLOCK


def test_what_waits_is_bounded() -> None:
    timeline = Timeline(RATE)
    kept = 0
    for _ in range(6000):  # a minute, all at once
        timeline.add(Piece(loud(), 1.0, live=False))
        kept += BLOCK - sum(len(place.pcm) // 2 for place in timeline.take(1.0))
        assert kept <= (HOLD_MOST_S + 0.01) * RATE


def test_nothing_is_placed_before_its_time() -> None:
    timeline = Timeline(RATE)
    timeline.add(Piece(loud(), 1.0))
    assert timeline.take(1.0 + HOLD_S - 0.01) == []
    assert len(timeline.take(1.0 + HOLD_S)) == 1


@given(
    st.lists(
        st.tuples(
            st.floats(0, 0.3), st.integers(1, 2000), st.booleans(), st.booleans(), st.floats(-0.2, 0.2)
        ),
        max_size=60,
    )
)
@settings(max_examples=150, deadline=None)
def test_whatever_comes_is_in_order_never_overlaps_and_loses_no_loud_sample(
    steps: list[tuple[float, int, bool, bool, float]],
) -> None:
    at, pieces = 0.0, []
    for wait, size, is_loud, live, noise in steps:
        at += wait
        pieces.append(Piece(loud(2 * size) if is_loud else quiet(2 * size), at + noise, live))
    placed = placed_all(pieces)
    end = 0
    for position, pcm in placed:
        assert position >= end
        end = position + len(pcm) // 2
    said = b"".join(pcm for _, pcm in placed if not is_quiet(pcm))
    assert said == b"".join(piece.pcm for piece in pieces if not is_quiet(piece.pcm))


def test_neighbours_are_joined() -> None:
    a, b, c = loud(2), loud(4), loud(6)
    assert joined([Placed(0, a), Placed(2, b), Placed(7, c)]) == [Placed(0, a + b), Placed(7, c)]
    assert joined([]) == []
