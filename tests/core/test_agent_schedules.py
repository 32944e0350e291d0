"""Five hundred results at random moments, between swaps, lost links and barge-ins: each is told once."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from typing import Any

import pytest

from neko_cli.core.agents import Agents
from neko_cli.core.companions import agent_events as events
from neko_cli.core.companions.callbacks import WAITING_LIMIT
from neko_cli.core.events import InputMode, Outcome, Swap, TurnEnded
from tests.fakes.agent_session import with_agents
from tests.fakes.staging import Stage, profile, staged
from tests.fakes.virtual import virtual
from tests.fakes.wire import FakeConnection

RESULTS = 500
END = 900.0
"""Virtual seconds after the last result by which all must have been told."""

NUMBER = re.compile(r"#(\d+)#")


class Model:
    """Tells the numbers of the results that it is asked to tell, in one piece; the rest comes later."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._made = 0

    async def serve(self, server: FakeConnection, instructions: str) -> None:
        """Play one link until it is closed."""
        news = NUMBER.findall(instructions)
        replying: asyncio.Task[None] | None = None
        while True:
            event = await server.to_server.get()
            kind = event["type"]
            if kind == "conversation.item.create" and event["item"]["role"] == "system":
                news = NUMBER.findall(event["item"]["content"][0]["text"])
            elif kind == "response.create":
                assert replying is None or replying.done(), "asked while a reply is being made"
                goes_on = "Go on from exactly there" in str(event.get("response", {}))
                told, news = [] if goes_on else news, []
                replying = asyncio.create_task(self._reply(server, told))
            elif kind == "response.cancel" and replying is not None and not replying.done():
                replying.cancel()
                server.done(event["response_id"], "cancelled", type="cancelled", reason="client_cancelled")

    async def _reply(self, server: FakeConnection, told: list[str]) -> None:
        rng = self.rng
        self._made += 1
        reply = f"r{self._made}"
        await asyncio.sleep(rng.choice((0.0, 0.2, 1.0)))
        server.begin(reply)
        await asyncio.sleep(rng.choice((0.0, 0.1)))
        server.words(reply, " ".join(f"#{one}#" for one in told) or "Well.")
        await asyncio.sleep(rng.choice((0.0, 0.3, 2.0)))
        server.words(reply, " That is all.")
        server.done(reply)


async def _links(stage: Stage, model: Model, links: list[FakeConnection]) -> None:
    async with asyncio.TaskGroup() as group:
        while True:
            server = await stage.transport.connections.get()
            links.append(server)
            configuration = await server.configured()
            group.create_task(model.serve(server, configuration.get("instructions", "")))


async def _agents(agents: Agents, rng: random.Random, over: float) -> None:
    """All results, at random moments within so many seconds; some come twice."""
    moments = sorted(rng.uniform(0.0, over) for _ in range(RESULTS))
    now = 0.0
    for number, moment in enumerate(moments):
        await asyncio.sleep(moment - now)
        now = moment
        event = events.TaskResult(
            event_id=f"e{number}", summary=f"Task #{number}# is done.", detail="x" * 200
        )
        for _ in range(rng.choice((1, 1, 1, 2))):
            assert (await agents.take(event)).accepted


async def _user(stage: Stage, rng: random.Random, links: list[FakeConnection]) -> None:
    while True:
        await asyncio.sleep(rng.choice((0.1, 0.7, 3.0, 9.0)))
        act = rng.random()
        if act < 0.5:
            await stage.session.send_message("Say something.")
        elif act < 0.65:
            await stage.session.interrupt()
        elif act < 0.8:
            await stage.session.swap()
        elif stage.core.links.live is not None:
            stage.core.links.live.link._connection.drop(1006)


@pytest.mark.parametrize("system_items", [True, False])
@pytest.mark.parametrize("seed", range(6))
@virtual
async def test_each_is_told_exactly_once(seed: int, system_items: bool) -> None:
    rng = random.Random(seed)
    over = rng.choice((60.0, 300.0, 1200.0))
    tables: dict[str, Any] = profile(agents={"tokens": rng.choice((300, 1500)), "notices": False})
    links: list[FakeConnection] = []
    settled: list[str] = []
    cut: set[str] = set()
    async with (
        staged(tables, capabilities={"system_items": system_items}) as stage,
        asyncio.TaskGroup() as group,
    ):
        agents = with_agents(stage)
        helpers = [group.create_task(_links(stage, Model(rng), links))]
        await stage.session.start_session(InputMode.AUDIO if seed % 2 else InputMode.TEXT)
        await agents.open()
        turn_ended = agents.turn_ended

        def ended(turn: int, outcome: Outcome, text: str) -> None:
            out = [number for one in stage.core.callbacks.out for number in NUMBER.findall(one.summary)]
            turn_ended(turn, outcome, text)
            if out and not stage.core.callbacks.out:
                settled.extend(out)
                if outcome is not Outcome.COMPLETE:
                    cut.update(out)  # who stops the character has been told
            assert len(stage.core.callbacks) + len(stage.core.callbacks.out) <= WAITING_LIMIT

        agents.turn_ended = ended  # type: ignore[method-assign]
        helpers.append(group.create_task(_looks(agents)))
        meddling = group.create_task(_user(stage, rng, links))
        sending = group.create_task(_agents(agents, rng, over))
        await stage.passes(over + 1.0)
        await sending
        meddling.cancel()
        await stage.passes(END)
        for helper in helpers:
            helper.cancel()
        everything = {str(number) for number in range(RESULTS)}
        assert agents.waiting == 0, (agents.waiting, stage.core.turns.state)
        assert Counter(settled) == Counter(everything)
        spoken = Counter(number for event in stage.told(TurnEnded) for number in NUMBER.findall(event.text))
        assert {n for n, times in spoken.items() if times > 1} == set()
        assert everything - set(spoken) <= cut
        assert len(links) > 2
        assert stage.told(Swap)
        await agents.close()


async def _looks(agents: Agents) -> None:
    while True:
        await asyncio.sleep(0.5)
        agents.look()
