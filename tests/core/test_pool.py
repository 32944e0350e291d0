"""The pool of sessions: its limit, its order, what becomes of returned ones, and its end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from neko_cli.core.errors import ConfigError, LinkError, NekoError
from neko_cli.core.events import InputMode, LinkWord, Status
from neko_cli.core.pool import Pool
from neko_cli.core.profile import Profile, parse
from neko_cli.testing import ScriptedSession
from tests.simulation.loop import VirtualLoop


class LoopClock:
    """The running loop's time."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def time(self) -> float:
        return self.monotonic()


class Kennel:
    """Makes sessions and knows which of them are open."""

    def __init__(self, profile: Profile | None = None) -> None:
        self.profile = profile or Profile()
        self.made: list[tuple[str, ScriptedSession]] = []
        self.errors: dict[str, Exception] = {}
        self.gate: asyncio.Event | None = None
        """Making a session waits for it."""

    async def make(self, character: str) -> ScriptedSession:
        if self.gate is not None:
            await self.gate.wait()
        if character in self.errors:
            raise self.errors.pop(character)
        session = ScriptedSession(self.profile, session_id=f"{character}-{len(self.made)}")
        self.made.append((character, session))
        return session

    @property
    def open(self) -> list[str]:
        """Characters whose session is not cleaned up."""
        return [character for character, session in self.made if "cleanup" not in session.names()]


def run(work) -> None:  # type: ignore[no-untyped-def]
    """Run in virtual time; nothing may be left of it but the test itself."""
    loop = VirtualLoop()

    async def all_of_it() -> None:
        async with asyncio.timeout(100_000):
            await work
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left

    loop.run(all_of_it())
    assert loop.unhandled == []


def pool_of(kennel: Kennel, **options: float) -> Pool:
    return Pool(kennel.make, clock=LoopClock(), **options)  # type: ignore[arg-type]


@contextmanager
def refused(code: str) -> Iterator[None]:
    """Neko says no, for this reason."""
    with pytest.raises(NekoError) as caught:
        yield
    assert caught.value.code == code


def test_a_returned_session_is_handed_out_again_to_its_character() -> None:
    async def work() -> None:
        kennel = Kennel()
        pool = pool_of(kennel)
        async with pool.lease("mio") as first:
            await first.start_session(InputMode.TEXT)
        assert (pool.handed_out, pool.idle) == (0, 1)
        async with pool.lease("mio") as again, pool.lease("mio") as another, pool.lease("yui") as other:
            assert again is first
            assert len({id(again), id(another), id(other)}) == 3
            assert pool.handed_out == 3
        await pool.close_all()
        assert kennel.open == []

    run(work())


def test_the_limit_counts_what_is_handed_out_and_waiters_are_served_in_order() -> None:
    async def work() -> None:
        kennel = Kennel()
        pool = pool_of(kennel, limit=2)
        first, second = await pool.lease("a"), await pool.lease("b")
        order: list[str] = []

        async def wait_for(character: str) -> None:
            async with pool.lease(character, timeout=100):
                order.append(character)
                await asyncio.sleep(1)

        async with asyncio.TaskGroup() as group:
            for character in "cbad":
                group.create_task(wait_for(character))
            await asyncio.sleep(10)
            assert (order, pool.waiting) == ([], 4)
            pool.release(first)
            pool.release(first)  # a second time frees no second place
            await asyncio.sleep(0.5)
            assert (order, pool.waiting) == (["c"], 3)
            pool.release(second)
        assert order == ["c", "b", "a", "d"]
        await pool.close_all()

    run(work())


def test_a_place_that_comes_free_goes_to_who_waits_and_not_to_a_late_caller() -> None:
    async def work() -> None:
        pool = pool_of(Kennel(), limit=1)
        lease = await pool.lease("a")
        order: list[str] = []

        async def take(name: str, character: str) -> None:
            async with pool.lease(character):
                order.append(name)

        async with asyncio.TaskGroup() as group:
            group.create_task(take("early", "b"))
            await asyncio.sleep(1)
            pool.release(lease)
            await take("late", "a")  # although its own session was there, idle, a moment ago
        assert order == ["early", "late"]
        await pool.close_all()

    run(work())


