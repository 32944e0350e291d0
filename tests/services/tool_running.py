"""A table of tool servers that runs, and the small server that is one of them."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from neko_cli.core.errors import ToolError
from neko_cli.core.retry import RetryPolicy
from neko_cli.core.tables import ToolServer
from neko_cli.services.tool_servers import ToolServers
from neko_cli.services.tool_view import View
from tests.services.tool_parts import LIMIT, NoKeys, Told

PROGRAM = (sys.executable, "-m", "tests.fakes.mcp_server")
SOON = RetryPolicy(first=0.05, cap=0.2, jitter=0.0, attempts=200)
WHAT = 'The tool server "it"'

TOOLS = "echo add read.file fail picture variable place process wait die grow ask".split()


def stdio(*options: str, **more: object) -> ToolServer:
    return ToolServer(run=(*PROGRAM, "stdio", *options), **more)


class Running:
    """One server called ``it``, and what is told of it."""

    def __init__(self, entry: ToolServer, servers: ToolServers, told: Told) -> None:
        self.entry = entry
        self.servers = servers
        self.told = told

    async def view(self, entry: ToolServer | None = None) -> View:
        if entry is not None:
            self.entry = entry
        return (await self.servers.update({"it": self.entry}))["it"]

    async def names(self) -> list[str]:
        return [tool.name for tool in (await self.view()).tools]

    async def call(self, tool: str, limit: float = LIMIT, **arguments: object) -> object:
        return json.loads(await self.servers.call("it", tool, arguments, limit))

    async def trouble(self, tool: str, limit: float = LIMIT, **arguments: object) -> str:
        with pytest.raises(ToolError) as caught:
            await self.servers.call("it", tool, arguments, limit)
        return caught.value.message


@asynccontextmanager
async def running(
    entry: ToolServer, *, patience: float = LIMIT, policy: RetryPolicy = SOON, **keys: str
) -> AsyncIterator[Running]:
    told = Told()
    servers = ToolServers(NoKeys(**keys), told, patience=patience, policy=policy)
    try:
        yield Running(entry, servers, told)
    finally:
        await servers.close()
