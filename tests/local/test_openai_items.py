"""conversation.item.* over the OpenAI wire."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import pytest

from neko_cli.local.server import EngineServer
from tests.local.parts import ScriptedParts, quiet, tone
from tests.local.wire_client import WireClient


def png(width: int, height: int) -> str:
    """A real black PNG as a data URL."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(width) for _ in range(height))
    raw = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    raw += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(raw).decode()


def message(role: str, *content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": list(content), **fields}


def words(text: str, role: str = "user") -> dict[str, Any]:
    return {"type": "output_text" if role == "assistant" else "input_text", "text": text}


async def test_history_is_what_the_brain_sees(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("ok")
    async with await WireClient.open(server, output_modalities=["text"], instructions="Be brief.") as client:
        for item in (
            message("system", words("You are a cat."), id="s"),
            message("user", words("Hello."), words("Look:"), {"type": "input_image", "image_url": png(4, 3)}),
            message("assistant", words("Meow.", "assistant")),
            {"type": "function_call", "call_id": "c1", "name": "clock", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "noon"},
            message("assistant", {"type": "output_audio", "transcript": "It is noon."}),
        ):
            await client.send("conversation.item.create", item=item)
            added = await client.until("conversation.item.added")
            done = await client.until("conversation.item.done")
            assert added["item"] == done["item"]
            assert added["item"]["object"] == "realtime.item"
        await client.send("response.create")
        await client.until("response.done")
    prompt = parts.brain.prompts[0]
    assert prompt.instructions == "Be brief."
    assert [(line.role, line.text, line.call_id, line.name) for line in prompt.lines] == [
        ("system", "You are a cat.", "", ""),
        ("user", "Hello.\nLook:", "", ""),
        ("assistant", "Meow.", "", ""),
        ("assistant", "{}", "c1", "clock"),
        ("tool", "noon", "c1", "clock"),
        ("assistant", "It is noon.", "", ""),
    ]
    (picture,) = prompt.lines[1].images
    assert (picture.media_type, picture.width, picture.height) == ("image/png", 4, 3)
    assert picture.data_url == png(4, 3)


async def test_items_stand_where_they_are_put(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("ok")
    async with await WireClient.open(server, output_modalities=["text"]) as client:
        for item_id, after, before in (
            ("b", None, None),
            ("d", None, "b"),
            ("a", "root", None),
            ("c", "b", "b"),
        ):
            await client.send(
                "conversation.item.create",
                item=message("user", words(item_id), id=item_id),
                previous_item_id=after,
            )
            added = await client.until("conversation.item.added")
            assert (added["item"]["id"], added["previous_item_id"]) == (item_id, before)
        await client.send("conversation.item.delete", item_id="c")
        assert (await client.until("conversation.item.deleted"))["item_id"] == "c"
        await client.send("response.create")
        await client.until("response.done")
    assert [line.text for line in parts.brain.prompts[0].lines] == ["a", "b", "d"]


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"item": message("user", words("x"), id="taken")}, "invalid_value", "item.id"),
    (
        {"item": message("user", words("x")), "previous_item_id": "nowhere"},
        "invalid_value",
        "previous_item_id",
    ),
    ({}, "missing_required_parameter", "item"),
    ({"item": 3}, "invalid_type", "item"),
    ({"item": {"role": "user"}}, "missing_required_parameter", "item.type"),
    ({"item": {"type": "thought"}}, "invalid_value", "item.type"),
    ({"item": message("robot")}, "invalid_value", "item.role"),
    ({"item": message("user", {"type": "text", "text": "x"})}, "invalid_value", "item.content[0].type"),
    ({"item": message("user", {"type": "input_text"})}, "missing_required_parameter", "item.content[0].text"),
    (
        {"item": message("user", {"type": "input_audio", "audio": "%%%"})},
        "invalid_value",
        "item.content[0].audio",
    ),
    ({"item": message("user", {"type": "input_audio"})}, "invalid_value", "item.content[0].audio"),
    (
        {"item": message("user", {"type": "input_image", "image_url": "http://x/y.png"})},
        "invalid_value",
        "item.content[0].image_url",
    ),
    (
        {"item": {"type": "function_call_output", "call_id": "never", "output": ""}},
        "invalid_tool_call_id",
        "item.call_id",
    ),
]


