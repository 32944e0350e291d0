"""What the tests of the agent bus share: a bus that listens, and calls that block."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from neko_cli.core.tables_agents import AgentsTable
from neko_cli.services.agent_bus import ZmqBus
from tests.fakes.agent_peer import PATIENCE, Ears


@contextlib.asynccontextmanager
async def listening(
    run: Path, ears: Any = None, *, character: str = "Neko", **table: Any
) -> AsyncIterator[tuple[ZmqBus, tuple[str, ...]]]:
    bus = ZmqBus(run)
    try:
        problems = await bus.open(
            AgentsTable(**table), ears or Ears(), character=character, profile="default"
        )
        yield bus, problems
    finally:
        await bus.close()


def on_thread(call: Any, *args: Any) -> Any:
    return asyncio.wait_for(asyncio.to_thread(call, *args), PATIENCE)
