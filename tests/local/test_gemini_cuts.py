"""What cuts a turn over the Gemini wire, and what is left of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from neko_cli.local.server import EngineServer
from tests.local.gemini_client import GeminiClient, kinds, text_of
from tests.local.parts import ScriptedParts, quiet, tone

SPEECH = quiet(500) + tone(1000) + quiet(1000)
ALOUD = {"responseModalities": ["AUDIO"]}
MANUAL = {"automaticActivityDetection": {"disabled": True}}


async def interrupted(client: GeminiClient) -> list[str]:
    """What comes up to the end of a turn that is cut, without its sound and words."""
    return [kind for kind in kinds(await client.turn()) if kind not in ("modelTurn", "outputTranscription")]


async def test_speech_cuts_the_reply_while_it_is_made(server: EngineServer, parts: ScriptedParts) -> None:
    parts.voice.gate = asyncio.Semaphore(1)
    parts.brain.say("Once upon a time there was a cat.")
    parts.brain.say("Yes?")
    parts.ears.hear("stop")
    async with await GeminiClient.open(server, generationConfig=ALOUD, explicitVadSignal=True) as client:
        await client.say("a story")
        await client.until("serverContent", "modelTurn")
        await client.speak(SPEECH)
        assert await interrupted(client) == ["voiceActivity", "interrupted", "turnComplete"]
        parts.voice.gate.release()
        await client.turn()
    said = [line.text for line in parts.brain.prompts[1].lines if line.role == "assistant"]
    assert len(said[0]) < len("Once upon a time there was a cat.")


async def test_speech_cuts_the_reply_while_it_is_played(server: EngineServer, parts: ScriptedParts) -> None:
    parts.voice.ms_per_char = 200
    parts.brain.say("A long sentence for a long time.")
    parts.brain.say("Ok.")
    parts.ears.hear("stop")
    async with await GeminiClient.open(server, generationConfig=ALOUD) as client:
        await client.say("a story")
        await client.until("serverContent", "generationComplete")
        await client.speak(SPEECH)
        cut = await client.turn()
        assert kinds(cut) == ["interrupted", "turnComplete"]
        assert cut[-1]["usageMetadata"]["responseTokenCount"] > 0
        await client.until("serverContent", "modelTurn")
    said = [line.text for line in parts.brain.prompts[1].lines if line.role == "assistant"]
    assert len(said[0]) < len("A long sentence for a long time.") / 2


async def test_activity_cuts_the_reply(server: EngineServer, parts: ScriptedParts) -> None:
    parts.voice.ms_per_char = 200
    parts.brain.say("A long sentence for a long time.")
    async with await GeminiClient.open(server, generationConfig=ALOUD, realtimeInputConfig=MANUAL) as client:
        await client.say("a story")
        await client.until("serverContent", "modelTurn")
        await client.send(realtimeInput={"activityStart": {}})
        assert (await interrupted(client))[-2:] == ["interrupted", "turnComplete"]


@pytest.mark.parametrize(
    "message",
    [
        {"clientContent": {"turns": [], "turnComplete": False}},
        {"clientContent": {}},
        {"client_content": {"turn_complete": False}},
    ],
)
async def test_content_cuts_the_reply_even_when_it_is_empty(
    server: EngineServer, parts: ScriptedParts, message: dict[str, Any]
) -> None:
    parts.brain.say("Never", asyncio.Event())
    async with await GeminiClient.open(server) as client:
        await client.say("a story")
        await client.until("serverContent", "modelTurn")
        await client.send(**message)
        assert await interrupted(client) == ["interrupted", "turnComplete"]


async def test_nothing_cuts_the_reply_when_that_is_switched_off(
    server: EngineServer, parts: ScriptedParts
) -> None:
    go_on = asyncio.Event()
    parts.brain.say("First", go_on, " reply.")
    parts.brain.say("Second reply.")
    parts.ears.hear("and now")
    async with await GeminiClient.open(
        server, realtimeInputConfig={"activityHandling": "NO_INTERRUPTION"}, inputAudioTranscription={}
    ) as client:
        await client.say("go")
        await client.until("serverContent", "modelTurn")
        await client.speak(SPEECH)
        await client.until("serverContent", "inputTranscription")
        go_on.set()
        assert text_of(await client.turn()) == " reply."
        assert text_of(await client.turn()) == "Second reply."
    assert [line.text for line in parts.brain.prompts[1].lines] == ["go", "First reply.", "and now"]


async def test_what_was_generated_of_a_cut_turn_is_counted_and_kept(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.brain.say("Once", asyncio.Event())
    parts.brain.say("Fine.")
    async with await GeminiClient.open(server) as client:
        await client.say("a story")
        await client.until("serverContent", "modelTurn")
        await client.say("something else")
        cut = await client.turn()
        assert cut[-1]["usageMetadata"]["responseTokenCount"] == 1
        assert text_of(await client.turn()) == "Fine."
    assert [line.text for line in parts.brain.prompts[1].lines] == ["a story", "Once", "something else"]
