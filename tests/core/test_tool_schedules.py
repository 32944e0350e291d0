"""Tools in random schedules: whatever comes when, each call runs once, and each turn comes to its end."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from typing import Any

import pytest

from neko_cli.core.companions.tools import Permission
from neko_cli.core.errors import ToolError
from neko_cli.core.events import Failure, ToolCall, ToolQuestion, ToolResult, TurnEnded, TurnStarted
from tests.fakes.staging import Stage, profile, staged
from tests.fakes.toolbox import FakeToolbox, call
from tests.fakes.virtual import virtual
from tests.fakes.wire import FakeConnection

SEEDS = range(40)
TOOLS = ("clock", "lamp", "build")
END = 900.0
"""Virtual seconds after which nothing may be going on any more."""


class Model:
    """A provider that calls tools as it likes, and is strict about what it is answered."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.calls: dict[int, dict[str, str]] = {}
        """Call ids of each link, and what was called."""
        self.answers: Counter[tuple[int, str]] = Counter()
        self.owed: dict[int, set[str]] = {}
        """Calls of replies that ended whole, which have to be answered."""
        self.left = 12
        """Calls that it still makes; then it answers in words."""
        self._made = 0

    async def serve(self, link: int, server: FakeConnection) -> None:
        """Play one link until it is closed."""
        self.calls[link], self.owed[link] = {}, set()
        replying: asyncio.Task[None] | None = None
        while True:
            event = await server.to_server.get()
            kind = event["type"]
            item = event.get("item", {})
            if kind == "conversation.item.create" and item["type"] == "function_call_output":
                json.loads(item["output"])
                assert item["call_id"] in self.calls[link], "an answer to another link's call"
                self.answers[link, item["call_id"]] += 1
                self.owed[link].discard(item["call_id"])
            elif kind == "response.create":
                assert replying is None or replying.done(), "asked while a reply is being made"
                assert not self.owed[link], f"asked before {self.owed[link]} were answered"
                replying = asyncio.create_task(self._reply(link, server))
            elif kind == "response.cancel" and replying is not None and not replying.done():
                replying.cancel()
                server.done(event["response_id"], "cancelled", type="cancelled", reason="client_cancelled")

    async def _reply(self, link: int, server: FakeConnection) -> None:
        rng = self.rng
        self._made += 1
        reply = f"r{self._made}"
        await asyncio.sleep(rng.choice((0.0, 0.2, 1.0)))
        server.begin(reply)
        if rng.random() < 0.5:
            server.words(reply, f"w{self._made} ")
            await asyncio.sleep(rng.choice((0.0, 0.3)))
        count = min(self.left, rng.choice((0, 1, 1, 2, 3)))
        made = []
        for _ in range(count):
            self.left -= 1
            self._made += 1
            name = rng.choice((*TOOLS, "unknown"))
            arguments = json.dumps({"n": rng.randrange(2)})
            call_id = f"c{self._made}"
            self.calls[link][call_id] = f"{name} {arguments}"
            made.append(call_id)
            call(server, reply, call_id, name, arguments)
            await asyncio.sleep(rng.choice((0.0, 0.1)))
        if not count:
            server.words(reply, "done.")
        self.owed[link] |= set(made)
        server.done(reply)


class Hands(FakeToolbox):
    """Tools that take their time, fail, or never end."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(*TOOLS)
        self.rng = rng

    async def call(self, name: str, arguments: Any) -> str:
        self.calls.append((name, dict(arguments)))
        fate = self.rng.random()
        await asyncio.sleep(self.rng.choice((0.0, 0.5, 5.0)) if fate < 0.9 else 10_000)
        if fate < 0.2:
            raise ToolError("It did not work.")
        return json.dumps({"of": name})


async def _links(stage: Stage, model: Model) -> None:
    """Every connection that the session opens is served."""
    async with asyncio.TaskGroup() as group:
        for link in range(100):
            server = await stage.transport.connections.get()
            await server.configured()
            group.create_task(model.serve(link, server), name=f"link {link}")


async def _answers(stage: Stage, rng: random.Random) -> None:
    """Somebody who is asked answers, or not."""
    async for event in stage.session.events():
        if isinstance(event, ToolQuestion) and rng.random() < 0.8:
            await asyncio.sleep(rng.choice((0.0, 2.0)))
            stage.session.permit_tool(event.call_id, rng.choice(list(Permission)))


@pytest.mark.parametrize("seed", SEEDS)
@virtual
async def test_calls_run_once_and_turns_end(seed: int) -> None:
    rng = random.Random(seed)
    model, box = Model(rng), Hands(rng)
    allow = rng.choice((["*"], ["clock"], []))
    tables = profile(tools={"allow": allow, "time_limit": 20, "ask_seconds": 15})
    async with staged(tables, toolbox=box, asks=rng.random() < 0.7) as stage, asyncio.TaskGroup() as group:
        helpers = [group.create_task(_links(stage, model))]
        await stage.session.start_session("text")  # type: ignore[arg-type]
        helpers.append(group.create_task(_answers(stage, rng)))
        for _ in range(rng.randrange(2, 9)):
            act = rng.random()
            if act < 0.55:
                await stage.session.send_message(f"Say {rng.random()}.")
            elif act < 0.7:
                await stage.session.interrupt()
            elif act < 0.8 and stage.core.links.live is not None:
                stage.core.links.live.link._connection.drop()
            await stage.passes(rng.choice((0.05, 0.4, 2.0, 8.0, 30.0)))
        await stage.passes(END)
        core = stage.core
        assert core.is_at_rest, (core.turns.state, core.slot.state)
        assert not core.tools.holds_turn
        begun, over = (len(stage.told(kind)) for kind in (TurnStarted, TurnEnded))
        assert begun == over
        made = [event.call_id for event in stage.told(ToolCall)]
        assert Counter(event.call_id for event in stage.told(ToolResult)) == Counter(made)
        asked = Counter((event.turn, event.name, event.arguments) for event in stage.told(ToolCall))
        ran = Counter((name, json.dumps(arguments)) for name, arguments in box.calls)
        for (name, arguments), count in ran.items():
            assert count <= sum(n for (_, who, what), n in asked.items() if (who, what) == (name, arguments))
        assert all(count == 1 for count in model.answers.values()), model.answers
        last = max(model.owed)
        assert model.owed[last] == set(), "a model that waits for an answer for ever"
        assert [f for f in stage.told(Failure) if f.code == "no_answer"] == []
        for helper in helpers:
            helper.cancel()
