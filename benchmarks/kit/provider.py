"""A cheap realtime provider in a process of its own, so that it shares no loop with what is measured.

It speaks the server's side of OpenAI's realtime protocol as far as a session needs it: it configures
links, takes sound without hearing it, and answers at once. Run as a program, it prints its address and
ends with its standard input.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from benchmarks.kit.process import allow_files

ROOT = Path(__file__).resolve().parents[2]
ANSWER = "All is well."
SOUND = base64.b64encode(bytes(4_800)).decode()
"""A tenth of a second at 24 kHz."""

APPEND = '"input_audio_buffer.append"'
HEAD = 80
"""Characters within which an event's type stands."""

FILES = 4_096


class Provider:
    """Starts the program; ``url`` is where sessions connect. Leaving the context ends it."""

    def __init__(self) -> None:
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Provider:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.kit.provider"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise TimeoutError("the provider did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


class _Talk:
    """One connection."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._session: dict[str, Any] = {}
        self._items = 0
        self._replies = 0

    async def run(self) -> None:
        described = {"type": "realtime", "id": "sess_1", "model": "cheap"}
        await self._tell("session.created", session=described)
        async for frame in self._connection:
            if APPEND in frame[:HEAD]:
                continue
            event = json.loads(frame)
            match event["type"]:
                case "session.update":
                    self._session.update(event["session"])
                    await self._tell("session.updated", session=described)
                case "input_audio_buffer.commit":
                    await self._commit()
                case "response.create":
                    await self._reply()

    async def _commit(self) -> None:
        self._items += 1
        item = f"user_{self._items}"
        await self._tell("input_audio_buffer.committed", item_id=item, previous_item_id=None)
        await self._tell(
            "conversation.item.input_audio_transcription.completed",
            item_id=item,
            content_index=0,
            transcript="How are you?",
        )

    async def _reply(self) -> None:
        self._replies += 1
        name = f"resp_{self._replies}"
        where = {"response_id": name, "item_id": f"item_{name}", "output_index": 0, "content_index": 0}
        await self._tell("response.created", response={"id": name, "status": "in_progress"})
        if self._session.get("output_modalities") == ["audio"]:
            await self._tell("response.output_audio_transcript.delta", delta=ANSWER, **where)
            await self._tell("response.output_audio.delta", delta=SOUND, **where)
        else:
            await self._tell("response.output_text.delta", delta=ANSWER, **where)
        done: dict[str, Any] = {
            "id": name,
            "status": "completed",
            "output": [],
            "status_details": None,
            "usage": None,
        }
        await self._tell("response.done", response=done)

    async def _tell(self, kind: str, **fields: Any) -> None:
        await self._connection.send(json.dumps({"type": kind, "event_id": "event_1", **fields}))


async def _handle(connection: ServerConnection) -> None:
    try:
        await _Talk(connection).run()
    except ConnectionClosed:
        return


async def _main() -> None:
    allow_files(FILES)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, ended.set)
    options: dict[str, Any] = {"compression": None, "ping_interval": None, "close_timeout": 1, "backlog": 512}
    async with serve(_handle, "127.0.0.1", 0, **options) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        print(f"ws://127.0.0.1:{port}", flush=True)
        await ended.wait()
        loop.remove_reader(sys.stdin)


if __name__ == "__main__":
    asyncio.run(_main())
