"""An agent server as N.E.K.O. has one, written against its ports and its events alone."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from typing import Any

import zmq
import zmq.asyncio

PATIENCE = 10.0
"""Seconds for what takes milliseconds on an idle machine."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at, all at once."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


class Peer:
    """SUB for session events, PUSH for its own, PULL for requests; plain JSON, no topics."""

    def __init__(self, session: int, results: int, analyze: int) -> None:
        self.context = zmq.asyncio.Context()
        self.sub = self.context.socket(zmq.SUB)
        self.push = self.context.socket(zmq.PUSH)
        self.pull = self.context.socket(zmq.PULL)
        for one, port in ((self.sub, session), (self.push, results), (self.pull, analyze)):
            one.setsockopt(zmq.LINGER, 1000)
            one.connect(f"tcp://127.0.0.1:{port}")
        self.sub.setsockopt_string(zmq.SUBSCRIBE, "")

    async def says(self, event_type: str, **fields: Any) -> None:
        """Push an event to the main side."""
        await self.raw(json.dumps({"event_type": event_type, **fields}).encode())

    async def raw(self, data: bytes) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.push.send(data)

    async def heartbeat(self) -> None:
        await self.says("agent_bridge_heartbeat", pid=os.getpid())

    async def request(self) -> dict[str, Any]:
        """The next request for an analysis."""
        async with asyncio.timeout(PATIENCE):
            return dict(json.loads(await self.pull.recv()))

    async def session_event(self) -> dict[str, Any]:
        """The next event of the session."""
        async with asyncio.timeout(PATIENCE):
            return dict(json.loads(await self.sub.recv()))

    def close(self) -> None:
        self.context.destroy(linger=0)


class Ears:
    """What a bus tells its session, kept; answers as the test wants."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[Any] = asyncio.Queue()
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.asked: list[Any] = []
        self.cancelled = asyncio.Event()
        self.refuses = ""

    async def take(self, event: Any) -> Any:
        from neko_cli.core.companions.agent_events import EventAck

        self.came.put_nowait(event)
        return EventAck(
            event_id=event.event_id, lanlan_name="Neko", accepted=not self.refuses, message=self.refuses
        )

    async def ask(self, event: Any) -> Any:
        from neko_cli.core.companions.agent_events import UserAnswer

        self.asked.append(event)
        self.came.put_nowait(event)
        try:
            text = await asyncio.shield(self.answer)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return UserAnswer(event_id=event.event_id, status="answered", text=text)

    def info(self, event_id: str) -> Any:
        from neko_cli.core.companions.agent_events import SessionInfo

        return SessionInfo(
            event_id=event_id, lanlan_name="Neko", profile="default", status="idle", tasks=1, waiting=2
        )

    async def next(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            return await self.came.get()
