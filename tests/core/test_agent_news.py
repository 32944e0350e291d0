"""How results of agents stand is told, and the user says which is told now, and which never."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core import agent_tasks
from neko_cli.core.agents import UNWANTED
from neko_cli.core.companions import agent_events as events
from neko_cli.core.companions.callbacks import AgentResult
from neko_cli.core.events import AgentNews, AgentTask, InputMode, NewsState, TurnEnded
from tests.fakes.agent_ports import Bus, Shelf, done, is_told
from tests.fakes.agent_session import with_agents
from tests.fakes.staging import COLD, staged
from tests.fakes.virtual import virtual


def states(stage) -> list[tuple[str, NewsState]]:
    return [(event.summary, event.state) for event in stage.told(AgentNews)]


async def busy(stage, server):
    """The character has not answered yet: nothing can be told."""
    await stage.session.send_message("Hello?")
    await server.expect("conversation.item.create")
    await server.expect("response.create")


@virtual
async def test_a_result_waits_is_told_and_was_told():
    async with staged(COLD) as stage:
        bus = Bus()
        agents = with_agents(stage, bus, Shelf())
        server = await stage.start()
        await agents.open()
        await busy(stage, server)
        await bus.ears.take(done(channel="build", detail="all", status="partial", task_id="t1"))
        await stage.passes(1.0)
        (news,) = stage.told(AgentNews)
        assert (news.status, news.detail, news.source, news.task) == ("partial", "all", "build", "t1")
        server.reply("r1", "Here.")
        await is_told(server, "Build 1")
        server.reply("r2", "It is built.")
        await stage.until(TurnEnded, turn=2)
        await stage.passes(1.0)
        name = "Build 1 is green."
        assert states(stage) == [
            (name, NewsState.WAITING),
            (name, NewsState.TELLING),
            (name, NewsState.TOLD),
        ]
        assert {event.id for event in stage.told(AgentNews)} == {news.id}
        await agents.close()


@virtual
async def test_one_that_could_not_be_told_waits_again():
    async with staged(COLD) as stage:
        bus = Bus()
        agents = with_agents(stage, bus, Shelf())
        server = await stage.start()
        await agents.open()
        await bus.ears.take(done())
        await is_told(server)
        server.begin("r1")
        server.done("r1", "failed", type="failed", error={"type": "server_error", "message": "x"})
        await stage.until(TurnEnded)
        await stage.passes(1.0)
        assert [state for _, state in states(stage)] == [
            NewsState.WAITING,
            NewsState.TELLING,
            NewsState.WAITING,
        ]
        (news, *_) = stage.told(AgentNews)
        assert agents.tell_now(news.id), "whoever asks for it need not wait for the next attempt"
        await is_told(server, "Build 1")
        await agents.close()


@virtual
async def test_what_is_to_be_told_now_comes_first_and_waits_until_nobody_talks():
    async with staged({**COLD, "agents": {"tokens": 200}}) as stage:
        bus, shelf = Bus(), Shelf()
        agents = with_agents(stage, bus, shelf)
        server = await stage.start()
        await agents.open()
        await busy(stage, server)
        for number in range(80):  # more than wait in the first queue
            await bus.ears.take(done(number, detail="x" * 700))
        await stage.passes(0.1)
        last = stage.told(AgentNews)[-1]
        assert agents.tell_now(last.id)
        await stage.passes(30.0)
        server.nothing_more()
        server.reply("r1", "Here.")
        text = await is_told(server, "Build 79")
        assert "Build 0" not in text
        assert not agents.tell_now(last.id), "it is being told"
        assert not agents.dismiss(last.id), "it is being told"
        server.reply("r2", "79.")
        assert "Build 79" not in await is_told(server, "Build 0")
        assert not agents.tell_now(last.id), "it was told"
        assert agents.waiting == 79
        await agents.close()


@virtual
async def test_asking_often_tells_it_once():
    async with staged(COLD) as stage:
        bus = Bus()
        agents = with_agents(stage, bus, Shelf())
        server = await stage.start()
        await agents.open()
        await busy(stage, server)
        await bus.ears.take(done())
        await stage.passes(0.1)
        (news,) = stage.told(AgentNews)
        assert [agents.tell_now(news.id) for _ in range(5)] == [True] * 5
        server.reply("r1", "Here.")
        text = await is_told(server)
        assert text.count("Build 1") == 1
        server.reply("r2", "Built.")
        await stage.until(TurnEnded, turn=2)
        await stage.passes(60.0)
        server.nothing_more()
        await agents.close()


@virtual
async def test_one_that_is_dismissed_is_not_told_and_leaves_the_disk():
    async with staged(COLD) as stage:
        bus, shelf = Bus(), Shelf()
        agents = with_agents(stage, bus, shelf)
        server = await stage.start()
        await agents.open()
        await busy(stage, server)
        await bus.ears.take(done(1))
        await bus.ears.take(done(2))
        await stage.passes(0.1)
        first, second = stage.told(AgentNews)
        assert agents.dismiss(first.id)
        assert not agents.dismiss(first.id)
        await stage.passes(1.0)
        assert list(shelf.kept) == [second.id]
        server.reply("r1", "Here.")
        assert "Build 1" not in await is_told(server, "Build 2")
        assert states(stage)[-1] == ("Build 1 is green.", NewsState.DROPPED)
        await agents.close()


@virtual
async def test_a_question_that_is_dismissed_is_refused():
    async with staged(COLD) as stage, asyncio.TaskGroup() as group:
        bus = Bus()
        agents = with_agents(stage, bus)
        server = await stage.start()
        await agents.open()
        await busy(stage, server)
        asking = group.create_task(bus.ears.ask(events.AskUser(event_id="q1", question="Which branch?")))
        question = await stage.until(AgentNews, status="question")
        assert question.state is NewsState.WAITING
        assert agents.dismiss(question.id)
        answer = await asking
        assert (answer.status, answer.text) == ("refused", UNWANTED)
        server.reply("r1", "Here.")
        await stage.until(TurnEnded)
        await stage.passes(60.0)
        server.nothing_more()
        assert states(stage) == [
            ("Which branch?", NewsState.WAITING),
            ("Which branch?", NewsState.DROPPED),
        ]
        await agents.close()


@virtual
async def test_a_question_whose_time_is_over_waits_no_more():
    async with staged(COLD) as stage:
        bus = Bus()
        agents = with_agents(stage, bus)
        server = await stage.start()
        await agents.open()
        await busy(stage, server)
        await bus.ears.ask(events.AskUser(question="Which branch?", timeout=5.0))
        await stage.passes(1.0)
        assert states(stage)[-1] == ("Which branch?", NewsState.DROPPED)
        await agents.close()


@virtual
async def test_who_comes_late_is_told_what_runs_and_what_waits():
    async with staged(COLD) as stage:
        bus, shelf = Bus(), Shelf(AgentResult("failed", "Old news.", id="old"))
        agents = with_agents(stage, bus, shelf)
        server = await stage.start()
        await busy(stage, server)
        await agents.open()
        task = events.Task(id="t1", status="running", title="make", start_time=stage.clock.time() - 90.0)
        await bus.ears.take(events.TaskUpdate(task=task))
        await stage.passes(10.0)
        late = stage.session.events()
        found: list[AgentTask | AgentNews] = []
        async for event in late:
            if isinstance(event, AgentTask | AgentNews):
                found.append(event)
            if len(found) == 2:
                break
        running, waiting = found
        assert isinstance(running, AgentTask)
        assert isinstance(waiting, AgentNews)
        assert (running.title, running.seconds) == ("make", pytest.approx(100.0, abs=1.0))
        assert (waiting.id, waiting.state, waiting.summary) == ("old", NewsState.WAITING, "Old news.")
        await late.aclose()
        await agents.close()


@pytest.mark.parametrize("start", [0.0, -1.0, 1e11, 5.0], ids=["none", "before", "ahead", "years ago"])
@virtual
async def test_a_start_that_cannot_be_counts_from_now(start):
    async with staged(COLD) as stage:
        bus = Bus()
        agents = with_agents(stage, bus)
        await stage.start()
        await agents.open()
        now = stage.clock.time()
        begun = start if start != 5.0 else now - agent_tasks.LONGEST - 1.0
        task = events.Task(id="t1", status="running", title="make", start_time=begun)
        await bus.ears.take(events.TaskUpdate(task=task))
        assert (await stage.until(AgentTask)).seconds == 0.0
        await agents.close()


@virtual
async def test_telling_now_wakes_a_link_that_sleeps():
    async with staged({"swap": {"standby": "cold"}, "guard": {"park_minutes": 1}}) as stage:
        bus = Bus()
        agents = with_agents(stage, bus, Shelf())
        await stage.start(InputMode.TEXT)
        await agents.open()
        await stage.passes(100.0)
        assert stage.session.state.link == "parked"
        await bus.ears.take(done())
        await stage.passes(5.0)
        (news,) = stage.told(AgentNews)
        assert stage.session.state.link == "parked"
        assert stage.session.tell_result(news.id)
        server = await stage.back()
        await is_told(server, "Build 1")
        await agents.close()


@virtual
async def test_flags_are_seen_and_set_through_the_session():
    async with staged(COLD) as stage:
        with_agents(stage, Bus())
        assert stage.session.agent_flags["agent_enabled"] is False
        stage.session.set_agent_flag("agent_enabled", True)
        assert stage.session.agent_flags["agent_enabled"] is True
        assert not stage.session.dismiss_result("nothing")
