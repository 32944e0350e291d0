"""Tools from the model's call to its answer: carried out, told, stopped."""

from __future__ import annotations

import json

import pytest

from neko_cli.core.commands import AudioChunk
from neko_cli.core.errors import ToolError
from neko_cli.core.events import (
    InputMode,
    Notice,
    Outcome,
    ReplyAudio,
    ReplyText,
    Status,
    StatusChanged,
    ToolCall,
    ToolQuestion,
    ToolResult,
    TurnEnded,
    TurnStarted,
)
from neko_cli.core.provider_events import ToolsCancelled
from tests.fakes.sound import FakeSpeaker
from tests.fakes.staging import asks, profile, staged
from tests.fakes.toolbox import ALLOWED, FakeToolbox, answered, answered_later, call, calling
from tests.fakes.virtual import virtual


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


@virtual
async def test_a_model_that_goes_on_by_itself_is_not_heard_when_its_turn_is_over():
    box = FakeToolbox("clock")
    async with staged(ALLOWED, capabilities={"tools_continue": True}, toolbox=box) as stage:
        server = await calling(stage, "clock")
        await box.called("clock")
        await stage.session.send_message("Never mind.")
        assert (await answered(server, "call_clock"))["status"] == "running"
        server.reply("r2", "It is noon.")
        assert (await server.expect("response.cancel"))["response_id"] == "r2"
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        server.reply("r3", "Fine.")
        assert (await stage.until(TurnEnded, outcome=Outcome.COMPLETE)).text == "Fine."
        assert [text.delta for text in stage.told(ReplyText)] == ["Fine."]


@virtual
async def test_a_call_of_a_reply_that_was_stopped_is_not_carried_out_and_answered_all_the_same():
    """It is in the model's conversation, which would wait for its answer."""
    box = FakeToolbox("clock")
    async with staged(ALLOWED, toolbox=box) as stage:
        server = await stage.start()
        await asks(stage, server, "Which is it?")
        server.begin("r1")
        server.words("r1", "Let me see.")
        await stage.until(ReplyText)
        await stage.session.interrupt()
        await server.expect("response.cancel")
        call(server, "r1", "c1", "clock")
        assert "stopped" in (await answered(server, "c1"))["error"]
        server.done("r1", "cancelled", type="cancelled", reason="client_cancelled")
        await stage.passes(1.0)
        server.nothing_more()
        assert box.calls == []
        assert stage.told(ToolCall) == []


@virtual
async def test_two_calls_that_ask_for_the_same_are_two_and_both_are_stopped():
    box = FakeToolbox("build")
    async with staged(ALLOWED, toolbox=box) as stage:
        server = await stage.start()
        await asks(stage, server, "Twice, please.")
        server.begin("r1")
        for call_id in ("c1", "c2"):
            call(server, "r1", call_id, "build")
        server.done("r1")
        await stage.passes(0.1)
        assert len(box.calls) == 2
        await stage.session.interrupt()
        assert [await answered(server, call_id) for call_id in ("c1", "c2")] == [
            {"error": "The user stopped it."}
        ] * 2
        await stage.passes(0.1)
        assert box.cancelled == ["build", "build"]
        assert len(stage.told(ToolResult, ok=False)) == 2
