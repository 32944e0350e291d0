"""response.* over the OpenAI wire: overrides, tools, cancelling, limits, failures."""

from __future__ import annotations

import asyncio
from typing import Any

from neko_cli.core.errors import LinkError, ServerFault
from neko_cli.local.ports import AskedTool, BrainUsage
from neko_cli.local.server import EngineServer
from tests.local.parts import ScriptedParts
from tests.local.wire_client import WireClient, kinds, sound_of

TOOL = {"type": "function", "name": "clock", "parameters": {"type": "object", "properties": {}}}


async def ask(client: WireClient, **response: Any) -> dict[str, Any]:
    """Ask for a response and wait for its end."""
    await client.send("response.create", response=response)
    done = await client.until("response.done")
    answer: dict[str, Any] = done["response"]
    return answer


async def test_a_response_may_override_the_session(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Text.")
    parts.brain.say("Sound.")
    async with await WireClient.open(server, instructions="session") as client:
        await client.say("x")
        first = await ask(
            client,
            instructions="only now",
            output_modalities=["text"],
            tools=[TOOL],
            tool_choice={"type": "function", "name": "clock"},
            max_output_tokens=50,
            metadata={"topic": "test"},
        )
        second = await ask(client, audio={"output": {"voice": "en-gb", "format": {"type": "audio/pcmu"}}})
    assert first["metadata"] == {"topic": "test"}
    assert first["output_modalities"] == ["text"]
    assert first["max_output_tokens"] == 50
    assert first["conversation_id"].startswith("conv_")
    now, later = parts.brain.prompts
    assert (now.instructions, now.tool_choice, now.max_tokens) == ("only now", "clock", 50)
    assert now.tools == (TOOL,)
    assert (later.instructions, later.tool_choice, later.max_tokens, later.tools) == (
        "session",
        "auto",
        0,
        (),
    )
    assert second["audio"]["output"] == {"format": {"type": "audio/pcmu"}, "voice": "en-gb"}
    assert second["metadata"] is None
    assert parts.voice.spoken[0][1].voice == "en-gb"


async def test_a_response_beside_the_conversation(server: EngineServer, parts: ScriptedParts) -> None:
    hold = asyncio.Event()
    parts.brain.say("Beside", hold, ".")
    parts.brain.say("Main.")
    parts.brain.say("Again.")
    async with await WireClient.open(server, output_modalities=["text"]) as client:
        said = await client.say("remember me")
        new = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "new"}]}
        reference = {"type": "item_reference", "id": said["id"]}
        await client.send(
            "response.create",
            response={"conversation": "none", "input": [new, reference], "metadata": {"n": "1"}},
        )
        await client.until("response.output_text.delta")
        main = await ask(client)
        assert main["status"] == "completed"
        hold.set()
        start = len(client.seen)
        beside = (await client.until("response.done"))["response"]
        assert not [e for e in client.seen[start:] if e["type"].startswith("conversation.item")]
        assert (beside["conversation_id"], beside["metadata"]) == (None, {"n": "1"})
        await ask(client)
    assert [line.text for line in parts.brain.prompts[0].lines] == ["new", "remember me"]
    assert [line.text for line in parts.brain.prompts[2].lines] == ["remember me", "Main."]


