"""A session with Azure OpenAI, on real sockets: OpenAI's protocol behind an address and a key of its own."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.asyncio.server import ServerConnection

from neko_cli.core.events import Failure, InputMode, Outcome, ReplyText, Swap, TurnEnded, UserText
from tests.core.test_cut_everywhere import AT_A_TIME, Problems, check_completed, check_links
from tests.fakes.deaths import DEATHS
from tests.fakes.flat_user import Seat, flat_conversation, flat_session
from tests.fakes.numbered_user import Conversation, reply, utterance
from tests.fakes.strict import Json, Life, StrictProvider, Talk

WORDS = 60
"""Of a reply that somebody has the time to speak into."""


class AzureTalk(Talk):
    """One connection."""

    def __init__(self, life: Life, connection: ServerConnection) -> None:
        super().__init__(life, connection)
        self.truncated: list[Json] = []
        self._on["conversation.item.truncate"] = self._truncate
        request = connection.request
        assert request is not None
        query = parse_qs(urlsplit(request.path).query)
        if set(query) != {"model"}:
            self.wrong.append(f"a query of {sorted(query)}: an api-version is refused with 401")
        if request.headers.get("api-key") != "test-key" or "Authorization" in request.headers:
            self.wrong.append("no key in the header for it, or one elsewhere")

    async def _truncate(self, event: Json) -> None:
        self.truncated.append(event)

    async def _append(self, event: Json) -> None:
        speaking = self.ear.has_heard
        await super()._append(event)
        if self.ear.has_heard and not speaking and self._answering:
            self._cancelled = "turn_detected"


class SlowTalk(AzureTalk):
    """One whose replies are long."""

    words = WORDS
    pace = 0.01


async def converse(lives: dict[str, Life], **options: Any) -> dict[str, Conversation]:
    """All lives, many at a time."""
    room = asyncio.Semaphore(AT_A_TIME)

    async def run(talk: Conversation) -> None:
        async with room:
            await talk.run()

    async with StrictProvider(lives, AzureTalk) as server:
        talks = {name: flat_conversation("azure", server.url(name), **options) for name in lives}
        async with asyncio.TaskGroup() as group:
            for talk in talks.values():
                group.create_task(run(talk))
    return talks


@pytest.mark.parametrize("standby", ["cold", "warm"])
async def test_a_conversation_goes_on_wherever_its_connection_dies(standby: str) -> None:
    whole = Life()
    talks = await converse({"whole": whole})
    check_completed(talks["whole"], whole)
    events = whole.links[0].events
    lives = {str(at): Life(DEATHS["reset"], at) for at in range(0, len(events) + 1, 3)}
    talks = await converse(lives, standby=standby)
    problems = Problems()
    for name, life in lives.items():
        assert life.died, f"never came to event {name}"
        problems.look(check_completed, talks[name], life, name)
    assert not problems.lines, "\n".join(problems.lines)


async def test_a_session_is_replaced_before_its_time_is_over() -> None:
    life = Life()
    brief = {"max_session": 3.0, "renew_before": 2.0}
    async with StrictProvider({"life": life}, AzureTalk) as server:
        session = flat_session("azure", server.url("life"), capabilities=brief)
        seat = Seat(session, life, 24_000)
        try:
            await session.start_session(InputMode.AUDIO)
            for turn in range(2):
                await seat.speak(turn)
                ended = await seat.until(TurnEnded)
                assert (ended.outcome, ended.text) == (Outcome.COMPLETE, reply(turn))
                if not turn:
                    swap = await seat.until(Swap)
                    assert (swap.reason, swap.planned) == ("limit", True)
        finally:
            await session.cleanup()
    check_links(life)
    assert [event.text for event in seat.of(UserText) if event.final] == [utterance(0), utterance(1)]
    assert seat.of(Failure) == []


async def test_a_reply_that_is_spoken_into_stops_and_the_next_one_comes() -> None:
    life = Life()
    async with StrictProvider({"life": life}, SlowTalk) as server:
        session = flat_session("azure", server.url("life"))
        seat = Seat(session, life, 24_000)
        try:
            await session.start_session(InputMode.AUDIO)
            await seat.speak(0)
            for _ in range(4):
                await seat.until(ReplyText)
            await seat.speak(1)
            first = await seat.until(TurnEnded)
            assert first.outcome is Outcome.INTERRUPTED
            assert 4 <= len(first.text.split()) < WORDS
            second = await seat.until(TurnEnded)
            assert (second.outcome, len(second.text.split())) == (Outcome.COMPLETE, WORDS)
        finally:
            await session.cleanup()
    check_links(life)
    assert life.links[0].utterances == [utterance(0), utterance(1)]
    assert len(life.links) == 1
    assert seat.of(Failure) == []
