"""The pool under any schedule: lessees that come, wait, give up, are cancelled, and sessions that fail."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.errors import LinkError, NekoError
from neko_cli.core.events import InputMode, Status
from neko_cli.core.pool import Pool
from neko_cli.core.pool_plan import Place, Use, choose, due, next_due
from neko_cli.testing import ScriptedSession
from tests.core.test_pool import LoopClock, run

CHARACTERS = "abcd"
IDLE_CLOSE = 7200.0
"""Longer than the profile's hour, which counts."""


@dataclass(frozen=True)
class Visit:
    """One lessee; times are in seconds."""

    comes: int
    character: str
    patience: int
    stays: int
    cancelled: int | None
    """So long after coming, whatever it does then."""
    breaks: bool
    listens: bool


VISITS = st.lists(
    st.builds(
        Visit,
        comes=st.integers(0, 30),
        character=st.sampled_from(CHARACTERS),
        patience=st.integers(1, 20),
        stays=st.integers(0, 10),
        cancelled=st.none() | st.integers(0, 12),
        breaks=st.booleans(),
        listens=st.booleans(),
    ),
    min_size=1,
    max_size=16,
)


@dataclass
class House:
    """Makes sessions that take their time, and watches the pool at every step."""

    limit: int
    make_takes: int
    close_takes: int
    fails: frozenset[int]
    """Which of the sessions cannot be made."""
    pool: Pool = field(init=False)
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    arrivals: itertools.count[int] = field(default_factory=itertools.count)
    open: int = 0
    held: dict[int, int] = field(default_factory=dict)
    """Session's id -> visitor who has it."""
    served: list[tuple[int, float]] = field(default_factory=list)
    """Visitor's place in the order of coming, and when they had a session."""

    def __post_init__(self) -> None:
        self.pool = Pool(self.make, clock=LoopClock(), limit=self.limit, idle_close=IDLE_CLOSE)

    def opened(self, change: int) -> None:
        self.open += change
        assert 0 <= self.open <= self.limit, "more sessions are open than the limit allows"

    async def make(self, character: str) -> ScriptedSession:
        number = next(self.numbers)
        self.opened(1)
        try:
            if self.make_takes:
                await asyncio.sleep(self.make_takes)
            if number in self.fails:
                raise LinkError("It cannot be made.")
        except BaseException:
            self.opened(-1)
            raise
        return Guest(self, character)

    async def visit(self, visit: Visit) -> None:
        order = next(self.arrivals)
        lease = self.pool.lease(visit.character, timeout=visit.patience)
        code = ""
        try:
            async with lease as session:
                self.served.append((order, asyncio.get_running_loop().time()))
                assert isinstance(session, Guest)
                assert session.character == visit.character
                assert id(session) not in self.held, "two have the same session"
                assert not session.state.is_listening
                assert not session.closed
                self.held[id(session)] = order
                assert len(self.held) <= self.limit
                try:
                    await session.start_session(InputMode.AUDIO)
                    if visit.listens:
                        await session.start_listening()
                    await asyncio.sleep(visit.stays)
                    if visit.breaks:
                        session.set_state(status=Status.ERROR)
                finally:
                    del self.held[id(session)]
        except NekoError as error:
            code = error.code
        assert code in {"", "pool_full", "pool_slow"}

    async def play(self, visits: list[Visit]) -> None:
        async def come(visit: Visit) -> None:
            await asyncio.sleep(visit.comes)
            if visit.cancelled is None:
                await self.visit(visit)
                return
            try:
                async with asyncio.timeout(visit.cancelled):
                    await self.visit(visit)
            except TimeoutError:
                return

        async with asyncio.TaskGroup() as group:
            for visit in visits:
                group.create_task(come(visit))
        assert (self.pool.waiting, self.pool.handed_out) == (0, 0)


class Guest(ScriptedSession):
    """A session that takes its time to close."""

    def __init__(self, house: House, character: str) -> None:
        super().__init__()
        self.house = house
        self.character = character
        self.closed = False

    async def cleanup(self) -> None:
        await asyncio.sleep(self.house.close_takes)
        await super().cleanup()
        assert not self.closed
        self.closed = True
        self.house.opened(-1)


