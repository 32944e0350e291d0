"""How often, and how soon, a lost link is made again, and when that is given up; time passes at once."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.errors import RateLimited, ServerFault
from neko_cli.core.events import Energy, Failure, LinkWord, Notice, Severity, Status, StatusChanged
from neko_cli.core.retry import RetryPolicy
from tests.fakes.staging import COLD, Door, Stage, staged, works
from tests.fakes.virtual import virtual

POLICY = RetryPolicy()
WAITS = [min(POLICY.cap, POLICY.first * POLICY.factor**n) for n in range(POLICY.attempts)]
"""Seconds before each attempt, without jitter."""


class Ledger(Door):
    """Knows when each attempt was made, refused ones too."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    async def open(self, endpoint, *, timeout=10.0):
        self.times.append(asyncio.get_running_loop().time())
        return await super().open(endpoint, timeout=timeout)

    def waits(self, since: float) -> list[float]:
        """Seconds before each attempt since then."""
        times = [since, *(at for at in self.times if at > since)]
        return [later - earlier for earlier, later in zip(times, times[1:], strict=False)]


def with_ledger(stage: Stage) -> Ledger:
    """Put a ledger into the stage's way, before it starts."""
    ledger = stage.transport = stage.core.links._transport = Ledger()
    return ledger


@virtual
async def test_already_the_first_attempt_waits_each_one_waits_longer_and_there_is_an_end():
    async with staged(COLD) as stage:
        ledger = with_ledger(stage)
        server = await stage.start()
        await stage.passes(20.0)
        ledger.error = ServerFault("Overloaded.", code="503")
        lost = stage.core.now()
        server.drop(1011)
        failure = await stage.until(Failure, fatal=True)
        assert ledger.waits(lost) == pytest.approx(WAITS)
        assert failure.hint
        assert stage.session.state.status is Status.ERROR
        await stage.passes(3600.0)
        assert len(ledger.times) == 1 + POLICY.attempts  # it is given up for good
        assert len(stage.told(Failure)) == 2  # its beginning and its end


@virtual
async def test_links_that_are_lost_as_soon_as_they_are_up_are_one_outage_and_are_given_up():
    """That a socket opens, or that a session is configured, is no success."""
    async with staged(COLD) as stage:
        ledger = with_ledger(stage)
        server = await stage.start()
        await stage.passes(20.0)
        lost = stage.core.now()
        for _ in WAITS:
            server.drop(1011)
            server = await stage.back(POLICY.cap + 0.1)
            await stage.until(StatusChanged, link=LinkWord.ONLINE)
        server.drop(1011)
        assert (await stage.until(Failure, fatal=True)).hint
        assert ledger.waits(lost) == pytest.approx(WAITS)
        assert len(stage.told(Failure)) == 2
        assert len(stage.told(Notice, severity=Severity.SUCCESS)) == 1
        await stage.passes(3600.0)
        assert len(ledger.times) == 1 + POLICY.attempts


@pytest.mark.parametrize(("lives", "next_wait"), [(9.0, WAITS[3]), (11.0, WAITS[0])])
@virtual
async def test_only_a_link_that_lived_for_a_while_is_a_success(lives, next_wait):
    async with staged(COLD) as stage:
        ledger = with_ledger(stage)
        server = await stage.start()
        for _ in range(3):
            server.drop(1011)
            server = await stage.back(5.0)
        await stage.passes(lives)
        lost = stage.core.now()
        server.drop(1011)
        await stage.back(5.0)
        assert ledger.waits(lost) == pytest.approx([next_wait])


@virtual
async def test_who_starts_again_has_all_attempts_again():
    async with staged(COLD) as stage:
        ledger = with_ledger(stage)
        server = await stage.start()
        for _ in range(2):
            ledger.error = ServerFault("Overloaded.", code="503")
            lost = stage.core.now()
            server.drop(1011)
            await stage.until(Failure, fatal=True)
            assert len(ledger.waits(lost)) == POLICY.attempts
            ledger.error = None
            server = await stage.start()
        await works(stage, server)


@virtual
async def test_a_provider_that_says_when_to_come_back_is_not_asked_before():
    async with staged(COLD) as stage:
        ledger = with_ledger(stage)
        server = await stage.start()
        await stage.passes(20.0)
        ledger.error = RateLimited("Too many requests.", code="429", retry_after=40.0)
        lost = stage.core.now()
        server.drop(1011)
        await stage.until(Energy)
        ledger.error = None
        await stage.back()
        assert ledger.waits(lost) == pytest.approx([WAITS[0], 40.0])
