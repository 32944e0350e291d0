"""Random schedules of sound, links, ends, commits and losses against a model that counts samples.

The bounds are 100 times smaller than the real ones here and the rates 10 times or more, so that a model
can look at each sample; ``test_uplink`` and ``test_kept_sound`` test the real ones. Utterances are ended
by a key, or by times that the provider tells: where our own hearing finds them is for ``test_stretches``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core import kept_sound
from neko_cli.core import uplink as module
from neko_cli.core.kept_sound import TICKS
from neko_cli.core.uplink import Uplink
from tests.fakes.outlet import FakeLink, attach, numbered

RATES = (800, 1_600, 2_205)
"""In Hz; of the last one, a millisecond is not a whole number of samples."""


def ms_of(samples: int, rate: int) -> float:
    return samples * 1000.0 / rate


@dataclass
class Taken:
    """An utterance that the present link's provider has committed, from a position on."""

    name: str
    turn: int
    begin: int
    done: bool = False


GONE = Taken("", 0, 0, done=True)
"""The mark of what nobody wants, or was silence."""


@dataclass
class Sample:
    number: int
    chunk: int
    given: bool = False
    """Whether the present link has it."""
    fresh: bool = True
    """Whether no link ever had it."""
    mark: Taken | None = None


@dataclass
class End:
    """Stands among the samples, behind its utterance."""

    turn: int
    told: bool = False
    taken: bool = False


