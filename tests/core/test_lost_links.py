"""A link that dies takes nothing with it: each promise of the design's section on swaps."""

from __future__ import annotations

import asyncio
import base64

import pytest

from neko_cli.core.commands import AudioChunk
from neko_cli.core.errors import CredentialsError, RateLimited, ServerFault
from neko_cli.core.events import (
    Connected,
    Energy,
    Failure,
    InputMode,
    LinkWord,
    Notice,
    Outcome,
    ReplyText,
    SpeechStarted,
    Status,
    StatusChanged,
    Swap,
    TurnEnded,
    TurnStarted,
    UserText,
)
from neko_cli.core.retry import RetryPolicy
from tests.fakes.wire import PATIENCE

MANUAL = {"turns": {"detection": "manual"}}
NO_STANDBY = {"swap": {"standby": "cold"}}


def numbered(first: int, count: int) -> bytes:
    """16-bit samples first, first + 1, …"""
    return b"".join(n.to_bytes(2, "little") for n in range(first, first + count))


async def next_sound(server) -> bytes:
    event = await server.expect("input_audio_buffer.append")
    return base64.b64decode(event["audio"])


async def sound(server, n_bytes: int) -> bytes:
    """So much sound, in however many pieces."""
    got = b""
    while len(got) < n_bytes:
        got += await next_sound(server)
    return got


async def back(stage):
    """The next link, configured."""
    server = await stage.transport.accepted()
    await server.configured()
    return server


async def test_a_typed_question_is_asked_again_on_the_next_link(make_stage):
    stage = make_stage(NO_STANDBY)
    server = await stage.start()
    await stage.session.send_message("What is a cat?")
    await server.expect("conversation.item.create")
    await server.expect("response.create")
    server.drop(1006)
    server = await back(stage)
    item = await server.expect("conversation.item.create")
    assert item["item"]["content"][0]["text"] == "What is a cat?"
    await server.expect("response.create")
    server.nothing_more()
    server.reply("r1", "A small tiger.")
    ended = await stage.until(TurnEnded)
    assert (ended.turn, ended.outcome, ended.text) == (1, Outcome.COMPLETE, "A small tiger.")
    assert len(stage.told(TurnStarted)) == 1
    assert [m.text for m in stage.session.memory.recent()] == ["What is a cat?", "A small tiger."]


async def test_what_was_said_before_is_told_to_the_next_link_once(make_stage):
    stage = make_stage(NO_STANDBY)
    server = await stage.start()
    await stage.session.send_message("I am Mia.")
    server.reply("r1", "Hello Mia.")
    await stage.until(TurnEnded)
    server.drop(1011)
    server = await back(stage)
    first = await server.expect("conversation.item.create")
    second = await server.expect("conversation.item.create")
    assert [i["item"]["role"] for i in (first, second)] == ["user", "assistant"]
    server.nothing_more()
    server.drop(1011)
    server = await back(stage)
    await server.expect("conversation.item.create")
    await server.expect("conversation.item.create")
    server.nothing_more()


async def test_an_open_utterance_is_sent_again_whole_and_in_order(make_stage):
    stage = make_stage(NO_STANDBY)
    server = await stage.start(InputMode.AUDIO)
    await stage.session.stream_data(AudioChunk(numbered(1, 2400), 24_000))
    await sound(server, 4800)
    server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
    await stage.until(SpeechStarted)
    server.drop(1006)
    await stage.until(StatusChanged, link=LinkWord.RECONNECTING)
    await stage.session.stream_data(AudioChunk(numbered(2401, 2400), 24_000))
    server = await back(stage)
    assert await sound(server, 9600) == numbered(1, 4800)
    server.tell("input_audio_buffer.speech_started", item_id="v1", audio_start_ms=0)
    server.tell("input_audio_buffer.speech_stopped", item_id="v1", audio_end_ms=200)
    server.tell("input_audio_buffer.committed", item_id="v1", previous_item_id=None)
    server.begin("r1")
    server.words("r1", "Yes.")
    server.done("r1")
    ended = await stage.until(TurnEnded)
    assert (ended.turn, ended.outcome) == (1, Outcome.COMPLETE)
    swap = next(iter(stage.told(Swap)), None) or await stage.until(Swap)
    assert (swap.reason, swap.planned, swap.resent_ms, swap.cached_ms) == ("lost", False, 100.0, 100.0)


async def test_what_was_committed_and_not_understood_yet_is_sent_again(make_stage):
    stage = make_stage(NO_STANDBY)
    server = await stage.start(InputMode.AUDIO)
    await stage.session.stream_data(AudioChunk(numbered(1, 2400), 24_000))
    server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
    server.tell("input_audio_buffer.speech_stopped", item_id="u1", audio_end_ms=100)
    server.tell("input_audio_buffer.committed", item_id="u1", previous_item_id=None)
    await stage.until(StatusChanged, new=Status.PROCESSING)
    server.drop(1006)
    server = await back(stage)
    assert await sound(server, 4800) == numbered(1, 2400)


