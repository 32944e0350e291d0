"""Whole turns over the Gemini wire: which messages come, in which order."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

import pytest

from neko_cli.core.errors import RateLimited, ServerFault
from neko_cli.local.server import VERTEX_PATH, EngineServer
from tests.local.gemini_client import GeminiClient, has, kinds, sound_of, text_of
from tests.local.parts import Heard, ScriptedParts, quiet, tone
from tests.local.pictures import in_base64, jpeg, png

SPEECH = quiet(500) + tone(1000) + quiet(1000)
ALOUD = {"responseModalities": ["AUDIO"]}
MANUAL = {"automaticActivityDetection": {"disabled": True}}
WRITTEN = ["modelTurn", "generationComplete", "turnComplete"]


async def test_a_written_turn(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Hello", " you.")
    async with await GeminiClient.open(server, systemInstruction={"parts": [{"text": "Be kind."}]}) as client:
        await client.say("hi")
        turn = await client.turn()
    assert kinds(turn) == WRITTEN
    assert text_of(turn) == "Hello you."
    assert turn[-1]["usageMetadata"] == {
        "promptTokenCount": 3,
        "responseTokenCount": 4,
        "totalTokenCount": 7,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 3}],
        "responseTokensDetails": [{"modality": "TEXT", "tokenCount": 4}],
    }
    prompt = parts.brain.prompts[0]
    assert (prompt.instructions, prompt.lines[-1].text) == ("Be kind.", "hi")
    assert parts.voice.spoken == []


async def test_vertex_counts_candidates(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Hello.")
    async with await GeminiClient.open(server, VERTEX_PATH.format("v1beta1")) as client:
        await client.say("hi")
        usage = (await client.turn())[-1]["usageMetadata"]
    assert usage["candidatesTokenCount"] == 2
    assert usage["candidatesTokensDetails"] == [{"modality": "TEXT", "tokenCount": 2}]
    assert "responseTokenCount" not in usage


async def test_a_spoken_turn_that_the_server_detects(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("good morning")
    parts.brain.say("Morning.", " And you?")
    async with await GeminiClient.open(
        server,
        generationConfig={**ALOUD, "speechConfig": {"languageCode": "en-GB"}},
        inputAudioTranscription={},
        outputAudioTranscription={},
    ) as client:
        await client.speak(SPEECH)
        turn = await client.turn()
    assert kinds(turn) == [
        "inputTranscription",
        "outputTranscription",
        "modelTurn",
        "outputTranscription",
        "modelTurn",
        "generationComplete",
        "turnComplete",
    ]
    assert turn[0]["serverContent"]["inputTranscription"] == {"text": "good morning", "finished": True}
    told = [m["serverContent"] for m in turn if has(m, "serverContent", "outputTranscription")]
    words = [content["outputTranscription"]["text"] for content in told]
    assert words == ["Morning. ", "And you?"]
    assert sound_of(turn) == tone(len("Morning.") * 20) + tone(len("And you?") * 20)
    assert parts.voice.spoken[0][1].language == "en-GB"
    details = turn[-1]["usageMetadata"]["promptTokensDetails"]
    assert [(d["modality"], d["tokenCount"] > 10) for d in details] == [("AUDIO", True)]


async def test_no_words_are_told_that_nobody_asked_for(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("good morning")
    parts.brain.say("Morning.")
    async with await GeminiClient.open(server, generationConfig=ALOUD) as client:
        await client.speak(SPEECH)
        turn = await client.turn()
    assert kinds(turn) == WRITTEN
    assert "Morning" not in str(turn)


async def test_the_turn_lasts_as_long_as_its_sound(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Twenty letters here.")
    async with await GeminiClient.open(server, generationConfig=ALOUD) as client:
        await client.say("hi")
        await client.until("serverContent", "modelTurn")
        began = time.monotonic()
        await client.until("serverContent", "generationComplete")
        generated = time.monotonic() - began
        await client.until("serverContent", "turnComplete")
        assert generated < 0.25
        assert 0.3 < time.monotonic() - began < 1.5


async def test_the_silence_and_the_onset_can_be_set(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("only this")
    parts.brain.say("Yes.")
    detection = {"prefixPaddingMs": 300, "silenceDurationMs": 200}
    async with await GeminiClient.open(
        server, realtimeInputConfig={"automaticActivityDetection": detection}, inputAudioTranscription={}
    ) as client:
        await client.speak(quiet(400) + tone(150) + quiet(400))  # too short to be speech
        await client.speak(tone(500) + quiet(260))
        turn = await client.turn()
    assert kinds(turn)[0] == "inputTranscription"


async def test_a_microphone_that_is_switched_off_ends_the_utterance(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.ears.hear("cut off")
    parts.brain.say("I see.")
    async with await GeminiClient.open(server, inputAudioTranscription={}) as client:
        await client.speak(quiet(300) + tone(600))
        await client.send(realtimeInput={"audioStreamEnd": True})
        turn = await client.turn()
        await client.send(realtimeInput={"audioStreamEnd": True})  # nothing waits: nothing happens
        await client.speak(quiet(200))
    assert turn[0]["serverContent"]["inputTranscription"]["text"] == "cut off"


async def test_a_turn_between_the_clients_own_marks(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("by hand")
    parts.brain.say("Yes.")
    async with await GeminiClient.open(server, realtimeInputConfig=MANUAL) as client:
        await client.speak(tone(900))  # outside: belongs to no turn
        await client.send(realtimeInput={"activityStart": {}})
        await client.speak(tone(700, 16_000), rate=16_000)
        await client.send(realtimeInput={"activityEnd": {}})
        turn = await client.turn()
        await client.send(realtimeInput={"activityEnd": {}})  # there is none: nothing happens
    assert kinds(turn) == WRITTEN
    assert abs(parts.ears.seconds[0] - 0.7) < 0.01
    assert parts.detectors == []


async def test_a_click_is_no_speech_and_does_not_wait_for_the_next_turn(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.ears.hear("speech")
    parts.brain.say("Yes?")
    parts.brain.say("I hear.")
    async with await GeminiClient.open(server, realtimeInputConfig=MANUAL) as client:
        for ms in (50, 500):
            await client.send(realtimeInput={"activityStart": {}})
            await client.speak(tone(ms))
            await client.send(realtimeInput={"activityEnd": {}})
            await client.turn()
    assert abs(parts.ears.seconds[0] - 0.5) < 0.01


async def test_all_input_belongs_to_the_turn_when_asked_for(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.ears.hear("all of it")
    parts.brain.say("Yes.")
    config = {**MANUAL, "turnCoverage": "TURN_INCLUDES_ALL_INPUT"}
    async with await GeminiClient.open(server, realtimeInputConfig=config) as client:
        await client.speak(tone(500))
        await client.send(realtimeInput={"activityStart": {}})
        await client.speak(tone(500))
        await client.send(realtimeInput={"activityEnd": {}})
        await client.turn()
    assert abs(parts.ears.seconds[0] - 1.0) < 0.01


async def test_text_and_pictures_alone_make_an_activity(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("A picture.")
    async with await GeminiClient.open(server, realtimeInputConfig=MANUAL) as client:
        await client.send(realtimeInput={"activityStart": {}})
        await client.send(realtimeInput={"text": "look"})
        await client.send(realtimeInput={"video": {"data": in_base64(png()), "mimeType": "image/png"}})
        await client.send(realtimeInput={"activityEnd": {}})
        await client.turn()
    look, picture = parts.brain.prompts[0].lines
    assert (look.text, [(i.width, i.height) for i in picture.images]) == ("look", [(3, 2)])


async def test_typed_text_is_a_turn(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("One.")
    async with await GeminiClient.open(server) as client:
        await client.send(realtimeInput={"text": "count"})
        assert text_of(await client.turn()) == "One."


def in_snake_case(rate: int, data: str) -> dict[str, Any]:
    return {"realtime_input": {"audio": {"data": data, "mime_type": f"audio/pcm;rate={rate}"}}}


def in_chunks(rate: int, data: str) -> dict[str, Any]:
    return {"realtimeInput": {"mediaChunks": [{"data": data, "mimeType": f"audio/pcm;rate={rate}"}]}}


def in_snake_chunks(rate: int, data: str) -> dict[str, Any]:
    return {"realtime_input": {"media_chunks": [{"data": data, "mime_type": f"AUDIO/PCM; rate={rate}"}]}}


@pytest.mark.parametrize("form", [in_snake_case, in_chunks, in_snake_chunks])
async def test_older_forms_and_either_alphabet_of_base64(
    server: EngineServer, parts: ScriptedParts, form: Callable[[int, str], dict[str, Any]]
) -> None:
    parts.ears.hear("old words")
    parts.brain.say("Yes.")
    async with await GeminiClient.open(server, inputAudioTranscription={}) as client:
        sound = SPEECH
        for at in range(0, len(sound), 4800):
            data = base64.urlsafe_b64encode(sound[at : at + 4800]).decode().rstrip("=")
            await client.send(**form(24_000, data))
        assert (await client.turn())[0]["serverContent"]["inputTranscription"]["text"] == "old words"


async def test_pictures_go_with_the_next_utterance(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("what is this")
    parts.brain.say("Small.")
    async with await GeminiClient.open(server) as client:
        for size in (4, 5):
            video = {"data": in_base64(jpeg(size, size)), "mimeType": "image/jpeg"}
            await client.send(realtimeInput={"video": video})
        await client.speak(SPEECH)
        await client.turn()
    line = parts.brain.prompts[0].lines[-1]
    assert line.text == "what is this"
    assert [image.width for image in line.images] == [4, 5]


async def test_pictures_from_before_the_activity_can_be_left_out(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.ears.hear("what is this")
    parts.brain.say("Small.")
    config = {**MANUAL, "turnCoverage": "TURN_INCLUDES_ONLY_ACTIVITY"}
    async with await GeminiClient.open(server, realtimeInputConfig=config) as client:
        await client.send(realtimeInput={"video": {"data": in_base64(png(1, 1)), "mimeType": "image/png"}})
        await client.send(realtimeInput={"activityStart": {}})
        await client.send(realtimeInput={"video": {"data": in_base64(png(2, 2)), "mimeType": "image/png"}})
        await client.speak(tone(300))
        await client.send(realtimeInput={"activityEnd": {}})
        await client.turn()
    assert [image.width for image in parts.brain.prompts[0].lines[-1].images] == [2]


async def test_a_picture_as_content(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Black.")
    picture = {"inlineData": {"mimeType": "image/png", "data": in_base64(png(7, 8))}}
    async with await GeminiClient.open(server) as client:
        turns = [{"role": "user", "parts": [picture, {"text": "which colour?"}]}]
        await client.send(clientContent={"turns": turns, "turnComplete": True})
        await client.turn()
    line = parts.brain.prompts[0].lines[-1]
    assert (line.text, line.images[0].width) == ("which colour?", 7)


async def test_text_that_is_typed_while_the_user_speaks_is_answered_with_it(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.ears.hear("and this")
    parts.brain.say("Both.")
    parts.brain.say("Third.")
    async with await GeminiClient.open(server, explicitVadSignal=True) as client:
        await client.speak(tone(500))
        start = await client.until("voiceActivity")
        await client.send(realtimeInput={"text": "this"})
        await client.speak(tone(500) + quiet(1000))
        assert text_of(await client.turn()) == "Both."
        await client.say("third")  # no other reply comes between
        assert text_of(await client.turn()) == "Third."
    assert start == {"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "0s"}}
    assert [line.text for line in parts.brain.prompts[0].lines] == ["this", "and this"]


# History


async def test_content_that_is_not_complete_waits(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Blue.")
    async with await GeminiClient.open(server) as client:
        turns = [
            {"role": "user", "parts": [{"text": "My name is Ann."}, {"text": "thinking", "thought": True}]},
            {"role": "model", "parts": [{"text": "Hello Ann."}]},
        ]
        await client.send(clientContent={"turns": turns})
        await client.send(clientContent={"turns": [{"parts": [{"text": "Who am I?"}]}], "turnComplete": True})
        await client.turn()
    lines = [(line.role, line.text) for line in parts.brain.prompts[0].lines]
    assert lines == [("user", "My name is Ann."), ("assistant", "Hello Ann."), ("user", "Who am I?")]


async def test_initial_history_is_not_answered(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Ann.")
    async with await GeminiClient.open(
        server, historyConfig={"initialHistoryInClientContent": True}
    ) as client:
        await client.say("I am Ann.", complete=False)
        turns = [{"role": "model", "parts": [{"text": "Hello Ann."}]}]
        await client.send(clientContent={"turns": turns, "turnComplete": True})
        await client.send(realtimeInput={"text": "Who am I?"})
        turn = await client.turn()
    assert text_of(turn) == "Ann."
    assert len(parts.brain.prompts[0].lines) == 3


async def test_the_model_may_be_asked_to_begin(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Welcome.")
    async with await GeminiClient.open(server) as client:
        await client.send(clientContent={"turnComplete": True})
        assert text_of(await client.turn()) == "Welcome."


async def test_instructions_and_tools_can_be_changed(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Arr.")
    async with await GeminiClient.open(server) as client:
        tools = [{"functionDeclarations": [{"name": "dig"}]}]
        await client.send(contextUpdate={"systemInstruction": {"parts": [{"text": "Be a pirate."}]}})
        await client.send(contextUpdate={"tools": {"tools": tools}})
        await client.say("hello")
        await client.turn()
    prompt = parts.brain.prompts[0]
    assert (prompt.instructions, prompt.tools[0]["name"]) == ("Be a pirate.", "dig")


# What goes wrong


async def test_too_many_tokens_end_the_turn(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("One two three four five six.")
    async with await GeminiClient.open(
        server, generationConfig={"responseModalities": ["TEXT"], "maxOutputTokens": 2}
    ) as client:
        await client.say("count")
        turn = await client.turn()
    assert kinds(turn) == WRITTEN
    assert text_of(turn) == "One two "


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ServerFault("The brain is ill."), 1011, "Internal error encountered. The brain is ill."),
        (RateLimited("Too much."), 1011, "RESOURCE_EXHAUSTED: Too much."),
    ],
)
async def test_a_reply_that_fails_closes_the_connection(
    server: EngineServer, parts: ScriptedParts, error: Exception, code: int, words: str
) -> None:
    parts.brain.say(error)
    async with await GeminiClient.open(server) as client:
        await client.say("hello")
        assert await client.closed() == (code, words)


async def test_deaf_ears_close_the_connection(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.script.append(Heard(ServerFault("The ears are ill.")))
    async with await GeminiClient.open(server) as client:
        await client.speak(SPEECH)
        code, reason = await client.closed()
    assert (code, "The ears are ill." in reason) == (1011, True)