class Model:
    """What should happen, sample by sample; positions are ticks on the present link."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.step = TICKS // rate
        self.numbers = self.chunks = 0
        self.line: list[Sample | End] = []
        self.first = 0  # position of the first sample in the line
        self.committed = 0
        self.taken: list[Taken] = []
        self.link: FakeLink | None = None
        self.sent: list[int] = []  # what the link was given
        self.idle = False
        self.dropped = 0

    # -- positions --------------------------------------------------------------------------

    @property
    def samples(self) -> list[Sample]:
        return [item for item in self.line if isinstance(item, Sample)]

    @property
    def waiting(self) -> int:
        return sum(not sample.given for sample in self.samples)

    @property
    def at_sent(self) -> int:
        return self.first + sum(sample.given for sample in self.samples) * self.step

    def ends(self) -> list[tuple[End, int, Sample | None]]:
        """All ends, with their positions and the samples right before them."""
        found, at, before = [], self.first, None
        for item in self.line:
            if isinstance(item, End):
                found.append((item, at, before))
            else:
                at, before = at + self.step, item
        return found

    def on_link(self, at_ms: float) -> int:
        return min(self.at_sent, max(self.committed, round(max(0.0, at_ms) * TICKS / 1000)))

    def mark(self, begin: int, end: int, mark: Taken) -> None:
        at = self.first
        for sample in self.samples:
            if begin <= at < end and sample.mark is None:
                sample.mark = mark
            at += self.step

    def waits(self) -> bool:
        """Whether an utterance that we ended is not taken."""
        return any(not end.taken for end, _, _ in self.ends())

    # -- what happens -----------------------------------------------------------------------

    def push(self, count: int) -> None:
        self.chunks += 1
        self.line += [Sample(self.numbers + n, self.chunks) for n in range(count)]
        self.numbers += count
        self.pump()
        limit = int((module.IDLE_S if self.idle else module.UNSENT_S) * self.rate)
        fresh = [sample for sample in self.samples if sample.fresh]
        gone = fresh[: max(0, len(fresh) - limit)]
        self.dropped += 0 if self.idle else len(gone)
        self._lose(gone)
        while True:
            given = [sample for sample in self.samples if sample.given]
            if len(given) <= kept_sound.SENT_S * self.rate:
                break
            self._drop_first_chunk()
        self.committed = max(self.committed, self.first)

    def loses_an_utterance(self, count: int) -> bool:
        """Whether nothing would be left of an utterance that we ended when so much more comes."""
        limit = int((module.IDLE_S if self.idle else module.UNSENT_S) * self.rate)
        fresh = sum(sample.fresh for sample in self.samples) + count
        lost = {sample.number for sample in self.samples if sample.fresh}
        lost = set(sorted(lost)[: max(0, fresh - limit)])
        own: list[int] = []
        for item in self.line:
            if isinstance(item, Sample):
                own += [item.number] * (item.mark is None)  # what was committed is another utterance's
            elif lost and not item.told and lost.issuperset(own):
                return True
            else:
                own = []
        return False

    def _lose(self, gone: list[Sample]) -> None:
        numbers = {sample.number for sample in gone}
        self.line = [item for item in self.line if isinstance(item, End) or item.number not in numbers]

    def _drop_first_chunk(self) -> None:
        samples = self.samples
        gone = [sample for sample in samples if sample.chunk == samples[0].chunk]
        self._lose(gone)
        self.first += len(gone) * self.step

    def pump(self) -> None:
        link = self.link
        while link is not None:
            waiting = [sample for sample in self.samples if not sample.given]
            for end, at, _ in self.ends():
                if not end.told and at <= self.at_sent:
                    end.told = True
                    link.ends.append((end.turn, len(self.sent)))
            if not waiting or not link.has_room:
                break
            chunk = [sample for sample in waiting if sample.chunk == waiting[0].chunk]
            for sample in chunk:
                sample.given, sample.fresh = True, False
            self.sent += [sample.number for sample in chunk]
            link.waiting += 2 * len(chunk)

    def finish(self, turn: int) -> None:
        self.line.append(End(turn))
        self.pump()

    def begin(self) -> None:
        if not self.waits():
            self.discard()

    def discard(self) -> bool:
        waits, sent = self.waits(), self.at_sent
        kept = max([self.committed, *(at for end, at, _ in self.ends() if not end.taken)])
        self._lose(self.samples[(max(kept, sent) - self.first) // self.step :])
        self.mark(kept, sent, GONE)
        if not waits:
            self.committed = max(self.committed, sent)
        self._forget()
        return sent > kept

    def commit(self, name: str, turn: int, at_ms: float | None, silence_ms: float) -> None:
        ours = next((at for end, at, _ in self.ends() if end.told and not end.taken), None)
        if at_ms is not None:
            upto = self.on_link(at_ms)
        elif ours is not None:
            upto = ours
        else:
            upto = self.at_sent - round(silence_ms * TICKS / 1000)
        taken = Taken(name, turn, self.committed)
        self.committed = max(self.committed, upto)
        self.mark(taken.begin, self.committed, taken)
        for end, at, _ in self.ends():
            end.taken = end.taken or (end.told and at <= self.committed)
        self.taken.append(taken)
        self._forget()

    def settle(self, which) -> None:
        for taken in self.taken:
            taken.done = taken.done or which(taken)
        self._forget()

    def speech_began(self, at_ms: float) -> None:
        upto = self.on_link(at_ms) - round(module.LEAD_MS * TICKS / 1000)
        if upto > self.committed and not self.waits():
            self.mark(self.committed, upto, GONE)
            self.committed = upto
            self._forget()

    def _forget(self) -> None:
        self.taken = [taken for taken in self.taken if not taken.done]
        settled = self.taken[0].begin if self.taken else self.committed
        while (samples := self.samples) and samples[0].given:
            chunk = sum(sample.chunk == samples[0].chunk for sample in samples)
            if self.first + chunk * self.step > settled:
                break
            self._drop_first_chunk()

    def attach(self, link: FakeLink, *, again: bool, unsent: int, quiet: str) -> tuple[int, int]:
        """Gives how many samples go to it again, and for the first time."""
        received = self.at_sent - unsent * self.step
        if quiet and all(end.taken for end, *_ in self.ends()):
            left = round(module.SILENT_MS * TICKS / 1000) if quiet == "silent" else 0
            self.mark(self.committed, received - left, GONE)
        resent = cached = 0
        line: list[Sample | End] = []
        at, last, before = self.first, None, None
        for item in self.line:
            if isinstance(item, End):
                if not item.told or (last is not None and last is before):
                    line.append(End(item.turn))
                continue
            mark, last = item.mark, item
            if mark is None or (again and not mark.done):
                resent, cached = resent + (at < received), cached + (at >= received)
                line.append(item)
                before = item
            at += self.step
        self._regroup(line)
        self.line, self.first, self.committed = line, 0, 0
        self.taken, self.sent, self.link = [], [], link
        self.pump()
        return resent, cached

    def _regroup(self, line: list[Sample | End]) -> None:
        """What was cut into goes in as many pieces."""
        before, chunk = None, -1
        left = {item.number for item in line if isinstance(item, Sample)}
        for sample in self.samples:
            if sample.number not in left:
                before = None
                continue
            if sample.chunk != chunk or before is None:
                self.chunks += 1
            before, chunk = sample, sample.chunk
            sample.chunk = self.chunks
            sample.given, sample.mark = False, None


LENGTHS = st.one_of(st.integers(1, 30), st.just(100), st.integers(100, 700))
"""Of chunks, in tenths of a millisecond."""
TIMES = st.one_of(st.none(), st.none(), st.integers(-50, 800), st.just(10**6))
NAMES = st.sampled_from("abc")
BACK = st.integers(0, 3)
"""Turns before the present one."""
STEPS = st.one_of(
    *[st.tuples(st.just("push"), LENGTHS)] * 3,
    *[st.tuples(st.just("talk"), st.integers(2, 80))] * 2,
    *[st.tuples(st.just("utterance"), st.integers(2, 30))] * 2,
    *[st.tuples(st.just("attach"), st.booleans(), st.sampled_from([1e9, 20.0, 5.0]), st.just(""))] * 2,
    st.tuples(
        st.just("attach"),
        st.booleans(),
        st.sampled_from([1e9, 20.0, 5.0]),
        st.sampled_from(["silent", "skip_sent"]),
    ),
    st.tuples(st.just("flow")),
    st.tuples(st.just("detach")),
    *[st.tuples(st.just("commit"), NAMES, BACK, TIMES, st.sampled_from([0.0, 7.0]))] * 2,
    st.tuples(st.just("settle"), NAMES),
    st.tuples(st.just("over"), BACK),
    st.tuples(st.just("speech"), st.integers(-50, 800)),
    st.tuples(st.just("begin")),
    st.tuples(st.just("finish")),
    st.tuples(st.just("discard")),
    st.tuples(st.just("idle"), st.booleans()),
)


class Schedule:
    """An uplink and its model, which are done the same to."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.uplink, self.model = Uplink(), Model(rate)
        self.uplink.detects = False
        self.links: list[tuple[FakeLink, FakeLink, list[int]]] = []
        self.link: FakeLink | None = None
        self.unsent = 0
        self.turn = 0

    def run(self, step: tuple) -> None:
        uplink, model = self.uplink, self.model
        match step:
            case ("push", tenths):
                self.push(max(1, self.rate * tenths // 10_000))
            case ("talk", chunks):
                self.talk(chunks, flows=bool(chunks % 4))
            case ("utterance", chunks):
                uplink.begin()
                model.begin()
                self.talk(chunks, flows=bool(chunks % 2))
                self.finish()
            case ("flow",):
                self.flow()
            case ("attach", again, room_ms, quiet):
                self.attach(again, room_ms, quiet)
            case ("detach",):
                uplink.detach()
                if self.link is not None:
                    self.unsent = self.link.waiting // 2
                self.link = model.link = None
            case ("commit", name, back, at_ms, silence_ms):
                uplink.commit(name, self.turn - back, at_ms, silence_ms=silence_ms)
                model.commit(name, self.turn - back, at_ms, silence_ms)
            case ("settle", name):
                uplink.settle(name)
                model.settle(lambda taken: taken.name == name)
            case ("over", back):
                uplink.settle_turns(self.turn - back)
                model.settle(lambda taken: taken.turn <= self.turn - back)
            case ("speech", at_ms):
                uplink.speech_began(at_ms)
                model.speech_began(at_ms)
            case ("begin",):
                uplink.begin()
                model.begin()
            case ("finish",):
                self.finish()
            case ("discard",):
                assert uplink.discard() == model.discard()
            case ("idle", on):
                uplink.idle = model.idle = on and model.link is None

    def push(self, count: int) -> None:
        # An end whose sound is lost as a whole is for test_uplink_ends.
        if not self.model.loses_an_utterance(count):
            self.uplink.push(numbered(self.model.numbers, count), self.rate)
            self.model.push(count)

    def talk(self, chunks: int, *, flows: bool) -> None:
        for _ in range(chunks):
            self.push(self.rate // 200)
            if flows:
                self.flow()

    def flow(self) -> None:
        if self.link is not None:
            self.link.flow()
            self.model.link.flow()
            self.uplink.pump()
            self.model.pump()

    def finish(self) -> None:
        if not self.model.line or isinstance(self.model.line[-1], End):
            return  # nobody ends an utterance of no sound (``listening.LEAST_UTTERANCE_MS``)
        self.turn += 1
        self.uplink.finish(self.turn)
        self.model.finish(self.turn)

    def attach(self, again: bool, room_ms: float, quiet: str) -> None:
        if self.link is not None:
            self.unsent = self.link.waiting // 2
        self.link, shadow = FakeLink(self.rate, room_ms), FakeLink(self.rate, room_ms)
        options = {"silence_ms": module.SILENT_MS if quiet == "silent" else 0.0} if quiet else {}
        attached = attach(
            self.uplink, self.link, again=again, unsent_ms=ms_of(self.unsent, self.rate), **options
        )
        resent, cached = self.model.attach(shadow, again=again, unsent=self.unsent, quiet=quiet)
        self.unsent = 0
        assert attached.resent_ms == pytest.approx(ms_of(resent, self.rate), abs=1e-3)
        assert attached.cached_ms == pytest.approx(ms_of(cached, self.rate), abs=1e-3)
        self.links.append((self.link, shadow, self.model.sent))

    def check(self) -> None:
        model, uplink = self.model, self.uplink
        assert all(len(taken.got) == 2 * len(sent) for taken, _, sent in self.links)
        assert all(taken.ends == shadow.ends for taken, shadow, _ in self.links)
        assert uplink.dropped_ms == pytest.approx(ms_of(model.dropped, self.rate), abs=1e-3)
        assert uplink.waiting_ms == pytest.approx(ms_of(model.waiting, self.rate), abs=1e-3)


@pytest.fixture(autouse=True, scope="module")
def small():
    """The bounds, 100 times smaller."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("UNSENT_S", "IDLE_S", "ROOM_S"):
            patch.setattr(module, name, Fraction(getattr(module, name), 100))
        patch.setattr(kept_sound, "SENT_S", Fraction(kept_sound.SENT_S, 100))
        patch.setattr(kept_sound, "PIECE_MS", 0.0)  # the model gives chunk by chunk
        for name in ("LEAD_MS", "SILENT_MS"):
            patch.setattr(module, name, getattr(module, name) / 100)
        yield


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(RATES), st.lists(STEPS, min_size=10, max_size=35))
def test_every_schedule_gives_each_link_what_the_model_says(rate, steps):
    schedule = Schedule(rate)
    for step in steps:
        schedule.run(step)
        schedule.check()
    for taken, _, sent in schedule.links:
        assert taken.samples == sent
        assert sent == sorted(set(sent))
        turns = [turn for turn, _ in taken.ends]
        assert turns == sorted(set(turns))
        assert [at for _, at in taken.ends] == sorted(at for _, at in taken.ends)
