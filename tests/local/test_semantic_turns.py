"""The embedded engine ends turns sooner where the words so far read as finished."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.errors import ServerFault
from neko_cli.local.server import EngineServer
from tests.local.parts import Heard, ScriptedParts, quiet, tone
from tests.local.wire_client import WireClient

SEMANTIC = {"type": "semantic_vad", "eagerness": "auto", "create_response": False}


async def spoken(client: WireClient, *parts: bytes) -> None:
    """Sound in pieces of 50 ms, as from a microphone."""
    data = b"".join(parts)
    for at in range(0, len(data), 2_400):
        await client.append(data[at : at + 2_400])
        await asyncio.sleep(0.002)


async def turn_of(client: WireClient) -> tuple[int, str]:
    """Where the next turn ends, in ms, and its words."""
    stopped = await client.until("input_audio_buffer.speech_stopped")
    words = await client.until("conversation.item.input_audio_transcription.completed")
    return int(stopped["audio_end_ms"]), str(words["transcript"])


def heard_as(vad: dict[str, object]) -> dict[str, object]:
    return {"input": {"turn_detection": vad, "transcription": {"model": "whisper-1", "language": "en"}}}


@pytest.mark.parametrize(
    ("text", "silence"),
    [
        ("What time is it?", 350),
        ("stop", 350),
        ("I want to go, but", 900),
        ("I would like a coffee and.", 900),
        ("turn on the", 900),
    ],
)
async def test_semantic_turn_detection_waits_less_for_words_that_are_finished(
    server: EngineServer, parts: ScriptedParts, text: str, silence: int
) -> None:
    parts.ears.hear(text)
    async with await WireClient.open(server, audio=heard_as(SEMANTIC)) as client:
        await spoken(client, tone(640), quiet(1500))
        end, words = await turn_of(client)
    assert words == text
    assert silence <= end - 640 <= silence + 250
    assert parts.ears.script == [], "it is recognised once"


async def test_who_goes_on_after_a_pause_is_heard_whole(server: EngineServer, parts: ScriptedParts) -> None:
    late = asyncio.Event()
    parts.ears.hear("What time is it?", after=late)
    parts.ears.hear("What time is it? In Rome, I mean.")
    async with await WireClient.open(server, audio=heard_as(SEMANTIC)) as client:
        await spoken(client, tone(640), quiet(500), tone(320))
        late.set()
        await spoken(client, quiet(1500))
        end, words = await turn_of(client)
    assert words == "What time is it? In Rome, I mean."
    assert end > 640 + 500 + 320
    assert [round(seconds, 1) for seconds in parts.ears.seconds][0] == 1.0


async def test_ears_that_fail_at_a_pause_change_nothing_but_the_words(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.ears.script.append(Heard(ServerFault("They are ill.")))
    async with await WireClient.open(server, audio=heard_as(SEMANTIC)) as client:
        await spoken(client, tone(640), quiet(1500))
        stopped = await client.until("input_audio_buffer.speech_stopped")
        await client.until("conversation.item.input_audio_transcription.failed")
    assert stopped["audio_end_ms"] >= 640 + 900


async def test_a_silence_that_the_client_asks_for_is_kept_whatever_was_said(
    server: EngineServer, parts: ScriptedParts
) -> None:
    parts.ears.hear("What time is it?")
    vad = {"type": "server_vad", "silence_duration_ms": 800, "create_response": False}
    async with await WireClient.open(server, audio=heard_as(vad)) as client:
        await spoken(client, tone(640), quiet(1500))
        end, _ = await turn_of(client)
    assert end - 640 >= 800