async def test_what_was_understood_is_asked_as_text_and_not_sent_again(make_stage):
    stage = make_stage(NO_STANDBY)
    server = await stage.start(InputMode.AUDIO)
    await stage.session.stream_data(AudioChunk(numbered(1, 2400), 24_000))
    server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
    server.tell("input_audio_buffer.speech_stopped", item_id="u1", audio_end_ms=100)
    server.tell("input_audio_buffer.committed", item_id="u1", previous_item_id=None)
    server.tell(
        "conversation.item.input_audio_transcription.completed",
        item_id="u1",
        content_index=0,
        transcript="Hi",
    )
    await stage.until(UserText, final=True)
    server.drop(1006)
    server = await back(stage)
    item = await server.expect("conversation.item.create")
    assert item["item"]["content"][0]["text"] == "Hi"
    await server.expect("response.create")
    server.nothing_more()
    server.reply("r1", "Hello.")
    await stage.until(TurnEnded)
    assert [m.text for m in stage.session.memory.recent()] == ["Hi", "Hello."]


async def test_the_key_that_ended_an_utterance_ends_it_on_the_next_link_after_its_sound(make_stage):
    stage = make_stage({**MANUAL, **NO_STANDBY})
    server = await stage.start(InputMode.AUDIO)
    await stage.session.stream_data(AudioChunk(numbered(1, 4800), 24_000))
    stage.session.finish_input()
    await sound(server, 9600)
    await server.expect("input_audio_buffer.commit")
    server.drop(1006)
    server = await back(stage)
    assert await sound(server, 9600) == numbered(1, 4800)
    await server.expect("input_audio_buffer.commit")
    await server.expect("response.create")
    server.nothing_more()


async def test_a_cut_reply_is_asked_for_once_more_and_becomes_one_reply(make_stage):
    stage = make_stage(NO_STANDBY)
    server = await stage.start()
    await stage.session.send_message("Tell me a story.")
    server.begin("r1")
    server.words("r1", "Once upon a")
    await stage.until(ReplyText)
    server.drop(1006)
    server = await back(stage)
    told = [await server.expect("conversation.item.create") for _ in range(2)]
    assert [t["item"]["content"][0]["text"] for t in told] == ["Tell me a story.", "Once upon a"]
    asked = await server.expect("response.create")
    assert "Once upon a" in asked["response"]["instructions"]
    server.reply("r1", "time there was a cat.")
    ended = await stage.until(TurnEnded)
    assert ended.text == "Once upon a time there was a cat."
    assert [m.text for m in stage.session.memory.recent()] == [
        "Tell me a story.",
        "Once upon a time there was a cat.",
    ]


async def test_a_reply_that_is_cut_twice_fails_with_what_was_said(make_stage):
    stage = make_stage(NO_STANDBY)
    server = await stage.start()
    await stage.session.send_message("Tell me a story.")
    for words in ("Once", "more"):
        server.begin("r1")
        server.words("r1", words)
        await stage.until(ReplyText)
        server.drop(1006)
        server = await back(stage)
    ended = await stage.until(TurnEnded)
    assert (ended.outcome, ended.text) == (Outcome.FAILED, "Once more")
    await stage.session.send_message("Again?")
    server.reply("r2", "Gladly.")
    assert (await stage.until(TurnEnded, turn=2)).text == "Gladly."


async def test_an_outage_is_told_once_and_its_end(make_stage, monkeypatch):
    stage = make_stage(NO_STANDBY)
    stage.session._core.keeper._backoff.policy = RetryPolicy(first=0.01)
    server = await stage.start()
    stage.transport.error = ServerFault("Overloaded.", code="503")
    server.drop(1011)
    await stage.until(Failure)
    async with asyncio.timeout(PATIENCE):
        while stage.session._core.keeper._backoff.attempts < 4:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
    stage.transport.error = None
    await back(stage)
    await stage.until(Notice, text="The connection is back.")
    failures = stage.told(Failure)
    assert len(failures) == 1
    assert failures[0].retry_in is not None
    assert not failures[0].fatal


async def test_after_all_attempts_it_ends_with_advice(make_stage):
    stage = make_stage(NO_STANDBY)
    stage.session._core.keeper._backoff.policy = RetryPolicy(first=0.001, cap=0.001, attempts=5)
    server = await stage.start()
    await stage.session.send_message("Hello?")
    stage.transport.error = ServerFault("Overloaded.", code="503")
    server.drop(1011)
    failure = await stage.until(Failure, fatal=True)
    assert failure.message
    assert (await stage.until(TurnEnded)).outcome is Outcome.FAILED
    assert stage.session.state.link is LinkWord.OFFLINE


