"""Random schedules of sound, links, commits and losses against a model that counts samples.

The bounds are 100 times smaller than the real ones here, so that every sample of a schedule has a
number of its own in 16 bits; ``test_uplink`` tests the real ones.
"""

from __future__ import annotations

from collections import deque
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core import uplink as module
from neko_cli.core.uplink import Uplink
from tests.fakes.outlet import FakeLink, numbered

RATES = (8_000, 16_000, 24_000, 44_100, 48_000)


def ms_of(samples: int, rate: int) -> float:
    return samples * 1000.0 / rate


class Model:
    """What should happen, sample by sample."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.numbers = 0
        self.kept: deque[list[int]] = deque()  # chunks, oldest first
        self.given = 0  # how many of them the link was given
        self.new_from = 0  # the first sample that no link was given yet
        self.committed = self.settled = 0  # the first sample that is not
        self.marks: dict[str, int] = {}
        self.link: FakeLink | None = None
        self.sent: list[int] = []  # what the link was given
        self.idle = False
        self.dropped = 0

    def push(self, count: int) -> None:
        self.kept.append(list(range(self.numbers, self.numbers + count)))
        self.numbers += count
        self.pump()
        limit = module.IDLE_S if self.idle else module.UNSENT_S
        new = [n for chunk in self.kept for n in chunk if n >= self.new_from]
        gone = set(new[: max(0, len(new) - int(limit * self.rate))])
        if gone:
            self.dropped += 0 if self.idle else len(gone)
            left = ([n for n in chunk if n not in gone] for chunk in self.kept)
            self.kept = deque(chunk for chunk in left if chunk)
        while self.given and sum(map(len, list(self.kept)[: self.given])) > module.SENT_S * self.rate:
            self.kept.popleft()
            self.given -= 1
        self._raise_to_first()

    def _raise_to_first(self) -> None:
        if self.given and self.kept:
            self.settled = max(self.settled, self.kept[0][0])
        elif self.sent:
            self.settled = max(self.settled, self.sent[-1] + 1)
        self.committed = max(self.committed, self.settled)

    def pump(self) -> None:
        while self.link is not None and self.given < len(self.kept) and self.link.has_room:
            chunk = self.kept[self.given]
            self.given += 1
            self.sent += chunk
            self.new_from = max(self.new_from, chunk[-1] + 1)
            self.link.waiting += 2 * len(chunk)

    def position(self, at_ms: float) -> int:
        """The number of the sample at a time of the link's sound, within what it can mean."""
        index = int(max(0.0, at_ms) * self.rate / 1000)
        if not self.sent:
            return self.settled
        found = self.sent[index] if index < len(self.sent) else self.sent[-1] + 1
        return max(self.settled, found)

    def commit(self, name: str, at_ms: float | None) -> None:
        end = self.position(1e9 if at_ms is None else at_ms)
        self.committed = max(self.committed, end)
        self.marks[name] = self.committed

    def settle(self, name: str | None) -> None:
        if name is None:
            self.settled = self.committed
            self.marks.clear()
        elif name in self.marks:
            self.settled = max(self.settled, self.marks.pop(name))
        self._forget()

    def speech_began(self, at_ms: float) -> None:
        if not self.marks:
            self.committed = self.settled = max(self.settled, self.position(at_ms - module.LEAD_MS))
            self._forget()

    def _forget(self) -> None:
        while self.given and self.kept[0][-1] < self.settled:
            self.kept.popleft()
            self.given -= 1

    def discard(self) -> None:
        while len(self.kept) > self.given:
            self.kept.pop()
        self.kept.clear()
        self.given = 0
        self.committed = self.settled = self.numbers
        self.new_from = self.numbers
        self.marks.clear()

    def attach(self, link: FakeLink, *, again: bool, unsent: int) -> tuple[int, int]:
        """Gives how many samples go to it again, and for the first time."""
        start = self.settled if again else self.committed
        on_old_socket = set(self.sent[: len(self.sent) - unsent])
        self.settled = self.committed = start
        self.marks.clear()
        whole = [n for chunk in self.kept for n in chunk if n >= start]
        self.kept = deque([n for n in chunk if n >= start] for chunk in self.kept)
        self.kept = deque(chunk for chunk in self.kept if chunk)
        self.given, self.sent, self.link = 0, [], link
        self.pump()
        resent = sum(n in on_old_socket for n in whole)
        return resent, len(whole) - resent


