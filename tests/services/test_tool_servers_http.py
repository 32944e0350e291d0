"""Tool servers over HTTP: found, let in by a key, found again, and refused where that is not safe."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from neko_cli.core.tables import ToolServer
from tests.services.tool_parts import LIMIT
from tests.services.tool_running import PROGRAM, TOOLS, WHAT, running


@asynccontextmanager
async def http(port: int = 0, *options: str) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """A server over HTTP, and its address."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "http", "--port", str(port), *options, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(LIMIT):
            line = await process.stdout.readline()
        yield f"http://127.0.0.1:{int(line)}/mcp", process
    finally:
        if process.returncode is None:
            process.kill()
        async with asyncio.timeout(LIMIT):
            await process.wait()


# -- calls ----------------------------------------------------------------------------------


async def test_a_server_is_spoken_to_over_http() -> None:
    async with http() as (url, _), running(ToolServer(url=url)) as it:
        assert await it.names() == TOOLS
        assert await it.call("add", a=1, b=2) == {"sum": 3}
        assert await it.call("grow") == {"text": "grown"}
        await it.told.again()
        assert await it.names() == [*TOOLS, "fresh"]


async def test_a_key_is_sent_and_nothing_else_is_let_in() -> None:
    async with http(0, "--token", "tk-1") as (url, _):
        entry = ToolServer(url=url, key="FILES_KEY")
        async with running(entry, FILES_KEY="tk-1") as it:
            assert await it.names() == TOOLS
        async with running(entry, FILES_KEY="tk-2") as it:
            place = url.removeprefix("http://").removesuffix("/mcp")
            assert (await it.view()).problem == (
                f"{WHAT} at {place} rejected the key. Check the key for this server. It is not tried again."
            )
    async with running(entry) as it:
        assert (await it.view()).problem.startswith(f"{WHAT} needs the key FILES_KEY, and there is none.")


async def test_a_server_over_http_that_went_away_is_found_again() -> None:
    async with running(ToolServer(url="http://127.0.0.1:9/mcp")) as it:
        async with http() as (url, process):
            port = int(url.rpartition(":")[2].partition("/")[0])
            it.entry = ToolServer(url=url)
            assert await it.names() == TOOLS
            process.kill()
            async with asyncio.timeout(LIMIT):
                await process.wait()
            await it.trouble("echo", 0.5, text="")
            await it.told.again()
        async with http(port):
            assert await it.call("echo", text="back") == {"text": "back"}
            assert (await it.view()).problem == ""


async def test_an_address_where_nobody_is_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with running(ToolServer(url=f"http://127.0.0.1:{port}/mcp")) as it:
        assert (await it.view()).problem == (
            f"{WHAT} at 127.0.0.1:{port} cannot be reached (ConnectError). It is tried again."
        )


@pytest.mark.parametrize("url", ["http://example.com/mcp", "ftp://example.com", "https://a:b@example.com/"])
async def test_an_address_that_is_not_safe_is_refused(url: str) -> None:
    async with running(ToolServer(url=url)) as it:
        assert (await it.view()).problem.startswith(f"{WHAT} cannot be used: ")


# -- names and words ------------------------------------------------------------------------
