"""A session with xAI, on real sockets: it goes on by the conversation's id, and old items are no news."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from neko_cli.core.commands import AudioChunk
from neko_cli.core.events import (
    Failure,
    InputMode,
    Notice,
    NoticeKind,
    Outcome,
    Swap,
    TurnEnded,
    TurnStarted,
    UserText,
)
from tests.fakes.conversing import Talk, conversing
from tests.fakes.numbered import RATE
from tests.fakes.strict_server import StrictServer
from tests.fakes.strict_xai import XaiTalk, forget

CHUNK = RATE // 50


@pytest.fixture
async def server() -> AsyncIterator[StrictServer[XaiTalk]]:
    async with StrictServer(XaiTalk) as running:
        yield running
    assert running.wrong == []


async def test_a_lost_link_goes_on_and_nothing_is_told_twice(server: StrictServer[XaiTalk]) -> None:
    async with conversing("xai", server.url) as talk:
        assert (await talk.turn("I am Mia.")).text == "answer 1"
        await (await server.talk(0)).drop()
        again = await server.talk(1)
        await talk.until(Swap)
        ended = await talk.turn("Who am I?")
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "answer 2")
        assert again.query["conversation_id"] == "conv_1"
        # The server knew all: it is told the new message alone, and what it told again is no news.
        told = [event["item"]["content"][0]["text"] for event in again.got if "item" in event]
        assert told == ["Who am I?"]
        assert talk.said == ["I am Mia.", "Who am I?"]
        assert [event.text for event in talk.told(TurnEnded)] == ["answer 1", "answer 2"]
        assert len(talk.told(TurnStarted)) == 2
        assert talk.memory == [
            ("user", "I am Mia."),
            ("assistant", "answer 1"),
            ("user", "Who am I?"),
            ("assistant", "answer 2"),
        ]
        assert len(talk.told(Failure)) == 1


async def test_a_planned_swap_goes_on_by_the_id(server: StrictServer[XaiTalk]) -> None:
    async with conversing("xai", server.url) as talk:
        await talk.turn("I am Mia.")
        await talk.session.swap()
        swap = await talk.until(Swap)
        assert (swap.planned, swap.reason) == (True, "user")
        again = await server.talk(1)
        assert again.query["conversation_id"] == "conv_1"
        first = await server.talk(0)
        assert first.code == 1000
        assert (await talk.turn("Who am I?")).text == "answer 2"
        assert [event for event in again.got if "item" in event][0]["item"]["role"] == "user"
        assert talk.told(Failure) == []


async def test_a_conversation_that_was_dropped_is_told_anew(server: StrictServer[XaiTalk]) -> None:
    async with conversing("xai", server.url) as talk:
        await talk.turn("I am Mia.")
        forget(server)
        await (await server.talk(0)).drop()
        await talk.until(Notice, kind=NoticeKind.SESSION)
        await talk.until(Swap)
        assert (await talk.turn("Who am I?")).text == "answer 2"
        refused, fresh = await server.talk(1), await server.talk(2)
        assert refused.query["conversation_id"] == "conv_1"
        assert "conversation_id" not in fresh.query
        told = [(e["item"]["role"], e["item"]["content"][0]["text"]) for e in fresh.got if "item" in e]
        assert told == [("user", "I am Mia."), ("assistant", "answer 1"), ("user", "Who am I?")]
        assert talk.said == ["I am Mia.", "Who am I?"]


async def speak(talk: Talk, first: int, last: int) -> None:
    """Numbered samples, in real time's order and faster; then a quiet room."""
    numbers = np.arange(first, last + 1, dtype=np.int16)
    for at in range(0, numbers.size, CHUNK):
        await talk.session.stream_data(AudioChunk(numbers[at : at + CHUNK].tobytes(), RATE))
        await asyncio.sleep(0)


async def quiet(talk: Talk, ms: int) -> None:
    for _ in range(ms // 20):
        await talk.session.stream_data(AudioChunk(np.full(CHUNK, -1, np.int16).tobytes(), RATE))
        await asyncio.sleep(0)


async def test_transcripts_that_correct_themselves_end_as_what_was_said(
    server: StrictServer[XaiTalk],
) -> None:
    turns = {"silence_ms": 200}
    async with conversing("xai", server.url, mode=InputMode.AUDIO, turns=turns) as talk:
        await quiet(talk, 100)
        await speak(talk, 1, 7200)
        await quiet(talk, 400)
        assert (await talk.until(TurnEnded)).text == "answer 1"
        while not talk.said:
            await talk.until(UserText)
        assert talk.said == ["u1-7200"]
        assert len({event.turn for event in talk.told(UserText)}) == 1


async def test_an_utterance_that_its_link_did_not_survive_is_heard_by_the_next(
    server: StrictServer[XaiTalk],
) -> None:
    turns = {"silence_ms": 200}
    async with conversing("xai", server.url, mode=InputMode.AUDIO, turns=turns) as talk:
        await quiet(talk, 100)
        await speak(talk, 1, 4800)
        first = await server.talk(0)
        async with asyncio.timeout(5):
            while len(first.ear.numbers) < 2400:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.005)
        await first.drop()
        await speak(talk, 4801, 7200)
        await quiet(talk, 400)
        ended = await talk.until(TurnEnded)
        assert ended.outcome is Outcome.COMPLETE
        while not talk.said:
            await talk.until(UserText)
        assert talk.said == ["u1-7200"]
        again = await server.talk(1)
        assert again.query["conversation_id"] == "conv_1"
