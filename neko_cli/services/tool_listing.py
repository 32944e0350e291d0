"""Which tools a server that speaks MCP has, and when that changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from neko_cli.services.tool_names import RemoteTool, is_wanted

if TYPE_CHECKING:
    from mcp import Client

log = logging.getLogger(__name__)

MAX_TOOLS = 128
MAX_PAGES = 64

SUBSCRIBE_PAUSE_S = 2.0
"""Before a lost subscription is made anew."""


async def listed(client: Client, only: Sequence[str]) -> tuple[tuple[RemoteTool, ...], str]:
    """The tools that the profile wants, page by page, and what is to be said of them.

    The words are the rest of a sentence that begins with the server; empty when there are none.
    """
    tools: list[RemoteTool] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += [
            RemoteTool(tool.name, tool.description or tool.title or "", tool.input_schema)
            for tool in page.tools
            if is_wanted(tool.name, only)
        ]
        cursor = page.next_cursor
        if cursor is None or len(tools) > MAX_TOOLS:
            break
    if len(tools) > MAX_TOOLS or cursor is not None:
        return tuple(tools[:MAX_TOOLS]), f"has more than {MAX_TOOLS} tools; name those you want under `only`."
    if not tools:
        return (), f"has no tools{' that `only` allows' if only else ''}."
    return tuple(tools), ""


async def tell_changes(client: Client, changed: Callable[[], None]) -> None:
    """Subscribe to changes where the protocol's version asks for that; until it is cancelled.

    Servers of older versions tell without being asked, and the client's message handler hears them.
    """
    from mcp import MCPError
    from mcp.client.subscriptions import SubscriptionLost
    from mcp.types.version import MODERN_PROTOCOL_VERSIONS

    if client.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return
    while True:
        try:
            async with client.listen(tools_list_changed=True) as changes:
                changed()  # what changed before the server listened is not told
                async for _ in changes:
                    changed()
        except MCPError as error:
            log.debug("a tool server tells no changes: code %d", error.code)
            return
        except SubscriptionLost:
            log.debug("the subscription to a tool server's changes was lost")
        await asyncio.sleep(SUBSCRIBE_PAUSE_S)
