"""Down the ladder of models: what the next link is, is told, and what is refused; time passes at once."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.capabilities import Resume
from neko_cli.core.energy import COOL_DOWN
from neko_cli.core.errors import CredentialsError, InvalidRequest, RateLimited, ServerFault
from neko_cli.core.events import Energy, Failure, InputMode, Swap, TurnEnded
from tests.fakes.staging import COLD, exchange, profile, staged, swapped, tells_a_story, told, with_door
from tests.fakes.virtual import virtual

RUNGS = [{"model": "large"}, {"model": "small"}]
LADDERS = profile(energy={"call": RUNGS, "text": RUNGS})
TURNS = 7
SAID = [line for n in range(TURNS) for line in (("user", f"question {n}"), ("assistant", f"answer {n}"))]
TOO_MANY = {"type": "requests", "code": "rate_limit_exceeded", "message": "Too many."}
MODES = pytest.mark.parametrize("mode", list(InputMode))


async def talked(stage, mode):
    """A session whose provider has told a handle, and several turns."""
    server = await stage.start(mode)
    assert "model=large" in server.endpoint.url
    server.tell("conversation.created", conversation={"id": "h1"})
    for n in range(TURNS):
        await exchange(stage, server, f"question {n}", f"answer {n}")
    return server


class Hanging:
    """A summariser that never answers."""

    async def summarise(self, earlier, lines, *, language, within=None):
        await asyncio.Event().wait()


@MODES
@virtual
async def test_a_lower_model_gets_a_session_of_its_own_that_knows_what_was_said(mode):
    """A handle of the other model is not for it; the context is there when the link is made.

    A summary that does not come is waited for no longer than the profile says.
    """
    capabilities = {"resume": Resume.CONVERSATION}
    tables = {**LADDERS, "memory": {"summary_wait": 2.0}}
    async with staged(tables, capabilities=capabilities, summariser=Hanging()) as stage:
        server = await talked(stage, mode)
        server.tell("error", error=TOO_MANY)
        server = await stage.back(2.5)
        assert "model=small" in server.endpoint.url
        assert "conversation" not in server.endpoint.url
        assert await told(server, 8) == SAID[-8:]
        assert (await stage.until(Swap)).reason == "energy"
        await stage.passes(5.0)
        server.nothing_more()


@virtual
async def test_what_the_lower_model_was_told_is_told_once_and_not_to_later_links_as_well():
    async with staged(LADDERS, capabilities={"resume": Resume.CONVERSATION}) as stage:
        server = await talked(stage, InputMode.TEXT)
        server.tell("error", error=TOO_MANY)
        server = await stage.back(1.0)
        assert await told(server, 8) == SAID[-8:]
        await stage.until(Swap)
        server.tell("conversation.created", conversation={"id": "h2"})
        await exchange(stage, server, "And?", "So.")
        server.drop(1006)
        server = await stage.back()
        assert "conversation=h2" in server.endpoint.url
        await stage.until(Swap)
        await stage.passes(5.0)
        server.nothing_more()  # its provider knows all of it


@virtual
async def test_a_next_link_that_dies_while_it_is_configured_leaves_the_context_to_the_one_after_it():
    async with staged(LADDERS) as stage:
        server = await talked(stage, InputMode.TEXT)
        server.tell("error", error=TOO_MANY)
        for _ in range(2):
            server = await stage.transport.accepted()
            await server.expect("session.update")
            server.drop(1011)
        server = await stage.back()
        assert "model=small" in server.endpoint.url
        assert await told(server, 8) == SAID[-8:]
        await stage.until(Swap)
        await stage.passes(5.0)
        server.nothing_more()


@virtual
async def test_what_a_cut_reply_had_said_outlasts_a_next_link_that_dies_while_it_is_configured():
    async with staged(COLD) as stage:
        server = await stage.start()
        await tells_a_story(stage, server, "Once upon a")
        await stage.passes(0.1)
        server.drop(1006)
        for _ in range(2):
            server = await stage.transport.accepted()
            await server.expect("session.update")
            server.drop(1011)
        server = await stage.back()
        assert await told(server, 2) == [("user", "Tell me a story."), ("assistant", "Once upon a")]
        asked = await server.expect("response.create")
        assert "Once upon a" in asked["response"]["instructions"]
        server.nothing_more()


@virtual
async def test_a_reply_that_was_cut_is_gone_on_with_once_and_is_plain_history_afterwards():
    async with staged(COLD) as stage:
        server = await stage.start()
        await tells_a_story(stage, server, "Once upon a")
        await stage.passes(0.1)
        server.drop(1006)
        server = await stage.back()
        await told(server, 2)
        await server.expect("response.create")
        server.reply("r2", "time.")
        await stage.until(TurnEnded)
        for _ in range(2):
            await stage.session.swap()
            fresh = await stage.back(1.0)
            assert stage.configuration.get("instructions", "").count("Once upon") == 0
            assert await told(fresh, 2) == [
                ("user", "Tell me a story."),
                ("assistant", "Once upon a time."),
            ]
            await stage.until(Swap, reason="user")
            await stage.passes(5.0)
            fresh.nothing_more()


@MODES
@virtual
async def test_an_exhausted_ladder_refuses_a_new_session_in_its_own_mode_until_it_is_rested(mode):
    """That a new call starts rested does not get around it."""
    async with staged(profile(energy={"call": RUNGS[:1], "text": RUNGS[:1]})) as stage:
        server = await stage.start(mode)
        server.tell("error", error=TOO_MANY)
        failure = await stage.until(Failure, fatal=True)
        assert failure.code == "exhausted"
        assert "minute" in failure.hint
        for _ in range(3):
            with pytest.raises(RateLimited) as refused:
                await stage.session.start_session(mode)
            assert refused.value.code == "exhausted"
        assert stage.transport.connections.empty()
        other = next(m for m in InputMode if m is not mode)
        await stage.start(other)
        await stage.session.end_session()
        await asyncio.sleep(COOL_DOWN)
        await stage.start(mode)


@pytest.mark.parametrize(
    "error",
    [
        ServerFault("Overloaded: rate limit, quota, too many requests.", code="503"),
        InvalidRequest("No such model.", code="404"),
        CredentialsError("The key was rejected: quota of 429.", code="401"),
    ],
)
@virtual
async def test_other_troubles_of_a_link_cost_no_energy(error):
    async with staged(LADDERS) as stage:
        door = with_door(stage)
        server = await stage.start()
        await stage.passes(20.0)
        door.error = error
        server.drop(1011)
        await stage.until(Failure)
        await stage.passes(20.0)
        assert stage.told(Energy) == []
        assert stage.session.state.energy == 2


@virtual
async def test_energy_lowers_one_step_for_one_shortage():
    """The same shortage is told by the reply, by an error event and by the close: it is paid for once."""
    async with staged(profile(energy={"text": [*RUNGS, {"model": "tiny"}]})) as stage:
        server = await stage.start()
        await stage.session.send_message("Hello?")
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        server.begin("r1")
        server.done("r1", "failed", type="failed", error=TOO_MANY)
        server.tell("error", error=TOO_MANY)
        server.drop(1013, "rate limit")
        server = await stage.back(1.0)
        assert "model=small" in server.endpoint.url
        await stage.passes(5.0)
        assert [(e.level, e.model) for e in stage.told(Energy)] == [(2, "small")]


@virtual
async def test_a_planned_swap_by_handle_closes_the_old_link_before_it_opens_the_next():
    """Two links with one handle at a time are refused; the rest of the old one's life is not waited out."""
    async with staged(COLD, capabilities={"resume": Resume.HANDLE}) as stage:
        door = with_door(stage)
        door.one_at_a_time = True
        server = await stage.start()
        server.tell("conversation.created", conversation={"id": "h1"})
        await exchange(stage, server)
        await stage.session.swap()
        again = await stage.back(1.0)
        assert "conversation=h1" in again.endpoint.url
        assert door.refused == 0
        await swapped(stage, "user", server, again)
        again.nothing_more()
