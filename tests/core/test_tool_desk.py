"""Tools from the model's call to its answer: asked for, allowed, carried out once, told."""

from __future__ import annotations

import asyncio
import json

import pytest

from neko_cli.core.commands import AudioChunk
from neko_cli.core.companions.tools import Permission
from neko_cli.core.errors import ToolError
from neko_cli.core.events import (
    InputMode,
    Notice,
    Outcome,
    ReplyAudio,
    ReplyText,
    Status,
    StatusChanged,
    Swap,
    ToolCall,
    ToolQuestion,
    ToolResult,
    TurnEnded,
    TurnStarted,
)
from neko_cli.core.profile import parse
from neko_cli.core.provider_events import ToolsCancelled
from tests.fakes.sound import FakeSpeaker
from tests.fakes.staging import asks, exchange, profile, staged, told
from tests.fakes.toolbox import FakeToolbox
from tests.fakes.virtual import virtual

ALLOWED = profile(tools={"allow": ["*"]})
"""Every tool runs without asking."""


def call(server, reply_id: str, call_id: str, name: str, arguments: str = "{}") -> None:
    """The model calls a tool in a reply that has begun."""
    item = {
        "id": f"item_{call_id}",
        "type": "function_call",
        "status": "completed",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }
    server.tell("response.output_item.added", response_id=reply_id, output_index=0, item=item)
    server.tell(
        "response.function_call_arguments.done",
        response_id=reply_id,
        item_id=f"item_{call_id}",
        output_index=0,
        call_id=call_id,
        name=name,
        arguments=arguments,
    )


async def calling(stage, *names: str, said: str = "", sound_ms: int = 0):
    """A typed question to which the reply calls tools, and is over."""
    server = await stage.start(InputMode.TEXT)
    await asks(stage, server, "Which is it?")
    server.begin("r1")
    if said:
        server.words("r1", said, spoken=bool(sound_ms))
    if sound_ms:
        server.sound("r1", sound_ms)
    for name in names:
        call(server, "r1", f"call_{name}", name)
    server.done("r1")
    return server


async def answered(server, call_id: str):
    """The model is told of one call."""
    item = (await server.expect("conversation.item.create"))["item"]
    assert (item["type"], item["call_id"]) == ("function_call_output", call_id)
    return json.loads(item["output"])


@virtual
async def test_a_call_is_carried_out_told_and_the_reply_goes_on_in_the_same_turn():
    box = FakeToolbox("clock")
    async with staged(ALLOWED, toolbox=box) as stage:
        server = await calling(stage, "clock")
        (tool,) = stage.configuration["tools"]
        assert (tool["name"], tool["description"]) == ("clock", "Does clock.")
        made = await stage.until(ToolCall)
        assert (made.turn, made.call_id, made.name) == (1, "call_clock", "clock")
        (await box.called("clock")).set_result('{"time":"noon"}')
        result = await stage.until(ToolResult)
        assert (result.call_id, result.ok, result.output) == ("call_clock", True, '{"time":"noon"}')
        assert await answered(server, "call_clock") == {"time": "noon"}
        await server.expect("response.create")
        server.reply("r2", "It is noon.")
        ended = await stage.until(TurnEnded)
        assert (ended.turn, ended.outcome, ended.text) == (1, Outcome.COMPLETE, "It is noon.")
        server.nothing_more()
        assert stage.told(ToolQuestion) == []


@virtual
async def test_a_call_begins_before_the_reply_is_over():
    box = FakeToolbox("clock")
    async with staged(ALLOWED, toolbox=box) as stage:
        server = await stage.start()
        await asks(stage, server, "Which is it?")
        server.begin("r1")
        call(server, "r1", "c1", "clock")
        (await box.called("clock")).set_result("1")
        await stage.until(ToolResult)
        server.nothing_more()
        server.done("r1")
        assert await answered(server, "c1") == 1
        await server.expect("response.create")


