"""Planned swaps for another character, for news of agents and for the user; time passes at once."""

from __future__ import annotations

from neko_cli.core.companions.callbacks import AgentResult
from neko_cli.core.events import (
    Swap,
    TurnEnded,
)
from neko_cli.core.profile import parse
from tests.fakes.staging import COLD, TALK, exchange, profile, staged, swapped, told, works
from tests.fakes.virtual import virtual

# -- another character --------------------------------------------------------------------------


@virtual
async def test_another_character_takes_over_from_the_next_turn_on():
    async with staged(profile(character={"persona": "You are a cat."})) as stage:
        server = await stage.start()
        assert "cat" in stage.configuration["instructions"]
        await exchange(stage, server)
        other = {"character": {"persona": "You are a dog."}, "voice": {"name": "cedar"},
                 "provider": {"model": "other-model"}}  # fmt: skip
        await stage.session.switch_profile(parse(profile(**other), "test.toml"))
        standby = await stage.back(1.0)
        assert "dog" in stage.configuration["instructions"]
        assert stage.configuration["audio"]["output"]["voice"] == "cedar"
        assert "model=other-model" in standby.endpoint.url
        assert await told(standby, 2) == TALK
        await swapped(stage, "character", server, standby)
        await works(stage, standby)


@virtual
async def test_a_switch_in_the_middle_of_a_turn_waits_for_its_end():
    async with staged(COLD) as stage:
        server = await stage.start()
        await stage.session.send_message("Hello?")
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        await stage.session.switch_profile(
            parse(profile(character={"persona": "You are a dog."}), "test.toml")
        )
        standby = await stage.back(1.0)
        await stage.passes(5.0)
        assert stage.told(Swap) == []
        server.reply("r1", "Meow.")
        await swapped(stage, "character", server, standby)
        assert await told(standby, 2) == [("user", "Hello?"), ("assistant", "Meow.")]


@virtual
async def test_a_second_switch_makes_the_standby_link_anew():
    async with staged(COLD) as stage:
        server = await stage.start()
        await stage.session.send_message("Hello?")
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        for persona in ("You are a dog.", "You are a bird."):
            await stage.session.switch_profile(parse(profile(character={"persona": persona}), "test.toml"))
            standby = await stage.back(1.0)
            await stage.passes(1.0)
        server.reply("r1", "Meow.")
        await stage.until(Swap)
        assert "bird" in stage.configuration["instructions"]
        assert standby.closing is None


@virtual
async def test_a_switch_while_a_link_is_being_made_is_not_forgotten():
    async with staged(COLD) as stage:
        server = await stage.start()
        await stage.passes(20.0)
        server.drop(1006)
        coming = await stage.transport.accepted()
        await stage.session.switch_profile(
            parse(profile(character={"persona": "You are a dog."}), "test.toml")
        )
        await coming.configured()
        assert not (await stage.until(Swap)).planned
        standby = await stage.back(5.0)
        assert "dog" in stage.configuration["instructions"]
        swap = await stage.until(Swap)
        assert (swap.reason, swap.planned) == ("character", True)
        assert standby.closing is None


@virtual
async def test_what_is_not_the_session_s_business_swaps_nothing():
    async with staged(COLD) as stage:
        await stage.start()
        await stage.session.switch_profile(stage.session.profile)
        await stage.session.switch_profile(
            parse(profile(swap={"tokens": 5000}, sound={"duplex": "full"}), "test.toml")
        )
        await stage.session.switch_profile(
            parse(profile(user={"language": "de"}, emotion={"classify": "off"}), "test.toml")
        )
        await stage.passes(5.0)
        assert stage.transport.connections.empty()


# -- agents, and the user -----------------------------------------------------------------------

NO_SYSTEM = {"system_items": False}


@virtual
async def test_news_of_agents_where_the_provider_takes_none_in_mid_session():
    async with staged(COLD, capabilities=NO_SYSTEM) as stage:
        server = await stage.start()
        await exchange(stage, server)
        stage.session.enqueue_agent_callback(AgentResult("completed", "The build is green."))
        assert await stage.session.trigger_agent_callbacks()
        standby = await stage.back(1.0)
        assert stage.configuration["instructions"].count("The build is green.") == 1
        assert await told(standby, 2) == TALK
        await swapped(stage, "agent", server, standby)
        await standby.expect("response.create")
        standby.nothing_more()
        standby.reply("n1", "The build is green!")
        ended = await stage.until(TurnEnded)
        assert (ended.turn, ended.text) == (2, "The build is green!")
        await stage.session.swap()
        await stage.back(1.0)
        assert "green" not in stage.configuration.get("instructions", "")  # told once


@virtual
async def test_more_news_before_the_first_was_told_takes_nothing_away():
    async with staged(COLD, capabilities=NO_SYSTEM) as stage:
        server = await stage.start()
        await stage.passes(0.1)  # from here on it is known what is being told
        stage.session.enqueue_agent_callback(AgentResult("completed", "The build is green."))
        assert await stage.session.trigger_agent_callbacks()
        stage.session.enqueue_agent_callback(AgentResult("completed", "The mail is sent."))
        assert not await stage.session.trigger_agent_callbacks()  # one after the other
        for words in ("The build is green.", "The mail is sent."):
            fresh = await stage.back()
            assert words in stage.configuration["instructions"]
            while (await fresh.to_server.get())["type"] != "response.create":
                pass
            fresh.reply(f"r{len(words)}", words)
            await stage.until(TurnEnded)
        await stage.passes(1.0)
        assert server.closing is not None


@virtual
async def test_when_the_user_wants_one():
    async with staged(COLD) as stage:
        server = await stage.start()
        await exchange(stage, server)
        await stage.session.swap()
        standby = await stage.back(1.0)
        assert await told(standby, 2) == TALK
        await swapped(stage, "user", server, standby)
        await works(stage, standby)


@virtual
async def test_when_the_server_s_session_is_at_its_end():
    async with staged(COLD) as stage:
        server = await stage.start()
        await exchange(stage, server)
        await stage.session.end_session(by_server=True)
        standby = await stage.back(1.0)
        await swapped(stage, "user", server, standby)


@virtual
async def test_wanting_it_often_swaps_once():
    async with staged(COLD) as stage:
        server = await stage.start()
        for _ in range(5):
            await stage.session.swap()
        standby = await stage.back(1.0)
        await swapped(stage, "user", server, standby)
        await stage.passes(10.0)
        assert stage.transport.connections.empty()
