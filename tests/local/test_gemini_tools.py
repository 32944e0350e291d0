"""Function calls over the Gemini wire: blocking ones, those in the background, and cancelled ones."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from neko_cli.local.ports import AskedTool
from neko_cli.local.server import VERTEX_PATH, EngineServer
from tests.local.gemini_client import GeminiClient, kinds, text_of
from tests.local.parts import ScriptedParts

CLOCK = {
    "name": "clock",
    "description": "Tells the time.",
    "parameters": {"type": "OBJECT", "properties": {"zone": {"type": "STRING", "nullable": True}}},
}
BLOCKING = [{"functionDeclarations": [CLOCK]}, {"googleSearch": {}}]
BESIDE = [{"functionDeclarations": [{**CLOCK, "behavior": "NON_BLOCKING"}]}]
ASK = AskedTool("clock", '{"zone": "utc"}', "call_1")


async def call_of(client: GeminiClient) -> dict[str, Any]:
    """The next call of one function."""
    message = await client.until("toolCall")
    (call,) = message["toolCall"]["functionCalls"]
    return call


def response(**fields: Any) -> dict[str, Any]:
    given = {"id": "call_1", "name": "clock", "response": {"output": "noon"}, **fields}
    return {"toolResponse": {"functionResponses": [{k: v for k, v in given.items() if v is not None}]}}


async def test_the_turn_waits_for_a_blocking_function(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Let me see. ", ASK)
    parts.brain.say("It is noon.")
    async with await GeminiClient.open(server, tools=BLOCKING) as client:
        await client.say("what time is it?")
        assert await call_of(client) == {"id": "call_1", "name": "clock", "args": {"zone": "utc"}}
        assert "usageMetadata" in client.seen[-1]
        assert kinds(client.seen[1:]) == ["modelTurn", "toolCall"]
        await client.send(**response())
        assert kinds(await client.turn()) == ["modelTurn", "generationComplete", "turnComplete"]
    tool = parts.brain.prompts[0].tools[0]
    assert tool["parameters"] == {"type": "object", "properties": {"zone": {"type": ["string", "null"]}}}
    line = parts.brain.prompts[1].lines[-1]
    assert (line.role, line.name, line.text) == ("tool", "clock", '{"output":"noon"}')


async def test_two_calls_come_in_one_message_and_both_are_waited_for(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.brain.say(ASK, AskedTool("clock", "{}", "call_2"))
    parts.brain.say("Both.")
    async with await GeminiClient.open(server, tools=BLOCKING) as client:
        await client.say("twice")
        message = await client.until("toolCall")
        assert [c["id"] for c in message["toolCall"]["functionCalls"]] == ["call_1", "call_2"]
        await client.send(**response())
        await client.send(**response(id="call_2"))
        assert text_of(await client.turn()) == "Both."


async def test_an_answer_without_an_id_goes_to_the_oldest_call(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.brain.say(ASK)
    parts.brain.say("Noon.")
    async with await GeminiClient.open(server, VERTEX_PATH.format("v1"), tools=BLOCKING) as client:
        await client.say("what time is it?")
        await call_of(client)
        await client.send(**response(id=None))
        assert text_of(await client.turn()) == "Noon."


async def test_arguments_that_are_no_object_are_told_as_none(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.brain.say(AskedTool("clock", "nonsense", "call_1"))
    async with await GeminiClient.open(server, tools=BLOCKING) as client:
        await client.say("what time is it?")
        assert (await call_of(client))["args"] == {}


async def test_the_user_cancels_a_call_and_its_late_answer_is_ignored(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.brain.say(ASK)
    parts.brain.say("Never mind.")
    async with await GeminiClient.open(server, tools=BLOCKING) as client:
        await client.say("what time is it?")
        await call_of(client)
        await client.say("forget it")
        cancelled = await client.until("toolCallCancellation")
        assert cancelled["toolCallCancellation"] == {"ids": ["call_1"]}
        assert kinds(await client.turn()) == ["interrupted", "turnComplete"]
        await client.send(**response())
        assert text_of(await client.turn()) == "Never mind."
    assert [line.role for line in parts.brain.prompts[1].lines] == ["user", "assistant", "user"]


async def test_a_call_that_the_client_was_never_told_of_is_forgotten(
    server: EngineServer, parts: ScriptedParts
) -> None:
    asked = asyncio.Event()
    parts.brain.say("Let me see.", ASK, asked)
    parts.brain.say("Never mind.")
    async with await GeminiClient.open(server, tools=BLOCKING) as client:
        await client.say("what time is it?")
        await client.until("serverContent", "modelTurn")
        await client.say("forget it")
        assert kinds(await client.turn()) == ["interrupted", "turnComplete"]
        assert kinds(await client.turn()) == ["modelTurn", "generationComplete", "turnComplete"]
    assert [line.name for line in parts.brain.prompts[1].lines] == ["", "", ""]


async def test_a_function_in_the_background_lets_the_turn_end(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.brain.say("I ask. ", ASK)
    parts.brain.say("Meanwhile.")
    parts.brain.say("It is noon.")
    async with await GeminiClient.open(server, tools=BESIDE) as client:
        await client.say("what time is it?")
        assert kinds(await client.turn()) == ["modelTurn", "toolCall", "generationComplete", "turnComplete"]
        await client.say("talk to me")
        assert text_of(await client.turn()) == "Meanwhile."
        await client.send(**response())
        assert text_of(await client.turn()) == "It is noon."


async def test_an_answer_waits_for_the_reply_that_is_being_made(
    server: EngineServer, parts: ScriptedParts
) -> None:
    go_on = asyncio.Event()
    parts.brain.say(ASK)
    parts.brain.say("Still ", go_on, "talking.")
    parts.brain.say("It is noon.")
    async with await GeminiClient.open(server, tools=BESIDE) as client:
        await client.say("what time is it?")
        await client.turn()
        await client.say("talk to me")
        await client.until("serverContent", "modelTurn")
        await client.send(**response(scheduling="WHEN_IDLE"))
        go_on.set()
        assert kinds(await client.turn()) == ["modelTurn", "generationComplete", "turnComplete"]
        assert text_of(await client.turn()) == "It is noon."


async def test_an_urgent_answer_interrupts(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say(ASK)
    parts.brain.say("Still ", asyncio.Event())
    parts.brain.say("It is noon.")
    async with await GeminiClient.open(server, tools=BESIDE) as client:
        await client.say("what time is it?")
        await client.turn()
        await client.say("talk to me")
        await client.until("serverContent", "modelTurn")
        await client.send(**response(scheduling="INTERRUPT"))
        assert kinds(await client.turn()) == ["interrupted", "turnComplete"]
        assert text_of(await client.turn()) == "It is noon."


async def test_a_silent_answer_is_only_remembered(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say(ASK)
    parts.brain.say("Noon, I know.")
    async with await GeminiClient.open(server, tools=BESIDE) as client:
        await client.say("what time is it?")
        await client.turn()
        await client.send(**response(scheduling="SILENT"))
        await client.say("well?")
        assert text_of(await client.turn()) == "Noon, I know."
    assert [line.text for line in parts.brain.prompts[1].lines][-2:] == ['{"output":"noon"}', "well?"]


async def test_a_function_may_answer_piece_by_piece(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say(ASK)
    parts.brain.say("First.")
    parts.brain.say("Last.")
    async with await GeminiClient.open(server, tools=BESIDE) as client:
        await client.say("what time is it?")
        await client.turn()
        await client.send(**response(willContinue=True))
        assert text_of(await client.turn()) == "First."
        await client.send(**response(response={"output": "one"}))
        assert text_of(await client.turn()) == "Last."
        await client.send(**response())
        code, reason = await client.closed()
    assert (code, "no such function call" in reason) == (1007, True)


async def test_an_answer_nobody_asked_for_closes_the_connection(server: EngineServer) -> None:
    async with await GeminiClient.open(server, tools=BLOCKING) as client:
        await client.send(**response(id="call_9"))
        code, reason = await client.closed()
    assert code == 1007
    assert "tool_response.function_responses[0].id" in reason


@pytest.mark.parametrize("named", [{"id": "call_7"}, {}])
async def test_calls_and_results_may_be_history(
    server: EngineServer, parts: ScriptedParts, named: dict[str, str]
) -> None:
    parts.brain.say("Noon, as I said.")
    call = {"functionCall": {"name": "clock", "args": {"zone": "utc"}, **named}}
    result = {"functionResponse": {"name": "clock", "response": {"output": "noon"}, **named}}
    turns = [
        {"role": "user", "parts": [{"text": "what time is it?"}]},
        {"role": "model", "parts": [call]},
        {"role": "function", "parts": [result]},
        {"role": "user", "parts": [{"text": "and now?"}]},
    ]
    async with await GeminiClient.open(server, tools=BLOCKING) as client:
        await client.send(clientContent={"turns": turns, "turnComplete": True})
        await client.turn()
    lines = parts.brain.prompts[0].lines
    assert [line.role for line in lines] == ["user", "assistant", "tool", "user"]
    assert lines[1].call_id == lines[2].call_id