@virtual
async def test_several_calls_of_one_reply_run_side_by_side_and_are_answered_together():
    box = FakeToolbox("one", "two")
    async with staged(ALLOWED, toolbox=box) as stage:
        server = await calling(stage, "one", "two")
        first, second = await box.called("one"), await box.called("two")
        second.set_result("2")
        await stage.until(ToolResult)
        await stage.passes(1.0)
        server.nothing_more()
        first.set_result("1")
        assert [await answered(server, f"call_{name}") for name in ("one", "two")] == [1, 2]
        await server.expect("response.create")
        server.nothing_more()


@virtual
async def test_words_before_and_after_a_call_are_one_reply():
    box = FakeToolbox("clock")
    speaker = FakeSpeaker()
    async with staged(ALLOWED, toolbox=box, speaker=speaker) as stage:
        server = await calling(stage, "clock", said="Let me see.", sound_ms=500)
        await box.called("clock")
        await stage.until(ReplyAudio)
        await speaker.holds(500)
        speaker.advance(500)
        await stage.until(StatusChanged, new=Status.PROCESSING)
        box.running["clock"].set_result("12")
        await answered(server, "call_clock")
        await server.expect("response.create")
        server.reply("r2", "It is noon.", sound_ms=300)
        await stage.until(ReplyAudio)
        await speaker.holds(300)
        speaker.advance(300)
        ended = await stage.until(TurnEnded)
        assert (ended.text, ended.heard_ms) == ("Let me see. It is noon.", 800.0)
        assert len(stage.told(TurnStarted)) == 1


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
async def test_a_tool_that_fails_is_told_to_the_model_in_a_sentence():
    box = FakeToolbox("clock")
    async with staged(ALLOWED, toolbox=box) as stage:
        server = await calling(stage, "clock")
        (await box.called("clock")).set_exception(ToolError("It has no battery."))
        assert await answered(server, "call_clock") == {"error": "It has no battery."}
        await server.expect("response.create")
        assert (await stage.until(ToolResult)).ok is False


@virtual
async def test_a_tool_that_never_ends_is_ended_and_long_ones_are_waited_for():
    """Longer than any reply is waited for, and no second reply is asked for meanwhile."""
    box = FakeToolbox("clock")
    async with staged(profile(tools={"allow": ["*"], "time_limit": 300}), toolbox=box) as stage:
        server = await calling(stage, "clock")
        await box.called("clock")
        await stage.passes(290.0)
        server.nothing_more()
        assert stage.told(TurnEnded) == []
        assert "longer than 300 s" in (await answered_later(stage, server, "call_clock"))["error"]
        assert box.cancelled == ["clock"]
        await server.expect("response.create")
        server.reply("r2", "It takes too long.")
        assert (await stage.until(TurnEnded)).outcome is Outcome.COMPLETE


async def answered_later(stage, server, call_id):
    await stage.until(ToolResult)
    return await answered(server, call_id)


@pytest.mark.parametrize("arguments", ["{", "[]", "3", '"x"', "\ud800", "nul"])
@virtual
async def test_arguments_that_cannot_be_read_are_told_and_nothing_runs(arguments):
    box = FakeToolbox("clock")
    async with staged(ALLOWED, toolbox=box) as stage:
        server = await stage.start()
        await asks(stage, server, "Which is it?")
        server.begin("r1")
        call(server, "r1", "c1", "clock", arguments)
        server.done("r1")
        assert "JSON" in (await answered(server, "c1"))["error"]
        assert box.calls == []


