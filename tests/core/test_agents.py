"""What agents send reaches the character once, at a quiet moment, and agents are asked where they may be."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.companions import agent_events as events
from neko_cli.core.companions.callbacks import WAITING_LIMIT, AgentResult
from neko_cli.core.errors import ConfigError, StoreError
from neko_cli.core.events import InputMode, Notice, NoticeKind, Outcome, Severity, TurnEnded
from neko_cli.core.news import REST
from neko_cli.core.profile import parse
from tests.fakes.agent_ports import Bus, Shelf, done, is_told
from tests.fakes.agent_session import with_agents
from tests.fakes.staging import COLD, exchange, profile, staged
from tests.fakes.virtual import virtual


@pytest.mark.parametrize("mode", list(InputMode))
@virtual
async def test_a_result_is_kept_shown_told_and_then_forgotten(mode):
    async with staged(COLD) as stage:
        bus, shelf = Bus(), Shelf()
        agents = with_agents(stage, bus, shelf)
        server = await stage.start(mode)
        await agents.open()
        ack = await bus.ears.take(done(channel="build", detail="all of it", status="partial"))
        assert (ack.event_id, ack.accepted, ack.lanlan_name) == ("e1", True, "Neko")
        assert len(shelf.kept) == 1
        await is_told(server, "- build, partial: Build 1 is green.", "all of it")
        assert (await stage.until(Notice, kind=NoticeKind.AGENT)).severity is Severity.WARNING
        assert len(shelf.kept) == 1, "forgotten before it was told"
        server.reply("r1", "It is green!")
        assert (await stage.until(TurnEnded)).outcome is Outcome.COMPLETE
        await stage.passes(100.0)
        assert shelf.kept == {}
        assert agents.waiting == 0
        server.nothing_more()
        await agents.close()
        assert shelf.released


@virtual
async def test_a_result_that_comes_twice_is_told_once():
    async with staged(COLD) as stage:
        bus, shelf = Bus(), Shelf()
        agents = with_agents(stage, bus, shelf)
        server = await stage.start()
        await agents.open()
        acks = await asyncio.gather(bus.ears.take(done()), bus.ears.take(done()))
        assert all(ack.accepted for ack in acks)
        text = await is_told(server)
        assert text.count("Build 1") == 1
        assert len(shelf.kept) == 1
        await agents.close()


@virtual
async def test_a_telling_that_failed_leaves_it_on_disk():
    async with staged(COLD) as stage:
        bus, shelf = Bus(), Shelf()
        agents = with_agents(stage, bus, shelf)
        server = await stage.start()
        await agents.open()
        await bus.ears.take(done())
        await is_told(server)
        server.begin("r1")
        server.done("r1", "failed", type="failed", error={"type": "server_error", "message": "x"})
        assert (await stage.until(TurnEnded)).outcome is Outcome.FAILED
        assert len(shelf.kept) == 1
        await stage.passes(REST)
        await is_told(server, "Build 1")
        server.reply("r2", "Green.")
        await stage.until(TurnEnded, outcome=Outcome.COMPLETE)
        await stage.passes(1.0)
        assert shelf.kept == {}
        await agents.close()


@virtual
async def test_what_an_earlier_session_left_is_told_first():
    left = AgentResult("completed", "Old news.", id="old")
    async with staged(COLD) as stage:
        shelf = Shelf(left)
        agents = with_agents(stage, Bus(), shelf)
        server = await stage.start()
        await agents.open()
        await is_told(server, "Old news.")
        server.reply("r1", "Old.")
        await stage.until(TurnEnded)
        await stage.passes(1.0)
        assert shelf.kept == {}
        await agents.close()


@virtual
async def test_a_session_that_ends_leaves_what_waits_on_disk_and_not_in_memory():
    async with staged(COLD) as stage:
        bus, shelf = Bus(), Shelf()
        agents = with_agents(stage, bus, shelf)
        server = await stage.start()
        await agents.open()
        ears = bus.ears
        await stage.session.send_message("Hello?")
        await server.expect("conversation.item.create")
        for number in range(60):
            await ears.take(done(number))
        await agents.close()
        assert len(shelf.kept) == 60
        assert agents.waiting == 0
        assert not (await ears.take(done(99))).accepted
        assert (await ears.ask(events.AskUser(event_id="q", question="?"))).status == "refused"


@virtual
async def test_a_disk_that_refuses_is_told_once_and_the_result_all_the_same():
    async with staged(COLD) as stage:
        bus, shelf = Bus(), Shelf()
        shelf.error = StoreError("The disk is full.", code="full")
        agents = with_agents(stage, bus, shelf)
        server = await stage.start()
        await agents.open()
        for number in (1, 2):
            assert (await bus.ears.take(done(number))).accepted
        await is_told(server, "Build 1")
        await stage.passes(1.0)
        assert [n.text for n in stage.told(Notice, severity=Severity.WARNING)] == [
            "Results of agents wait in memory alone: The disk is full."
        ]
        await agents.close()


@virtual
async def test_more_than_can_wait_is_refused():
    async with staged(COLD) as stage:
        bus = Bus()
        agents = with_agents(stage, bus)
        await stage.start()
        await agents.open()
        agents._results._backlog.extend(AgentResult("completed", "x") for _ in range(1000))
        ack = await bus.ears.take(done())
        assert (ack.accepted, ack.message) == (False, "Too much waits to be told.")
        agents._results._backlog.clear()
        assert (await bus.ears.take(done())).accepted  # the same one, sent again
        await agents.close()


@virtual
async def test_what_the_session_itself_tells_finds_room_beside_hundreds():
    async with staged(COLD) as stage:
        bus = Bus()
        agents = with_agents(stage, bus)
        server = await stage.start()
        await agents.open()
        await stage.session.send_message("Hello?")
        await server.expect("conversation.item.create")
        for number in range(3 * WAITING_LIMIT):
            await bus.ears.take(done(number))
        stage.session.enqueue_agent_callback(AgentResult("completed", "a late tool"))
        assert agents.waiting == 3 * WAITING_LIMIT + 1
        await agents.close()


@virtual
async def test_an_event_for_another_character_is_refused():
    async with staged(COLD) as stage:
        bus = Bus()
        agents = with_agents(stage, bus)
        await stage.start()
        await agents.open()
        ack = await bus.ears.take(done(lanlan_name="Mio"))
        assert (ack.accepted, ack.message) == (False, "Mio is not here; Neko is.")
        assert (await bus.ears.take(done(lanlan_name="neko"))).accepted
        await agents.close()


@virtual
async def test_a_message_to_bring_up_is_told_like_a_result():
    async with staged(COLD) as stage:
        bus = Bus()
        agents = with_agents(stage, bus)
        server = await stage.start()
        await agents.open()
        assert (await bus.ears.take(events.ProactiveMessage(event_id="p", text="It rains."))).accepted
        assert not (await bus.ears.take(events.ProactiveMessage(event_id="q"))).accepted
        await is_told(server, "It rains.")
        await agents.close()


# -- the way to agents --------------------------------------------------------------------------

ENABLED = profile(agents={"enabled": True}, guard={"repetition": 0})


@virtual
async def test_agents_see_the_last_messages_after_each_turn_where_they_may():
    async with staged(ENABLED) as stage:
        bus = Bus()
        agents = with_agents(stage, bus)
        server = await stage.start()
        await agents.open()
        for _ in range(4):
            await exchange(stage, server)
        await stage.passes(0.1)
        assert len(bus.requests) == 4
        last = bus.requests[-1]
        assert last.trigger is events.Trigger.TURN_END
        assert (
            last.messages
            == (
                {"role": "user", "content": "I am Mia."},
                {"role": "assistant", "content": "Hello Mia."},
            )
            * 3
        )
        await bus.ears.take(done())  # a turn in which the user says nothing is no reason to ask
        await is_told(server)
        server.reply("n1", "Green.")
        await stage.until(TurnEnded, turn=5)
        await stage.passes(0.1)
        assert len(bus.requests) == 4
        await agents.close()
        assert bus.requests[-1].trigger is events.Trigger.SESSION_END


@virtual
async def test_agents_see_nothing_unless_they_may():
    async with staged(COLD) as stage:
        bus = Bus()
        agents = with_agents(stage, bus)
        server = await stage.start()
        await agents.open()
        await exchange(stage, server)
        await stage.passes(0.1)
        assert bus.requests == []
        agents.set_flag("agent_enabled", True)
        assert bus.flags[-1].flags["agent_enabled"]
        await exchange(stage, server)
        await stage.passes(0.1)
        assert len(bus.requests) == 1
        with pytest.raises(ConfigError, match="no agent flag"):
            agents.set_flag("fly", True)
        agents.set_flag("agent_enabled", False)
        await agents.close()
        assert len(bus.requests) == 1


@virtual
async def test_an_edited_profile_changes_flags_name_and_bus():
    async with staged(COLD) as stage:
        bus = Bus()
        agents = with_agents(stage, bus)
        await stage.start()
        await agents.open()
        edited = profile(agents={"computer_use": True, "bus": "neko"}, character={"name": "Mio"})
        await stage.session.switch_profile(parse(edited, "test.toml"))
        await stage.passes(0.1)
        assert agents.flags["computer_use_enabled"]
        assert bus.flags[-1] == events.AgentFlags(lanlan_name="Mio", flags=agents.flags)
        assert bus.names == ["Mio"]
        assert bus.opened == ["own", "neko"]
        await agents.close()


@virtual
async def test_what_cannot_be_listened_to_is_told():
    async with staged(COLD) as stage:
        bus = Bus()
        bus.problems = ("The port is taken.",)
        agents = with_agents(stage, bus)
        await stage.start()
        await agents.open()
        assert (await stage.until(Notice, kind=NoticeKind.AGENT)).text == "The port is taken."
        await agents.close()
        await agents.close()
