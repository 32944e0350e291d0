"""Visits over TLS, through proxies, and to chat servers."""

from __future__ import annotations

import asyncio
import datetime
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from neko_cli.core.errors import Category
from neko_cli.services.reach_records import Limits, Outcome, Reach, Stage, Target, Why
from neko_cli.services.reach_session import Ways
from tests.core.transport.servers import http, raw_server, websocket_server
from tests.fakes.certificates import Papers, make_papers
from tests.fakes.http_box import HttpBox, http_box
from tests.services.reach_servers import KEY, PATIENCE, Host, answers, openai, stages, visit

FAR = "api.somewhere.invalid"
"""A host that no name server knows: who reaches it has not asked one."""


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


# TLS


async def visit_tls(papers: Papers, host: str = "localhost", *, ways: Ways | None = None) -> Reach:
    """A server that shows this certificate, by a client that trusts its authority."""
    async with asyncio.timeout(PATIENCE), websocket_server(Host(), ssl=papers.server()) as url:
        return await visit(openai(url.replace("127.0.0.1", host)), ways=ways or Ways(papers.client()))


async def test_a_certificate_that_is_right(tmp_path: Path) -> None:
    found = await visit_tls(make_papers(tmp_path))
    assert stages(found) == [Stage.NAME, Stage.CONNECT, Stage.TLS, Stage.HANDSHAKE, Stage.SESSION]
    assert found.tls in ("TLS 1.3", "TLS 1.2")
    assert found.encrypted


@pytest.mark.parametrize(
    ("ended", "why"),
    [(datetime.timedelta(days=1), Why.EXPIRED), (datetime.timedelta(days=-3), Why.NOT_YET)],
)
async def test_a_certificate_out_of_its_time(tmp_path: Path, ended: datetime.timedelta, why: Why) -> None:
    found = await visit_tls(make_papers(tmp_path, ended=ended))
    assert stages(found) == [Stage.NAME, Stage.CONNECT]
    assert found.failed is not None
    assert (found.failed.stage, found.failed.why) == (Stage.TLS, why)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_certificate_of_another_host(tmp_path: Path, host: str) -> None:
    found = await visit_tls(make_papers(tmp_path, host="elsewhere.invalid"), host)
    assert found.failed is not None
    assert (found.failed.stage, found.failed.why) == (Stage.TLS, Why.WRONG_HOST)


async def test_a_certificate_of_an_unknown_issuer(tmp_path: Path) -> None:
    found = await visit_tls(make_papers(tmp_path), ways=Ways())
    assert found.failed is not None
    assert (found.failed.stage, found.failed.why) == (Stage.TLS, Why.UNKNOWN_ISSUER)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_a_server_that_speaks_no_tls(said: bytes) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(said)

    async with asyncio.timeout(PATIENCE), raw_server(plain) as port:
        found = await visit(openai(f"wss://127.0.0.1:{port}/"))
    assert found.failed is not None
    assert (found.failed.stage, found.failed.why) == (Stage.TLS, Why.NOT_TLS)


# Proxies


@asynccontextmanager
async def tunnel(to: int) -> AsyncIterator[tuple[int, list[str]]]:
    """A proxy that leads every CONNECT to one port of this machine; gives its port, and what it was asked."""
    asked: list[str] = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return  # a mere look at the port
        asked.append(head.split(b"\r\n")[0].decode())
        there, back = await asyncio.open_connection("127.0.0.1", to)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(copy(reader, back))
                group.create_task(copy(there, writer))
        finally:
            back.close()

    async with raw_server(serve) as port:
        yield port, asked


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


async def test_a_proxy_is_told_and_leads_to_a_session(tmp_path: Path, monkeypatch) -> None:
    papers = make_papers(tmp_path, host=FAR)
    host = Host()
    async with (
        asyncio.timeout(PATIENCE),
        websocket_server(host, ssl=papers.server()) as url,
        tunnel(port_of(url)) as (port, asked),
    ):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        found = await visit(openai(f"wss://{FAR}/"), ways=Ways(papers.client()))
    assert asked == [f"CONNECT {FAR}:443 HTTP/1.1"]
    assert stages(found) == [Stage.PROXY, Stage.HANDSHAKE, Stage.SESSION]
    assert stages(found, Outcome.SKIPPED) == [Stage.NAME, Stage.CONNECT, Stage.TLS]
    assert (found.proxy, found.addresses, found.tls) == (f"127.0.0.1:{port}", 0, "")
    assert host.got == ["session.update"]