def test_the_longest_idle_session_makes_room_and_is_closed_before_the_new_one_is_made() -> None:
    async def work() -> None:
        kennel = Kennel()
        pool = pool_of(kennel, limit=2)
        for character in "ab":
            async with pool.lease(character):
                await asyncio.sleep(1)
        closing = kennel.made[0][1].hold("cleanup")
        task = asyncio.ensure_future(pool.lease("c")._take())
        await asyncio.sleep(1)
        assert [name for name, _ in kennel.made] == ["a", "b"]
        closing.set()
        pool.release(await task)
        assert kennel.open == ["b", "c"]
        await pool.close_all()

    run(work())


def test_a_waiter_that_goes_away_leaves_no_hole() -> None:
    async def work() -> None:
        pool = pool_of(Kennel(), limit=1)
        lease = await pool.lease("a")
        waiters = [asyncio.ensure_future(pool.lease(name)._take()) for name in "bcd"]
        await asyncio.sleep(1)
        waiters[0].cancel()
        pool.release(lease)  # in the same moment
        waiters[1].cancel()  # after the place was given to it
        got = await waiters[2]
        assert got.character == "d"
        assert pool.handed_out == 1
        pool.release(got)
        await asyncio.gather(*waiters, return_exceptions=True)
        await pool.close_all()

    run(work())


def test_a_deadline_ends_the_wait_and_says_why() -> None:
    async def work() -> None:
        kennel = Kennel()
        pool = pool_of(kennel, limit=1)
        async with pool.lease("a"):
            began = asyncio.get_running_loop().time()
            with pytest.raises(NekoError, match="All 1 sessions are in use.*2 seconds") as caught:
                await pool.lease("b", timeout=2)
            assert (caught.value.code, caught.value.permanent) == ("pool_full", False)
            assert asyncio.get_running_loop().time() - began == pytest.approx(2)
            assert pool.waiting == len(pool._seats._queue) == 0
        kennel.gate = asyncio.Event()
        with refused("pool_slow"):
            await pool.lease("b", timeout=2)
        kennel.gate = None
        async with pool.lease("b", timeout=0.1):
            pass
        await pool.close_all()

    run(work())


def test_a_maker_that_fails_frees_the_place_and_its_error_is_raised() -> None:
    async def work() -> None:
        kennel = Kennel()
        pool = pool_of(kennel, limit=1)
        for error in (LinkError("No such server."), TimeoutError("the maker's own")):
            kennel.errors["a"] = error
            with pytest.raises(type(error)) as caught:
                await pool.lease("a")
            assert caught.value is error
        async with pool.lease("b", timeout=1):
            assert pool.handed_out == 1
        await pool.close_all()

    run(work())


@pytest.mark.parametrize("fate", ["error", "ended", "raises"])
def test_a_session_that_is_of_no_more_use_is_closed_at_its_return(fate: str) -> None:
    async def work() -> None:
        kennel = Kennel()
        pool = pool_of(kennel)
        async with pool.lease("a") as session:
            await session.start_session(InputMode.TEXT)
            made = kennel.made[0][1]
            if fate == "error":
                made.set_state(status=Status.ERROR, link=LinkWord.OFFLINE)
            elif fate == "ended":
                await session.end_session()
            else:
                await session.start_listening()
                made.fail_next("stop_listening", LinkError("It hangs."))
        async with pool.lease("a") as another:
            assert another is not made
        await pool.close_all()
        assert made.names().count("cleanup") == 1

    run(work())


def test_a_session_that_fails_while_idle_is_not_handed_out() -> None:
    async def work() -> None:
        kennel = Kennel()
        pool = pool_of(kennel, limit=1)
        async with pool.lease("a"):
            pass
        kennel.made[0][1].set_state(status=Status.ERROR)
        async with pool.lease("a") as another:
            assert another is kennel.made[1][1]
        await pool.close_all()

    run(work())


