"""Planned swaps at the provider's limit, and for the context's sake; time passes at once."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.events import (
    InputMode,
    Outcome,
    ReplyText,
    Swap,
    TurnEnded,
)
from neko_cli.core.provider_events import GoingAway
from tests.fakes.staging import COLD, TALK, exchange, profile, staged, swapped, tells_a_story, told, works
from tests.fakes.virtual import virtual


async def configured(server, **session):
    """The hand-shake with more in the session than usual."""
    server.tell("session.created", session={"type": "realtime", "id": "s", "model": "m", **session})
    update = await server.expect("session.update")
    server.tell("session.updated", session={"type": "realtime", "id": "s", "model": "m", **session})
    return update["session"]


async def started(stage, *, expires_in, mode=InputMode.TEXT):
    """A session whose first link says when it ends."""
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.session.start_session(mode))
        server = await stage.transport.accepted()
        await configured(server, expires_at=stage.clock.time() + expires_in)
    return server


# -- the provider's limit -----------------------------------------------------------------------


@virtual
async def test_before_the_time_that_the_provider_tells_is_over():
    async with staged(COLD) as stage:
        server = await started(stage, expires_in=1000.0)
        await exchange(stage, server)
        standby = await stage.back()
        assert 695.0 <= stage.core.now() <= 702.0  # five minutes before
        assert await told(standby, 2) == TALK
        await swapped(stage, "limit", server, standby)
        standby.nothing_more()
        await works(stage, standby)


@virtual
async def test_before_the_longest_life_of_a_session_is_over():
    async with staged(COLD, capabilities={"max_session": 600.0, "renew_before": 60.0}) as stage:
        server = await stage.start()
        await exchange(stage, server)
        for lap in (1, 2, 3):
            standby = await stage.back()
            assert stage.core.now() == pytest.approx(540.0 * lap, abs=3.0)
            assert await told(standby, 2) == TALK
            await swapped(stage, "limit", server, standby)
            server = standby
        await works(stage, server)


@virtual
async def test_before_the_provider_goes_away():
    async with staged(COLD) as stage:
        server = await stage.start()
        await exchange(stage, server)
        stage.core.provider_event(GoingAway(50.0))
        standby = await stage.back(1.0)
        assert await told(standby, 2) == TALK
        await swapped(stage, "limit", server, standby)
        await works(stage, standby)
        await stage.passes(200.0)
        assert len(stage.told(Swap)) == 1


@virtual
async def test_a_session_of_three_seconds_is_replaced_in_time_again_and_again():
    async with staged(COLD) as stage:
        server = await started(stage, expires_in=3.0)
        for _ in range(5):
            standby = await stage.transport.accepted()
            await configured(standby, expires_at=stage.clock.time() + 3.0)
            await swapped(stage, "limit", server, standby)
            server = standby
        assert stage.core.now() <= 11.0


@virtual
async def test_a_time_that_is_over_already_is_a_wrong_clock_and_no_reason():
    """The computer's clock is two hours fast: nothing is swapped again and again for that."""
    async with staged(COLD) as stage:
        server = await started(stage, expires_in=-3600.0)
        await stage.passes(100.0)
        assert stage.transport.connections.empty()
        await exchange(stage, server)
        standby = await stage.back()
        assert stage.core.now() == pytest.approx(3300.0, abs=5.0)  # what is known of the provider
        await swapped(stage, "limit", server, standby)


@virtual
async def test_a_swap_that_is_due_waits_for_the_end_of_a_reply():
    async with staged(COLD) as stage:
        server = await stage.start()
        await tells_a_story(stage, server, "Once upon")
        await stage.until(ReplyText)
        stage.core.provider_event(GoingAway(50.0))
        standby = await stage.back(1.0)
        await stage.passes(20.0)
        assert stage.told(Swap) == []
        server.words("r1", " a time.")
        server.done("r1")
        await swapped(stage, "limit", server, standby)
        assert await told(standby, 2) == [("user", "Tell me a story."), ("assistant", "Once upon a time.")]
        standby.nothing_more()


