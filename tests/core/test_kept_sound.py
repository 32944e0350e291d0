"""Sound by positions, against a list of samples that knows where each of them lies."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core import kept_sound as module
from neko_cli.core import pcm
from neko_cli.core.kept_sound import TICKS, Chunk, KeptSound
from tests.fakes.outlet import numbered

RATES = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)


def numbers_of(sound: bytes) -> list[int]:
    return [int.from_bytes(sound[at : at + 2], "little") for at in range(0, len(sound), 2)]


@dataclass
class Sample:
    number: int
    rate: int
    chunk: int
    given: bool = False
    fresh: bool = True
    ticks: int = field(init=False)

    def __post_init__(self) -> None:
        self.ticks = TICKS // self.rate


class Model:
    """All samples that are kept; those that the link was given, and that ever were given, come first."""

    def __init__(self) -> None:
        self.line: list[Sample] = []
        self.first = 0
        self.count = self.chunks = 0

    def length(self, *, given: bool | None = None, fresh: bool | None = None) -> int:
        """Ticks of all samples with these properties."""
        return sum(
            sample.ticks
            for sample in self.line
            if (given is None or sample.given is given) and (fresh is None or sample.fresh is fresh)
        )

    def starts(self) -> list[int]:
        """Where each sample begins."""
        found, at = [], self.first
        for sample in self.line:
            found.append(at)
            at += sample.ticks
        return found

    @property
    def sent(self) -> int:
        return self.first + self.length(given=True)

    @property
    def end(self) -> int:
        return self.first + self.length()

    def edges(self) -> list[int]:
        """Where chunks begin, and the end."""
        found, chunk = [], -1
        for at, sample in zip(self.starts(), self.line, strict=True):
            if sample.chunk != chunk:
                found.append(at)
            chunk = sample.chunk
        return [*found, self.end]

    def add(self, count: int, rate: int) -> Chunk:
        self.chunks += 1
        first, self.count = self.count, self.count + count
        self.line += [Sample(first + n, rate, self.chunks) for n in range(count)]
        return Chunk(numbered(first, count), rate)

    def drop_first_chunk(self) -> None:
        chunk = self.line[0].chunk
        while self.line and self.line[0].chunk == chunk:
            self.first += self.line.pop(0).ticks

    def first_chunk_ends(self) -> int:
        return self.first + sum(sample.ticks for sample in self.line if sample.chunk == self.line[0].chunk)

    def forget(self, upto: int) -> None:
        while self.line and self.line[0].given and self.first_chunk_ends() <= upto:
            self.drop_first_chunk()

    def bound(self, limit: Fraction, sent_limit: Fraction) -> int:
        gone, length = 0, self.length(fresh=True)
        while length > limit * TICKS:
            oldest = next(n for n, sample in enumerate(self.line) if sample.fresh)
            ticks = self.line.pop(oldest).ticks
            gone, length = gone + ticks, length - ticks
        while self.length(given=True) > sent_limit * TICKS:
            self.drop_first_chunk()
        return gone

    def rewind(self, gone: list[tuple[int, int]]) -> list[tuple[int, Sample]]:
        """Gives what is kept, with its positions until now."""
        kept: list[tuple[int, Sample]] = []
        last, chunk = -1, -1  # of the sample that was kept last
        for at, sample in zip(self.starts(), self.line, strict=True):
            if any(begin <= at < end for begin, end in gone):
                continue
            # A cut between two samples makes two pieces of them as well.
            if sample.chunk != chunk or any(last < begin < end <= at for begin, end in gone):
                self.chunks += 1
            last, chunk = at, sample.chunk
            kept.append((at, sample))
            sample.chunk, sample.given = self.chunks, False
        self.line, self.first = [sample for _, sample in kept], 0
        return kept


RATIO = st.integers(0, 1_000)
"""A place within what is kept, in thousandths of it."""
OFF = st.sampled_from([0, 0, 1, -1, 7, -300, 1_000])
"""Ticks beside it: a provider's time lies anywhere within a sample."""
PLACES = st.tuples(RATIO, OFF)
LENGTHS = st.one_of(st.integers(1, 12), st.integers(40, 120))
STEPS = st.one_of(
    *[st.tuples(st.just("add"), LENGTHS, st.sampled_from(RATES))] * 3,
    st.tuples(st.just("frames"), st.integers(2, 8), st.sampled_from(RATES)),
    *[st.tuples(st.just("take"), st.integers(0, 4))] * 3,
    st.tuples(st.just("all")),
    *[st.tuples(st.just("forget"), PLACES)] * 2,
    *[st.tuples(st.just("drop"), RATIO)] * 2,
    *[st.tuples(st.just("bound"), st.integers(0, 80))] * 2,
    *[st.tuples(st.just("rewind"), st.lists(st.tuples(PLACES, PLACES), max_size=4), PLACES)] * 2,
)


