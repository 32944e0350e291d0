"""Tools and the links of a session: carried out once whatever is lost, offered anew when they change."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.events import (
    InputMode,
    Notice,
    ReplyText,
    Swap,
    ToolCall,
    ToolResult,
    TurnEnded,
)
from neko_cli.core.profile import parse
from tests.fakes.staging import asks, exchange, profile, staged, told
from tests.fakes.toolbox import ALLOWED, FakeToolbox, answered, call, calling
from tests.fakes.virtual import virtual


@pytest.mark.parametrize("done_before", [False, True])
@virtual
async def test_a_call_made_again_over_another_link_is_carried_out_once(done_before):
    box = FakeToolbox("pay")
    async with staged(ALLOWED, toolbox=box) as stage:
        server = await stage.start()
        await asks(stage, server, "Pay him.")
        server.begin("r1")
        call(server, "r1", "c1", "pay", '{"to": "Bo", "sum": 3}')
        running = await box.called("pay")
        if done_before:
            running.set_result('"paid"')
            await stage.until(ToolResult)
        server.drop()
        server = await stage.back()
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        server.begin("r2")
        call(server, "r2", "c2", "pay", '{"sum":3,"to":"Bo"}')
        server.done("r2")
        if not done_before:
            await stage.passes(1.0)
            running.set_result('"paid"')
        await stage.passes(1.0)
        assert await answered(server, "c2") == "paid"
        await server.expect("response.create")
        server.reply("r3", "Done.")
        assert (await stage.until(TurnEnded)).text == "Done."
        assert box.calls == [("pay", {"to": "Bo", "sum": 3})]
        assert len(stage.told(ToolCall)) == len(stage.told(ToolResult)) == 1


@virtual
async def test_the_same_call_in_a_later_turn_is_another_one():
    box = FakeToolbox("clock")
    async with staged(ALLOWED, toolbox=box) as stage:
        server = await calling(stage, "clock")
        (await box.called("clock")).set_result("1")
        await answered(server, "call_clock")
        await server.expect("response.create")
        server.reply("r2", "One.")
        await stage.until(TurnEnded)
        box.running.clear()
        await asks(stage, server, "And now?")
        server.begin("r3")
        call(server, "r3", "c3", "clock")
        server.done("r3")
        (await box.called("clock")).set_result("2")
        assert await answered(server, "c3") == 2


@virtual
async def test_a_link_lost_behind_the_words_before_a_call_goes_on_with_the_rest():
    """All sound of the reply had come, but the turn is not over: a tool was to be asked."""
    box = FakeToolbox("clock")
    async with staged(ALLOWED, toolbox=box) as stage:
        server = await calling(stage, "clock", said="Let me see.")
        await box.called("clock")
        await stage.until(ReplyText)
        await stage.passes(0.5)
        server.drop()
        server = await stage.back()
        assert stage.told(TurnEnded) == []
        while (await server.to_server.get())["type"] != "response.create":
            pass
        server.begin("r2")
        call(server, "r2", "c2", "clock")
        server.done("r2")
        box.running["clock"].set_result("12")
        assert await answered(server, "c2") == 12
        await server.expect("response.create")
        server.reply("r3", "It is noon.")
        assert (await stage.until(TurnEnded)).text == "Let me see. It is noon."
        assert len(box.calls) == 1


@virtual
async def test_troubles_are_told_once_and_tools_that_come_later_make_a_fresh_link():
    box = FakeToolbox("clock")
    box.problems = ("The server of files is not there yet.",)
    async with staged(ALLOWED, toolbox=box) as stage:
        await stage.start()
        await stage.until(Notice, text="The server of files is not there yet.")
        box.change("clock", "files__read")
        server = await stage.back()
        assert [tool["name"] for tool in stage.configuration["tools"]] == ["clock", "files__read"]
        swap = await stage.until(Swap)
        assert swap.planned
        assert len([n for n in stage.told(Notice) if "files" in n.text]) == 1
        await exchange(stage, server, "Hi.", "Hello.")
        assert box.offers == 2


@virtual
async def test_a_change_that_changes_nothing_makes_no_link():
    box = FakeToolbox("clock")
    async with staged(ALLOWED, toolbox=box) as stage:
        await stage.start()
        box.change("clock")
        await stage.passes(30.0)
        assert box.offers == 2
        assert stage.transport.connections.empty()


@virtual
async def test_an_edited_profile_brings_its_tools_with_the_next_link():
    box = FakeToolbox()
    async with staged(ALLOWED, toolbox=box) as stage:
        await stage.start()
        tools = {"allow": ["*"], "command": {"lamp": {"run": ["lamp"]}}}
        await stage.session.switch_profile(parse(profile(tools=tools), "test.toml"))
        await stage.back()
        assert [tool["name"] for tool in stage.configuration["tools"]] == ["lamp"]
        await stage.until(Swap)
        await stage.passes(30.0)
        assert stage.transport.connections.empty()


@virtual
async def test_tools_that_are_not_found_in_time_do_not_keep_anybody_waiting():
    box = FakeToolbox("clock")
    box.slow = 3600.0
    async with staged(ALLOWED, toolbox=box) as stage:
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            group.create_task(stage.session.start_session(InputMode.TEXT))
            server = await stage.transport.connections.get()
            await server.configured()
        assert "not found in time" in (await stage.until(Notice)).text


@virtual
async def test_the_end_of_a_session_ends_what_runs_and_closes_the_toolbox():
    box = FakeToolbox("build")
    async with staged(ALLOWED, toolbox=box) as stage:
        await calling(stage, "build")
        await box.called("build")
        await stage.session.end_session()
        assert box.cancelled == ["build"]
        assert box.closed == 1
        server = await stage.start()
        assert await told(server, 1) == [("user", "Which is it?")]
        await exchange(stage, server, "Hi.", "Hello.")
        assert box.offers == 2
