"""Whatever a client of the Gemini wire sends wrong, the connection closes with 1007 and a sentence."""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from neko_cli.local.server import EngineServer
from tests.local.engine_loop import EngineLoop
from tests.local.gemini_client import MODEL, GeminiClient
from tests.local.pictures import in_base64, jpeg
from tests.local.wire_client import TOKEN

SETUP = {"setup": {"model": MODEL, "generationConfig": {"responseModalities": ["TEXT"]}}}
FIRST = "setup must be the first message and only the first"

BEFORE_SETUP: list[tuple[str | bytes, str]] = [
    ("", "could not be read"),
    ("hello", "could not be read"),
    (b"\x00\x01", "could not be read"),
    ("[]", "A message is an object."),
    ("null", "A message is an object."),
    ("{}", "Request contains an invalid argument."),
    ('{"setup":null}', "Request contains an invalid argument."),
    ('{"setup":[]}', "'setup'"),
    ('{"setup":{}}', "setup.model"),
    ('{"magic":{}}', 'Unknown name "magic"'),
    ('{"setup":{"model":"m"},"clientContent":{}}', "'setup' is already set"),
    ('{"clientContent":{"turnComplete":true}}', FIRST),
    ('{"realtimeInput":{"text":"hi"}}', FIRST),
    ('{"setup":' + "[" * 100_000 + "]" * 100_000 + "}", "could not be read"),
    ('{"setup":{"model":"m","labels":' + '{"a":' * 900 + "1" + "}" * 900 + ',"x":1}}', 'Unknown name "x"'),
]


def blob(mime: str, data: str = "AAAA") -> dict[str, Any]:
    return {"mimeType": mime, "data": data}


def content(*parts: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"clientContent": {"turns": [{"role": role, "parts": list(parts)}], "turnComplete": True}}


AFTER_SETUP: list[tuple[Any, str]] = [
    (SETUP, FIRST),
    ({}, "Request contains an invalid argument."),
    ({"clientContent": {"turns": {"parts": []}}}, "client_content.turns"),
    ({"clientContent": {"contents": []}}, "Unknown name \"contents\" at 'client_content'"),
    (content({"text": "x"}, role="wizard"), "please use a valid role"),
    (content({"text": 5}), "parts[0].text"),
    (content({"fileData": {"fileUri": "x"}}), "this engine takes no fileData"),
    (content({"inlineData": blob("application/pdf")}), "sound and pictures are possible"),
    (content({"inlineData": blob("image/png")}), "neither PNG nor JPEG"),
    (content({"inlineData": blob("audio/pcm", "!!")}), "TYPE_BYTES"),
    (content({"inlineData": blob("audio/pcm")}, role="model"), "as text alone"),
    (content({"functionCall": {"args": {}}}, role="model"), "a name is needed"),
    (content({"functionResponse": {"id": "nobody"}}), "No tool call 'nobody'"),
    ({"realtimeInput": {"audio": blob("audio/mp3")}}, "audio/pcm;rate="),
    ({"realtimeInput": {"audio": blob("audio/pcm;rate=1")}}, "audio/pcm;rate="),
    ({"realtimeInput": {"audio": blob("audio/pcm;rate=999999")}}, "audio/pcm;rate="),
    ({"realtimeInput": {"audio": {"data": "AAAA"}}}, "sound and pictures are possible"),
    ({"realtimeInput": {"video": blob("video/mp4")}}, "sound and pictures are possible"),
    ({"realtimeInput": {"video": blob("image/jpeg", "AAAA")}}, "realtime_input.video.data"),
    ({"realtimeInput": {"mediaChunks": [blob("audio/wav")]}}, "realtime_input.media_chunks[0]"),
    ({"realtimeInput": {"activityStart": {}}}, "Explicit activity control is not supported"),
    ({"realtimeInput": {"activityEnd": {}}}, "Explicit activity control is not supported"),
    ({"realtimeInput": {"activityStart": True}}, "realtime_input.activity_start"),
    ({"toolResponse": {"functionResponses": [{"id": "x"}]}}, "no such function call is open"),
    ({"toolResponse": {"functionResponses": [{"scheduling": "SOON"}]}}, "scheduling"),
    ({"contextUpdate": {"tools": {"tools": [{"functionDeclarations": [{}]}]}}}, "context_update.tools.tools"),
    ({"contextUpdate": {"systemInstruction": "text"}}, "context_update.system_instruction"),
]


