"""Conversations with providers of the flat family, on real sockets, whatever becomes of the connection."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.events import Failure
from tests.core.test_cut_everywhere import AT_A_TIME, Problems, check_completed
from tests.fakes.deaths import DEATHS
from tests.fakes.flat_strict import TALKS
from tests.fakes.flat_user import flat_conversation
from tests.fakes.numbered_user import TURNS, Conversation
from tests.fakes.strict import Life, StrictProvider


async def converse(
    provider: str, lives: dict[str, Life], *, standby: str = "cold"
) -> dict[str, Conversation]:
    """All lives, many at a time."""
    room = asyncio.Semaphore(AT_A_TIME)

    async def run(talk: Conversation) -> None:
        async with room:
            await talk.run()

    async with StrictProvider(lives, TALKS[provider]) as server:
        talks = {name: flat_conversation(provider, server.url(name), standby) for name in lives}
        async with asyncio.TaskGroup() as group:
            for talk in talks.values():
                group.create_task(run(talk))
    return talks


async def events_of_a_whole_one(provider: str) -> list[str]:
    """The wire events of a conversation that nothing cuts."""
    life = Life()
    talks = await converse(provider, {"whole": life})
    check_completed(talks["whole"], life)
    assert not talks["whole"].of(Failure)
    return life.links[0].events


async def cut_everywhere(provider: str, way: str, *, standby: str = "cold") -> list[str]:
    """What went wrong, one line a problem, with the events after which the connection died."""
    events = await events_of_a_whole_one(provider)
    assert events.count("< response.done") == TURNS
    lives = {str(at): Life(DEATHS[way], at) for at in range(len(events) + 1)}
    talks = await converse(provider, lives, standby=standby)
    problems = Problems()
    for at, (name, life) in enumerate(lives.items()):
        assert life.died, f"never came to event {name}"
        where = f"{name} ({events[at - 1] if at else 'nothing'})"
        problems.look(check_completed, talks[name], life, where)
    return problems.lines


@pytest.mark.parametrize("provider", TALKS)
async def test_a_conversation_goes_on_wherever_its_connection_dies(provider: str) -> None:
    problems = await cut_everywhere(provider, "reset")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("provider", ["qwen", "glm"])
async def test_a_warm_spare_takes_over_wherever_the_connection_dies(provider: str) -> None:
    problems = await cut_everywhere(provider, "close 1011", standby="warm")
    assert not problems, "\n".join(problems)
