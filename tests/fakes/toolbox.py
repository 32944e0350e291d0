"""A toolbox whose tools answer when the test says so, and how a model calls them over OpenAI's wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from neko_cli.core.commands import ToolSpec
from neko_cli.core.events import InputMode, ToolResult
from neko_cli.core.ports import Offer
from neko_cli.core.tables import ToolsTable
from tests.fakes.staging import asks, profile


class FakeToolbox:
    """Offers ``names``; each call is a future that the test settles."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.problems: tuple[str, ...] = ()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.running: dict[str, asyncio.Future[str]] = {}
        self.cancelled: list[str] = []
        self.offers = 0
        self.closed = 0
        self.slow = 0.0
        """Seconds that an offer takes."""
        self._news = asyncio.Event()
        self._changed: Callable[[], None] = lambda: None

    async def offer(self, wanted: ToolsTable) -> Offer:
        self.offers += 1
        await asyncio.sleep(self.slow)
        known = [*self.names, *wanted.command]
        return Offer(
            tuple(ToolSpec(name, f"Does {name}.", {"type": "object"}) for name in known), self.problems
        )

    async def call(self, name: str, arguments: Mapping[str, Any]) -> str:
        self.calls.append((name, dict(arguments)))
        future = self.running[name] = asyncio.get_running_loop().create_future()
        self._news.set()
        try:
            return await future
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise

    def watch(self, changed: Callable[[], None]) -> None:
        self._changed = changed

    def change(self, *names: str) -> None:
        """Other tools are there now."""
        self.names = list(names)
        self._changed()

    async def close(self) -> None:
        self.closed += 1

    async def called(self, name: str) -> asyncio.Future[str]:
        """Wait until a tool is being carried out."""
        async with asyncio.timeout(5):
            while name not in self.running:
                self._news.clear()
                await self._news.wait()
        return self.running[name]


ALLOWED = profile(tools={"allow": ["*"]})
"""Every tool runs without asking."""


def call(server, reply_id: str, call_id: str, name: str, arguments: str = "{}") -> None:
    """The model calls a tool in a reply that has begun."""
    item = {
        "id": f"item_{call_id}",
        "type": "function_call",
        "status": "completed",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }
    server.tell("response.output_item.added", response_id=reply_id, output_index=0, item=item)
    server.tell(
        "response.function_call_arguments.done",
        response_id=reply_id,
        item_id=f"item_{call_id}",
        output_index=0,
        call_id=call_id,
        name=name,
        arguments=arguments,
    )


async def calling(stage, *names: str, said: str = "", sound_ms: int = 0):
    """A typed question to which the reply calls tools, and is over."""
    server = await stage.start(InputMode.TEXT)
    await asks(stage, server, "Which is it?")
    server.begin("r1")
    if said:
        server.words("r1", said, spoken=bool(sound_ms))
    if sound_ms:
        server.sound("r1", sound_ms)
    for name in names:
        call(server, "r1", f"call_{name}", name)
    server.done("r1")
    return server


async def answered(server, call_id: str):
    """The model is told of one call."""
    item = (await server.expect("conversation.item.create"))["item"]
    assert (item["type"], item["call_id"]) == ("function_call_output", call_id)
    return json.loads(item["output"])


async def answered_later(stage, server, call_id):
    await stage.until(ToolResult)
    return await answered(server, call_id)