async def test_an_empty_input_is_an_empty_context(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Hm.")
    async with await WireClient.open(server, output_modalities=["text"]) as client:
        await client.say("not seen")
        await ask(client, input=[])
    assert parts.brain.prompts[0].lines == ()


async def test_a_reference_to_nothing(server: EngineServer) -> None:
    async with await WireClient.open(server) as client:
        await client.send("response.create", response={"input": [{"type": "item_reference", "id": "gone"}]})
        error = await client.error()
    assert error["type"] == "invalid_request_error"


async def test_one_reply_at_a_time(server: EngineServer, parts: ScriptedParts) -> None:
    hold = asyncio.Event()
    parts.brain.say("Wait", hold)
    async with await WireClient.open(server, output_modalities=["text"]) as client:
        await client.send("response.create")
        created = await client.until("response.created")
        await client.until("response.output_text.delta")
        await client.send("response.create", event_id="second")
        error = await client.error()
        assert error["code"] == "conversation_already_has_active_response"
        assert error["event_id"] == "second"
        assert created["response"]["id"] in error["message"]
        hold.set()
        await client.until("response.done")


async def test_a_tool_call_and_its_result(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Let me look.", AskedTool("clock", '{"zone":"utc"}', "call_1"))
    parts.brain.say("It is noon.")
    async with await WireClient.open(server, output_modalities=["text"], tools=[TOOL]) as client:
        await client.say("time?")
        await client.send("response.create")
        events = await client.take_until("response.done")
        tail = kinds(events)[kinds(events).index("conversation.item.done") + 1 :]
        assert tail == [
            "response.output_item.added",
            "conversation.item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "conversation.item.done",
            "response.done",
        ]
        call = events[-1]["response"]["output"][1]
        assert (call["type"], call["call_id"], call["name"]) == ("function_call", "call_1", "clock")
        done = next(e for e in events if e["type"] == "response.function_call_arguments.done")
        assert (done["arguments"], done["name"], done["output_index"]) == ('{"zone":"utc"}', "clock", 1)
        await client.send(
            "conversation.item.create",
            item={"type": "function_call_output", "call_id": "call_1", "output": "12:00"},
        )
        await client.until("conversation.item.done")
        assert (await ask(client))["status"] == "completed"
    lines = parts.brain.prompts[1].lines
    assert [(line.role, line.call_id) for line in lines[-2:]] == [("assistant", "call_1"), ("tool", "call_1")]


async def test_cancel_stops_within_one_chunk(server: EngineServer, parts: ScriptedParts) -> None:
    parts.voice.gate = asyncio.Semaphore(3)
    script = parts.brain.say("A sentence long enough to go on for quite a while. And another one.")
    async with await WireClient.open(server) as client:
        await client.send("response.create")
        for _ in range(3):
            await client.until("response.output_audio.delta")
        await client.send("response.cancel")
        events = await client.take_until("response.done")
        assert sound_of(events) == b""
        response = events[-1]["response"]
        assert response["status"] == "cancelled"
        assert response["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
        assert response["usage"]["output_token_details"]["audio_tokens"] == 6
        await asyncio.wait_for(script.closed.wait(), 5)
        assert parts.voice.closed == 1
        for _ in range(9):
            parts.voice.gate.release()
        await client.send("response.cancel", event_id="late")
        error = await client.error()  # and no delta came before it
        assert (error["code"], error["event_id"]) == ("response_cancel_not_active", "late")


async def test_cancel_by_id(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Main", asyncio.Event())
    parts.brain.say("Beside", asyncio.Event())
    async with await WireClient.open(server, output_modalities=["text"]) as client:
        await client.send("response.create")
        main = (await client.until("response.created"))["response"]["id"]
        await client.until("response.output_text.delta")
        await client.send("response.create", response={"conversation": "none"})
        side = (await client.until("response.created"))["response"]["id"]
        await client.until("response.output_text.delta")
        for wanted in (side, main):
            await client.send("response.cancel", response_id=wanted)
            assert (await client.until("response.done"))["response"]["id"] == wanted
        await client.send("response.cancel", response_id=main)
        assert (await client.error())["code"] == "response_cancel_not_active"


async def test_cancel_before_the_brain_said_anything(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say(asyncio.Event())
    async with await WireClient.open(server) as client:
        await client.send("response.create")
        await client.until("rate_limits.updated")
        await client.send("response.cancel")
        done = await client.until("response.done")
        assert done["response"]["output"] == []
        assert done["response"]["status"] == "cancelled"
        parts.brain.script.clear()  # whether it was asked before the cancel is a matter of timing


async def test_the_token_limit_ends_a_reply(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("x" * 100)
    parts.brain.say("A sentence. " * 20)
    async with await WireClient.open(server, output_modalities=["text"], max_output_tokens=10) as client:
        written = await ask(client)
        assert written["status"] == "incomplete"
        assert written["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
        assert written["output"][0]["content"][0]["text"] == "x" * 40
        assert written["output"][0]["status"] == "incomplete"
        assert written["usage"]["output_tokens"] == 10
        spoken = await ask(client, output_modalities=["audio"])
        assert spoken["status"] == "incomplete"
        assert 10 <= spoken["usage"]["output_tokens"] <= 12


async def test_failures_of_brain_and_voice_fail_the_reply_alone(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.brain.say("Some", LinkError("The chat server went away."))
    parts.brain.say(ValueError("a defect"))
    parts.brain.say("Mute.")
    parts.brain.say("Fine.")
    async with await WireClient.open(server) as client:
        first = await ask(client, output_modalities=["text"])
        assert first["status"] == "failed"
        error = first["status_details"]["error"]
        assert (error["type"], error["message"]) == ("server_error", "The chat server went away.")
        assert first["output"][0]["status"] == "incomplete"
        second = await ask(client)
        assert second["status_details"]["error"]["type"] == "server_error"
        assert "a defect" not in str(second)
        parts.voice.fault = ServerFault("No voice.")
        third = await ask(client)
        assert third["status_details"]["error"]["message"] == "No voice."
        parts.voice.fault = None
        assert (await ask(client))["status"] == "completed"


async def test_the_brains_own_count_of_tokens(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Counted.", BrainUsage(input_tokens=123, output_tokens=7))
    async with await WireClient.open(server, output_modalities=["text"]) as client:
        usage = (await ask(client))["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (123, 7, 130)


async def test_a_client_that_does_not_read_holds_up_the_voice(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.voice.ms_per_char = 20_000
    delivered = 0
    speak = parts.voice.speak

    async def counting(text: str, speech: Any) -> Any:
        nonlocal delivered
        async for chunk in speak(text, speech):
            delivered += len(chunk)
            yield chunk

    parts.voice.speak = counting  # type: ignore[method-assign]
    parts.brain.say("abcdefghijklmnopqrstuvwxyz.")
    async with await WireClient.open(server) as client:
        client.socket.transport.pause_reading()
        await client.send("response.create")
        before = -1
        while delivered == 0 or delivered != before:
            before = delivered
            await asyncio.sleep(0.2)
        assert delivered < 27 * 20_000 * 48 * 0.75  # the socket's buffers are full, not our memory
        client.socket.transport.resume_reading()
        done = await client.until("response.done")
        assert done["response"]["status"] == "completed"
    assert delivered == 27 * 20_000 * 48
