"""The server itself: who may come in, how many, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import subprocess
import sys
import time

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from neko_cli.core.errors import ConfigError
from neko_cli.local.config import EngineConfig
from neko_cli.local.server import MAX_FRAME_BYTES, EngineServer
from tests.local.parts import ScriptedParts, tone
from tests.local.wire_client import TOKEN, WireClient


async def refused(url: str, token: str | None, **headers: str) -> InvalidStatus:
    """Connect, and return how it was refused."""
    if token is not None:
        headers["Authorization"] = token
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, additional_headers=headers)
    return caught.value


@pytest.mark.parametrize(
    "token", [None, "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer", f"Bearer {TOKEN}x"]
)
async def test_only_the_token_opens_a_session(server: EngineServer, token: str | None) -> None:
    refusal = await refused(server.url, token)
    assert refusal.response.status_code == 401
    error = json.loads(refusal.response.body or b"")["error"]
    assert error["code"] == "invalid_api_key"
    assert error["type"] == "invalid_request_error"


async def test_other_paths_are_not_found(server: EngineServer) -> None:
    url = server.url.replace("/realtime", "/elsewhere")
    refusal = await refused(url, f"Bearer {TOKEN}")
    assert refusal.response.status_code == 404
    assert json.loads(refusal.response.body or b"")["error"]["code"] == "not_found"


async def test_plain_http(server: EngineServer) -> None:
    base = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(trust_env=False) as http:
        health = await http.get(f"{base}/healthz")
        assert (health.status_code, health.json()) == (200, {"status": "ok"})
        assert (await http.get(f"{base}/v1/models")).status_code == 401
        headers = {"Authorization": f"Bearer {TOKEN}".encode()}
        answer = await http.get(f"{base}/v1/models", headers=headers)
        models = answer.json()
        assert [model["id"] for model in models["data"]] == ["neko-local"]
        assert (await http.get(server.url.replace("ws:", "http:"), headers=headers)).status_code == 426


async def test_the_twenty_first_is_refused_until_one_leaves(server: EngineServer) -> None:
    clients = [await WireClient.open(server) for _ in range(20)]
    refusal = await refused(server.url, f"Bearer {TOKEN}")
    assert refusal.response.status_code == 503
    assert int(refusal.response.headers["Retry-After"]) > 0
    await clients.pop().socket.close()
    clients.append(await WireClient.open(server))
    for client in clients:
        await client.update()
        await client.socket.close()


async def test_a_session_expires_as_at_openai(parts: ScriptedParts) -> None:
    async with (
        EngineServer(parts, EngineConfig(), token=TOKEN, max_session_s=0.2) as server,
        await WireClient.open(server) as client,
    ):
        error = await client.error()
        assert error["code"] == "session_expired"
        with pytest.raises(ConnectionClosed) as caught:
            await client.next()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1001


async def test_closing_ends_every_session_and_every_task(parts: ScriptedParts) -> None:
    before = asyncio.all_tasks()
    server = EngineServer(parts, EngineConfig(), token=TOKEN)
    await server.start()
    parts.brain.say("Never", asyncio.Event())
    parts.ears.hear("never", after=asyncio.Event())
    client = await WireClient.open(
        server, output_modalities=["text"], audio={"input": {"turn_detection": None}}
    )
    await client.send("response.create")
    await client.until("response.output_text.delta")
    await client.append(tone(300))
    await client.send("input_audio_buffer.commit")
    await client.until("conversation.item.done")
    await server.aclose()
    await server.aclose()
    with pytest.raises(ConnectionClosed) as caught:
        await client.next()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1001
    assert parts.closed == 1
    await client.socket.wait_closed()
    assert asyncio.all_tasks() == before


async def test_a_client_that_vanishes_ends_its_tasks(server: EngineServer, parts: ScriptedParts) -> None:
    script = parts.brain.say("Never", asyncio.Event())
    client = await WireClient.open(server, output_modalities=["text"])
    await client.send("response.create")
    await client.until("response.output_text.delta")
    client.socket.transport.abort()
    await asyncio.wait_for(script.closed.wait(), 5)


async def test_a_client_that_vanishes_stops_the_work_on_its_sound(
    server: EngineServer, parts: ScriptedParts
) -> None:
    client = await WireClient.open(server)
    await client.append(tone(100_000))
    await client.until("input_audio_buffer.speech_started")
    client.socket.transport.abort()
    _, unfinished = await asyncio.wait(set(server._handlers), timeout=10)
    assert not unfinished
    assert parts.detectors[0].frames < 100_000 // 32 // 2


async def test_too_large_a_frame_closes_with_1009(server: EngineServer) -> None:
    client = await WireClient.open(server)
    with contextlib.suppress(ConnectionClosed):  # it may close before it has read all
        await client.socket.send("x" * (MAX_FRAME_BYTES + 1))
    await asyncio.wait_for(client.socket.wait_closed(), 10)
    assert client.socket.close_code == 1009


async def test_nothing_private_is_logged(
    server: EngineServer, parts: ScriptedParts, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    parts.brain.say("An answer.")
    async with await WireClient.open(server, output_modalities=["text"]) as client:
        await client.say("my secret")
        await client.send("nonsense")
        await client.error()
        await client.send("response.create")
        await client.until("response.done")
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("neko_cli")]
    assert not [line for line in ours if "secret" in line or TOKEN in line or "answer" in line]


async def test_a_stranger_on_the_port_is_no_error(
    server: EngineServer, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"\x16\x03\x01 not http\r\n\r\n")
    await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_only_loopback_unless_allowed(parts: ScriptedParts, host: str) -> None:
    with pytest.raises(ConfigError):
        EngineServer(parts, EngineConfig(), token=TOKEN, host=host)
    EngineServer(parts, EngineConfig(), token=TOKEN, host=host, allow_remote=True)


def test_a_token_is_needed(parts: ScriptedParts) -> None:
    with pytest.raises(ConfigError):
        EngineServer(parts, EngineConfig(), token="")


async def test_a_port_that_is_taken_is_told(server: EngineServer, parts: ScriptedParts) -> None:
    second = EngineServer(ScriptedParts(), EngineConfig(), token=TOKEN, port=server.port)
    with pytest.raises(ConfigError, match=str(server.port)):
        await second.start()
    await second.aclose()


async def test_starting_and_connecting_is_quick(server: EngineServer) -> None:
    began = time.perf_counter()
    async with await WireClient.open(server):
        assert time.perf_counter() - began < 0.25


def test_no_heavy_library_before_the_first_sound() -> None:
    code = (
        "import sys, neko_cli.local.server\n"
        "heavy = {'numpy', 'soxr', 'PIL', 'httpx', 'textual', 'pocketsphinx', 'sounddevice',\n"
        "         'neko_cli.local.wire.gemini', 'neko_cli.local.wire.qwen'}\n"
        "sys.exit(','.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
