"""Every way in which a connection can fail has one sentence, on real sockets."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
import traceback

import pytest

from neko_cli.core.errors import (
    Category,
    ConfigError,
    CredentialsError,
    InvalidRequest,
    LinkError,
    NekoError,
    ProtocolSurprise,
    QuotaExhausted,
    RateLimited,
    ServerFault,
)
from neko_cli.core.ports import Closing, Endpoint
from neko_cli.core.transport.websocket import MAX_FRAME, WebSocketTransport
from tests.core.transport.servers import (
    answering,
    certificate,
    deaf,
    http,
    raw_server,
    silent,
    unread,
    websocket_server,
)

KEY = "sk-very-secret-key"


def endpoint(url: str, **changes) -> Endpoint:
    return Endpoint(url, {"Authorization": f"Bearer {KEY}"}, **changes)


async def failure(url: str, timeout: float = 5.0, **changes) -> NekoError:
    """How opening fails; the key is in none of what Python would print."""
    with pytest.raises(NekoError) as caught:
        await WebSocketTransport().open(endpoint(url, **changes), timeout=timeout)
    printed = "".join(traceback.format_exception(caught.value))
    assert KEY not in printed
    assert "\n" not in str(caught.value)
    return caught.value


async def echo(peer) -> None:
    async for message in peer:
        await peer.send(message)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# Opening


async def test_text_and_binary_go_both_ways() -> None:
    async with websocket_server(echo) as url:
        connection = await WebSocketTransport().open(endpoint(url))
        await connection.send("text")
        await connection.send(b"\x00\x01")
        frames = connection.frames()
        assert await anext(frames) == "text"
        assert await anext(frames) == b"\x00\x01"
        assert connection.closing is None
        await connection.close(1000, "done")
        assert [frame async for frame in frames] == []
        assert connection.closing == Closing(1000, "done", by_us=True)


async def test_headers_and_subprotocol_arrive_and_nothing_is_compressed() -> None:
    requests = []

    async def look(peer) -> None:
        requests.append(peer.request)

    async with websocket_server(look, subprotocols=["realtime"]) as url:
        connection = await WebSocketTransport().open(endpoint(url, subprotocols=("realtime",)))
        assert [frame async for frame in connection.frames()] == []
        await connection.close()
    seen = requests[0].headers
    assert seen["Authorization"] == f"Bearer {KEY}"
    assert seen["Sec-WebSocket-Protocol"] == "realtime"
    assert "Sec-WebSocket-Extensions" not in seen


async def test_a_dead_port() -> None:
    error = await failure(f"ws://127.0.0.1:{free_port()}/")
    assert isinstance(error, LinkError)
    assert "Nothing answers at 127.0.0.1:" in error.message
    error = await failure(f"ws://localhost:{free_port()}/")
    assert "Nothing answers at localhost:" in error.message


async def test_a_server_that_says_nothing() -> None:
    async with raw_server(silent) as port:
        began = time.monotonic()
        error = await failure(f"ws://127.0.0.1:{port}/", timeout=0.3)
        assert time.monotonic() - began < 2
    assert isinstance(error, LinkError)
    assert "did not answer within 0.3 s" in error.message


async def test_a_server_that_hangs_up() -> None:
    async with raw_server(unread) as port:
        error = await failure(f"ws://127.0.0.1:{port}/")
    assert isinstance(error, LinkError)
    assert not error.permanent


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28" * 9 + b"\r\n",
        http("101 Switching", "", "Upgrade: x"),
    ],
)
async def test_a_server_that_sends_garbage(garbage: bytes) -> None:
    async with raw_server(answering(garbage)) as port:
        error = await failure(f"ws://127.0.0.1:{port}/")
    assert isinstance(error, ProtocolSurprise)
    assert "did not answer like a WebSocket server" in error.message
    assert error.permanent


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "code"),
    [
        (
            "401 Unauthorized",
            {"code": "invalid_api_key", "message": "Incorrect"},
            (),
            CredentialsError,
            "invalid_api_key",
        ),
        ("403 Forbidden", {}, (), CredentialsError, "403"),
        ("404 Not Found", {"message": "no such model"}, (), InvalidRequest, "404"),
        (
            "429 Too Many",
            {"code": "rate_limit_exceeded"},
            ("Retry-After: 7",),
            RateLimited,
            "rate_limit_exceeded",
        ),
        ("429 Too Many", {"code": "insufficient_quota"}, (), QuotaExhausted, "insufficient_quota"),
        ("503 Busy", {}, ("Retry-After: 2",), ServerFault, "503"),
        ("200 OK", {}, (), ProtocolSurprise, "200"),
        ("302 Found", {}, ("Location: ws://127.0.0.1:1/elsewhere",), InvalidRequest, "302"),
    ],
)
async def test_an_http_refusal(
    status: str, body: dict, headers: tuple[str, ...], kind: type, code: str
) -> None:
    async with raw_server(answering(http(status, json.dumps({"error": body}), *headers))) as port:
        error = await failure(f"ws://127.0.0.1:{port}/")
    assert type(error) is kind
    assert error.code == code
    assert f"127.0.0.1:{port}" in error.message
    if headers and headers[0].startswith("Retry"):
        assert error.retry_after == float(headers[0].split()[1])
    if "message" in body:
        assert body["message"] in error.message


async def test_tls_to_a_plain_port() -> None:
    async with websocket_server(echo) as url:
        error = await failure(url.replace("ws://", "wss://"))
    assert isinstance(error, LinkError)
    assert "does not answer by TLS" in error.message


async def test_a_certificate_that_nobody_vouches_for(tmp_path) -> None:
    server, _ = certificate(tmp_path)
    async with websocket_server(echo, ssl=server) as url:
        error = await failure(url)
    assert isinstance(error, LinkError)
    assert error.permanent
    assert "certificate" in error.message


async def test_tls_with_a_trusted_certificate(tmp_path) -> None:
    server, client = certificate(tmp_path)
    async with websocket_server(echo, ssl=server) as url:
        connection = await WebSocketTransport(ssl_context=client).open(endpoint(url))
        await connection.send("hello")
        assert await anext(connection.frames()) == "hello"
        await connection.close()


async def test_a_name_that_does_not_exist() -> None:
    # RFC 6761: names below “invalid” never exist.
    error = await failure("wss://no.such.host.invalid/")
    assert isinstance(error, LinkError)
    assert "no.such.host.invalid" in error.message


@pytest.mark.parametrize(
    "url", ["ws://example.com/", "http://[::2]/", "ftp://x", "wss://" + "a" * 70 + ".com/"]
)
async def test_an_address_that_cannot_be_used(url: str) -> None:
    assert isinstance(await failure(url), ConfigError | LinkError)
    if url.startswith(("ws:", "http:", "ftp:")):
        assert isinstance(await failure(url), ConfigError)


async def test_loopback_goes_past_a_proxy(monkeypatch) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, dead)
    monkeypatch.delenv("no_proxy", raising=False)
    async with websocket_server(echo) as url:
        connection = await WebSocketTransport().open(endpoint(url))
        await connection.close()


async def test_other_hosts_go_through_a_proxy(monkeypatch) -> None:
    async with raw_server(answering(http("407 Proxy Authentication Required"))) as port:
        monkeypatch.setenv("https_proxy", f"http://user:hidden-1@127.0.0.1:{port}")
        monkeypatch.delenv("no_proxy", raising=False)
        error = await failure("wss://example.com/")
    assert "proxy" in error.message
    assert "hidden-1" not in str(error)


async def test_the_key_is_not_logged_even_at_debug_level(caplog) -> None:
    caplog.set_level(logging.DEBUG)
    async with websocket_server(echo) as url:
        connection = await WebSocketTransport().open(endpoint(url + "?key=" + KEY))
        await connection.send("private words")
        await connection.close()
        assert KEY not in repr(connection)
    assert KEY not in caplog.text
    assert "private words" not in caplog.text


async def test_opening_can_be_cancelled() -> None:
    asked = asyncio.Event()

    async def listen(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read(-1)

    async with raw_server(listen) as port:
        task = asyncio.create_task(WebSocketTransport().open(endpoint(f"ws://127.0.0.1:{port}/")))
        async with asyncio.timeout(5):
            await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


# Ending


@pytest.mark.parametrize(
    ("code", "reason", "category"),
    [
        (1000, "bye", Category.LINK),
        (1001, "session_expired", Category.EXPIRED),
        (1008, "policy", Category.REQUEST),
        (1011, "quota exceeded", Category.RATE_LIMIT),
        (3000, "invalid_request_error.invalid_api_key", Category.CREDENTIALS),
    ],
)
async def test_a_close_code_arrives(code: int, reason: str, category: Category) -> None:
    async def leave(peer) -> None:
        await peer.close(code, reason)

    async with websocket_server(leave) as url:
        connection = await WebSocketTransport().open(endpoint(url))
        assert [frame async for frame in connection.frames()] == []
        assert connection.closing == Closing(code, reason, by_us=False)
        with pytest.raises(NekoError) as caught:
            await connection.send("too late")
        assert caught.value.category is category
        await connection.close()


async def test_a_lost_connection() -> None:
    async def vanish(peer) -> None:
        peer.transport.abort()

    async with websocket_server(vanish) as url:
        connection = await WebSocketTransport().open(endpoint(url))
        assert [frame async for frame in connection.frames()] == []
        assert connection.closing == Closing(1006)


async def test_a_frame_that_is_too_large_ends_the_connection() -> None:
    async def flood(peer) -> None:
        await peer.send("x" * (MAX_FRAME + 1))

    async with websocket_server(flood) as url:
        connection = await WebSocketTransport().open(endpoint(url))
        assert [frame async for frame in connection.frames()] == []
        assert connection.closing is not None
        assert (connection.closing.code, connection.closing.by_us) == (1009, True)


async def test_a_frame_of_the_largest_size_arrives() -> None:
    async def large(peer) -> None:
        await peer.send("x" * MAX_FRAME)
        await peer.wait_closed()

    async with websocket_server(large) as url:
        connection = await WebSocketTransport().open(endpoint(url))
        assert len(await anext(connection.frames())) == MAX_FRAME
        await connection.close()


async def test_a_peer_that_reads_nothing_costs_the_connection() -> None:
    async with websocket_server(deaf) as url:
        connection = await WebSocketTransport(send_timeout=0.3).open(endpoint(url))
        # One message that no socket buffer holds.
        with pytest.raises(LinkError, match="took nothing for 0.3 s"):
            await connection.send("x" * 50_000_000)
        assert [frame async for frame in connection.frames()] == []
        assert connection.closing == Closing(1006, "the peer takes no more data")


async def test_a_peer_that_does_not_close_is_left_within_two_seconds() -> None:
    async with websocket_server(deaf) as url:
        connection = await WebSocketTransport().open(endpoint(url))
        began = time.monotonic()
        await connection.close()
        await connection.close()
        assert time.monotonic() - began < 2
        assert connection.closing is not None


async def test_closing_while_nobody_reads_a_flood() -> None:
    async def flood(peer) -> None:
        while True:
            await peer.send("x" * 10_000)

    async with websocket_server(flood) as url:
        connection = await WebSocketTransport().open(endpoint(url))
        await connection.send("x")
        async with asyncio.timeout(3):
            await connection.close(1000, "x" * 200)
        assert connection.closing is not None


async def test_a_peer_that_answers_no_pings() -> None:
    async with websocket_server(deaf) as url:
        connection = await WebSocketTransport().open(endpoint(url, ping_interval=0.1, ping_timeout=0.1))
        async with asyncio.timeout(5):
            assert [frame async for frame in connection.frames()] == []
        assert connection.closing == Closing(1006, "no answer to pings")
