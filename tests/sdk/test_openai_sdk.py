"""The official openai SDK talks with a running engine and recognises every event it gets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from neko_cli.local.config import EngineConfig
from neko_cli.local.ports import AskedTool
from neko_cli.local.server import EngineServer
from tests.local.parts import ScriptedParts, tone
from tests.sdk.interpreter import require_sdk, sdk_environment
from tests.sdk.validators import Found, validate

TOKEN = "sk-test-only"
TIMEOUT_S = 60
HERE = Path(__file__).parent
SPEECH = tone(900)


@pytest.fixture
def parts() -> ScriptedParts:
    return ScriptedParts()


@pytest.fixture
async def server(parts: ScriptedParts) -> AsyncIterator[EngineServer]:
    async with EngineServer(parts, EngineConfig(), token=TOKEN) as server:
        yield server
    parts.done()


async def talk(server: EngineServer, scenario: str) -> dict[str, Any]:
    """Run a scenario in the SDK's interpreter; no event may have been wrong."""
    process = await asyncio.create_subprocess_exec(
        require_sdk(),
        str(HERE / "openai_client.py"),
        scenario,
        str(server.port),
        TOKEN,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=sdk_environment(),
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(SPEECH), TIMEOUT_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()[-3000:]
    report: dict[str, Any] = json.loads(out)
    assert report["problems"] == []
    assert len(report["kinds"]) > 5
    return report


@pytest.fixture(autouse=True)
def _interpreter() -> None:
    require_sdk()


async def test_a_text_turn(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Hello", " you.")
    report = await talk(server, "text_turn")
    assert report["facts"]["text"] == "Hello you."
    assert report["facts"]["model"] == "gpt-realtime"
    assert "response.output_text.delta" in report["kinds"]


async def test_an_audio_turn_that_the_server_detects(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("good morning")
    parts.brain.say("Morning.")
    report = await talk(server, "detected_turn")
    facts = report["facts"]
    assert (facts["heard"], facts["logprobs"]) == ("good morning", 2)
    assert (facts["status"], facts["reply_ms"]) == ("completed", len("Morning.") * 20)
    assert "input_audio_buffer.speech_started" in report["kinds"]


async def test_an_audio_turn_that_the_client_ends(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("good morning")
    parts.brain.say("Morning.")
    report = await talk(server, "manual_turn")
    assert report["facts"]["status"] == "completed"
    assert "input_audio_buffer.speech_started" not in report["kinds"]


async def test_a_tool_call(server: EngineServer, parts: ScriptedParts) -> None:
    parts.brain.say("Let me see.", AskedTool("clock", '{"zone": "utc"}'))
    parts.brain.say("It is noon.")
    report = await talk(server, "tool_turn")
    assert report["facts"]["call"] == ["clock", '{"zone": "utc"}']
    assert report["facts"]["text"] == "It is noon."
    assert parts.brain.prompts[1].lines[-1].text == "noon"


async def test_an_interruption(server: EngineServer, parts: ScriptedParts) -> None:
    parts.voice.gate = asyncio.Semaphore(2)
    parts.brain.say("Once upon a time there was a cat. And it lived.")
    report = await talk(server, "interrupted_turn")
    assert report["facts"] == {
        "model": "gpt-realtime",
        "status": "cancelled",
        "reason": "turn_detected",
        "audio_end_ms": 50,
        "error": "response_cancel_not_active",
    }


async def test_the_synchronous_client(server: EngineServer, parts: ScriptedParts) -> None:
    parts.ears.hear("good morning")
    parts.brain.say("Hello.")
    parts.brain.say("Morning.")
    report = await talk(server, "sync")
    assert report["facts"] == {"text": "Hello.", "status": "completed"}


def look_at(lines: list[dict[str, Any]]) -> Found:
    """What the validator of client events says."""
    return validate("client_events", [json.dumps(line) for line in lines])


def test_the_validator_accepts_good_events_and_names_bad_ones() -> None:
    good = [
        {"type": "input_audio_buffer.append", "audio": "AAAA"},
        {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}},
        {"type": "response.create"},
    ]
    assert look_at(good).output == "ok 3\n"
    bad = look_at(
        [
            {"type": "session.update", "session": {"type": "realtime", "modalities": ["text"]}},
            {"type": "input_audio_buffer.append"},
            {"type": "session.destroy"},
        ]
    )
    assert bad.code == 1
    assert "event 1: session.update: unknown key .session.modalities" in bad.output
    assert "event 2: input_audio_buffer.append" in bad.output
    assert "event 3: session.destroy" in bad.output