@settings(max_examples=200, deadline=None)
@given(
    visits=VISITS,
    limit=st.integers(1, 3),
    make_takes=st.integers(0, 5),
    close_takes=st.integers(0, 3),
    fails=st.frozensets(st.integers(0, 8), max_size=3),
)
def test_the_limit_holds_and_nothing_is_lost(
    visits: list[Visit], limit: int, make_takes: int, close_takes: int, fails: frozenset[int]
) -> None:
    async def work() -> None:
        house = House(limit, make_takes, close_takes, fails)
        await house.play(visits)
        await asyncio.sleep(20)  # sessions that failed are closed by now
        assert house.open == house.pool.idle
        # Every place is there again: as many as the limit can be had at once.
        house.fails = frozenset()
        leases = [await house.pool.lease(CHARACTERS[n], timeout=20) for n in range(limit)]
        for lease in leases:
            house.pool.release(lease)
        await asyncio.sleep(3700)
        assert (house.open, house.pool.idle) == (0, 0)
        await house.pool.close_all()

    run(work())


@settings(max_examples=200, deadline=None)
@given(visits=VISITS, limit=st.integers(1, 3), make_takes=st.integers(0, 5), when=st.integers(0, 40))
def test_closing_at_any_moment_leaves_nothing(
    visits: list[Visit], limit: int, make_takes: int, when: int
) -> None:
    async def work() -> None:
        house = House(limit, make_takes, 2, frozenset())

        async def close() -> None:
            await asyncio.sleep(when)
            await house.pool.close_all()
            assert house.open == 0

        async def come(visit: Visit) -> None:
            await asyncio.sleep(visit.comes)
            code = ""
            try:
                async with house.pool.lease(visit.character, timeout=visit.patience):
                    await asyncio.sleep(visit.stays)
            except NekoError as error:
                code = error.code
            assert code in {"", "pool_full", "pool_slow", "pool_closed"}
            assert code != "pool_closed" or asyncio.get_running_loop().time() >= when

        async with asyncio.TaskGroup() as group:
            group.create_task(close())
            for visit in visits:
                group.create_task(come(visit))
        assert house.open == 0

    run(work())


@settings(max_examples=200, deadline=None)
@given(visits=VISITS, limit=st.integers(1, 3))
def test_whoever_came_first_is_served_first(visits: list[Visit], limit: int) -> None:
    async def work() -> None:
        house = House(limit, 0, 0, frozenset())
        await house.play(visits)
        times = [when for _, when in sorted(house.served)]
        assert times == sorted(times)
        await house.pool.close_all()

    run(work())


PLACES = st.lists(
    st.builds(
        Place,
        use=st.sampled_from(Use),
        character=st.sampled_from(CHARACTERS),
        idle_since=st.integers(0, 9).map(float),
        close_at=st.none() | st.integers(0, 9).map(float),
    ),
    min_size=1,
    max_size=5,
)


@given(places=PLACES, character=st.sampled_from(CHARACTERS))
def test_a_place_is_chosen_whenever_one_can_be_had(places: list[Place], character: str) -> None:
    index = choose(character, places)
    can_be_had = [place for place in places if place.use in (Use.FREE, Use.IDLE)]
    if index is None:
        assert not can_be_had
        return
    chosen = places[index]
    idle = [place for place in can_be_had if place.use is Use.IDLE]
    own = [place for place in idle if place.character == character]
    if own:
        assert chosen in own
        assert chosen.idle_since == max(place.idle_since for place in own)
    elif any(place.use is Use.FREE for place in can_be_had):
        assert chosen.use is Use.FREE
    else:
        assert chosen.idle_since == min(place.idle_since for place in idle)


@given(places=PLACES, now=st.integers(0, 9).map(float))
def test_a_place_is_due_from_its_time_on(places: list[Place], now: float) -> None:
    ready = due(places, now)
    assert all(places[index].use is Use.IDLE for index in ready)
    later = next_due([place for index, place in enumerate(places) if index not in ready])
    assert later is None or later > now