def test_a_returned_session_neither_listens_nor_speaks() -> None:
    async def work() -> None:
        kennel = Kennel()
        pool = pool_of(kennel)
        async with pool.lease("a") as session:
            await session.start_session(InputMode.AUDIO)
            await session.start_listening()
        async with pool.lease("b"):
            await asyncio.sleep(0)
        assert kennel.made[0][1].names()[-2:] == ["stop_listening", "interrupt"]
        assert not session.state.is_listening
        assert pool.idle == 2
        await pool.close_all()

    run(work())


@pytest.mark.parametrize(
    ("minutes", "idle_close", "lives"), [(60, 3600, 3600), (2, 3600, 120), (0, 50, 50), (0, 0, None)]
)
def test_idle_sessions_are_closed_in_time(minutes: float, idle_close: float, lives: float | None) -> None:
    async def work() -> None:
        kennel = Kennel(parse({"guard": {"close_minutes": minutes}}, "test.toml"))
        pool = pool_of(kennel, idle_close=idle_close)
        async with pool.lease("a"):
            await asyncio.sleep(10)
        await asyncio.sleep((lives or 20_000) - 0.5)
        assert kennel.open == ["a"]
        await asyncio.sleep(1)
        assert kennel.open == ([] if lives else ["a"])
        assert pool.idle == len(kennel.open)
        await pool.close_all()

    run(work())


def test_a_session_in_use_is_never_idle_for_too_long() -> None:
    async def work() -> None:
        kennel = Kennel()
        pool = pool_of(kennel)
        async with pool.lease("a"):
            pass
        await asyncio.sleep(3000)
        async with pool.lease("a"):
            await asyncio.sleep(10_000)
        await asyncio.sleep(3000)
        assert kennel.open == ["a"]
        await pool.close_all()

    run(work())


def test_closing_ends_waiters_makers_and_sessions_and_refuses_the_rest() -> None:
    async def work() -> None:
        kennel = Kennel()
        pool = pool_of(kennel, limit=3)
        async with pool.lease("idle"):
            pass
        lease = await pool.lease("out")
        kennel.gate = asyncio.Event()
        making = asyncio.ensure_future(pool.lease("making")._take())
        replacing = asyncio.ensure_future(pool.lease("replacing")._take())
        waiting = asyncio.ensure_future(pool.lease("waiting")._take())
        await asyncio.sleep(1)
        assert (pool.handed_out, pool.waiting) == (3, 1)
        began = asyncio.get_running_loop().time()
        await asyncio.gather(pool.close_all(), pool.close_all())
        assert asyncio.get_running_loop().time() == began
        for task in (making, replacing, waiting):
            with refused("pool_closed"):
                await task
        with refused("pool_closed"):
            await pool.lease("late")
        assert kennel.open == []
        pool.release(lease)
        await pool.close_all()

    run(work())


def test_closing_does_not_wait_for_ever_for_a_session_that_hangs() -> None:
    async def work() -> None:
        kennel = Kennel()
        pool = pool_of(kennel)
        for character in "abc":
            async with pool.lease(character):
                pass
            kennel.made[-1][1].hold("cleanup")
        began = asyncio.get_running_loop().time()
        await pool.close_all()
        assert asyncio.get_running_loop().time() - began < 20

    run(work())


def test_a_session_made_in_spite_of_the_end_is_closed() -> None:
    async def work() -> None:
        kennel = Kennel()

        async def stubborn(character: str) -> ScriptedSession:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                asyncio.current_task().uncancel()  # type: ignore[union-attr]
            return await kennel.make(character)

        pool = Pool(stubborn, clock=LoopClock())
        task = asyncio.ensure_future(pool.lease("a")._take())
        await asyncio.sleep(1)
        await pool.close_all()
        with refused("pool_closed"):
            await task
        assert [name for name, _ in kennel.made] == ["a"]
        assert kennel.open == []

    run(work())


async def test_a_pool_needs_room() -> None:
    with pytest.raises(ConfigError):
        pool_of(Kennel(), limit=0)


async def test_a_lease_is_for_one_time() -> None:
    pool = pool_of(Kennel())
    lease = await pool.lease("a")
    with pytest.raises(RuntimeError):
        await lease
    pool.release(lease)
    with pytest.raises(RuntimeError):
        lease.session  # noqa: B018  the reading itself must fail
    await pool.close_all()
