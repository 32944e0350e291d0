"""A server that speaks TLS, and files that it cannot use: one sentence each, and no prompt."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage

from neko_cli.core.errors import ConfigError
from neko_cli.local.config import EngineConfig
from neko_cli.local.server import EngineServer
from neko_cli.local.tls import server_context
from tests.fakes.certificates import Papers, make_papers
from tests.local.parts import ScriptedParts

TOKEN = "a-token-of-the-test"


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return make_papers(tmp_path / "tls")


async def test_sessions_over_tls(papers: Papers) -> None:
    tls = server_context(papers.certificate, papers.key)
    async with EngineServer(ScriptedParts(), EngineConfig(), token=TOKEN, tls=tls) as server:
        assert server.url == f"wss://127.0.0.1:{server.port}/v1/realtime"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with connect(server.url, ssl=papers.client(), additional_headers=headers) as socket:
            assert json.loads(await socket.recv())["type"] == "session.created"
        async with httpx.AsyncClient(verify=papers.client(), trust_env=False) as http:
            health = await http.get(f"https://127.0.0.1:{server.port}/healthz")
            assert health.json() == {"status": "ok"}


async def test_a_stranger_who_speaks_no_tls_does_not_disturb(
    papers: Papers, caplog: pytest.LogCaptureFixture
) -> None:
    tls = server_context(papers.certificate, papers.key)
    async with EngineServer(ScriptedParts(), EngineConfig(), token=TOKEN, tls=tls) as server:
        with pytest.raises((InvalidMessage, OSError)):
            await connect(server.url.replace("wss:", "ws:"), open_timeout=5)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with connect(server.url, ssl=papers.client(), additional_headers=headers) as socket:
            await socket.recv()
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


async def test_somebody_who_says_nothing_does_not_hold_up_the_end(papers: Papers) -> None:
    tls = server_context(papers.certificate, papers.key)
    async with EngineServer(ScriptedParts(), EngineConfig(), token=TOKEN, tls=tls) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        began = time.monotonic()
    assert time.monotonic() - began < 2.0
    writer.close()
    await writer.wait_closed()


def missing_certificate(papers: Papers) -> Papers:
    papers.certificate.unlink()
    return papers


def missing_key(papers: Papers) -> Papers:
    papers.key.unlink()
    return papers


def a_folder(papers: Papers) -> Papers:
    return Papers(papers.authority, papers.authority.parent, papers.key)


def no_certificate(papers: Papers) -> Papers:
    papers.certificate.write_text("hello\n")
    return papers


def no_key(papers: Papers) -> Papers:
    papers.key.write_bytes(b"\xff\x00hello")
    return papers


def a_key_as_certificate(papers: Papers) -> Papers:
    return Papers(papers.authority, papers.key, papers.key)


def damaged_certificate(papers: Papers) -> Papers:
    lines = papers.certificate.read_text().splitlines()
    papers.certificate.write_text("\n".join([lines[0], "AAAA", lines[-1], ""]))
    return papers


def anothers_key(papers: Papers) -> Papers:
    other = make_papers(papers.key.parent / "other")
    return Papers(papers.authority, papers.certificate, other.key)


def a_locked_key(papers: Papers) -> Papers:
    return make_papers(papers.key.parent / "locked", password=b"secret")


def a_key_for_everybody(papers: Papers) -> Papers:
    papers.key.chmod(0o644)
    return papers


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (missing_certificate, "The TLS certificate .* cannot be read: No such file"),
        (missing_key, "The TLS key .* cannot be read: No such file"),
        (a_folder, "The TLS certificate .* cannot be read"),
        (no_certificate, "is not a PEM certificate"),
        (no_key, "is not a PEM private key"),
        (a_key_as_certificate, "is not a PEM certificate"),
        (damaged_certificate, "cannot be used"),
        (anothers_key, "does not belong to the certificate"),
        (a_locked_key, "is encrypted"),
        (a_key_for_everybody, "Others can read the TLS key"),
    ],
)
def test_files_that_cannot_be_used(papers: Papers, spoil: Callable[[Papers], Papers], words: str) -> None:
    spoilt = spoil(papers)
    with pytest.raises(ConfigError, match=words) as caught:
        server_context(spoilt.certificate, spoilt.key)
    assert "\n" not in caught.value.message


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX systems")
def test_a_group_may_read_the_key(papers: Papers) -> None:
    papers.key.chmod(0o640)
    server_context(papers.certificate, papers.key)
