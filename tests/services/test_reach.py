"""Visits to providers on real sockets: sessions that are opened, and keys that are refused."""

from __future__ import annotations

import asyncio
import json

import pytest

from neko_cli.core.errors import Category
from neko_cli.local.config import EngineConfig
from neko_cli.local.server import EngineServer
from neko_cli.services import reach_steps
from neko_cli.services.reach import endpoint_of
from neko_cli.services.reach_records import Limits, Outcome, Stage, Target, Why
from tests.core.transport.servers import http, raw_server, websocket_server
from tests.fakes.strict_gemini import KEY as GEMINI_KEY
from tests.fakes.strict_gemini import GeminiService
from tests.fakes.strict_live import LiveTalk
from tests.fakes.strict_server import StrictServer
from tests.local.parts import ScriptedParts
from tests.services.reach_servers import KEY, PATIENCE, Host, answers, openai, stages, visit

TOKEN = "a-token-of-the-test"
ALL = [Stage.NAME, Stage.CONNECT, Stage.HANDSHAKE, Stage.SESSION]


# A session


async def test_a_session_is_opened_and_left_and_nothing_is_said() -> None:
    host = Host()
    async with websocket_server(host) as url:
        found = await visit(openai(url))
    assert stages(found) == ALL
    assert stages(found, Outcome.SKIPPED) == [Stage.TLS]
    assert (host.got, host.keys, host.codes) == (["session.update"], [f"Bearer {KEY}"], [1000])
    assert (found.model, found.key_sent, found.encrypted, found.addresses) == ("model-1", True, False, 0)
    assert found.opened_ms is not None
    assert found.opened_ms > 0


async def test_a_name_has_addresses() -> None:
    async with websocket_server(Host()) as url:
        found = await visit(openai(url.replace("127.0.0.1", "localhost")))
    assert stages(found) == ALL
    assert found.addresses >= 1


async def test_the_settings_of_the_profile_are_sent_but_no_persona() -> None:
    sent: list[dict] = []

    async def look(peer) -> None:
        sent.append(json.loads(await peer.recv()))

    async with websocket_server(look) as url:
        await visit(openai(url, model="mine", voice="cedar"))
        assert "model=mine" in endpoint_of(openai(url, model="mine")).url
    assert sent[0]["session"]["output_modalities"] == ["text"]
    assert not sent[0]["session"].get("instructions")
    assert not sent[0]["session"].get("tools")


async def test_the_embedded_engine_of_another_program() -> None:
    parts = ScriptedParts()
    async with EngineServer(parts, EngineConfig(), token=TOKEN) as server:
        right = await visit(Target(provider="embedded", url=server.url, key=TOKEN))
        wrong = await visit(Target(provider="embedded", url=server.url, key="another-token"))
        none = await visit(Target(provider="embedded", url=server.url))
    parts.done()
    assert stages(right) == ALL
    for refused in (wrong, none):
        assert refused.failed is not None
        assert refused.failed.stage is Stage.HANDSHAKE
        assert refused.failed.error is not None
        assert refused.failed.error.category == Category.CREDENTIALS


async def test_a_provider_that_wants_a_goodbye_gets_one() -> None:
    async with asyncio.timeout(PATIENCE), StrictServer(LiveTalk) as server:
        found = await visit(openai(server.url, provider="openai-live"))
        talk = await server.talk(0)
        await talk.closed.wait()
    assert stages(found) == ALL
    assert [event["type"] for event in talk.got] == ["session.start", "session.close"]
    assert talk.track_ms == 0  # its time is the sound that it is sent
    assert server.wrong == []


async def test_a_provider_that_never_says_goodbye_is_left() -> None:
    released = asyncio.Event()

    async def lingers(peer) -> None:
        await peer.recv()
        told = {"id": "live_1", "status": "active", "model": "gpt-live-1", "store": False}
        await peer.send(json.dumps({"type": "session.started", "session": told}))
        await released.wait()

    async with asyncio.timeout(PATIENCE), websocket_server(lingers) as url:
        found = await visit(openai(url, provider="openai-live"), limits=Limits(leave=0.1))
        released.set()
    assert stages(found) == ALL


