"""Whole turns in Qwen's flat dialect: which events come, in which order, with which fields."""

from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import ConnectionClosed

from neko_cli.core.errors import ServerFault
from neko_cli.local.faults import ClientFault
from neko_cli.local.ports import AskedTool
from neko_cli.local.server import EngineServer
from neko_cli.local.wire import realtime
from neko_cli.local.wire.qwen_schema import client_events
from tests.local.parts import Heard, ScriptedParts, quiet, tone
from tests.local.pictures import in_base64, jpeg, png
from tests.local.wire_client import QwenClient, kinds, sound_of

CHECKS = client_events(())
SPEECH = quiet(500, 16_000) + tone(1000, 16_000) + quiet(1000, 16_000)
MANUAL = {"turn_detection": None}
WRITTEN = {"modalities": ["text"]}

REPLY_START = ["response.output_item.added", "conversation.item.created", "response.content_part.added"]
SPOKEN = [
    *REPLY_START,
    "response.audio_transcript.delta",
    "response.audio.delta",
    "response.audio.done",
    "response.audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.done",
]
TOOL = {
    "type": "function",
    "function": {"name": "clock", "description": "Tells the time.", "parameters": {"type": "object"}},
}


async def test_a_spoken_turn_brings_every_event_in_order(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("hello there")
    parts.brain.say("Hi", " friend.")
    async with await QwenClient.open(server) as client:
        client.seen.clear()
        await client.append(SPEECH, piece=3200)
        events = await client.take_until("response.done")
    assert kinds(events) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.created",
        "response.created",
        "conversation.item.input_audio_transcription.completed",
        *SPOKEN,
    ]
    bare = [{name: value for name, value in event.items() if name != "event_id"} for event in events]
    item = events[0]["item_id"]
    assert bare[2] == {"type": "input_audio_buffer.committed", "item_id": item}
    assert bare[3]["item"] == {
        "id": item,
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio"}],
    }
    assert bare[5] == {
        "type": "conversation.item.input_audio_transcription.completed",
        "item_id": item,
        "content_index": 0,
        "transcript": "hello there",
    }
    done = events[-1]["response"]
    assert (done["status"], done["modalities"], done["voice"]) == ("completed", ["text", "audio"], "Tina")
    assert done["output"][0]["content"] == [{"type": "audio", "transcript": "Hi friend."}]
    assert done["usage"]["output_tokens_details"] == {"text_tokens": 3, "audio_tokens": 4}
    assert done["usage"]["input_tokens_details"]["audio_tokens"] > 10
    assert "status_details" not in done
    assert sound_of(events) == tone(len("Hi friend.") * 20)
    part = next(e["part"] for e in events if e["type"] == "response.content_part.done")
    assert part == {"type": "audio", "text": "Hi friend."}


