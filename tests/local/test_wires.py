"""Which protocol is spoken at which path, with the key where that provider's programs send it."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import quote

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from neko_cli.local.config import EngineConfig
from neko_cli.local.server import WIRES, EngineServer
from tests.local.parts import ScriptedParts
from tests.local.wire_client import TOKEN

GOOGLE = "/ws/google.ai.generativelanguage.{}.GenerativeService.BidiGenerateContent"
VERTEX = "/ws/google.cloud.aiplatform.{}.LlmBidiService/BidiGenerateContent"
PATHS = {
    "/v1/realtime": "session.created",
    "/api-ws/v1/realtime": "session.created",
    GOOGLE.format("v1"): "setupComplete",
    GOOGLE.format("v1alpha"): "setupComplete",
    GOOGLE.format("v1beta"): "setupComplete",
    VERTEX.format("v1"): "setupComplete",
    VERTEX.format("v1beta1"): "setupComplete",
}
HEADERS = {
    "bearer": {"Authorization": f"Bearer {TOKEN}"},
    "google": {"x-goog-api-key": TOKEN.encode().decode("iso-8859-1")},
    "query": {},
}


def test_the_table_is_what_the_libraries_ask_for() -> None:
    assert set(WIRES) == set(PATHS)


@pytest.mark.parametrize("place", HEADERS)
@pytest.mark.parametrize("path", PATHS)
async def test_every_path_speaks_its_protocol(server: EngineServer, path: str, place: str) -> None:
    query = f"?key={quote(TOKEN)}" if place == "query" else ""
    url = f"ws://127.0.0.1:{server.port}{path}{query}"
    async with connect(url, additional_headers=HEADERS[place]) as socket:
        if PATHS[path] == "setupComplete":
            await socket.send(json.dumps({"setup": {"model": "models/x"}}))
        first = json.loads(await socket.recv())
    assert PATHS[path] in (first.get("type"), *first)


async def refused(url: str, **headers: str) -> tuple[int, Any]:
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, additional_headers=headers)
    return caught.value.response.status_code, json.loads(caught.value.response.body or b"")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/v1/realtime",
            {
                "error": {
                    "message": "The API key is missing or wrong.",
                    "type": "invalid_request_error",
                    "param": None,
                    "code": "invalid_api_key",
                }
            },
        ),
        (
            GOOGLE.format("v1beta"),
            {
                "error": {
                    "code": 401,
                    "message": "The API key is missing or wrong.",
                    "status": "UNAUTHENTICATED",
                }
            },
        ),
        (
            "/api-ws/v1/realtime",
            {"code": "InvalidApiKey", "message": "The API key is missing or wrong."},
        ),
    ],
)
async def test_each_provider_refuses_in_its_own_words(server: EngineServer, path: str, body: Any) -> None:
    url = f"ws://127.0.0.1:{server.port}{path}?key=wrong"
    assert await refused(url, Authorization="Bearer wrong") == (401, body)


async def test_a_full_house_is_told_in_googles_words(parts: ScriptedParts) -> None:
    config = EngineConfig(max_sessions=1)
    async with EngineServer(parts, config, token="plain-token") as server:
        url = f"ws://127.0.0.1:{server.port}{GOOGLE.format('v1')}?key=plain-token"
        async with connect(url):
            status, body = await refused(url)
    assert (status, body["error"]["status"]) == (503, "UNAVAILABLE")


async def test_a_key_in_the_address_is_not_logged(
    server: EngineServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = quote(TOKEN)
    async with connect(f"ws://127.0.0.1:{server.port}{GOOGLE.format('v1')}?key={key}") as socket:
        await socket.send("nonsense")
        await socket.wait_closed()
    await refused(f"ws://127.0.0.1:{server.port}/elsewhere?key={key}")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("neko_cli")]
    assert ours
    assert not [line for line in ours if key in line or TOKEN in line]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v2/realtime",
        "/realtime",
        GOOGLE.format("v2"),
        GOOGLE.format("v1beta") + "Constrained",
        VERTEX.format("v1alpha"),
        GOOGLE.format("v1").replace("/ws/", "/"),
    ],
)
async def test_elsewhere_there_is_nothing(server: EngineServer, path: str) -> None:
    status, _ = await refused(f"ws://127.0.0.1:{server.port}{path}?key={quote(TOKEN)}")
    assert status == 404
