"""Servers that tests of visits meet: an OpenAI of a few lines, and what the tests ask about the findings."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.asyncio.server import ServerConnection

from neko_cli.services.reach import reach_all
from neko_cli.services.reach_records import Limits, Outcome, Reach, Stage, Target
from neko_cli.services.reach_session import Ways
from tests.core.transport.servers import Bytes

KEY = "k1-aBcDeFgHiJkLmNoPqRsT"
"""Of no provider's shape, so that only we can know it for a key."""

PATIENCE = 10.0
"""Seconds that a test waits at most."""


class Host:
    """Configures whoever comes, strictly: one ``session.update``, then the end."""

    def __init__(self, *, before: Callable[[], Awaitable[Any]] | None = None) -> None:
        """``before`` is waited for before the session is configured."""
        self.got: list[str] = []
        """Types of all that was sent."""
        self.keys: list[str] = []
        self.codes: list[int | None] = []
        """With which codes the clients closed."""
        self._before = before

    async def __call__(self, peer: ServerConnection) -> None:
        assert peer.request is not None
        self.keys.append(peer.request.headers.get("Authorization", ""))
        session = {"type": "realtime", "id": "sess_1", "model": "model-1"}
        await peer.send(json.dumps({"type": "session.created", "session": session}))
        async for frame in peer:
            self.got.append(json.loads(frame)["type"])
            if self._before is not None:
                await self._before()
            await peer.send(json.dumps({"type": "session.updated", "session": session}))
        received = peer.protocol.close_rcvd
        self.codes.append(received.code if received is not None else None)


def answers(text: bytes) -> Bytes:
    """Answers a request with these bytes; who only looks at the port gets nothing."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(text)
            await writer.drain()

    return handler


def openai(url: str, **changes: Any) -> Target:
    """OpenAI at another address."""
    return Target(**{"provider": "openai", "url": url, "key": KEY, **changes})


async def visit(target: Target, *, limits: Limits | None = None, ways: Ways | None = None) -> Reach:
    """What one visit finds."""
    (found,) = await reach_all([target], limits=limits, ways=ways)
    assert KEY not in repr(found)
    return found


def stages(found: Reach, outcome: Outcome = Outcome.OK) -> list[Stage]:
    """The stages that went so."""
    return [step.stage for step in found.steps if step.outcome is outcome]