@virtual
async def test_a_reply_that_outlasts_its_link_is_asked_for_once_more():
    async with staged(COLD) as stage:
        server = await stage.start()
        await tells_a_story(stage, server, "Once upon")
        await stage.until(ReplyText)
        stage.core.provider_event(GoingAway(10.0))
        standby = await stage.back(1.0)
        server.words("r1", " a")
        swap = await stage.until(Swap)
        assert swap.at == pytest.approx(7.0, abs=0.5)
        assert await told(standby, 2) == [("user", "Tell me a story."), ("assistant", "Once upon a")]
        asked = await standby.expect("response.create")
        assert "Once upon a" in asked["response"]["instructions"]
        standby.reply("r1", "time.")
        ended = await stage.until(TurnEnded)
        assert (ended.turn, ended.outcome, ended.text) == (1, Outcome.COMPLETE, "Once upon a time.")
        assert [m.text for m in stage.session.memory.recent()] == ["Tell me a story.", "Once upon a time."]


# -- the context --------------------------------------------------------------------------------


@virtual
async def test_after_so_many_turns():
    async with staged(profile(swap={"turns": 2})) as stage:
        server = await stage.start()
        await exchange(stage, server)
        await stage.passes(10.0)
        assert stage.transport.connections.empty()
        await exchange(stage, server, "And you?", "I am Neko.")
        standby = await stage.back(1.0)
        assert await told(standby, 4) == [*TALK, ("user", "And you?"), ("assistant", "I am Neko.")]
        await swapped(stage, "context", server, standby)
        await works(stage, standby)
        await stage.passes(10.0)
        assert stage.transport.connections.empty()  # it counts afresh


@pytest.mark.parametrize("mode", list(InputMode))
@virtual
async def test_when_a_context_is_too_large(mode):
    """By what the provider counts, its instructions included."""
    async with staged(profile(swap={"tokens": 1000})) as stage:
        server = await stage.start(mode)
        await exchange(stage, server, usage={"input_tokens": 600, "output_tokens": 300})
        await stage.passes(10.0)
        assert stage.transport.connections.empty()
        await exchange(stage, server, "And?", "So.", usage={"input_tokens": 900, "output_tokens": 100})
        standby = await stage.back(1.0)
        await swapped(stage, "context", server, standby)


class FakeSummariser:
    """Names what it was given; hangs or fails when told to."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.hangs = False

    async def summarise(self, earlier, lines, *, language, within=None):
        self.asked.append([text for _, text in lines])
        if self.hangs:
            await asyncio.Event().wait()
        return "They greeted one another."


async def long_talk(stage, server):
    for n in range(6):
        await exchange(stage, server, f"question {n}", f"answer {n}")


LAST_FOUR = [line for n in range(2, 6) for line in (("user", f"question {n}"), ("assistant", f"answer {n}"))]


@virtual
async def test_a_large_context_becomes_a_summary_and_the_last_turns():
    summariser = FakeSummariser()
    async with staged(profile(swap={"turns": 6}), summariser=summariser) as stage:
        server = await stage.start()
        await long_talk(stage, server)
        standby = await stage.back(1.0)
        (role, text), *lines = await told(standby, 9)
        assert role == "system"
        assert "They greeted one another." in text
        assert lines == LAST_FOUR
        await swapped(stage, "context", server, standby)
        standby.nothing_more()
        assert summariser.asked == [["question 0", "answer 0", "question 1", "answer 1"]]


@virtual
async def test_a_summary_that_does_not_come_is_not_waited_for_longer_than_the_profile_says():
    summariser = FakeSummariser()
    summariser.hangs = True
    tables = profile(swap={"turns": 6}, memory={"summary_wait": 2.0})
    async with staged(tables, summariser=summariser) as stage:
        server = await stage.start()
        await long_talk(stage, server)
        begun = stage.core.now()
        standby = await stage.back(3.0)
        assert stage.core.now() - begun == pytest.approx(2.0, abs=0.5)
        assert await told(standby, 8) == LAST_FOUR
        await swapped(stage, "context", server, standby)