@pytest.mark.parametrize(("frame", "words"), BEFORE_SETUP, ids=lambda value: repr(value[:50]))
async def test_a_bad_first_frame(server: EngineServer, frame: str | bytes, words: str) -> None:
    async with await GeminiClient.connect(server) as client:
        await client.socket.send(frame)
        code, reason = await client.closed()
    assert code == 1007
    assert words in reason
    assert client.seen == []


@pytest.mark.parametrize(("message", "words"), AFTER_SETUP, ids=lambda value: json.dumps(value)[:60])
async def test_a_bad_message(
    server: EngineServer, message: Any, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with await GeminiClient.open(server) as client:
        await client.send(**message)
        code, reason = await client.closed()
    assert code == 1007
    assert words in reason
    assert len(reason.encode()) <= 123
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


async def test_the_close_does_not_wait_behind_what_was_sent_too_much(server: EngineServer) -> None:
    async with await GeminiClient.open(server) as client:
        began = time.monotonic()
        for _ in range(50):
            await client.send(nonsense="x" * 1000)
        assert (await client.closed())[0] == 1007
        assert time.monotonic() - began < 1.0


async def test_nothing_private_is_logged(server: EngineServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with await GeminiClient.open(server) as client:
        await client.send(clientContent={"turns": [{"parts": [{"text": "my secret"}]}]})
        await client.send(nonsense="my secret")
        await client.closed()
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("neko_cli")]
    assert not [line for line in ours if "secret" in line or TOKEN in line]


NAMES = (
    "setup clientContent client_content realtimeInput realtime_input toolResponse contextUpdate turns parts "
    "text role turnComplete audio video mediaChunks data mimeType mime_type activityStart audioStreamEnd "
    "functionResponses id name response scheduling inlineData functionCall "
    "functionResponse thought model tools"
).split()
WORDS = ("user", "model", "AAAA", "audio/pcm;rate=16000", "image/jpeg", in_base64(jpeg()), "SILENT", "hello")
values = st.recursive(
    st.sampled_from(WORDS) | st.integers(-1, 70_000) | st.none() | st.booleans() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
sound = st.binary(max_size=4000).map(
    lambda data: {
        "realtimeInput": {"audio": {"mimeType": "audio/pcm", "data": base64.b64encode(data).decode()}}
    }
)
good = st.sampled_from(
    [
        {"realtimeInput": {"audioStreamEnd": True}},
        {"realtimeInput": {"text": "hello"}},
        {"realtimeInput": {"video": {"mimeType": "image/jpeg", "data": in_base64(jpeg())}}},
        {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "hi"}]}], "turnComplete": True}},
        {"clientContent": {}},
    ]
)
messages = (sound | good | st.dictionaries(st.sampled_from(NAMES), values, max_size=2)).map(json.dumps)


@pytest.fixture(scope="module")
def running() -> Iterator[EngineLoop]:
    loop = EngineLoop()
    yield loop
    loop.close()


@given(st.lists(messages | st.text(max_size=50) | st.binary(max_size=50), max_size=6))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_sequence_of_frames_is_an_internal_error(running: EngineLoop, frames: list[str | bytes]) -> None:
    async def scenario() -> None:
        client = await GeminiClient.open(running.server)
        try:
            for frame in frames:
                await client.socket.send(frame)
            await client.send(clientContent={"turnComplete": False})
            await client.send(nonsense="last")
        except ConnectionClosed:
            pass  # one of the frames was refused already
        code, reason = await client.closed()
        assert code == 1007, reason
        assert reason

    running.loop.run_until_complete(scenario())
