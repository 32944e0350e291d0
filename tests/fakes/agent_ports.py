"""A disk and a bus for agents in memory, and what tests say over the bus."""

from __future__ import annotations

import asyncio
from typing import Any

from neko_cli.core.companions import agent_events as events
from neko_cli.core.companions.callbacks import AgentResult
from neko_cli.core.errors import StoreError
from tests.fakes.staging import texts_of
from tests.fakes.wire import FakeConnection


class Shelf:
    """A disk in memory; ``left`` is what an earlier session has kept."""

    def __init__(self, *left: AgentResult) -> None:
        self.left = list(left)
        self.kept: dict[str, AgentResult] = {one.id: one for one in left}
        self.error: StoreError | None = None
        self.released = False

    async def keep(self, result: AgentResult, character: str) -> None:
        await asyncio.sleep(0.01)
        if self.error is not None:
            raise self.error
        self.kept[result.id] = result

    async def told(self, ids: Any) -> None:
        for one in ids:
            del self.kept[one]

    async def waiting(self, character: str) -> list[AgentResult]:
        return self.left

    async def release(self) -> None:
        self.released = True


class Bus:
    """A bus in memory."""

    def __init__(self) -> None:
        self.ears: Any = None
        self.requests: list[events.AnalyzeRequest] = []
        self.flags: list[events.AgentFlags] = []
        self.opened: list[str] = []
        self.names: list[str] = []
        self.problems: tuple[str, ...] = ()

    async def open(self, wanted: Any, ears: Any, *, character: str, profile: str) -> tuple[str, ...]:
        self.ears = ears
        self.opened.append(wanted.bus)
        return self.problems

    def rename(self, character: str, profile: str) -> None:
        self.names.append(character)

    async def request(self, event: events.AnalyzeRequest) -> bool:
        self.requests.append(event)
        return True

    def publish(self, event: events.AgentFlags) -> None:
        self.flags.append(event)

    async def close(self) -> None:
        self.ears = None


def done(number: int = 1, **fields: Any) -> events.TaskResult:
    return events.TaskResult(event_id=f"e{number}", summary=f"Build {number} is green.", **fields)


async def is_told(server: FakeConnection, *parts: str) -> str:
    """The link is told something that holds these, and asked for a reply."""
    ((role, text),) = texts_of([await server.expect("conversation.item.create")])
    assert role == "system"
    assert all(part in text for part in parts), text
    await server.expect("response.create")
    return text
