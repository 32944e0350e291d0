"""Programs ask the user by the character's voice, and what agents do is shown while it lasts."""

from __future__ import annotations

import asyncio
from typing import Any

from neko_cli.core import agent_tasks
from neko_cli.core.agent_questions import QUESTIONS_LIMIT
from neko_cli.core.companions import agent_events as events
from neko_cli.core.events import AgentTask, Notice, NoticeKind, TurnEnded
from tests.fakes.agent_ports import Bus, done, is_told
from tests.fakes.agent_session import with_agents
from tests.fakes.staging import COLD, exchange, staged
from tests.fakes.virtual import virtual

# -- questions ----------------------------------------------------------------------------------


async def asked(group: asyncio.TaskGroup, bus: Bus, text: str = "Which branch?", **fields: Any) -> Any:
    event = events.AskUser(event_id="q1", question=text, channel="agent", **fields)
    return group.create_task(bus.ears.ask(event))


@virtual
async def test_the_user_s_next_words_are_the_answer():
    async with staged(COLD) as stage, asyncio.TaskGroup() as group:
        bus = Bus()
        agents = with_agents(stage, bus)
        server = await stage.start()
        await agents.open()
        await exchange(stage, server)
        asking = await asked(group, bus)
        await is_told(server, "- agent, question: Which branch?", "ask the user that")
        server.reply("r2", "Which branch do you want?")
        await stage.until(TurnEnded, turn=2)
        assert not asking.done()
        await stage.session.send_message("  The main one. ")
        answer = await asking
        assert (answer.event_id, answer.status, answer.text) == ("q1", "answered", "The main one.")
        assert agents.waiting == 0
        await agents.close()


@virtual
async def test_words_from_before_the_question_are_no_answer():
    async with staged(COLD) as stage, asyncio.TaskGroup() as group:
        bus = Bus()
        agents = with_agents(stage, bus)
        server = await stage.start()
        await agents.open()
        await stage.session.send_message("Hello?")
        asking = await asked(group, bus)
        await stage.session.send_message("Are you there?")
        await stage.passes(1.0)
        assert not asking.done()
        while (await server.to_server.get())["type"] != "response.create":
            pass
        asking.cancel()
        await agents.close()


@virtual
async def test_a_question_that_the_user_speaks_over_is_answered_by_that():
    async with staged(COLD) as stage, asyncio.TaskGroup() as group:
        bus = Bus()
        agents = with_agents(stage, bus)
        server = await stage.start()
        await agents.open()
        asking = await asked(group, bus)
        await is_told(server, "Which branch?")
        server.begin("r1")
        server.words("r1", "Which branch do you")
        await stage.passes(0.5)
        await stage.session.send_message("Main.")
        assert (await asking).text == "Main."
        await agents.close()


@virtual
async def test_a_question_that_nobody_answers_is_over_in_time_and_not_asked_later():
    async with staged(COLD) as stage, asyncio.TaskGroup() as group:
        bus = Bus()
        agents = with_agents(stage, bus)
        server = await stage.start()
        await agents.open()
        await stage.session.send_message("Hello?")  # the character is busy all the time
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        asking = await asked(group, bus, timeout=20.0)
        answer = await asking
        assert (answer.status, answer.text) == ("timeout", "Nobody answered within 20 s.")
        server.reply("r1", "Here I am.")
        await stage.until(TurnEnded)
        await stage.passes(60.0)
        server.nothing_more()
        await agents.close()


@virtual
async def test_one_question_is_asked_at_a_time_and_too_many_are_refused():
    async with staged(COLD) as stage, asyncio.TaskGroup() as group:
        bus = Bus()
        agents = with_agents(stage, bus)
        server = await stage.start()
        await agents.open()
        waiting = [await asked(group, bus, f"Question {n}?") for n in range(QUESTIONS_LIMIT)]
        await stage.passes(0.1)
        refused = await (await asked(group, bus, "One more?"))
        assert refused.status == "refused"
        for number, question in enumerate(waiting):
            text = await is_told(server, f"Question {number}?")
            assert text.count("Question") == 1
            server.reply(f"q{number}", "Well?")
            await stage.until(TurnEnded)
            await stage.session.send_message(f"Answer {number}.")
            assert (await question).text == f"Answer {number}."
            await server.expect("conversation.item.create")
            await server.expect("response.create")
            server.reply(f"a{number}", "Fine.")
            await stage.until(TurnEnded)
        await agents.close()


@virtual
async def test_the_end_of_the_chat_ends_its_questions():
    async with staged(COLD) as stage, asyncio.TaskGroup() as group:
        bus = Bus()
        agents = with_agents(stage, bus)
        await stage.start()
        await agents.open()
        asking = await asked(group, bus)
        await stage.passes(0.1)
        await agents.close()
        assert (await asking).text == "The chat has ended."


# -- tasks --------------------------------------------------------------------------------------


def task(status: str, **fields: Any) -> events.TaskUpdate:
    return events.TaskUpdate(task=events.Task(id="t1", status=status, **fields))


@virtual
async def test_a_task_is_shown_from_its_beginning_to_its_result():
    async with staged(COLD) as stage:
        bus = Bus()
        agents = with_agents(stage, bus)
        await stage.start()
        await agents.open()
        await bus.ears.take(task("running", title="make test", type="command"))
        await bus.ears.take(task("running", error="50 %"))
        await bus.ears.take(task("running", error="50 %"))
        assert agents.info("i").tasks == 1
        await bus.ears.take(done(task_id="t1", status="failed", error_message="broken"))
        await bus.ears.take(task("failed"))
        await stage.passes(0.1)
        assert [(e.status, e.title, e.detail) for e in stage.told(AgentTask)] == [
            ("running", "make test", ""),
            ("running", "make test", "50 %"),
            ("failed", "make test", "broken"),
        ]
        assert agents.info("i").tasks == 0
        await agents.close()


@virtual
async def test_a_task_of_which_nothing_is_heard_any_more_is_over():
    async with staged(COLD) as stage:
        bus = Bus()
        agents = with_agents(stage, bus)
        await stage.start()
        await agents.open()
        await bus.ears.take(task("running", title="x", type=agent_tasks.COMMAND))
        await stage.passes(agent_tasks.COMMAND_SILENCE - 1.0)
        agents.look()
        assert agents.info("i").tasks == 1
        await stage.passes(2.0)
        agents.look()
        assert len(stage.told(AgentTask, status="failed")) == 1
        await agents.close()


@virtual
async def test_tasks_that_never_end_are_bounded():
    async with staged(COLD) as stage:
        bus = Bus()
        agents = with_agents(stage, bus)
        await stage.start()
        await agents.open()
        for number in range(agent_tasks.TASKS_LIMIT + 5):
            one = events.Task(id=f"t{number}", status="running", title="x")
            await bus.ears.take(events.TaskUpdate(task=one))
        assert agents.info("i").tasks == agent_tasks.TASKS_LIMIT
        await agents.close()


@virtual
async def test_what_an_agent_server_tells_of_itself_is_shown_once():
    async with staged(COLD) as stage:
        bus = Bus()
        agents = with_agents(stage, bus)
        await stage.start()
        await agents.open()
        snapshot = events.Snapshot(
            notification="Quota reached.", active_tasks=(events.Task(id="a", title="x"),)
        )
        for _ in range(2):
            await bus.ears.take(events.AgentStatusUpdate(snapshot=snapshot))
        await stage.passes(0.1)
        assert [n.text for n in stage.told(Notice, kind=NoticeKind.AGENT)] == ["Quota reached."]
        assert len(stage.told(AgentTask)) == 1
        await agents.close()
