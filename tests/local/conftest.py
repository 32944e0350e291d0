"""A real engine server with scripted parts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from neko_cli.local.config import EngineConfig
from neko_cli.local.server import EngineServer
from tests.local.parts import ScriptedParts
from tests.local.wire_client import TOKEN


@pytest.fixture
def parts() -> ScriptedParts:
    return ScriptedParts()


@pytest.fixture
async def server(parts: ScriptedParts) -> AsyncIterator[EngineServer]:
    async with EngineServer(parts, EngineConfig(), token=TOKEN) as server:
        yield server
    parts.done()
    assert parts.closed == 1