async def test_a_certificate_is_looked_at_behind_a_proxy_too(tmp_path: Path, monkeypatch) -> None:
    papers = make_papers(tmp_path, host="elsewhere.invalid")
    async with (
        asyncio.timeout(PATIENCE),
        websocket_server(Host(), ssl=papers.server()) as url,
        tunnel(port_of(url)) as (port, _),
    ):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        found = await visit(openai(f"wss://{FAR}/"), ways=Ways(papers.client()))
    assert found.failed is not None
    assert found.failed.stage is Stage.HANDSHAKE
    assert found.failed.error is not None
    assert found.failed.error.code == "certificate"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://127.0.0.1:1", Why.REFUSED),
        ("http://proxy.somewhere.invalid:3128", Why.NOT_FOUND),
        ("ftp://127.0.0.1", Why.BAD_PROXY),
    ],
)
async def test_a_proxy_that_cannot_be_reached(address: str, why: Why, monkeypatch) -> None:
    monkeypatch.setenv("https_proxy", address)
    found = await visit(openai(f"wss://{FAR}/"))
    assert found.failed is not None
    assert (found.failed.stage, found.failed.why) == (Stage.PROXY, why)


async def test_a_proxy_that_wants_a_password(monkeypatch) -> None:
    async with raw_server(answers(http("407 Proxy Authentication Required"))) as port:
        monkeypatch.setenv("https_proxy", f"http://jane:hidden-1@127.0.0.1:{port}")
        found = await visit(openai(f"wss://{FAR}/"))
    assert found.failed is not None
    assert found.failed.stage is Stage.HANDSHAKE
    assert found.failed.error is not None
    assert found.failed.error.code == "proxy"
    assert "hidden-1" not in repr(found)


async def test_without_a_key_only_the_proxy_is_tried(monkeypatch) -> None:
    async with tunnel(1) as (port, asked):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        found = await visit(Target(provider="openai"))
    assert asked == []
    assert stages(found) == [Stage.PROXY]
    assert found.steps[-1].why is Why.NO_KEY


# Chat servers


@pytest.fixture
def box() -> Iterator[HttpBox]:
    with http_box() as running:
        yield running


def chat(box: HttpBox, **changes: str) -> Target:
    return Target(**{"provider": "chat", "url": f"{box.url}/v1", "key": KEY, **changes})


async def test_a_chat_server_is_asked_for_its_models_alone(box: HttpBox) -> None:
    box.script["/v1/models"] = lambda request: request.answer_json(200, {"data": [{"id": "talker"}]})
    found = await visit(chat(box))
    assert stages(found) == [Stage.NAME, Stage.CONNECT, Stage.HANDSHAKE, Stage.SESSION]
    assert [(sent.method, sent.path) for sent in box.requests] == [("GET", "/v1/models")]
    assert box.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert (found.model, found.http, found.given) == ("talker", True, True)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_chat_server_refuses_a_key(box: HttpBox, status: int) -> None:
    box.script["/v1/models"] = lambda request: request.answer_json(
        status, {"error": {"message": f"no: {KEY}"}}
    )
    found = await visit(chat(box))
    assert found.failed is not None
    assert found.failed.stage is Stage.HANDSHAKE
    assert found.failed.error is not None
    assert found.failed.error.category == Category.CREDENTIALS


async def test_a_chat_server_without_a_list_is_no_failure(box: HttpBox) -> None:
    found = await visit(chat(box, model="mine"))
    assert found.failed is None
    assert found.model == "mine"


async def test_a_chat_server_without_a_list_needs_the_name_of_a_model(box: HttpBox) -> None:
    found = await visit(chat(box))
    assert found.failed is not None
    assert found.failed.error is not None
    assert found.failed.error.code == "no_model"


async def test_a_chat_server_that_hangs(box: HttpBox) -> None:
    box.script["/v1/models"] = lambda request: box.released.wait(PATIENCE)
    async with asyncio.timeout(PATIENCE):
        found = await visit(chat(box), limits=Limits(session=0.3))
    assert found.failed is not None
    assert (found.failed.stage, found.failed.why) == (Stage.HANDSHAKE, Why.TIMEOUT)