# Keys


async def test_a_key_that_is_refused_at_the_handshake_and_repeated() -> None:
    body = json.dumps({"error": {"message": f"Incorrect key: {KEY}", "code": "invalid_api_key"}})
    async with raw_server(answers(http("401 Unauthorized", body))) as port:
        found = await visit(openai(f"ws://127.0.0.1:{port}/?key=query-value-1"))
    assert stages(found) == [Stage.NAME, Stage.CONNECT]
    assert found.failed is not None
    assert found.failed.stage is Stage.HANDSHAKE
    assert found.failed.error is not None
    assert found.failed.error.category == Category.CREDENTIALS
    assert "[redacted]" in found.failed.error.message
    assert "query-value-1" not in repr(found)


async def test_gemini_takes_a_key_and_refuses_another_at_the_handshake() -> None:
    async with GeminiService() as service:
        found = await visit(Target(provider="gemini", url=service.url, key=GEMINI_KEY))
        other = await visit(Target(provider="gemini", url=service.url, key="AIza-another"))
        assert service.wrong == []
    assert stages(found) == ALL
    assert other.failed is not None
    assert other.failed.stage is Stage.HANDSHAKE


@pytest.mark.parametrize("code", [1007, 1008])
async def test_gemini_refuses_a_key_after_the_setup(code: int) -> None:
    setups: list[dict] = []

    async def refuses(peer) -> None:
        setups.append(json.loads(await peer.recv()))
        await peer.close(code, "API key not valid. Please pass a valid API key.")

    async with websocket_server(refuses) as url:
        found = await visit(Target(provider="gemini", url=url, key=KEY))
    assert list(setups[0]) == ["setup"]
    assert stages(found) == [Stage.NAME, Stage.CONNECT, Stage.HANDSHAKE]
    assert found.failed is not None
    assert (found.failed.stage, found.opened_ms) == (Stage.SESSION, None)
    assert found.failed.error is not None
    assert found.failed.error.category == Category.CREDENTIALS


async def test_openai_refuses_a_key_by_an_event() -> None:
    async def refuses(peer) -> None:
        error = {"type": "invalid_request_error", "code": "invalid_api_key", "message": f"Not {KEY}."}
        await peer.send(json.dumps({"type": "error", "error": error}))
        await peer.close(3000, "invalid_request_error.invalid_api_key")

    async with websocket_server(refuses) as url:
        found = await visit(openai(url))
    assert found.failed is not None
    assert found.failed.stage is Stage.SESSION
    assert found.failed.error is not None
    assert (found.failed.error.category, found.failed.error.code) == ("credentials", "invalid_api_key")


async def test_a_key_that_is_none_is_not_sent() -> None:
    host = Host()
    async with websocket_server(host) as url:
        found = await visit(openai(url, key="two words-of-a-key"))
    assert host.keys == []
    assert found.failed is not None
    assert found.failed.error is not None
    assert found.failed.error.code == "malformed_key"
    assert "two words" not in repr(found)


async def test_without_a_key_the_way_is_looked_at_all_the_same() -> None:
    """A provider of one's own address, which needs a key; here its address is unknown to the name servers."""
    found = await visit(Target(provider="azure", url="https://mine.openai.azure.invalid"))
    assert found.failed is not None
    assert (found.failed.stage, found.failed.why) == (Stage.NAME, Why.NOT_FOUND)
    assert found.host == "mine.openai.azure.invalid"


async def test_without_a_key_no_session_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host()
    async with websocket_server(host) as url:
        port = int(url.rpartition(":")[2].partition("/")[0])
        real = reach_steps.resolve
        monkeypatch.setattr(reach_steps, "resolve", lambda host, _: real("127.0.0.1", port))
        target = Target(provider="azure", url="ws://mine.example", insecure=True)
        found = await visit(target)
    assert stages(found) == [Stage.NAME, Stage.CONNECT]
    assert found.steps[-1].stage is Stage.HANDSHAKE
    assert found.steps[-1].why is Why.NO_KEY
    assert found.failed is None
    assert host.got == []
