"""Our own hearing of where somebody spoke: at any rate, in pieces of any length, in any room."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.kept_sound import TICKS, Rewound
from neko_cli.core.stretches import FRAME_MS, LEAST_MS, LIMIT, Stretches, without
from neko_cli.core.wake import STEADY_MS

RATES = (8_000, 11_025, 16_000, 24_000, 44_100, 48_000)
SILENCE_MS = 700.0

VOICE = 8_000
"""Amplitude of somebody who speaks: -12 dBFS."""
ROOM = 30
"""Of a quiet room: -61 dBFS."""


def tone(ms: float, rate: int, amplitude: int) -> bytes:
    """Sound at half the rate, as loud as its amplitude."""
    up, down = (n.to_bytes(2, "little", signed=True) for n in (amplitude, -amplitude))
    count = round(ms * rate / 1000)
    return ((up + down) * (count // 2 + 1))[: 2 * count]


def ms_of(ticks: int) -> float:
    return ticks * 1000.0 / TICKS


def ticks_of(ms: float) -> int:
    return round(ms * TICKS / 1000)


class Ear:
    """Stretches, and the sound that has come so far."""

    def __init__(self, rate: int = 24_000, chunk_ms: float = 20.0) -> None:
        self.stretches = Stretches()
        self.stretches.silence_ms = SILENCE_MS
        self.rate = rate
        self.chunk_ms = chunk_ms
        self.position = 0
        self.said: list[bool] = []
        """Of each chunk, whether it was told to have speech in it."""

    def hear(self, ms: float, amplitude: int) -> float:
        """Returns up to where it has heard, in ms."""
        sound = tone(ms, self.rate, amplitude)
        size = 2 * max(1, round(self.chunk_ms * self.rate / 1000))
        for at in range(0, len(sound), size):
            chunk = sound[at : at + size]
            self.said.append(self.stretches.hear(chunk, self.rate, self.position))
            self.position += len(chunk) // 2 * TICKS // self.rate
        return ms_of(self.position)

    @property
    def found(self) -> list[tuple[float, float | None]]:
        """Begin and end of all that waits, in ms."""
        waiting = [f for f in self.stretches._found if not f.taken]
        return [(ms_of(f.begin), None if f.end is None else ms_of(f.end)) for f in waiting]


def in_room(**options: float) -> Ear:
    """An ear that knows its room."""
    ear = Ear(**options)  # type: ignore[arg-type]
    ear.hear(500, ROOM)
    return ear


def near(ms: float) -> object:
    """What is judged in frames may be one late or early."""
    return pytest.approx(ms, abs=FRAME_MS + 1.0)


# -- speech and silence -------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_ms", [2, 10, 20, 37, 100, 5_000])
@pytest.mark.parametrize("rate", RATES)
def test_speech_is_found_at_any_rate_in_pieces_of_any_length(rate, chunk_ms):
    ear = in_room(rate=rate, chunk_ms=chunk_ms)
    assert ear.said.count(True) == 0
    ear.hear(600, VOICE)
    assert (ear.stretches.any, ear.stretches.open, ear.stretches.is_sure) == (True, True, True)
    assert ear.said[-1]
    assert ms_of(ear.stretches.begin) == near(500)
    ear.hear(SILENCE_MS - 100, ROOM)
    assert ear.stretches.open
    assert ear.stretches.over_by(ear.position) is None
    ear.hear(1_000, ROOM)
    assert not ear.stretches.open
    assert ear.stretches.any
    assert ms_of(ear.stretches.over_by(ear.position)) == near(500 + 600 + SILENCE_MS)
    assert ear.found == [(near(500), near(500 + 600 + SILENCE_MS))]


def test_each_piece_is_told_whether_there_is_speech_in_it():
    ear = in_room(chunk_ms=100)
    ear.hear(300, VOICE)
    ear.hear(500, ROOM)
    assert ear.said == [False] * 5 + [True] * 3 + [False] * 5


@pytest.mark.parametrize("silence_ms", [200.0, 500.0, 1_500.0])
def test_an_utterance_is_over_after_the_silence_that_the_provider_was_told(silence_ms):
    ear = in_room()
    ear.stretches.silence_ms = silence_ms
    ear.hear(300, VOICE)
    ear.hear(silence_ms - 20, ROOM)
    assert ear.stretches.open
    ear.hear(20, ROOM)
    assert ear.found == [(500.0, 800.0 + silence_ms)]


def test_a_pause_is_a_part_of_what_is_said():
    ear = in_room()
    for _ in range(3):
        ear.hear(300, VOICE)
        ear.hear(SILENCE_MS - 60, ROOM)
    ear.hear(100, ROOM)
    assert ear.found == [(500.0, 500.0 + 3 * 300 + 2 * (SILENCE_MS - 60) + SILENCE_MS)]


PARTS = st.lists(
    st.tuples(
        st.integers(5, 45),  # speech, in frames
        st.one_of(st.integers(1, 30), st.integers(38, 60)),  # the silence after it
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(RATES), st.sampled_from([5.0, 20.0, 33.0, 250.0]), PARTS)
def test_all_that_is_said_is_found_in_order(rate, chunk_ms, parts):
    ear = in_room(rate=rate, chunk_ms=chunk_ms)
    expected: list[list[float]] = []
    at, gap = 500.0, SILENCE_MS
    for speech, silence in parts:
        if gap >= SILENCE_MS:
            expected.append([at, 0.0])
        at += speech * FRAME_MS
        expected[-1][1] = at + SILENCE_MS
        gap = silence * FRAME_MS
        at += gap
        ear.hear(speech * FRAME_MS, VOICE)
        ear.hear(silence * FRAME_MS, ROOM)
    ear.hear(SILENCE_MS + 100, ROOM)
    assert len(ear.found) == len(expected)
    # Each piece is judged from its own beginning, so that a sample of each may be another frame's.
    slack = FRAME_MS + 1000.0 * len(ear.said) / rate
    for (begin, end), (began, over) in zip(ear.found, expected, strict=True):
        assert begin == pytest.approx(began, abs=slack)
        assert end == pytest.approx(over, abs=slack)


def test_another_rate_goes_on_in_the_same_stretch():
    """The device was changed in the middle of a sentence."""
    ear = in_room(rate=48_000)
    ear.hear(300, VOICE)
    ear.rate = 16_000
    ear.hear(300, VOICE)
    ear.hear(SILENCE_MS, ROOM)
    assert ear.found == [(500.0, 500.0 + 600.0 + SILENCE_MS)]


def test_another_rate_is_judged_by_its_own_time():
    ear = in_room(rate=48_000)
    ear.rate = 8_000
    ear.hear(60, VOICE)
    assert not ear.stretches.is_sure
    ear.hear(20, VOICE)
    assert ear.stretches.is_sure


# -- the room -----------------------------------------------------------------------------------


@pytest.mark.parametrize("amplitude", [0, 3, 30, 100])
def test_a_room_is_no_speech(amplitude):
    ear = Ear()
    ear.hear(20_000, amplitude)
    assert ear.found == []
    ear.hear(200, VOICE)
    assert ear.stretches.is_sure


def test_a_noise_that_stays_is_a_part_of_the_room_after_a_while():
    ear = in_room()
    ear.hear(STEADY_MS - 100, 1_000)
    assert ear.stretches.open
    ear.hear(8_000, 1_000)
    assert not ear.stretches.open
    assert len(ear.found) == 1
    ear.stretches.taken(ear.position)
    ear.hear(300, VOICE)
    assert ear.stretches.open
    ear.hear(1_000, 1_000)
    assert len(ear.found) == 1


def test_what_is_soft_is_speech_where_the_room_is_soft_and_none_where_it_is_not():
    soft = 150  # -47 dBFS
    quiet, noisy = Ear(), Ear()
    quiet.hear(2_000, 5)
    noisy.hear(20_000, 100)
    quiet.hear(300, soft)
    noisy.hear(300, soft)
    assert quiet.stretches.open
    assert not noisy.stretches.any


# -- clicks -------------------------------------------------------------------------------------


def clicked(ear: Ear) -> float:
    """A click and the silence after it; returns where it is over, in ms."""
    ear.hear(LEAST_MS - 20, VOICE)
    return ear.hear(SILENCE_MS, ROOM)


def test_a_click_is_passed_over_where_somebody_spoke():
    ear = in_room()
    clicked(ear)
    clicked(ear)
    ear.hear(400, VOICE)
    over = ear.hear(SILENCE_MS, ROOM)
    clicked(ear)
    assert len(ear.found) == 4
    assert ms_of(ear.stretches.over_by(ear.position)) == over


def test_where_there_is_nothing_but_clicks_it_was_the_last():
    ear = in_room()
    clicked(ear)
    over = clicked(ear)
    assert ms_of(ear.stretches.over_by(ear.position)) == over
    assert not ear.stretches.is_sure


def test_nobody_is_sure_of_a_click_while_it_lasts():
    ear = in_room()
    ear.hear(60, VOICE)
    assert ear.stretches.open
    assert not ear.stretches.is_sure
    ear.hear(20, VOICE)
    assert ear.stretches.is_sure


# -- which one it was ---------------------------------------------------------------------------


def three() -> tuple[Ear, list[float]]:
    """Three utterances, and where each of them is over, in ms."""
    ear = in_room()
    overs = []
    for _ in range(3):
        ear.hear(300, VOICE)
        overs.append(ear.hear(SILENCE_MS, ROOM))
    return ear, overs


def test_only_what_lies_before_a_position_as_a_whole_is_over():
    ear, overs = three()
    assert overs == [1_500.0, 2_500.0, 3_500.0]
    for position, oldest, newest in (
        (0.0, None, None),
        (1_499.0, None, None),
        (1_500.0, 1_500.0, 1_500.0),
        (2_499.0, 1_500.0, 1_500.0),
        (2_500.0, 1_500.0, 2_500.0),
        (9_000.0, 1_500.0, 3_500.0),
    ):
        found = [ear.stretches.over_by(ticks_of(position)), ear.stretches.last_over_by(ticks_of(position))]
        assert [None if f is None else ms_of(f) for f in found] == [oldest, newest]


def test_what_the_provider_took_is_not_told_again():
    ear, _ = three()
    ear.stretches.taken(ear.stretches.over_by(ear.position))
    assert ms_of(ear.stretches.begin) == 1_500.0
    assert ms_of(ear.stretches.over_by(ear.position)) == 2_500.0
    ear.stretches.taken(ticks_of(3_000.0))
    assert not ear.stretches.any
    assert ear.stretches.begin is None
    assert ear.stretches.over_by(ear.position) is None


def test_speech_is_taken_when_its_last_sound_is_whatever_silence_follows():
    ear, _ = three()
    ear.stretches.taken(ticks_of(800.0))
    assert ms_of(ear.stretches.begin) == 1_500.0


def test_what_is_taken_in_the_middle_leaves_the_rest():
    """A detector that needs less silence than we do, or whose limit an utterance has reached."""
    ear, _ = three()
    ear.stretches.taken(ticks_of(700.0))
    assert ear.found == [(700.0, 1_500.0), (1_500.0, 2_500.0), (2_500.0, 3_500.0)]
    assert ms_of(ear.stretches.over_by(ear.position)) == 1_500.0


def test_what_goes_on_after_it_was_taken_is_another_stretch():
    ear = in_room()
    ear.hear(300, VOICE)
    ear.stretches.taken(ear.position)
    assert not ear.stretches.any
    ear.hear(100, ROOM)
    assert not ear.stretches.any
    ear.hear(300, VOICE)
    assert ms_of(ear.stretches.begin) == 900.0
    ear.hear(SILENCE_MS, ROOM)
    assert ear.found == [(900.0, 1_200.0 + SILENCE_MS)]


def test_no_more_are_kept_than_a_provider_may_come_back_to():
    ear = Ear(rate=8_000)
    ear.stretches.silence_ms = 40.0
    ear.hear(500, ROOM)
    for _ in range(LIMIT + 5):
        ear.hear(20, VOICE)
        ear.hear(80, ROOM)
    assert len(ear.found) == LIMIT
    assert ms_of(ear.stretches.begin) == 500.0 + 5 * 100.0


# -- other positions ----------------------------------------------------------------------------


def rewound(*kept: tuple[float, float]) -> Rewound:
    return Rewound([(ticks_of(begin), ticks_of(end)) for begin, end in kept], 0, 0)


@pytest.mark.parametrize(
    ("kept", "found"),
    [
        ([(0, 9_000)], [(500, 1_500), (1_500, 2_500), (2_500, 3_500)]),
        ([(400, 9_000)], [(100, 1_100), (1_100, 2_100), (2_100, 3_100)]),
        # One that is cut out as a whole, with and without the silence after it.
        ([(0, 1_500), (2_500, 9_000)], [(500, 1_500), (1_500, 2_500)]),
        ([(0, 1_500), (1_900, 9_000)], [(500, 1_500), (2_100, 3_100)]),
        # One of which a part is cut out.
        ([(0, 1_600), (1_700, 9_000)], [(500, 1_500), (1_500, 2_400), (2_400, 3_400)]),
        ([(700, 9_000)], [(0, 800), (800, 1_800), (1_800, 2_800)]),
        ([], []),
    ],
)
def test_positions_of_the_next_link_are_those_of_its_own_sound(kept, found):
    ear, _ = three()
    ear.stretches.moved(rewound(*kept))
    assert ear.found == [(pytest.approx(begin), pytest.approx(end)) for begin, end in found]


def test_somebody_who_speaks_while_a_link_is_replaced_is_heard_to_the_end():
    ear = in_room()
    ear.hear(300, VOICE)
    ear.stretches.moved(rewound((400, 9_000)))
    ear.position -= ticks_of(400)
    ear.hear(200, VOICE)
    ear.hear(SILENCE_MS, ROOM)
    assert ear.found == [(100.0, 600.0 + SILENCE_MS)]


def test_what_is_lost_takes_its_part_of_what_was_heard_along():
    ear, _ = three()
    ear.stretches.shifted(ticks_of(600.0), ticks_of(1_000.0))
    # Of the first its beginning is left, of the second its end; what lies behind comes earlier.
    assert ear.found == [(500.0, 600.0), (600.0, 1_500.0), (1_500.0, 2_500.0)]


@pytest.mark.parametrize(
    ("position", "left"), [(0, 0), (99, 99), (100, 100), (101, 100), (150, 100), (151, 101), (500, 450)]
)
def test_a_position_behind_what_is_cut_out_comes_earlier(position, left):
    assert without(position, 100, 50) == left


# -- the end of the sound -----------------------------------------------------------------------


def test_who_speaks_has_ended_when_no_more_sound_comes():
    ear = in_room()
    ear.hear(300, VOICE)
    ear.hear(400, ROOM)
    ear.stretches.close(ear.position)
    assert ear.found == [(500.0, 1_200.0)]
    # Silence from before does not count for the next.
    ear.hear(100, VOICE)
    ear.hear(SILENCE_MS - 20, ROOM)
    assert ear.stretches.open
    ear.hear(20, ROOM)
    assert ear.found[1] == (1_200.0, 1_300.0 + SILENCE_MS)


def test_what_is_over_is_not_ended_again():
    ear, _ = three()
    found = ear.found
    ear.stretches.close(ear.position + 1_000)
    assert ear.found == found


def test_nothing_is_left_of_what_nobody_wants():
    ear, _ = three()
    ear.hear(300, VOICE)
    ear.stretches.clear()
    assert not ear.stretches.any
    assert not ear.stretches.open
    ear.hear(100, VOICE)
    assert ms_of(ear.stretches.begin) == 500.0 + 3 * 1_000.0 + 300.0
