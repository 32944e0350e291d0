"""A staged session that agents reach, wired as a session wires them; also as a program of its own.

``python -m tests.fakes.agent_session HOME [--silent] [--name CHARACTER]`` runs one on real sockets until
its standard input ends. Its provider answers each question with what it was told; with ``--silent`` it
never says a word. On standard output it says ``ready``, then what was told and what tasks do, a line each.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Any

from neko_cli.core.agents import Agents
from neko_cli.core.events import AgentTask, InputMode, TurnEnded
from tests.fakes.staging import COLD, Stage, staged
from tests.fakes.wire import FakeConnection


def with_agents(stage: Stage, bus: Any = None, shelf: Any = None) -> Agents:
    """Put agents with this bus and shelf into a staged session that has not begun."""
    core = stage.core
    agents = Agents(core, bus, shelf)
    core.agents = agents
    return agents


async def answers(server: FakeConnection, *, silent: bool = False) -> None:
    """A provider that repeats the last thing it was told, in one line; runs until cancelled."""
    last, count = "", 0
    while True:
        event = await server.to_server.get()
        if event["type"] == "conversation.item.create":
            last = event["item"]["content"][0]["text"]
        elif event["type"] == "response.create" and not silent:
            count += 1
            server.reply(f"r{count}", f"[{' '.join(last.split())}]")


async def run(home: Path, *, name: str, silent: bool) -> None:
    from neko_cli.services.agent_bus import ZmqBus
    from neko_cli.services.agent_results import ResultFolder
    from neko_cli.services.folders import Folders

    folders = Folders.find({"NEKO_HOME": str(home)})
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, ended.set)
    async with staged({**COLD, "character": {"name": name}}, profile_name="staged") as stage:
        agents = with_agents(stage, ZmqBus(folders.run), ResultFolder(folders.state))
        server = await stage.start(InputMode.TEXT)
        await agents.open()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(answers(server, silent=silent)),
                    group.create_task(_print(stage)),
                    group.create_task(_look(agents)),
                ]
                print("ready", flush=True)
                await ended.wait()
                for task in tasks:
                    task.cancel()
        finally:
            await agents.close()


async def _print(stage: Stage) -> None:
    async for event in stage.session.events():
        if isinstance(event, TurnEnded) and event.text:
            print(f"told {event.text}", flush=True)
        elif isinstance(event, AgentTask):
            print(f"task {event.status} {event.title}", flush=True)


async def _look(agents: Agents) -> None:
    while True:
        agents.look()
        await asyncio.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("--name", default="Neko")
    parser.add_argument("--silent", action="store_true")
    chosen = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(chosen.home, name=chosen.name, silent=chosen.silent))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
