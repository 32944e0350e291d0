"""Whether the other side still answers, on real sockets."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from pathlib import Path

import pytest

from neko_cli.core.clock import RealClock
from neko_cli.core.ports import Connection, Endpoint, Transport
from neko_cli.core.transport.recording import RecordingTransport
from neko_cli.core.transport.replaying import ReplayingTransport
from neko_cli.core.transport.websocket import WebSocketTransport
from tests.core.transport.servers import deaf, raw_server, websocket_server

ACCEPT_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455 §1.3."""


async def leave_open(peer) -> None:
    await peer.wait_closed()


async def stopped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Shakes hands and then does nothing, like a process that was stopped."""
    head = await reader.readuntil(b"\r\n\r\n")
    key = next(
        line.split(b":", 1)[1].strip()
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key")
    )
    accept = base64.b64encode(hashlib.sha1(key + ACCEPT_KEY).digest())
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    await asyncio.Event().wait()


async def opened(url: str, transport: Transport | None = None) -> Connection:
    quiet = Endpoint(url, ping_interval=None, ping_timeout=None)
    return await (transport or WebSocketTransport()).open(quiet, timeout=5)


async def test_a_healthy_peer_answers_at_once_and_again() -> None:
    async with websocket_server(leave_open) as url:
        connection = await opened(url)
        began = time.monotonic()
        assert await connection.probe(5.0)
        assert all(await asyncio.gather(*(connection.probe(5.0) for _ in range(5))))
        assert time.monotonic() - began < 1
        await connection.close()


async def test_a_peer_that_is_stopped_does_not_answer_and_the_probe_ends_in_time() -> None:
    async with raw_server(stopped) as port:
        connection = await opened(f"ws://127.0.0.1:{port}/")
        began = time.monotonic()
        assert not await connection.probe(0.2)
        assert 0.2 <= time.monotonic() - began < 1
        # A probe ends nothing: what becomes of the link is decided elsewhere.
        assert connection.closing is None
        await connection.close()


async def test_a_full_socket_does_not_hold_up_the_probe() -> None:
    async with websocket_server(deaf) as url:
        connection = await opened(url, WebSocketTransport(send_timeout=10))
        stuck = asyncio.create_task(connection.send("x" * 50_000_000))
        await asyncio.sleep(0)  # the task has begun to write
        began = time.monotonic()
        assert not await connection.probe(0.2)
        assert time.monotonic() - began < 1
        stuck.cancel()
        await asyncio.wait({stuck})
        await connection.close()


async def test_a_late_answer_to_a_probe_that_was_given_up_is_no_harm() -> None:
    go_on = asyncio.Event()

    async def slow(peer) -> None:
        peer.transport.pause_reading()
        await go_on.wait()
        peer.transport.resume_reading()
        await peer.wait_closed()

    async with websocket_server(slow) as url:
        connection = await opened(url)
        assert not await connection.probe(0.05)
        go_on.set()
        assert await connection.probe(5.0)
        await connection.close()


@pytest.mark.parametrize("who", ["us", "peer", "reset"])
async def test_a_connection_that_is_over_does_not_answer(who: str) -> None:
    async def end(peer) -> None:
        if who == "peer":
            await peer.close(1001, "gone")
        elif who == "reset":
            peer.transport.abort()
        else:
            await peer.wait_closed()

    async with websocket_server(end) as url:
        connection = await opened(url)
        if who == "us":
            await connection.close()
        else:
            assert [frame async for frame in connection.frames()] == []
        began = time.monotonic()
        assert not await connection.probe(5.0)
        assert time.monotonic() - began < 1


async def test_a_connection_that_ends_while_it_is_probed() -> None:
    async def vanish(peer) -> None:
        peer.transport.pause_reading()
        await probed.wait()
        peer.transport.abort()

    probed = asyncio.Event()
    async with websocket_server(vanish) as url:
        connection = await opened(url)
        probe = asyncio.create_task(connection.probe(5.0))
        await asyncio.sleep(0)  # the ping is on its way
        probed.set()
        async with asyncio.timeout(2):
            assert not await probe
        assert not await connection.probe(1.0)


async def test_a_probe_can_be_cancelled() -> None:
    async with raw_server(stopped) as port:
        connection = await opened(f"ws://127.0.0.1:{port}/")
        probe = asyncio.create_task(connection.probe(30.0))
        await asyncio.sleep(0)
        probe.cancel()
        with pytest.raises(asyncio.CancelledError):
            await probe
        await connection.close()


async def test_a_recording_asks_the_real_connection_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    transport = RecordingTransport(WebSocketTransport(), path, clock=RealClock())
    async with websocket_server(leave_open) as url:
        connection = await opened(url, transport)
        assert await connection.probe(5.0)
        await connection.close()
        assert not await connection.probe(5.0)
    await transport.aclose()
    replayed = await opened("ws://x", ReplayingTransport(path))
    assert await replayed.probe(0.1)
    assert '"dir":"in"' not in path.read_text()
    assert '"dir":"out"' not in path.read_text()


async def test_the_transport_knows_where_its_connections_went() -> None:
    transport = WebSocketTransport()
    assert transport.peer_of("127.0.0.1") == ""
    async with websocket_server(leave_open) as url:
        connection = await opened(url.replace("127.0.0.1", "LocalHost"), transport)
        assert transport.peer_of("localhost") == transport.peer_of("LOCALHOST") == "127.0.0.1"
        await connection.close()
    assert transport.peer_of("elsewhere.invalid") == ""
