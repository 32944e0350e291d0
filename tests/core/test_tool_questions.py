"""Who is asked before a tool runs, and what the answer means."""

from __future__ import annotations

import pytest

from neko_cli.core.companions.tools import Permission
from neko_cli.core.events import (
    Notice,
    ToolQuestion,
    ToolResult,
    TurnEnded,
)
from tests.fakes.staging import asks, profile, staged
from tests.fakes.toolbox import FakeToolbox, answered, call, calling
from tests.fakes.virtual import virtual


@virtual
async def test_a_question_comes_first_and_its_answer_decides():
    box = FakeToolbox("lamp")
    async with staged(profile(), toolbox=box, asks=True) as stage:
        server = await calling(stage, "lamp")
        question = await stage.until(ToolQuestion)
        assert (question.name, question.about, question.seconds) == ("lamp", "Does lamp.", 60.0)
        await stage.passes(5.0)
        assert box.calls == []
        stage.session.permit_tool(question.call_id, Permission.ONCE)
        (await box.called("lamp")).set_result("true")
        assert await answered(server, "call_lamp") is True
        await server.expect("response.create")
        stage.session.permit_tool(question.call_id, Permission.NO)  # too late, and harmless


@pytest.mark.parametrize(
    ("permission", "asked_again", "runs"),
    [
        (Permission.ONCE, True, True),
        (Permission.SESSION, False, True),
        (Permission.NO, True, False),
        (Permission.NEVER, False, False),
    ],
)
@virtual
async def test_what_an_answer_means_for_the_next_call(permission, asked_again, runs):
    box = FakeToolbox("lamp")
    async with staged(profile(), toolbox=box, asks=True) as stage:
        server = await calling(stage, "lamp")
        stage.session.permit_tool((await stage.until(ToolQuestion)).call_id, permission)
        if runs:
            (await box.called("lamp")).set_result("1")
        assert (await stage.until(ToolResult)).ok is runs
        await answered(server, "call_lamp")
        await server.expect("response.create")
        server.reply("r2", "Well.")
        await stage.until(TurnEnded)
        box.running.clear()
        await asks(stage, server, "Again?")
        server.begin("r3")
        call(server, "r3", "c3", "lamp")
        server.done("r3")
        await stage.passes(1.0)
        assert len(stage.told(ToolQuestion)) == (2 if asked_again else 1)
        assert len(box.calls) == (int(runs) if asked_again else 2 * int(runs))


@virtual
async def test_a_question_that_nobody_answers_is_a_refusal_and_said():
    box = FakeToolbox("lamp")
    async with staged(profile(tools={"ask_seconds": 5}), toolbox=box, asks=True) as stage:
        server = await calling(stage, "lamp")
        await stage.until(ToolQuestion)
        before = stage.clock.monotonic()
        result = await stage.until(ToolResult)
        assert (result.ok, stage.clock.monotonic() - before) == (False, pytest.approx(5.0, abs=0.1))
        assert "nobody answered within 5 s" in stage.told(Notice)[-1].text
        assert "not allow" in (await answered(server, "call_lamp"))["error"]
        await server.expect("response.create")
        assert box.calls == []


@virtual
async def test_where_nobody_can_be_asked_a_call_is_refused_at_once_with_advice():
    box = FakeToolbox("lamp")
    async with staged(profile(), toolbox=box) as stage:
        server = await calling(stage, "lamp")
        await answered(server, "call_lamp")
        await server.expect("response.create")
        await stage.until(ToolResult, ok=False)
        (notice,) = stage.told(Notice)
        assert "lamp was not run" in notice.text
        assert "--allow-tools" in notice.text
        assert box.calls == []
        assert stage.told(ToolQuestion) == []


@virtual
async def test_a_question_whose_turn_is_over_is_over_too():
    box = FakeToolbox("lamp")
    async with staged(profile(), toolbox=box, asks=True) as stage:
        server = await calling(stage, "lamp")
        question = await stage.until(ToolQuestion)
        await stage.session.send_message("Never mind.")
        assert "stopped" in (await answered(server, "call_lamp"))["error"]
        assert (await stage.until(ToolResult)).ok is False
        stage.session.permit_tool(question.call_id, Permission.ONCE)
        await stage.passes(60.0)
        assert box.calls == []
        assert len(stage.told(ToolResult)) == 1


@virtual
async def test_two_questions_about_the_same_call_are_answered_each():
    box = FakeToolbox("lamp")
    async with staged(profile(), toolbox=box, asks=True) as stage:
        server = await stage.start()
        await asks(stage, server, "Twice, please.")
        server.begin("r1")
        for call_id in ("c1", "c2"):
            call(server, "r1", call_id, "lamp")
        server.done("r1")
        for call_id, permission in (("c1", Permission.NO), ("c2", Permission.ONCE)):
            await stage.until(ToolQuestion, call_id=call_id)
            stage.session.permit_tool(call_id, permission)
        (await box.called("lamp")).set_result("1")
        assert "not allow" in (await answered(server, "c1"))["error"]
        assert await answered(server, "c2") == 1
        assert len(box.calls) == 1