LENGTHS = st.one_of(st.integers(1, 30), st.just(100), st.integers(100, 700))
"""Of chunks, in tenths of a millisecond."""
TIMES = st.one_of(st.none(), st.integers(-50, 800), st.just(10**6))
NAMES = st.sampled_from("abc")
STEPS = st.one_of(
    st.tuples(st.just("push"), LENGTHS),
    st.tuples(st.just("push"), LENGTHS),
    st.tuples(st.just("push"), LENGTHS),
    st.tuples(st.just("talk"), st.integers(2, 80)),
    st.tuples(st.just("talk"), st.integers(2, 80)),
    st.tuples(st.just("flow")),
    st.tuples(st.just("attach"), st.booleans(), st.sampled_from([1e9, 20.0, 5.0])),
    st.tuples(st.just("detach")),
    st.tuples(st.just("commit"), NAMES, TIMES),
    st.tuples(st.just("settle"), st.one_of(st.none(), NAMES)),
    st.tuples(st.just("speech"), st.integers(-50, 800)),
    st.tuples(st.just("discard")),
    st.tuples(st.just("idle"), st.booleans()),
)


@pytest.fixture(autouse=True, scope="module")
def small():
    """The bounds, 100 times smaller."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SENT_S", "UNSENT_S", "IDLE_S", "ROOM_S"):
            patch.setattr(module, name, Fraction(getattr(module, name), 100))
        patch.setattr(module, "LEAD_MS", module.LEAD_MS / 100)
        patch.setattr(module, "PIECE_MS", 0.0)  # the model gives chunk by chunk
        yield


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(RATES), st.lists(STEPS, min_size=8, max_size=30))
def test_every_schedule_gives_each_link_what_the_model_says(rate, steps):
    uplink, model = Uplink(), Model(rate)
    links: list[tuple[FakeLink, list[int]]] = []
    link: FakeLink | None = None
    unsent = 0
    for step in steps:
        match step:
            case ("push", tenths):
                count = max(1, rate * tenths // 10_000)
                if model.numbers + count > 65_000:
                    continue
                uplink.push(numbered(model.numbers, count), rate)
                model.push(count)
            case ("talk", chunks):
                for _ in range(chunks):
                    count = rate // 200
                    if model.numbers + count > 65_000:
                        break
                    uplink.push(numbered(model.numbers, count), rate)
                    model.push(count)
                    if link is not None and chunks % 4:
                        link.flow()
                        model.link.flow()
                        uplink.pump()
                        model.pump()
            case ("flow",):
                if link is not None:
                    link.flow()
                    model.link.flow()
                    uplink.pump()
                    model.pump()
            case ("attach", again, room_ms):
                if link is not None:
                    unsent = link.waiting // 2
                uplink.detach()
                link, shadow = FakeLink(rate, room_ms), FakeLink(rate, room_ms)
                attached = uplink.attach(link, again=again, unsent_ms=ms_of(unsent, rate))
                resent, cached = model.attach(shadow, again=again, unsent=unsent)
                unsent = 0
                assert attached.resent_ms == pytest.approx(ms_of(resent, rate), abs=1e-3)
                assert attached.cached_ms == pytest.approx(ms_of(cached, rate), abs=1e-3)
                links.append((link, model.sent))
            case ("detach",):
                uplink.detach()
                if link is not None:
                    unsent = link.waiting // 2
                link = model.link = None
            case ("commit", name, at_ms):
                uplink.commit(name, at_ms)
                model.commit(name, at_ms)
            case ("settle", name):
                uplink.settle(name)
                model.settle(name)
            case ("speech", at_ms):
                uplink.speech_began(at_ms)
                model.speech_began(at_ms)
            case ("discard",):
                uplink.discard()
                model.discard()
            case ("idle", on):
                uplink.idle = model.idle = on and model.link is None
        assert all(len(taken.got) == 2 * len(sent) for taken, sent in links)
        assert uplink.dropped_ms == pytest.approx(ms_of(model.dropped, rate), abs=1e-3)
        assert uplink.waiting_ms == pytest.approx(
            ms_of(sum(map(len, list(model.kept)[model.given :])), rate), abs=1e-3
        )
    for taken, sent in links:
        assert taken.samples == sent
        assert sent == sorted(set(sent))
