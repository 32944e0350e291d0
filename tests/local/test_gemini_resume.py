"""Sessions of Gemini Live that outlive their connection, and the end of a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from neko_cli.local.config import EngineConfig
from neko_cli.local.ports import AskedTool
from neko_cli.local.server import EngineServer
from tests.local.gemini_client import MODEL, GeminiClient, has, kinds, text_of
from tests.local.parts import ScriptedParts, quiet, tone
from tests.local.pictures import in_base64, png
from tests.local.wire_client import TOKEN

SPEECH = quiet(500) + tone(1000) + quiet(1000)


async def resumed(server: EngineServer, handle: str, **setup: object) -> GeminiClient:
    return await GeminiClient.open(server, sessionResumption={"handle": handle}, **setup)


async def refused(server: EngineServer, handle: str, model: str = MODEL) -> tuple[int, str]:
    """How a connection that asks for a handle is closed."""
    async with await GeminiClient.connect(server) as client:
        await client.send(setup={"model": model, "sessionResumption": {"handle": handle}})
        return await client.closed()


async def all_gone(server: EngineServer) -> None:
    """Wait until the server has noticed that its clients have left."""
    if server._handlers:
        _, late = await asyncio.wait(set(server._handlers), timeout=5)
        assert not late


async def test_a_handle_restores_the_conversation(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("remember four two nine one")
    parts.brain.say("I will.")
    parts.brain.say("4291.")
    async with await GeminiClient.open(server, sessionResumption={}) as client:
        first = await client.handle()
        await client.send(realtimeInput={"video": {"data": in_base64(png()), "mimeType": "image/png"}})
        await client.speak(SPEECH)
        told = kinds(await client.turn())
        handle = await client.handle()
    assert told == ["sessionResumptionUpdate", "modelTurn", "generationComplete", "turnComplete"]
    assert first != handle
    async with await resumed(server, handle, systemInstruction={"parts": [{"text": "Be short."}]}) as client:
        await client.say("which number?")
        await client.turn()
    prompt = parts.brain.prompts[1]
    assert prompt.instructions == "Be short."
    assert [line.text for line in prompt.lines] == [
        "remember four two nine one",
        "I will.",
        "which number?",
    ]
    assert len(prompt.lines[0].images) == 1


async def test_an_older_handle_stands_for_an_older_moment(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("One.")
    parts.brain.say("Who are you?")
    async with await GeminiClient.open(server, sessionResumption={}) as client:
        first = await client.handle()
        await client.say("first")
        await client.turn()
    async with await resumed(server, first) as client:
        await client.say("second")
        await client.turn()
    assert [line.text for line in parts.brain.prompts[1].lines] == ["second"]


async def test_while_a_reply_is_made_the_session_is_not_resumable(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.brain.say("One.")
    async with await GeminiClient.open(server, sessionResumption={}) as client:
        await client.handle()
        await client.say("first")
        updates = [
            m["sessionResumptionUpdate"] for m in await client.turn() if "sessionResumptionUpdate" in m
        ]
        assert updates == [{"resumable": False}]
        assert (await client.next())["sessionResumptionUpdate"]["resumable"] is True


async def test_no_handle_is_given_unless_it_is_asked_for(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("One.")
    async with await GeminiClient.open(server) as client:
        await client.say("first")
        await client.turn()
        assert not [m for m in client.seen if "sessionResumptionUpdate" in m]


async def test_the_messages_that_were_taken_are_counted_when_asked_for(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.brain.say("One.")
    async with await GeminiClient.open(server, sessionResumption={"transparent": True}) as client:
        update = (await client.next())["sessionResumptionUpdate"]
        assert update["lastConsumedClientMessageIndex"] == "0"
        await client.say("not yet", complete=False)
        await client.say("first")
        await client.turn()
        update = (await client.until("sessionResumptionUpdate", "newHandle"))["sessionResumptionUpdate"]
        assert update["lastConsumedClientMessageIndex"] == "2"


async def test_history_that_was_only_seeded_can_be_resumed(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.brain.say("Ann.")
    async with await GeminiClient.open(server, sessionResumption={}) as client:
        await client.handle()
        await client.say("I am Ann.", complete=False)
        handle = await client.handle()
    async with await resumed(server, handle) as client:
        await client.say("who am I?")
        await client.turn()
    assert parts.brain.prompts[0].lines[0].text == "I am Ann."


async def test_a_result_may_come_over_the_next_connection(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say(AskedTool("clock", "{}", "call_1"))
    parts.brain.say("Noon.")
    tools = [{"functionDeclarations": [{"name": "clock", "behavior": "NON_BLOCKING"}]}]
    async with await GeminiClient.open(server, sessionResumption={}, tools=tools) as client:
        await client.handle()
        await client.say("what time is it?")
        await client.turn()
        handle = await client.handle()
    async with await resumed(server, handle, tools=tools) as client:
        responses = [{"id": "call_1", "name": "clock", "response": {"output": "noon"}}]
        await client.send(toolResponse={"functionResponses": responses})
        assert text_of(await client.turn()) == "Noon."


async def test_speech_that_was_not_understood_yet_is_not_lost(
    server: EngineServer, parts: ScriptedParts
) -> None:
    never = asyncio.Event()
    parts.ears.hear("half", after=never)
    parts.ears.hear("remember me")
    parts.brain.say("Yes.")
    async with await GeminiClient.open(server, sessionResumption={}) as client:
        await client.handle()
        await client.send(
            clientContent={
                "turns": [
                    {
                        "role": "user",
                        "parts": [
                            {"inlineData": {"mimeType": "audio/pcm", "data": in_base64(tone(500, 16_000))}}
                        ],
                    }
                ]
            }
        )
        handle = await client.handle()
    async with await resumed(server, handle) as client:
        await client.say("well?")
        await client.turn()
    assert [line.text for line in parts.brain.prompts[0].lines] == ["remember me", "well?"]
    assert abs(parts.ears.seconds[1] - 0.5) < 0.01


async def test_a_session_that_is_still_connected_is_not_given_away(server: EngineServer) -> None:
    async with await GeminiClient.open(server, sessionResumption={}) as client:
        handle = await client.handle()
        code, reason = await refused(server, handle)
        assert (code, "still connected" in reason) == (1011, True)
        await client.say("I am", complete=False)  # the first connection is unharmed
        await client.handle()
    async with await resumed(server, handle) as again:
        handle = await again.handle()


async def test_a_connection_that_broke_can_be_resumed_at_once(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.brain.say("Never", asyncio.Event())
    client = await GeminiClient.open(server, sessionResumption={})
    handle = await client.handle()
    await client.say("first")
    await client.until("serverContent", "modelTurn")
    client.socket.transport.abort()
    await all_gone(server)
    async with await resumed(server, handle) as client:
        await client.handle()


@pytest.mark.parametrize(
    ("handle", "code", "words"),
    [
        ("x" * 43, 1008, "BidiGenerateContent session not found"),
        ("nonsense", 1007, "Invalid session handle"),
        ("ü" * 43, 1007, "Invalid session handle"),
    ],
)
async def test_handles_that_nobody_gave_out(server: EngineServer, handle: str, code: int, words: str) -> None:
    assert await refused(server, handle) == (code, words)


async def test_a_handle_goes_with_its_model(server: EngineServer) -> None:
    async with await GeminiClient.open(server, sessionResumption={}) as client:
        handle = await client.handle()
    code, reason = await refused(server, handle, "models/another")
    assert (code, "another model" in reason) == (1007, True)
    async with await GeminiClient.connect(server) as client:  # with or without "models/"
        await client.send(
            setup={"model": MODEL.removeprefix("models/"), "sessionResumption": {"handle": handle}}
        )
        assert has(await client.next(), "setupComplete")


async def test_an_old_handle_is_said_to_have_expired(server: EngineServer) -> None:
    engine = server._engine
    assert engine is not None
    async with await GeminiClient.open(server, sessionResumption={}) as client:
        handle = await client.handle()
    await all_gone(server)
    engine.resumption._ttl_s = -1.0
    assert await refused(server, handle) == (1008, "BidiGenerateContent session expired")
    assert await refused(server, handle) == (1008, "BidiGenerateContent session not found")


# The end of a connection


@pytest.fixture
async def limited(parts: ScriptedParts) -> AsyncIterator[EngineServer]:
    async with EngineServer(parts, EngineConfig(), token=TOKEN, max_session_s=0.6) as server:
        yield server


async def test_a_client_is_told_to_go_before_its_time_is_over(
    limited: EngineServer, parts: ScriptedParts
) -> None:
    parts.brain.say("Yes.")
    async with await GeminiClient.open(limited, sessionResumption={}) as client:
        handle = await client.handle()
        away = await client.until("goAway")
        assert away == {"goAway": {"timeLeft": "0.3s"}}
        assert await client.closed() == (1011, "Deadline expired before operation could complete.")
    async with await resumed(limited, handle) as client:
        await client.say("still there?")
        assert text_of(await client.turn()) == "Yes."


async def test_a_reply_is_cut_at_the_limit(limited: EngineServer, parts: ScriptedParts) -> None:
    said = parts.brain.say("Once", asyncio.Event())
    async with await GeminiClient.open(limited) as client:
        await client.say("a story")
        code, _ = await client.closed()
        assert code == 1011
        assert not [m for m in client.seen if has(m, "serverContent", "turnComplete")]
    await asyncio.wait_for(said.closed.wait(), 5)


async def test_a_client_that_sends_no_setup_is_let_go(limited: EngineServer) -> None:
    async with await GeminiClient.connect(limited) as client:
        assert await client.closed() == (1011, "Deadline expired before operation could complete.")
