"""What agents found is told soon, once, and not lost with a link or a session; time passes at once."""

from __future__ import annotations

import pytest

from neko_cli.core.companions.callbacks import AgentResult
from neko_cli.core.events import Failure, InputMode, Outcome, Swap, TurnEnded
from neko_cli.core.news import REST
from neko_cli.core.profile import parse
from tests.fakes.staging import COLD, TALK, Stage, exchange, profile, staged, texts_of, told
from tests.fakes.virtual import virtual
from tests.fakes.wire import FakeConnection

BUILD = "The build is green."
RESULT = AgentResult("completed", BUILD)
NO_SYSTEM = {"system_items": False}


async def asked_to_tell(server: FakeConnection) -> None:
    """The link is told of the build, and asked for a reply, without a word from anybody."""
    ((role, text),) = texts_of([await server.expect("conversation.item.create")])
    assert role == "system"
    assert text.count(BUILD) == 1
    await server.expect("response.create")
    server.nothing_more()


async def tells(stage: Stage, server: FakeConnection, turn: int) -> None:
    """The character tells of the build, and nothing more is done about it."""
    server.reply(f"n{turn}", "It is green!")
    ended = await stage.until(TurnEnded, turn=turn)
    assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "It is green!")
    await stage.passes(2 * REST)
    server.nothing_more()
    assert stage.transport.connections.empty()


@pytest.mark.parametrize("mode", list(InputMode))
@virtual
async def test_nobody_has_to_speak_first(mode):
    async with staged(COLD) as stage:
        server = await stage.start(mode)
        stage.session.enqueue_agent_callback(RESULT)
        began = stage.core.now()
        await asked_to_tell(server)
        assert stage.core.now() - began <= 1.0
        await tells(stage, server, 1)


@virtual
async def test_news_wait_for_the_end_of_a_turn():
    async with staged(COLD) as stage:
        server = await stage.start()
        await stage.session.send_message("Hello?")
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        stage.session.enqueue_agent_callback(RESULT)
        await stage.passes(3.0)
        server.nothing_more()
        server.reply("r1", "Yes.")
        await stage.until(TurnEnded, turn=1)
        await asked_to_tell(server)
        await tells(stage, server, 2)


@virtual
async def test_a_link_that_is_lost_before_it_told_them_leaves_them_to_the_next():
    async with staged(COLD) as stage:
        server = await stage.start()
        stage.session.enqueue_agent_callback(RESULT)
        await asked_to_tell(server)
        server.drop(1006)
        server = await stage.back()
        await asked_to_tell(server)
        await tells(stage, server, 1)


@virtual
async def test_a_provider_that_fails_to_tell_them_is_asked_again_after_a_rest():
    async with staged(COLD) as stage:
        server = await stage.start()
        stage.session.enqueue_agent_callback(RESULT)
        await asked_to_tell(server)
        server.begin("n1")
        error = {"type": "server_error", "code": "server_error", "message": "It fell over."}
        server.done("n1", "failed", type="failed", error=error)
        assert (await stage.until(TurnEnded)).outcome is Outcome.FAILED
        await stage.passes(REST - 1.0)
        server.nothing_more()
        await asked_to_tell(server)
        await tells(stage, server, 2)


@pytest.mark.parametrize("system_items", [True, False])
@virtual
async def test_a_session_that_fails_before_they_were_told_leaves_them_to_the_next(system_items):
    async with staged(COLD, capabilities={"system_items": system_items}) as stage:
        server = await stage.start()
        stage.session.enqueue_agent_callback(RESULT)
        if system_items:
            await asked_to_tell(server)
        else:
            await stage.transport.accepted()  # the link that was to tell them is being configured
        server.drop(1008)
        await stage.until(Failure, fatal=True)
        await stage.session.end_session()
        server = await stage.start()
        if system_items:
            await stage.passes(REST)
            await asked_to_tell(server)
        else:
            server = await stage.back()
            assert stage.configuration["instructions"].count(BUILD) == 1
            await server.expect("response.create")
        await tells(stage, server, stage.core.turns.turn.number)


@virtual
async def test_what_was_found_between_two_sessions_is_told_in_the_next():
    async with staged(COLD) as stage:
        await stage.start()
        await stage.session.end_session()
        stage.session.enqueue_agent_callback(RESULT)
        server = await stage.start()
        await asked_to_tell(server)
        await tells(stage, server, 1)


@virtual
async def test_a_swap_that_was_made_for_them_is_the_only_one():
    async with staged(COLD, capabilities=NO_SYSTEM) as stage:
        server = await stage.start()
        stage.session.enqueue_agent_callback(RESULT)
        fresh = await stage.back(1.0)
        await stage.until(Swap)
        await fresh.expect("response.create")
        await tells(stage, fresh, 1)
        assert [swap.reason for swap in stage.told(Swap)] == ["agent"]
        assert server.closing is not None


@virtual
async def test_a_swap_for_another_reason_takes_them_along():
    """Where only a fresh session can be told them, the one for the new character is."""
    async with staged(COLD, capabilities=NO_SYSTEM) as stage:
        server = await stage.start()
        await exchange(stage, server)
        dog = parse(profile(character={"persona": "You are a dog."}), "test.toml")
        await stage.session.switch_profile(dog)
        stage.session.enqueue_agent_callback(RESULT)
        assert await stage.session.trigger_agent_callbacks()
        fresh = await stage.back(1.0)
        assert "dog" in stage.configuration["instructions"]
        assert stage.configuration["instructions"].count(BUILD) == 1
        await stage.until(Swap)
        assert await told(fresh, 2) == TALK
        await fresh.expect("response.create")
        await tells(stage, fresh, 2)


@virtual
async def test_a_link_that_cannot_be_made_for_them_does_not_lose_them():
    async with staged(COLD, capabilities=NO_SYSTEM) as stage:
        server = await stage.start()
        stage.session.enqueue_agent_callback(RESULT)
        refused = await stage.transport.accepted()
        refused.drop(1011)
        await stage.passes(0.1)
        assert server.closing is None
        fresh = await stage.back()
        assert stage.configuration["instructions"].count(BUILD) == 1
        await stage.until(Swap)
        await fresh.expect("response.create")
        await tells(stage, fresh, 1)
