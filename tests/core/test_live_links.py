"""A session with OpenAI Live, on real sockets: turns out of an endless track, forks, ends in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from neko_cli.core.commands import AudioChunk
from neko_cli.core.events import (
    Failure,
    InputMode,
    LinkWord,
    Notice,
    NoticeKind,
    Outcome,
    ReplyText,
    Swap,
    ToolCall,
    TurnEnded,
    TurnStarted,
    Usage,
    UserText,
)
from tests.fakes.conversing import Talk, conversing
from tests.fakes.numbered import RATE
from tests.fakes.strict_live import LiveTalk
from tests.fakes.strict_server import StrictServer

CHUNK = RATE // 50
STORED = {"store": True}
FRESH = "/v1/live/sessions"


@pytest.fixture
async def server() -> AsyncIterator[StrictServer[LiveTalk]]:
    async with StrictServer(LiveTalk) as running:
        yield running
    assert running.wrong == []


async def test_a_typed_turn_is_answered_though_no_microphone_is_open(server: StrictServer[LiveTalk]) -> None:
    async with conversing("openai-live", server.url) as talk:
        ended = await talk.turn("I am Mia.")
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "answer 1")
        assert [(u.input_tokens, u.output_tokens) for u in talk.told(Usage)] == [(40, 5)]
        assert (await talk.turn("Who am I?")).text == "answer 2"
        live = await server.talk(0)
        assert live.path == FRESH
        assert live.lines == [
            ("user", "I am Mia."),
            ("assistant", "answer 1"),
            ("user", "Who am I?"),
            ("assistant", "answer 2"),
        ]
        assert talk.memory == live.lines
        assert len(talk.told(TurnStarted)) == 2
        assert talk.told(Failure) == []
    # It is closed in order, and nothing of it was kept, as nobody asked for that.
    assert live.got[-1]["type"] == "session.close"
    assert (live.kept["store"], live.kept["closed"]) == (False, True)


async def speak(talk: Talk, first: int, last: int) -> None:
    """Numbered samples, as fast as they are taken."""
    numbers = np.arange(first, last + 1, dtype=np.int16)
    for at in range(0, numbers.size, CHUNK):
        await talk.session.stream_data(AudioChunk(numbers[at : at + CHUNK].tobytes(), RATE))
        await asyncio.sleep(0)


async def quiet(talk: Talk, ms: int) -> None:
    for _ in range(ms // 20):
        await talk.session.stream_data(AudioChunk(np.full(CHUNK, -1, np.int16).tobytes(), RATE))
        await asyncio.sleep(0)


async def test_a_spoken_turn_comes_out_of_transcripts_and_sound(server: StrictServer[LiveTalk]) -> None:
    async with conversing("openai-live", server.url, mode=InputMode.AUDIO) as talk:
        await quiet(talk, 200)
        await speak(talk, 1, 7200)
        await quiet(talk, 2500)
        while not (talk.said and talk.told(TurnEnded)):
            await talk.until(UserText if talk.told(TurnEnded) else TurnEnded)
        assert talk.said == ["u1-7200"]
        assert [(e.outcome, e.text) for e in talk.told(TurnEnded)] == [(Outcome.COMPLETE, "answer 1")]
        assert len(talk.told(TurnStarted)) == 1
        assert talk.memory == [("user", "u1-7200"), ("assistant", "answer 1")]


async def test_a_character_that_is_spoken_over_gives_way(server: StrictServer[LiveTalk]) -> None:
    async with conversing("openai-live", server.url, mode=InputMode.AUDIO) as talk:
        live = await server.talk(0)
        live.pieces = 60  # six seconds of talking
        await quiet(talk, 200)
        await speak(talk, 1, 7200)
        await quiet(talk, 1000)
        await talk.until(ReplyText)
        await speak(talk, 7201, 14400)
        live.pieces = 3
        await quiet(talk, 2500)
        ended = [await talk.until(TurnEnded), await talk.until(TurnEnded)]
        assert [(e.outcome, e.text) for e in ended] == [
            (Outcome.INTERRUPTED, "answer 1"),
            (Outcome.COMPLETE, "answer 2"),
        ]
        while len(talk.said) < 2:
            await talk.until(UserText, final=True)
        assert talk.said == ["u1-7200", "u7201-14400"]


async def test_two_calls_that_nobody_can_carry_out_are_both_answered_and_the_reply_goes_on(
    server: StrictServer[LiveTalk],
) -> None:
    async with conversing("openai-live", server.url) as talk:
        ended = await talk.turn("What is the weather?")
        assert ended.outcome is Outcome.COMPLETE
        assert ended.text.startswith("It says")
        assert [call.name for call in talk.told(ToolCall)] == ["weather", "weather"]
        assert len(talk.told(TurnEnded)) == 1


async def test_a_planned_swap_closes_the_session_and_forks_it(server: StrictServer[LiveTalk]) -> None:
    async with conversing("openai-live", server.url, provider=STORED) as talk:
        await talk.turn("I am Mia.")
        await talk.session.swap()
        swap = await talk.until(Swap)
        assert (swap.planned, swap.reason) == (True, "user")
        first, fork = await server.talk(0), await server.talk(1)
        assert first.got[-1]["type"] == "session.close"
        assert fork.path == f"{FRESH}/{first.id}/fork"
        assert "input" not in fork.got[0]["session"]
        assert (await talk.turn("Who am I?")).text == "answer 2"
        assert fork.lines[:2] == [("user", "I am Mia."), ("assistant", "answer 1")]
        assert talk.told(Failure) == []
        # A fork of the fork goes on from there.
        await talk.session.swap()
        await talk.until(Swap)
        assert (await server.talk(2)).path == f"{FRESH}/{fork.id}/fork"
        assert (await talk.turn("And now?")).text == "answer 3"


async def test_a_lost_session_is_forked_where_the_provider_has_it(server: StrictServer[LiveTalk]) -> None:
    async with conversing("openai-live", server.url, provider=STORED) as talk:
        await talk.turn("I am Mia.")
        first = await server.talk(0)
        await first.lose(kept=True)
        await talk.until(Swap)
        assert (await talk.turn("Who am I?")).text == "answer 2"
        assert (await server.talk(1)).path == f"{FRESH}/{first.id}/fork"


async def test_a_fork_that_is_refused_is_made_up_for_by_memory(server: StrictServer[LiveTalk]) -> None:
    async with conversing("openai-live", server.url, provider=STORED) as talk:
        await talk.turn("I am Mia.")
        await (await server.talk(0)).lose(kept=False)
        await talk.until(Notice, kind=NoticeKind.SESSION)
        await talk.until(Swap)
        fresh = await server.talk(2)
        assert (await server.talk(1)).path.endswith("/fork")
        assert fresh.path == FRESH
        assert [line["content"][0]["text"] for line in fresh.got[0]["session"]["input"]] == [
            "I am Mia.",
            "answer 1",
        ]
        assert (await talk.turn("Who am I?")).text == "answer 2"


@pytest.mark.parametrize("reason", ["expired", "connection_lost"])
async def test_a_session_that_the_provider_ends_goes_on(server: StrictServer[LiveTalk], reason: str) -> None:
    async with conversing("openai-live", server.url) as talk:
        await talk.turn("I am Mia.")
        await (await server.talk(0)).end(reason)
        await talk.until(Swap)
        assert (await talk.turn("Who am I?")).text == "answer 2"
        assert (await server.talk(1)).path == FRESH


async def test_a_session_that_is_ended_for_what_was_said_is_not_tried_again(
    server: StrictServer[LiveTalk],
) -> None:
    async with conversing("openai-live", server.url) as talk:
        await talk.turn("I am Mia.")
        await (await server.talk(0)).end("content")
        failure = await talk.until(Failure)
        assert (failure.category, failure.code) == ("request", "content")
        assert "what was said" in failure.message
        assert talk.session.state.link is LinkWord.OFFLINE
        assert len(server.talks) == 1