async def test_every_fault_of_an_item_has_its_code(server: EngineServer) -> None:
    async with await WireClient.open(server) as client:
        await client.send("conversation.item.create", item=message("user", words("x"), id="taken"))
        await client.until("conversation.item.done")
        for fields, code, param in FAULTS:
            await client.send("conversation.item.create", event_id="e", **fields)
            error = await client.error()
            assert (error["code"], error["param"], error["event_id"]) == (code, param, "e"), error


@pytest.mark.parametrize("action", ["retrieve", "delete", "truncate"])
async def test_items_that_do_not_exist(server: EngineServer, action: str) -> None:
    extra = {"content_index": 0, "audio_end_ms": 0} if action == "truncate" else {}
    async with await WireClient.open(server) as client:
        await client.send(f"conversation.item.{action}", item_id="gone", **extra)
        error = await client.error()
    assert (error["code"], error["param"]) == (f"item_{action}_invalid_item_id", "item_id")


async def test_sound_in_an_item_is_recognised(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("from a file")
    parts.brain.say("ok")
    sound = tone(600)
    content = {"type": "input_audio", "audio": base64.b64encode(sound).decode()}
    async with await WireClient.open(
        server, output_modalities=["text"], audio={"input": {"transcription": {"model": "whisper-1"}}}
    ) as client:
        await client.send("conversation.item.create", item=message("user", content, id="f"))
        done = await client.until("conversation.item.input_audio_transcription.completed")
        assert (done["item_id"], done["transcript"]) == ("f", "from a file")
        await client.send("response.create")
        await client.until("response.done")
        await client.send("conversation.item.retrieve", item_id="f")
        item = (await client.until("conversation.item.retrieved"))["item"]
    assert item["content"][0]["transcript"] == "from a file"
    assert base64.b64decode(item["content"][0]["audio"]) == sound
    assert abs(parts.ears.seconds[0] - 0.6) < 0.001
    assert parts.brain.prompts[0].lines[0].text == "from a file"


async def test_silence_is_not_sent_to_the_ears(server: EngineServer, parts: ScriptedParts) -> None:
    async with await WireClient.open(
        server, audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}}
    ) as client:
        await client.append(quiet(500))
        await client.send("input_audio_buffer.commit")
        done = await client.until("conversation.item.input_audio_transcription.completed")
    assert done["transcript"] == ""


async def test_truncating_keeps_what_was_heard(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("One two three four. ", "Five six seven eight.")
    parts.brain.say("Yes.")
    async with await WireClient.open(server) as client:
        await client.say("count")
        await client.send("response.create")
        done = await client.until("response.done")
        item_id = done["response"]["output"][0]["id"]
        # 19 letters of 20 ms each are the first sentence's 380 ms; then a bit of the second's 420 ms.
        await client.send(
            "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=380 + 210
        )
        truncated = await client.until("conversation.item.truncated")
        assert (truncated["item_id"], truncated["audio_end_ms"]) == (item_id, 590)
        await client.send("conversation.item.retrieve", item_id=item_id)
        item = (await client.until("conversation.item.retrieved"))["item"]
        assert item["content"][0]["transcript"] == "One two three four. Five six"
        assert len(base64.b64decode(item["content"][0]["audio"])) == 590 * 48
        await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=700)
        assert (await client.error())["param"] == "audio_end_ms"
        await client.send("response.create")
        await client.until("response.done")
    assert parts.brain.prompts[1].lines[-1].text == "One two three four. Five six"


async def test_only_spoken_replies_can_be_truncated(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Written.")
    async with await WireClient.open(server, output_modalities=["text"]) as client:
        item = await client.say("x")
        await client.send("conversation.item.truncate", item_id=item["id"], content_index=0, audio_end_ms=0)
        assert (await client.error())["code"] == "invalid_value"
        await client.send("response.create")
        done = await client.until("response.done")
        item_id = done["response"]["output"][0]["id"]
        await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=0)
        assert (await client.error())["code"] == "unsupported_content_type"
