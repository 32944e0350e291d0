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
from tests.fakes.sound import FakeSpeaker
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


async def test_a_story_that_is_spoken_into_stops_and_is_cut_at_what_was_heard(
    server: StrictServer[XaiTalk],
) -> None:
    speaker = FakeSpeaker()
    options = {"turns": {"silence_ms": 200}, "sound": {"duplex": "full"}}
    async with conversing("xai", server.url, mode=InputMode.AUDIO, speaker=speaker, **options) as talk:
        live = await server.talk(0)
        live.words = 500
        await talk.session.send_message("Tell me a story.")
        await speaker.holds(200)
        speaker.advance(100)
        await quiet(talk, 100)
        await speak(talk, 1, 7200)
        ended = await talk.until(TurnEnded)
        assert (ended.outcome, ended.heard_ms) == (Outcome.INTERRUPTED, pytest.approx(100, abs=1))
        assert speaker.queued_ms == 0
        live.words = 0
        await quiet(talk, 400)
        await speaker.holds(20)
        speaker.advance(20)
        ended = await talk.until(TurnEnded)
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "answer 2")
        assert talk.said == ["Tell me a story.", "u1-7200"]
        ((item, heard),) = live.truncated
        assert item.startswith("item_resp_")
        assert heard == pytest.approx(100, abs=1)
        assert talk.told(Failure) == []
        assert len(server.talks) == 1


async def test_turns_that_a_key_ends_are_answered_once_each(server: StrictServer[XaiTalk]) -> None:
    async with conversing("xai", server.url, mode=InputMode.AUDIO, turns={"detection": "manual"}) as talk:
        for turn, first in enumerate((1, 10_001), 1):
            await speak(talk, first, first + 7199)
            talk.session.finish_input()
            ended = await talk.until(TurnEnded)
            assert (ended.outcome, ended.text) == (Outcome.COMPLETE, f"answer {turn}")
        assert talk.said == ["u1-7200", "u10001-17200"]
        live = await server.talk(0)
        kinds = [event["type"] for event in live.got]
        assert kinds.count("input_audio_buffer.commit") == 2
        assert "response.create" not in kinds
        assert [(usage.input_tokens, usage.output_tokens) for usage in talk.told(Usage)] == [(40, 5)] * 2
        assert talk.told(Failure) == []


async def test_a_microphone_that_closes_is_heard_to_its_end(server: StrictServer[XaiTalk]) -> None:
    """The detector is on, so that a commit would be refused: silence ends what was said."""
    async with conversing("xai", server.url, mode=InputMode.AUDIO, turns={"silence_ms": 200}) as talk:
        await quiet(talk, 100)
        await speak(talk, 1, 7200)
        talk.session.finish_input()
        ended = await talk.until(TurnEnded)
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "answer 1")
        assert talk.said == ["u1-7200"]
        assert talk.told(Failure) == []


async def test_two_calls_of_one_reply_are_both_answered_and_one_reply_follows(
    server: StrictServer[XaiTalk],
) -> None:
    async with conversing("xai", server.url) as talk:
        ended = await talk.turn("How is the weather?")
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "answer 1")
        assert [call.call_id for call in talk.told(ToolCall)] == ["call_1", "call_2"]
        live = await server.talk(0)
        assert set(live.outputs) == {"call_1", "call_2"}
        assert [event["type"] for event in live.got].count("response.create") == 2
        assert len(talk.told(TurnEnded)) == 1
        assert talk.told(Failure) == []


async def test_a_key_over_a_story_stops_it_and_what_is_said_is_answered_once(
    server: StrictServer[XaiTalk],
) -> None:
    async with conversing("xai", server.url, mode=InputMode.AUDIO, turns={"detection": "manual"}) as talk:
        live = await server.talk(0)
        live.words = 500
        await talk.session.send_message("Tell me a story.")
        await talk.until(ReplyText)
        await speak(talk, 1, 7200)
        live.words = 0
        talk.session.finish_input()
        ended = [await talk.until(TurnEnded), await talk.until(TurnEnded)]
        assert [turn.outcome for turn in ended] == [Outcome.INTERRUPTED, Outcome.COMPLETE]
        assert ended[1].text == "answer 2"
        # One more exchange, so that nothing can still be on its way.
        assert (await talk.turn("Thanks.")).text == "answer 3"
        kinds = [event["type"] for event in live.got]
        assert kinds.count("response.cancel") == 1
        assert kinds.count("input_audio_buffer.commit") == 1
        assert kinds.count("response.create") == 2  # for what was typed
        assert talk.told(Failure) == []


async def test_what_is_typed_over_a_story_waits_for_its_end(server: StrictServer[XaiTalk]) -> None:
    async with conversing("xai", server.url) as talk:
        live = await server.talk(0)
        live.words = 500
        await talk.session.send_message("Tell me a story.")
        await talk.until(ReplyText)
        live.words = 0
        await talk.session.send_message("Stop.")
        ended = [await talk.until(TurnEnded), await talk.until(TurnEnded)]
        assert [turn.outcome for turn in ended] == [Outcome.INTERRUPTED, Outcome.COMPLETE]
        assert ended[1].text == "answer 2"
        assert talk.told(Failure) == []
