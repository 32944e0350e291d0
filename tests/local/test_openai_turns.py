"""Whole turns over the OpenAI wire: which events come, in which order."""

from __future__ import annotations

import asyncio
import base64

from neko_cli.core.errors import RateLimited, ServerFault
from neko_cli.local.audio_format import Encoding, compress, expand
from neko_cli.local.ports import Hearing
from neko_cli.local.server import EngineServer
from tests.local.parts import Heard, ScriptedParts, quiet, tone
from tests.local.wire_client import WireClient, kinds, sound_of

SPEECH = quiet(500) + tone(1000) + quiet(1000)

REPLY_START = ["response.output_item.added", "conversation.item.added", "response.content_part.added"]
SPOKEN_END = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "conversation.item.done",
    "response.done",
]
SPOKEN = [*REPLY_START, "response.output_audio_transcript.delta", "response.output_audio.delta", *SPOKEN_END]


async def test_a_spoken_turn_brings_every_event_in_order(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("hello there")
    parts.brain.say("Hi", " friend.")
    transcription = {"model": "whisper-1"}
    async with await WireClient.open(server, audio={"input": {"transcription": transcription}}) as client:
        client.seen.clear()
        await client.append(SPEECH, piece=4800)
        events = await client.take_until("response.done")
    assert kinds(events) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "rate_limits.updated",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        *SPOKEN,
    ]
    started, stopped, committed, added = events[:4]
    assert started["audio_start_ms"] in range(150, 260)  # 500 ms of quiet less 300 ms of padding
    assert stopped["audio_end_ms"] in range(1990, 2060)  # 1500 ms and 500 ms of silence
    assert started["item_id"] == stopped["item_id"] == committed["item_id"] == added["item"]["id"]
    assert added["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    transcribed = next(e for e in events if e["type"].endswith("transcription.completed"))
    assert transcribed["transcript"] == "hello there"
    assert transcribed["usage"]["type"] == "duration"
    assert 1.6 < transcribed["usage"]["seconds"] < 1.95
    assert parts.brain.prompts[0].lines[-1].text == "hello there"
    done = events[-1]["response"]
    assert done["status"] == "completed"
    assert done["output"][0]["content"] == [{"type": "output_audio", "transcript": "Hi friend."}]
    assert done["usage"]["output_token_details"] == {"text_tokens": 3, "audio_tokens": 4}
    assert sound_of(events) == tone(len("Hi friend.") * 20)
    assert len({e["event_id"] for e in client.seen}) == len(client.seen)


async def test_transcription_is_off_unless_asked_for(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("hello")
    parts.brain.say("Hi.")
    async with await WireClient.open(server) as client:
        await client.append(SPEECH)
        events = await client.take_until("response.done")
    assert not [e for e in events if "transcription" in e["type"]]
    assert parts.brain.prompts[0].lines[-1].text == "hello"


async def test_logprobs_tell_how_sure_each_word_is(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("left right", confidence=0.5)
    parts.brain.say("Hm.")
    async with await WireClient.open(
        server,
        include=["item.input_audio_transcription.logprobs"],
        audio={"input": {"transcription": {"model": "whisper-1"}}},
    ) as client:
        await client.append(SPEECH)
        done = await client.until("conversation.item.input_audio_transcription.completed")
        await client.until("response.done")
    assert [p["token"] for p in done["logprobs"]] == ["left", "right"]
    assert all(abs(p["logprob"] + 0.693) < 0.01 for p in done["logprobs"])
    assert bytes(done["logprobs"][0]["bytes"]) == b"left"


async def test_a_manual_turn(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("by hand")
    parts.brain.say("Yes.")
    async with await WireClient.open(server, audio={"input": {"turn_detection": None}}) as client:
        await client.append(tone(700))
        await client.send("input_audio_buffer.commit")
        events = await client.take_until("conversation.item.done")
        assert kinds(events) == [
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
        ]
        assert events[0]["previous_item_id"] is None
        await client.send("response.create")
        events = await client.take_until("response.done")
    assert kinds(events) == ["response.created", "rate_limits.updated", *SPOKEN]
    assert abs(parts.ears.seconds[0] - 0.7) < 0.001
    assert parts.detectors == []


async def test_a_text_turn_has_no_sound(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("One.", " Two <happy>.")
    async with await WireClient.open(server, output_modalities=["text"]) as client:
        item = await client.say("count")
        assert item["content"] == [{"type": "input_text", "text": "count"}]
        await client.send("response.create")
        events = await client.take_until("response.done")
    assert kinds(events) == [
        "response.created",
        "rate_limits.updated",
        *REPLY_START,
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    assert [e["delta"] for e in events if e["type"].endswith("text.delta")] == ["One.", " Two <happy>."]
    assert events[-1]["response"]["output"][0]["content"] == [
        {"type": "output_text", "text": "One. Two <happy>."}
    ]
    assert parts.voice.spoken == []


async def test_words_go_out_just_before_their_sound(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("<happy> First one here. Second ", "one there. [sad]")
    async with await WireClient.open(server) as client:
        await client.say("go")
        await client.send("response.create")
        events = await client.take_until("response.done")
    deltas = [e for e in events if e["type"].endswith(".delta")]
    words = [(at, e["delta"]) for at, e in enumerate(deltas) if "transcript" in e["type"]]
    assert [text for _, text in words] == ["<happy> First one here. ", "Second one there. ", "[sad]"]
    assert [text for text, _ in parts.voice.spoken] == ["First one here.", "Second one there."]
    assert words[0][0] == 0
    assert words[1][0] == 4  # 15 letters are 300 ms: three chunks behind the words
    assert all(len(base64.b64decode(e["delta"])) <= 4800 for e in deltas if "transcript" not in e["type"])


async def test_nothing_understood_is_an_empty_line_for_the_brain(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.ears.hear("", confidence=0.0)
    parts.brain.say("Pardon?")
    async with await WireClient.open(
        server, audio={"input": {"transcription": {"model": "whisper-1"}}}
    ) as client:
        await client.append(SPEECH)
        events = await client.take_until("response.done")
    assert [e["transcript"] for e in events if e["type"].endswith("transcription.completed")] == [""]
    assert (parts.brain.prompts[0].lines[-1].role, parts.brain.prompts[0].lines[-1].text) == ("user", "")


async def test_deaf_ears_fail_the_reply_and_say_why(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.script = [
        Heard(RateLimited("Too many utterances wait.")),
        Heard(ServerFault("The model is gone.")),
    ]
    async with await WireClient.open(
        server, audio={"input": {"transcription": {"model": "whisper-1"}}}
    ) as client:
        await client.append(SPEECH)
        failed = await client.until("conversation.item.input_audio_transcription.failed")
        assert failed["error"]["code"] == "rate_limit_exceeded"
        done = await client.until("response.done")
        details = done["response"]["status_details"]
        assert done["response"]["status"] == "failed"
        assert details["error"]["code"] == "rate_limit_exceeded"
        await client.append(SPEECH)
        done = await client.until("response.done")
    assert done["response"]["status_details"]["error"]["type"] == "server_error"


async def test_barge_in_cancels_the_reply_at_once(server: EngineServer, parts: ScriptedParts) -> None:
    parts.voice.gate = asyncio.Semaphore(2)
    parts.ears.hear("stop")
    first = parts.brain.say("A long sentence that goes on and on and on and on. And more", asyncio.Event())
    parts.brain.say("Okay.")
    async with await WireClient.open(server) as client:
        await client.say("tell me")
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.until("response.output_audio.delta")
        await client.append(tone(400))
        events = await client.take_until("response.done")
        assert kinds(events) == ["input_audio_buffer.speech_started", *SPOKEN_END]
        response = events[-1]["response"]
        assert response["status"] == "cancelled"
        assert response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        assert response["output"][0]["status"] == "incomplete"
        await asyncio.wait_for(first.closed.wait(), 5)
        assert parts.voice.closed == 1
        parts.voice.gate = None
        await client.append(quiet(1000))
        done = await client.until("response.done")
    assert done["response"]["status"] == "completed"


async def test_without_interrupting_the_reply_goes_on(server: EngineServer, parts: ScriptedParts) -> None:
    parts.voice.gate = asyncio.Semaphore(1)
    parts.ears.hear("mhm")
    parts.brain.say("A sentence of some length for this.")
    vad = {"type": "server_vad", "interrupt_response": False}
    async with await WireClient.open(server, audio={"input": {"turn_detection": vad}}) as client:
        await client.say("tell me")
        await client.send("response.create")
        await client.until("response.output_audio.delta")
        await client.append(SPEECH)
        await client.until("conversation.item.done")
        error = await client.error()
        assert error["code"] == "conversation_already_has_active_response"
        for _ in range(10):
            parts.voice.gate.release()
        done = await client.until("response.done")
    assert done["response"]["status"] == "completed"


async def test_turns_without_automatic_replies(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("note this")
    vad = {"type": "server_vad", "create_response": False}
    async with await WireClient.open(
        server, audio={"input": {"turn_detection": vad, "transcription": {"model": "whisper-1"}}}
    ) as client:
        await client.append(SPEECH)
        events = await client.take_until("conversation.item.input_audio_transcription.completed")
    assert not [e for e in events if e["type"].startswith("response.")]


async def test_a_whole_file_at_once_gives_every_turn_its_place(
    server: EngineServer, parts: ScriptedParts
) -> None:
    for word in ("one", "two", "three"):
        parts.ears.hear(word)
    vad = {"type": "server_vad", "create_response": False, "prefix_padding_ms": 0}
    async with await WireClient.open(
        server, audio={"input": {"turn_detection": vad, "transcription": {"model": "whisper-1"}}}
    ) as client:
        await client.append((quiet(2000) + tone(800) + quiet(1200)) * 3)
        starts, ends, texts = [], [], []
        while len(texts) < 3:
            event = await client.next()
            match event["type"].rpartition(".")[2]:
                case "speech_started":
                    starts.append(event["audio_start_ms"])
                case "speech_stopped":
                    ends.append(event["audio_end_ms"])
                case "completed":
                    texts.append(event["transcript"])
    assert texts == ["one", "two", "three"]
    for turn in range(3):
        assert abs(starts[turn] - (turn * 4000 + 2000)) <= 40
        assert abs(ends[turn] - (turn * 4000 + 2800 + 500)) <= 64
    assert parts.detectors[0].frames < 90 + 3 * 4  # 2.4 s of 12 s were loud: silence asks no detector


async def test_semantic_turn_detection_waits_by_eagerness(server: EngineServer, parts: ScriptedParts) -> None:
    async def gap(eagerness: str) -> int:
        parts.ears.hear("well")
        vad = {"type": "semantic_vad", "eagerness": eagerness, "create_response": False}
        async with await WireClient.open(server, audio={"input": {"turn_detection": vad}}) as client:
            await client.append(tone(640) + quiet(3000))
            stopped = await client.until("input_audio_buffer.speech_stopped")
            await client.until("conversation.item.done")
            return int(stopped["audio_end_ms"]) - 640

    assert await gap("high") < await gap("auto") < await gap("low")


async def test_language_reaches_the_ears_and_keywords_stay_hints(
    server: EngineServer, parts: ScriptedParts
) -> None:
    heard: list[Hearing] = []
    parts.ears.hear("ja", check=lambda _, hearing: heard.append(hearing))
    transcription = {"model": "whisper-1", "language": "de", "keywords": ["Licht an"]}
    async with await WireClient.open(
        server, audio={"input": {"turn_detection": None, "transcription": transcription}}
    ) as client:
        await client.append(tone(300))
        await client.send("input_audio_buffer.commit")
        await client.until("conversation.item.input_audio_transcription.completed")
    assert heard == [Hearing("de")]


async def test_g711_both_ways(server: EngineServer, parts: ScriptedParts) -> None:
    for kind in ("audio/pcmu", "audio/pcma"):
        parts.ears.hear("phone")
        parts.brain.say("Ring.")
        encoding = Encoding.ULAW if kind == "audio/pcmu" else Encoding.ALAW
        audio = {
            "input": {"format": {"type": kind}, "turn_detection": None},
            "output": {"format": {"type": kind}},
        }
        async with await WireClient.open(server, audio=audio) as client:
            await client.append(compress(tone(500, rate=8000), encoding))
            await client.send("input_audio_buffer.commit")
            await client.send("response.create")
            events = await client.take_until("response.done")
        assert abs(parts.ears.seconds[-1] - 0.5) < 0.001
        data = sound_of(events)
        assert len(data) == 5 * 20 * 8  # five letters, 20 ms each, 8 bytes a ms
        assert max(expand(data, encoding)) > 0


async def test_commit_and_clear_of_the_input(server: EngineServer, parts: ScriptedParts) -> None:
    async with await WireClient.open(server, audio={"input": {"turn_detection": None}}) as client:
        await client.send("input_audio_buffer.commit", event_id="mine")
        error = await client.error()
        assert error["code"] == "input_audio_buffer_commit_empty"
        assert error["event_id"] == "mine"
        await client.append(tone(99))
        await client.send("input_audio_buffer.commit")
        assert (await client.error())["code"] == "input_audio_buffer_commit_empty"
        await client.append(tone(300))
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        await client.send("input_audio_buffer.commit")
        assert (await client.error())["code"] == "input_audio_buffer_commit_empty"
        parts.ears.hear("ok")
        await client.append(tone(100))
        await client.send("input_audio_buffer.commit")
        await client.until("conversation.item.done")