@virtual
async def test_a_model_that_keeps_calling_is_told_to_stop_and_then_stopped():
    box = FakeToolbox("clock")
    async with staged(profile(tools={"allow": ["*"], "calls_per_turn": 2}), toolbox=box) as stage:
        server = await stage.start()
        await asks(stage, server, "Which is it?")
        for number in range(1, 6):
            server.begin(f"r{number}")
            call(server, f"r{number}", f"c{number}", "clock", json.dumps({"n": number}))
            server.done(f"r{number}")
            if number <= 2:
                box.running.pop("clock", None)
                (await box.called("clock")).set_result("1")
                assert await answered(server, f"c{number}") == 1
            else:
                assert "Too many calls" in (await answered(server, f"c{number}"))["error"]
            if number < 5:
                await server.expect("response.create")
        assert (await stage.until(TurnEnded)).turn == 1
        server.nothing_more()
        assert len(box.calls) == 2
        assert "kept calling" in stage.told(Notice)[-1].text
        await asks(stage, server, "And you?")
        server.reply("r9", "Fine.")
        assert (await stage.until(TurnEnded)).text == "Fine."


@virtual
async def test_speaking_on_while_a_tool_runs_leaves_it_running_and_its_result_is_told_later():
    box = FakeToolbox("build")
    async with staged(ALLOWED, toolbox=box) as stage:
        server = await calling(stage, "build")
        await box.called("build")
        await stage.session.send_message("Something else.")
        assert (await answered(server, "call_build"))["status"] == "running"
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        server.reply("r2", "Yes?")
        await stage.until(TurnEnded, outcome=Outcome.COMPLETE)
        box.running["build"].set_result('{"built":7}')
        assert (await stage.until(ToolResult)).turn == 1
        item = (await server.expect("conversation.item.create"))["item"]
        assert item["role"] == "system"
        assert "built" in item["content"][0]["text"]
        await server.expect("response.create")
        server.reply("r3", "The build is done.")
        assert (await stage.until(TurnEnded)).text == "The build is done."


@virtual
async def test_a_key_stops_the_tool_and_nothing_is_told_later():
    box = FakeToolbox("build")
    async with staged(ALLOWED, toolbox=box) as stage:
        server = await calling(stage, "build")
        await box.called("build")
        await stage.session.interrupt()
        assert "stopped" in (await answered(server, "call_build"))["error"]
        assert box.cancelled == [] or box.cancelled == ["build"]
        assert (await stage.until(TurnEnded)).outcome is Outcome.CANCELLED
        await stage.passes(60.0)
        assert box.cancelled == ["build"]
        server.nothing_more()


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
async def test_calls_that_the_provider_takes_back_are_stopped_and_not_answered():
    box = FakeToolbox("one", "two")
    async with staged(ALLOWED, toolbox=box) as stage:
        server = await calling(stage, "one", "two")
        await box.called("one")
        stage.core.provider_event(ToolsCancelled(("call_one",)))
        await stage.until(ToolResult, ok=False)
        (await box.called("two")).set_result("2")
        assert await answered(server, "call_two") == 2
        await server.expect("response.create")
        assert box.cancelled == ["one"]
        server.nothing_more()


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


@virtual
async def test_speech_over_a_reply_that_waits_for_a_tool_is_answered():
    box = FakeToolbox("clock")
    async with staged(ALLOWED, toolbox=box) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.stream_data(AudioChunk(b"\x10\x20" * 2400, 24_000))
        await server.expect("input_audio_buffer.append")
        server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
        server.tell("input_audio_buffer.speech_stopped", item_id="u1", audio_end_ms=100)
        server.tell("input_audio_buffer.committed", item_id="u1", previous_item_id=None)
        server.begin("r1")
        call(server, "r1", "c1", "clock")
        server.done("r1")
        running = await box.called("clock")
        server.tell("input_audio_buffer.speech_started", item_id="u2", audio_start_ms=200)
        assert (await answered(server, "c1"))["status"] == "running"
        assert (await stage.until(TurnEnded)).outcome is Outcome.INTERRUPTED
        server.tell("input_audio_buffer.speech_stopped", item_id="u2", audio_end_ms=300)
        server.tell("input_audio_buffer.committed", item_id="u2", previous_item_id="u1")
        server.reply("r2", "Yes?")
        assert (await stage.until(TurnEnded)).text == "Yes?"
        running.set_result("1")
        assert (await stage.until(ToolResult)).turn == 1
