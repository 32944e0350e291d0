"""Closing a server: nobody who comes at the last moment leaves a task or a socket behind."""

from __future__ import annotations

import asyncio
import logging
import socket
import time

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import Server, ServerConnection
from websockets.exceptions import ConnectionClosedOK

from neko_cli.local.door import Door

QUIET = logging.Logger("door, silent", logging.CRITICAL)


async def until_gone(guest: ServerConnection) -> None:
    await guest.wait_closed()


async def opened() -> tuple[Door, Server]:
    door = Door()
    server = await door.open(until_gone, "127.0.0.1", 0, close_timeout=0.2, logger=QUIET)
    return door, server


def port_of(server: Server) -> int:
    return int(server.sockets[0].getsockname()[1])


def knock(server: Server) -> socket.socket:
    """A TCP connection that says nothing."""
    guest = socket.create_connection(("127.0.0.1", port_of(server)), 5)
    guest.settimeout(5)
    return guest


@pytest.mark.parametrize("steps", range(6))
async def test_who_comes_at_the_last_moment_leaves_no_task(steps: int) -> None:
    for _ in range(10):
        door, server = await opened()
        guests = [knock(server) for _ in range(5)]
        for _ in range(steps):
            await asyncio.sleep(0)
        await door.close()
        await door.wait_closed()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        for guest in guests:
            with guest:
                try:
                    assert guest.recv(1) == b""
                except ConnectionResetError:
                    continue


async def test_who_says_nothing_does_not_hold_up_the_end() -> None:
    door, server = await opened()
    with knock(server):
        for _ in range(10):
            await asyncio.sleep(0)
        assert server.handler_tasks
        began = time.monotonic()
        await door.close()
        await door.wait_closed()
        assert time.monotonic() - began < 1.0


async def test_who_is_connected_is_told_why() -> None:
    door, server = await opened()
    async with connect(f"ws://127.0.0.1:{port_of(server)}", compression=None) as guest:
        await door.close(reason="closing time")
        with pytest.raises(ConnectionClosedOK) as ended:
            await asyncio.wait_for(guest.recv(), 5)
        assert ended.value.rcvd is not None
        assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (1001, "closing time")
    await door.wait_closed()
    await door.close()


async def test_closing_what_was_never_opened_is_nothing() -> None:
    door = Door()
    await door.close()
    await door.wait_closed()
