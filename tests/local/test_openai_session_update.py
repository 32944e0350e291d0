"""session.created, session.update and what is wrong with them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from neko_cli.local.server import EngineServer
from tests.local.parts import ScriptedParts
from tests.local.wire_client import WireClient


async def test_the_session_is_complete_from_the_start(server: EngineServer) -> None:
    async with await WireClient.open(server, model="gpt-realtime") as client:
        session = client.seen[0]["session"]
    assert session.pop("id").startswith("sess_")
    assert abs(session.pop("expires_at") - (time.time() + 3600)) < 5
    assert session == {
        "type": "realtime",
        "object": "realtime.session",
        "model": "gpt-realtime",
        "output_modalities": ["audio"],
        "instructions": "",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "include": None,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                    "idle_timeout_ms": None,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
        },
    }


async def test_updates_are_merged_and_null_clears(server: EngineServer) -> None:
    async with await WireClient.open(server) as client:
        tool = {"type": "function", "name": "f", "parameters": {"type": "object"}}
        await client.update(
            instructions="Be kind.",
            tools=[tool],
            audio={
                "input": {
                    "transcription": {"model": "whisper-1"},
                    "turn_detection": {"type": "server_vad", "threshold": 0.7},
                },
                "output": {"voice": "en-gb"},
            },
        )
        updated = await client.update(
            audio={
                "input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 300}},
                "output": {"speed": 1.25},
            }
        )
        session = updated["session"]
        assert session["instructions"] == "Be kind."
        assert session["tools"] == [tool]
        assert session["audio"]["output"] == {
            "format": {"type": "audio/pcm", "rate": 24000},
            "voice": "en-gb",
            "speed": 1.25,
        }
        vad = session["audio"]["input"]["turn_detection"]
        assert (vad["threshold"], vad["silence_duration_ms"], vad["prefix_padding_ms"]) == (0.7, 300, 300)
        updated = await client.update(
            instructions=None, tools=[], audio={"input": {"turn_detection": None, "transcription": None}}
        )
        session = updated["session"]
        assert session["instructions"] == ""
        assert session["tools"] == []
        assert session["audio"]["input"]["turn_detection"] is None
        assert session["audio"]["input"]["transcription"] is None
        updated = await client.update(audio={"input": {"turn_detection": {"type": "semantic_vad"}}})
        assert updated["session"]["audio"]["input"]["turn_detection"] == {
            "type": "semantic_vad",
            "eagerness": "auto",
            "create_response": True,
            "interrupt_response": True,
        }


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"instructions": "x"}, "missing_required_parameter", "session.type"),
    ({"type": "transcription"}, "invalid_value", "session.type"),
    ({"type": "realtime", "modalities": ["text"]}, "unknown_parameter", "session.modalities"),
    ({"type": "realtime", "instructions": 7}, "invalid_type", "session.instructions"),
    (
        {"type": "realtime", "output_modalities": ["text", "audio"]},
        "invalid_value",
        "session.output_modalities",
    ),
    ({"type": "realtime", "output_modalities": ["smell"]}, "invalid_value", "session.output_modalities[0]"),
    ({"type": "realtime", "max_output_tokens": 0}, "integer_below_min_value", "session.max_output_tokens"),
    ({"type": "realtime", "max_output_tokens": 5000}, "integer_above_max_value", "session.max_output_tokens"),
    ({"type": "realtime", "max_output_tokens": True}, "invalid_type", "session.max_output_tokens"),
    (
        {"type": "realtime", "max_output_tokens": 10**30},
        "integer_above_max_value",
        "session.max_output_tokens",
    ),
    ({"type": "realtime", "model": "another"}, "invalid_value", "session.model"),
    ({"type": "realtime", "prompt": {"id": "p"}}, "invalid_value", "session.prompt"),
    (
        {"type": "realtime", "tools": [{"type": "mcp", "server_label": "x"}]},
        "invalid_value",
        "session.tools[0].type",
    ),
    (
        {"type": "realtime", "tools": [{"type": "function"}]},
        "missing_required_parameter",
        "session.tools[0].name",
    ),
    ({"type": "realtime", "tool_choice": "perhaps"}, "invalid_value", "session.tool_choice"),
    ({"type": "realtime", "audio": []}, "invalid_type", "session.audio"),
    (
        {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}},
        "integer_below_min_value",
        "session.audio.input.format.rate",
    ),
    (
        {"type": "realtime", "audio": {"input": {"format": "pcm16"}}},
        "invalid_type",
        "session.audio.input.format",
    ),
    (
        {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad", "treshold": 1}}}},
        "unknown_parameter",
        "session.audio.input.turn_detection.treshold",
    ),
    (
        {
            "type": "realtime",
            "audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 1.5}}},
        },
        "decimal_above_max_value",
        "session.audio.input.turn_detection.threshold",
    ),
    (
        {"type": "realtime", "audio": {"output": {"speed": 9}}},
        "decimal_above_max_value",
        "session.audio.output.speed",
    ),
    (
        {"type": "realtime", "audio": {"output": {"voice": "nobody"}}},
        "invalid_value",
        "session.audio.output.voice",
    ),
    ({"type": "realtime", "include": ["everything"]}, "invalid_value", "session.include[0]"),
]


async def test_every_fault_of_an_update_has_its_code_and_changes_nothing(server: EngineServer) -> None:
    async with await WireClient.open(server) as client:
        before = client.seen[0]["session"]
        for number, (session, code, param) in enumerate(FAULTS):
            await client.send("session.update", session=session, event_id=f"e{number}")
            error = await client.error()
            assert (error["code"], error["param"], error["event_id"]) == (code, param, f"e{number}"), error
            assert error["type"] == "invalid_request_error"
        assert (await client.update())["session"] == before


async def test_the_voice_is_fixed_after_the_first_sound(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Sound.")
    async with await WireClient.open(server, audio={"output": {"voice": "en-us"}}) as client:
        await client.say("speak")
        await client.send("response.create")
        await client.until("response.done")
        await client.send(
            "session.update", session={"type": "realtime", "audio": {"output": {"voice": "en-gb"}}}
        )
        error = await client.error()
        assert error["code"] == "cannot_update_voice"
        same = await client.update(audio={"output": {"voice": "en-us"}}, instructions="still fine")
        assert same["session"]["instructions"] == "still fine"
    assert parts.voice.spoken[0][1].voice == "en-us"


async def test_voices_of_openai_mean_the_default_voice(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Sound.")
    async with await WireClient.open(
        server, audio={"output": {"voice": {"id": "cedar"}, "speed": 0.5}}
    ) as client:
        await client.say("speak")
        await client.send("response.create")
        done = await client.until("response.done")
    assert done["response"]["audio"]["output"]["voice"] == "cedar"
    speech = parts.voice.spoken[0][1]
    assert (speech.voice, speech.speed, speech.language) == ("", 0.5, "en")


@pytest.mark.parametrize("kind", [None, 7, "session.destroy", "response.done", ""])
async def test_unknown_types_are_told(server: EngineServer, kind: Any) -> None:
    async with await WireClient.open(server) as client:
        await client.send(kind, event_id="x")
        error = await client.error()
        assert error["param"] == "type"
        assert error["code"] == ("missing_required_parameter" if kind is None else "invalid_value")
        await client.update()
