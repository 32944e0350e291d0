"""How visits fail on the way to a server, within their time, and that none waits for another."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from neko_cli.core.errors import Category
from neko_cli.services import reach_session, reach_steps
from neko_cli.services.reach import reach_all
from neko_cli.services.reach_records import Limits, Stage, Target, Why
from tests.core.transport.servers import raw_server, silent, unread, websocket_server
from tests.services.reach_servers import KEY, PATIENCE, Host, openai, stages, visit

SHORT = Limits(name=0.2, connect=0.2, tls=0.2, session=0.2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# The way there


async def test_a_name_that_does_not_exist() -> None:
    found = await visit(openai("wss://no.such.host.invalid/"))
    assert found.failed is not None
    assert (found.failed.stage, found.failed.why) == (Stage.NAME, Why.NOT_FOUND)
    assert len(found.steps) == 1


async def test_a_name_that_cannot_be_one() -> None:
    found = await visit(openai(f"wss://{'a' * 70}.example/"))
    assert found.failed is not None
    assert found.failed.stage is Stage.NAME


async def test_a_dead_port() -> None:
    found = await visit(openai(f"ws://127.0.0.1:{free_port()}/"))
    assert stages(found) == [Stage.NAME]
    assert found.failed is not None
    assert (found.failed.stage, found.failed.why) == (Stage.CONNECT, Why.REFUSED)


async def test_the_second_address_is_tried_when_the_first_refuses() -> None:
    dead = (socket.AF_INET, ("127.0.0.1", free_port()))
    async with raw_server(silent) as port:
        connected = await reach_steps.connect([dead, (socket.AF_INET, ("127.0.0.1", port))])
        assert connected.getpeername()[1] == port
        connected.close()


async def test_settings_that_give_no_address() -> None:
    for target in (Target(provider="azure", key=KEY), Target(provider="vertex", key=KEY), openai("nowhere")):
        found = await visit(target)
        assert found.failed is not None
        assert found.failed.stage is Stage.ADDRESS
        assert found.failed.error is not None
        assert found.failed.error.category == Category.CONFIG


async def test_a_server_that_hangs_up() -> None:
    async with raw_server(unread) as port:
        found = await visit(openai(f"ws://127.0.0.1:{port}/"))
    assert found.failed is not None
    assert found.failed.stage is Stage.HANDSHAKE
    assert found.failed.error is not None
    assert found.failed.error.category == Category.LINK


async def test_a_mistake_of_ours_is_one_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(KEY)

    monkeypatch.setattr(reach_session.Visit, "run", broken)
    async with websocket_server(Host()) as url:
        found = await visit(openai(url))
    assert found.failed is not None
    assert found.failed.error is not None
    assert "RuntimeError" in found.failed.error.message


# Time


async def test_a_resolver_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hangs(*_: object, **__: object) -> list[object]:
        released.wait(PATIENCE)
        return []

    monkeypatch.setattr(reach_steps.socket, "getaddrinfo", hangs)
    async with asyncio.timeout(PATIENCE):
        found = await visit(openai("wss://hangs.invalid/"), limits=SHORT)
        # The end of the program does not wait for a daemon, as it would for a thread of asyncio's pool.
        looking = [thread for thread in threading.enumerate() if thread.name == "neko-resolve"]
        assert [thread.daemon for thread in looking] == [True]
    released.set()
    assert found.failed is not None
    assert (found.failed.stage, found.failed.why) == (Stage.NAME, Why.TIMEOUT)


async def test_a_connection_that_is_never_made(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> socket.socket:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(reach_steps, "connect", never)
    async with asyncio.timeout(PATIENCE):
        found = await visit(openai("ws://127.0.0.1:1/"), limits=SHORT)
    assert found.failed is not None
    assert (found.failed.stage, found.failed.why) == (Stage.CONNECT, Why.TIMEOUT)


async def test_a_server_that_never_speaks_tls() -> None:
    async with asyncio.timeout(PATIENCE), raw_server(silent) as port:
        found = await visit(openai(f"wss://127.0.0.1:{port}/"), limits=SHORT)
    assert found.failed is not None
    assert (found.failed.stage, found.failed.why) == (Stage.TLS, Why.TIMEOUT)


async def test_a_server_that_never_accepts_a_handshake() -> None:
    async with asyncio.timeout(PATIENCE), raw_server(silent) as port:
        found = await visit(openai(f"ws://127.0.0.1:{port}/"), limits=SHORT)
    assert found.failed is not None
    assert (found.failed.stage, found.failed.why) == (Stage.HANDSHAKE, Why.TIMEOUT)


async def test_a_server_that_never_configures_a_session() -> None:
    async def waits(peer) -> None:
        await peer.wait_closed()

    async with asyncio.timeout(PATIENCE), websocket_server(waits) as url:
        found = await visit(openai(url), limits=SHORT)
    assert stages(found) == [Stage.NAME, Stage.CONNECT, Stage.HANDSHAKE]
    assert found.failed is not None
    assert (found.failed.stage, found.failed.why) == (Stage.SESSION, Why.TIMEOUT)


async def test_all_stages_together_have_a_limit() -> None:
    long = Limits(session=PATIENCE * 10, whole=0.3)
    async with asyncio.timeout(PATIENCE), raw_server(silent) as port:
        found = await visit(openai(f"ws://127.0.0.1:{port}/"), limits=long)
    assert found.failed is not None
    assert (found.failed.stage, found.failed.why) == (Stage.HANDSHAKE, Why.TIMEOUT)


async def test_the_usual_limits_come_to_twelve_seconds() -> None:
    closing = 1.5  # of the transport
    limits = Limits()
    assert limits.whole + closing <= 12
    assert max(limits.name, limits.connect, limits.tls, limits.session) < limits.whole


async def test_one_that_hangs_does_not_delay_another() -> None:
    """The good one answers once all others hang, and they hang until it has been left."""
    left = asyncio.Event()
    arrived = asyncio.Barrier(4)

    async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1):  # a mere look at the port comes and goes
            await arrived.wait()
            await left.wait()

    host = Host(before=arrived.wait)

    async def good(peer) -> None:
        await host(peer)
        left.set()

    long = Limits(session=PATIENCE * 10, whole=PATIENCE * 10)
    async with asyncio.timeout(PATIENCE), websocket_server(good) as url, raw_server(hangs) as port:
        hanging = [openai(f"ws://127.0.0.1:{port}/{number}") for number in range(3)]
        found = await reach_all([*hanging, openai(url)], limits=long)
    assert [one.opened_ms is not None for one in found] == [False, False, False, True]
    assert [one.failed.stage for one in found[:3] if one.failed] == [Stage.HANDSHAKE] * 3