async def test_a_written_turn(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("One.", " Two.")
    async with await QwenClient.open(server, **WRITTEN) as client:
        content = [{"type": "input_text", "text": "count"}]
        await client.send(
            "conversation.item.create", item={"type": "message", "role": "user", "content": content}
        )
        created = await client.until("conversation.item.created")
        assert created["item"]["content"] == content
        await client.send("response.create", response={"instructions": None})
        events = await client.take_until("response.done")
    assert kinds(events) == [
        "response.created",
        *REPLY_START,
        "response.text.delta",
        "response.text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    assert events[-1]["response"]["output"][0]["content"] == [{"type": "text", "text": "One. Two."}]
    assert events[0]["response"]["output"] == []
    assert "usage" not in events[0]["response"]


async def test_a_manual_turn_at_another_rate(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("by hand")
    parts.brain.say("Yes.")
    rates = {
        "input": {"format": {"type": "pcm", "sample_rate": 24_000}},
        "output": {"format": {"sample_rate": 16_000}},
    }
    async with await QwenClient.open(server, audio=rates, **MANUAL) as client:
        await client.append(tone(700))
        await client.send("input_audio_buffer.commit")
        await client.until("input_audio_buffer.committed")
        await client.send("response.create")
        events = await client.take_until("response.done")
    assert abs(parts.ears.seconds[0] - 0.7) < 0.001
    assert abs(len(sound_of(events)) / 32 - len("Yes.") * 20) < 2
    assert parts.detectors == []


async def test_pictures_are_committed_with_the_sound(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("what is this")
    parts.brain.say("Small.")
    async with await QwenClient.open(server, **MANUAL, **WRITTEN) as client:
        await client.append(tone(300, 16_000))
        await client.send("input_image_buffer.append", image=in_base64(jpeg(5, 4)))
        await client.send("input_audio_buffer.commit")
        created = await client.until("conversation.item.created")
        assert created["item"]["content"] == [{"type": "input_audio"}, {"type": "input_image"}]
        await client.send("response.create")
        done = await client.until("response.done")
        await client.send("input_image_buffer.append", image=in_base64(jpeg()))  # the buffer is empty now
        error = await client.error()
    assert [image.width for image in parts.brain.prompts[0].lines[-1].images] == [5]
    assert done["response"]["usage"]["input_tokens_details"]["image_tokens"] == 85
    assert error["message"] == "Error append image before append audio."


async def test_clearing_the_sound_clears_the_pictures(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("hello")
    parts.brain.say("Hi.")
    async with await QwenClient.open(server, **MANUAL, **WRITTEN) as client:
        await client.append(tone(300, 16_000))
        await client.send("input_image_buffer.append", image=in_base64(jpeg()))
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        await client.append(tone(300, 16_000))
        await client.send("input_audio_buffer.commit")
        await client.send("response.create")
        await client.until("response.done")
    assert parts.brain.prompts[0].lines[-1].images == ()


async def test_a_tool_call(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say(AskedTool("clock", '{"zone": "utc"}', "call_1"))
    parts.brain.say("It is noon.")
    async with await QwenClient.open(server, tools=[TOOL], **WRITTEN) as client:
        await client.send("response.create")
        events = await client.take_until("response.done")
        assert kinds(events) == [
            "response.created",
            "response.output_item.added",
            "conversation.item.created",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.done",
        ]
        asked = events[4]
        assert (asked["call_id"], asked["name"], asked["arguments"]) == ("call_1", "clock", '{"zone": "utc"}')
        assert "content_index" not in asked
        output = {"type": "function_call_output", "call_id": "call_1", "output": "noon"}
        await client.send("conversation.item.create", item=output)
        await client.until("conversation.item.created")
        await client.send("response.create")
        await client.until("response.done")
    assert parts.brain.prompts[0].tools[0]["name"] == "clock"
    assert parts.brain.prompts[1].lines[-1].text == "noon"


async def test_history(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Ann.")
    told = [
        ("system", {"type": "input_text", "text": "It is Monday."}),
        ("user", {"type": "input_text", "text": "I am Ann."}),
        ("assistant", {"type": "text", "text": "Hello Ann."}),
    ]
    async with await QwenClient.open(server, **WRITTEN) as client:
        for role, content in told:
            await client.send(
                "conversation.item.create", item={"type": "message", "role": role, "content": [content]}
            )
            created = await client.until("conversation.item.created")
            assert created["item"]["content"] == [content]
        await client.send("response.create")
        await client.until("response.done")
    lines = [(line.role, line.text) for line in parts.brain.prompts[0].lines]
    assert lines == [(role, content["text"]) for role, content in told]


async def test_speech_cuts_the_reply(server: EngineServer, parts: ScriptedParts) -> None:
    parts.voice.gate = asyncio.Semaphore(1)
    parts.brain.say("Once upon a time there was a cat.")
    parts.brain.say("Yes?")
    parts.ears.hear("stop")
    async with await QwenClient.open(server) as client:
        await client.send("response.create")
        await client.until("response.audio.delta")
        await client.append(SPEECH, piece=3200)
        done = await client.until("response.done")
        assert done["response"]["status"] == "cancelled"
        for _ in range(2):
            parts.voice.gate.release()
        await client.until("response.done")


async def test_a_cancelled_reply_has_no_end_but_its_item_has(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.brain.say("Never", asyncio.Event())
    parts.brain.say("Next.")
    async with await QwenClient.open(server, **WRITTEN) as client:
        await client.send("response.create")
        await client.until("response.text.delta")
        await client.send("response.cancel")
        item = await client.until("response.output_item.done")
        assert item["item"]["status"] == "incomplete"
        await client.send("response.create")
        assert (await client.next())["type"] == "response.created"
        await client.until("response.done")
        await client.send("response.cancel")
        error = await client.error()
    assert (error["code"], error["message"]) == ("invalid_value", "Conversation has no active response.")


async def test_deaf_ears_and_a_reply_that_fails(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.script.append(Heard(ServerFault("The ears are ill.")))
    async with await QwenClient.open(server, **WRITTEN) as client:
        await client.append(SPEECH)
        failed = await client.until("conversation.item.input_audio_transcription.failed")
        assert failed["error"] == {"code": "server_error", "message": "The ears are ill.", "param": ""}
        error = await client.error()
        assert (error["type"], error["message"]) == ("server_error", "The ears are ill.")
        assert (await client.until("response.done"))["response"]["status"] == "failed"


async def test_finishing_waits_for_what_is_under_way(
    server: EngineServer, parts: ScriptedParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(realtime, "FAREWELL_S", 0.1)
    parts.ears.hear("cut off")
    parts.brain.say("I see.")
    async with await QwenClient.open(server, **WRITTEN) as client:
        await client.append(quiet(300, 16_000) + tone(600, 16_000))
        await client.until("input_audio_buffer.speech_started")
        await client.send("session.finish")
        events = await client.take_until("session.finished")
        assert kinds(events)[-2:] == ["response.done", "session.finished"]
        await client.send("response.create")
        with pytest.raises(ConnectionClosed) as caught:
            await client.next()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1000


async def test_other_programs_kinds_of_events_are_refused(server: EngineServer) -> None:
    async with await QwenClient.open(server) as client:
        for kind in ("conversation.item.truncate", "conversation.item.retrieve", "output_audio_buffer.clear"):
            await client.send(kind, item_id="x")
            error = await client.error()
            assert (error["type"], error["param"]) == ("invalid_request_error", "type")


@pytest.mark.parametrize("image", [in_base64(png()), "!!", "AAAA", "A" * 300_000])
def test_what_is_no_frame(image: str) -> None:
    with pytest.raises(ClientFault):
        CHECKS["input_image_buffer.append"]({"type": "input_image_buffer.append", "image": image}, "")
