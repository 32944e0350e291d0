"""What a session's time limit does to what is going on in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from websockets.exceptions import ConnectionClosed

from neko_cli.local.config import EngineConfig
from neko_cli.local.server import EngineServer
from tests.local.parts import ScriptedParts, tone
from tests.local.wire_client import TOKEN, Json, WireClient, kinds

LIMIT = 0.6


@pytest.fixture
async def limited(parts: ScriptedParts) -> AsyncIterator[EngineServer]:
    async with EngineServer(parts, EngineConfig(), token=TOKEN, max_session_s=LIMIT) as server:
        yield server


async def to_the_end(client: WireClient) -> tuple[list[Json], ConnectionClosed]:
    """All that comes from here on, and how the connection is closed."""
    start = len(client.seen)
    while True:
        try:
            await client.next()
        except ConnectionClosed as closed:
            return client.seen[start:], closed


def assert_expired(events: list[Json], closed: ConnectionClosed) -> None:
    assert events[-1]["type"] == "error"
    assert events[-1]["error"]["code"] == "session_expired"
    assert [event for event in events if event["type"] == "error"] == [events[-1]]
    assert closed.rcvd is not None
    assert closed.rcvd.code == 1001


async def test_an_utterance_that_is_being_spoken_is_cut_and_never_committed(
    limited: EngineServer, parts: ScriptedParts
) -> None:
    client = await WireClient.open(limited)
    await client.append(tone(400), piece=4800)
    await client.until("input_audio_buffer.speech_started")
    events, closed = await to_the_end(client)
    assert kinds(events) == ["error"]
    assert_expired(events, closed)
    assert parts.ears.seconds == []  # nobody was asked to recognise a piece of it


async def test_the_limit_holds_while_sound_keeps_coming(limited: EngineServer) -> None:
    client = await WireClient.open(limited)

    async def speak() -> None:
        while True:
            await client.append(tone(20))
            await asyncio.sleep(0.02)  # as fast as somebody speaks

    speaking = asyncio.create_task(speak())
    began = asyncio.get_running_loop().time()
    events, closed = await to_the_end(client)
    assert asyncio.get_running_loop().time() - began < LIMIT + 2
    assert kinds(events) == ["input_audio_buffer.speech_started", "error"]
    assert_expired(events, closed)
    speaking.cancel()
    await asyncio.wait({speaking})


async def test_a_reply_is_cut_and_nothing_follows_the_error(
    limited: EngineServer, parts: ScriptedParts
) -> None:
    parts.voice.ms_per_char = 2000
    said = parts.brain.say("A very long story that goes on and on. " * 200)
    client = await WireClient.open(limited, output_modalities=["audio"])
    await client.send("response.create")
    await client.until("response.output_audio.delta")
    events, closed = await to_the_end(client)
    assert "response.done" not in kinds(events)
    assert_expired(events, closed)
    async with asyncio.timeout(5):
        await said.closed.wait()