async def test_a_key_that_is_rejected_meanwhile_is_not_tried_again(make_stage):
    stage = make_stage(NO_STANDBY)
    server = await stage.start()
    stage.transport.error = CredentialsError("The key was rejected.")
    server.drop(1006)
    assert (await stage.until(Failure, fatal=True)).category == "credentials"


async def test_a_close_1000_between_turns_waits_for_the_user(make_stage):
    stage = make_stage(NO_STANDBY)
    server = await stage.start()
    server.drop(1000)
    await stage.until(StatusChanged, link=LinkWord.PARKED)
    assert stage.transport.connections.empty()
    await stage.session.send_message("Are you there?")
    server = await back(stage)
    item = await server.expect("conversation.item.create")
    assert item["item"]["content"][0]["text"] == "Are you there?"
    server.reply("r1", "Yes.")
    assert (await stage.until(TurnEnded)).text == "Yes."


async def test_a_close_1000_within_a_turn_is_a_lost_link(make_stage):
    stage = make_stage(NO_STANDBY)
    server = await stage.start()
    await stage.session.send_message("Hello?")
    await server.expect("conversation.item.create")
    server.drop(1000)
    server = await back(stage)
    await server.expect("conversation.item.create")


async def test_only_rate_limits_cost_energy(make_stage):
    ladder = [{"model": "large"}, {"model": "small"}]
    stage = make_stage({**NO_STANDBY, "energy": {"text": ladder}})
    server = await stage.start()
    assert "model=large" in server.endpoint.url
    server.drop(1011)
    server = await back(stage)
    assert stage.session.state.energy == 2
    await stage.session.send_message("Hello?")
    error = {"type": "requests", "code": "rate_limit_exceeded", "message": "Too many."}
    server.begin("r1")
    server.done("r1", "failed", type="failed", error=error)
    server = await stage.transport.accepted()
    await server.configured()
    assert "model=small" in server.endpoint.url
    energy = await stage.until(Energy)
    assert (energy.mode, energy.level, energy.max, energy.model) == ("text", 1, 2, "small")
    item = await server.expect("conversation.item.create")
    assert item["item"]["content"][0]["text"] == "Hello?"
    server.reply("r2", "Hello.")
    assert (await stage.until(TurnEnded)).outcome is Outcome.COMPLETE


async def test_an_exhausted_ladder_refuses_before_anything_is_opened(make_stage):
    stage = make_stage({**NO_STANDBY, "energy": {"text": [{"model": "only"}]}})
    server = await stage.start()
    server.tell("error", error={"type": "requests", "code": "rate_limit_exceeded", "message": "Too many."})
    failure = await stage.until(Failure, fatal=True)
    assert (failure.category, failure.code) == ("rate_limit", "exhausted")
    assert "minute" in failure.hint
    with pytest.raises(RateLimited) as caught:
        await stage.session.start_session(InputMode.TEXT)
    assert caught.value.code == "exhausted"
    assert stage.transport.connections.empty()


async def test_words_typed_during_an_outage_are_shown_at_once_and_answered_later(make_stage):
    stage = make_stage(NO_STANDBY)
    server = await stage.start()
    server.drop(1006)
    await stage.until(StatusChanged, link=LinkWord.RECONNECTING)
    await stage.session.send_message("one")
    await stage.session.send_message("two")
    assert (await stage.until(UserText)).text == "one"
    server = await back(stage)
    items = [await server.expect("conversation.item.create") for _ in range(2)]
    assert [item["item"]["content"][0]["text"] for item in items] == ["one", "two"]
    await server.expect("response.create")
    server.nothing_more()
    server.reply("r1", "Both.")
    ended = await stage.until(TurnEnded, turn=2)
    assert ended.text == "Both."


async def test_a_warm_link_takes_over_at_once_and_knows_what_was_said(make_stage, monkeypatch):
    monkeypatch.setattr("neko_cli.core.swap_plan.SETTLED", 0.0)
    stage = make_stage({"swap": {"standby": "warm"}})
    server = await stage.start()
    standby = await back(stage)
    await stage.session.send_message("I am Mia.")
    server.reply("r1", "Hello Mia.")
    await stage.until(TurnEnded)
    await turn_into_ready(stage)
    server.drop(1006)
    items = [await standby.expect("conversation.item.create") for _ in range(2)]
    assert [item["item"]["content"][0]["text"] for item in items] == ["I am Mia.", "Hello Mia."]
    connected = await stage.until(Connected)
    assert connected
    await stage.session.send_message("Who am I?")
    standby.reply("s1", "Mia.")
    assert (await stage.until(TurnEnded, turn=2)).text == "Mia."


async def turn_into_ready(stage):
    async with asyncio.timeout(PATIENCE):
        while stage.session._core.swapper.standby_state != "ready":  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