@pytest.fixture(autouse=True, scope="module")
def small():
    """So that a schedule comes to the bounds with sound that a model can look at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SENT_S", Fraction(1, 50))
        patch.setattr(module, "PIECE_MS", 5.0)
        yield


class Schedule:
    """The kept sound and its model, which are done the same to."""

    def __init__(self) -> None:
        self.kept, self.model = KeptSound(), Model()

    def place(self, place: tuple[int, int]) -> int:
        ratio, off = place
        return self.model.first + (self.model.end - self.model.first) * ratio // 1_000 + off

    def run(self, step: tuple) -> None:
        kept, model = self.kept, self.model
        match step:
            case ("add", count, rate):
                kept.add(model.add(count, rate))
            case ("frames", count, rate):
                for _ in range(count):
                    kept.add(model.add(rate // 1_000, rate))
            case ("take", ahead):
                if kept.has_next:
                    self.take(ahead)
            case ("all",):
                while kept.has_next:
                    self.take(0)
            case ("forget", place):
                kept.forget(self.place(place))
                model.forget(self.place(place))
            case ("drop", ratio):
                edges = [edge for edge in model.edges() if edge >= model.sent]
                after = edges[ratio * (len(edges) - 1) // 1_000]
                kept.drop_unsent(after)
                n_left = sum(at < after for at in model.starts())
                del model.line[n_left:]
            case ("bound", tenths):
                limit = Fraction(tenths, 10_000)
                assert kept.bound(limit) == model.bound(limit, module.SENT_S)
            case ("rewind", gone, received):
                places = [(self.place(begin), self.place(end)) for begin, end in gone]
                self.rewind(places, self.place(received))

    def take(self, ahead: int) -> None:
        model = self.model
        waiting = [sample for sample in model.line if not sample.given]
        edges = [edge for edge in model.edges() if edge > model.sent]
        until = edges[ahead] if 0 < ahead < len(edges) else None
        before = self.kept.sent
        piece = self.kept.take(until)
        taken = waiting[: len(piece.pcm) // 2]
        assert numbers_of(piece.pcm) == [sample.number for sample in taken]
        assert {sample.rate for sample in taken} == {piece.rate}
        assert self.kept.sent == before + piece.ticks
        rest = waiting[len(taken) :]
        assert not rest or rest[0].chunk != taken[-1].chunk
        assert until is None or self.kept.sent <= until
        longest = pcm.bytes_for(module.PIECE_MS, piece.rate)
        if len({sample.chunk for sample in taken}) > 1:
            assert len(piece.pcm) <= longest
        following = [sample for sample in rest if sample.chunk == rest[0].chunk]
        if following and following[0].rate == piece.rate and self.kept.sent != until:
            assert len(piece.pcm) + 2 * len(following) > longest  # else it would have gone along
        for sample in taken:
            sample.given, sample.fresh = True, False

    def rewind(self, gone: list[tuple[int, int]], received: int) -> None:
        model = self.model
        first, end = model.first, model.end
        positions = [at + off for at in (*model.starts(), end) for off in (0, 1)][::7]
        was = model.line
        kept = model.rewind(gone)
        told = self.kept.rewind(gone, received)
        starts = [at for at, _ in kept]
        lengths = [0, *accumulate(sample.ticks for _, sample in kept)]

        def kept_before(position: int) -> tuple[int, bool]:
            """How many kept ticks lie before a position, and whether the last of them is right there."""
            here = bisect_left(starts, position) - 1  # the last sample that begins before it
            if here < 0:
                return 0, False
            ticks, into = kept[here][1].ticks, position - starts[here]
            return lengths[here] + min(into, ticks), into <= ticks

        for position in (*positions, first, end, received):
            before, lies = kept_before(position)
            assert told.place(position) == before
            assert told.keeps_before(position) == lies
        resent, _ = kept_before(received)
        assert (told.resent, told.cached) == (resent, model.length() - resent)
        assert told.place(end) == model.end
        assert len(was) >= len(kept)

    def check(self) -> None:
        kept, model = self.kept, self.model
        assert (kept.first, kept.sent, kept.end) == (model.first, model.sent, model.end)
        assert kept.fresh_at == model.first + model.length(fresh=False)
        assert kept.has_next == (model.sent < model.end)
        assert len(kept) == len({sample.chunk for sample in model.line})


@settings(max_examples=100, deadline=None)
@given(st.lists(STEPS, min_size=12, max_size=40))
def test_every_sample_is_where_the_model_says(steps):
    schedule = Schedule()
    for step in steps:
        schedule.run(step)
        schedule.check()
    # A last link is given all that is left, in order.
    schedule.rewind([], 0)
    got = []
    while schedule.kept.has_next:
        got += numbers_of(schedule.kept.take(None).pcm)
    assert got == [sample.number for sample in schedule.model.line]
    assert got == sorted(set(got))


# -- one chunk ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", RATES)
def test_every_usual_sample_is_a_whole_number_of_ticks(rate):
    assert TICKS % rate == 0
    assert Chunk(numbered(0, 7), rate).ticks == 7 * TICKS // rate


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(RATES), st.integers(0, 50), st.integers(-3_000, 60_000), st.integers(-3_000, 60_000))
def test_a_part_of_a_chunk_has_the_samples_that_begin_in_it(rate, count, begin, end):
    part = Chunk(numbered(0, count), rate).between(begin, end)
    assert part.rate == rate
    assert numbers_of(part.pcm) == [n for n in range(count) if begin <= n * TICKS // rate < end]


@pytest.mark.parametrize("rate", RATES)
def test_the_parts_of_a_chunk_are_the_whole_wherever_it_is_cut(rate):
    chunk = Chunk(numbered(0, 9), rate)
    for at in (n * TICKS // rate + off for n in range(10) for off in (-1, 0, 1, 100)):
        parts = chunk.between(0, at), chunk.between(at, chunk.ticks)
        assert b"".join(part.pcm for part in parts) == chunk.pcm


# -- what is cut out ----------------------------------------------------------------------------


def kept_of(*counts: int, rate: int = 24_000) -> KeptSound:
    kept, first = KeptSound(), 0
    for count in counts:
        kept.add(Chunk(numbered(first, count), rate))
        first += count
    return kept


def left_of(kept: KeptSound) -> list[list[int]]:
    pieces = []
    while kept.has_next:
        pieces.append(numbers_of(kept.take(kept.sent + 1).pcm))
    return pieces


STEP = TICKS // 24_000


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        ([], [[0, 1, 2, 3], [4, 5, 6, 7]]),
        ([(0, 8)], []),
        ([(2, 3)], [[0, 1], [3], [4, 5, 6, 7]]),
        ([(3, 6)], [[0, 1, 2], [6, 7]]),
        ([(5, 6), (1, 3)], [[0], [3], [4], [6, 7]]),
        ([(1, 4), (2, 6)], [[0], [6, 7]]),
        ([(1, 4), (4, 6)], [[0], [6, 7]]),
        ([(1, 7), (2, 3)], [[0], [7]]),
        ([(5, 2)], [[0, 1, 2, 3], [4, 5, 6, 7]]),
        ([(-9, 1), (7, 99)], [[1, 2, 3], [4, 5, 6]]),
    ],
)
def test_what_is_gone_is_cut_out_of_chunks(gone, left):
    kept = kept_of(4, 4)
    kept.rewind([(begin * STEP, end * STEP) for begin, end in gone], 0)
    assert left_of(kept) == left


def test_places_behind_what_was_cut_out_move_and_those_within_it_meet():
    kept = kept_of(4, 4)
    rewound = kept.rewind([(2 * STEP, 5 * STEP)], 6 * STEP)
    assert [rewound.place(n * STEP) // STEP for n in range(9)] == [0, 1, 2, 2, 2, 2, 3, 4, 5]
    assert [n for n in range(9) if rewound.keeps_before(n * STEP)] == [1, 2, 6, 7, 8]
    assert (rewound.resent // STEP, rewound.cached // STEP) == (3, 2)
    assert rewound.kept == [(0, 2 * STEP), (5 * STEP, 8 * STEP)]


def test_what_was_on_its_way_again_is_not_dropped_for_what_comes():
    kept = kept_of(480)
    kept.take(None)
    kept.rewind([], 0)
    kept.add(Chunk(numbered(480, 480), 24_000))
    assert kept.bound(Fraction(1, 100)) == 240 * STEP
    assert [len(piece) for piece in left_of(kept)] == [480, 240]
    assert kept.end == 720 * STEP
