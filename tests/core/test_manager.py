"""The session as its users see it: text, voice, barge-in, loss, and an orderly end."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core import watch
from neko_cli.core.codecs.openai_ga import OpenAIGACodec
from neko_cli.core.commands import AudioChunk, ScreenFrame, TextMessage
from neko_cli.core.companions.callbacks import AgentResult
from neko_cli.core.errors import (
    CredentialsError,
    InvalidRequest,
    LinkError,
    NekoError,
)
from neko_cli.core.events import (
    Connected,
    Emotion,
    Failure,
    InputMode,
    LinkWord,
    Notice,
    Outcome,
    ReplyAudio,
    ReplyText,
    SessionEnded,
    Severity,
    Status,
    StatusChanged,
    TurnEnded,
    UserText,
)
from tests.fakes.outlet import numbered
from tests.fakes.sound import FakeSpeaker
from tests.fakes.staging import sound
from tests.fakes.wire import PATIENCE


async def test_a_text_turn(make_stage):
    stage = make_stage()
    server = await stage.start()
    assert await stage.session.send_message(" hello ") == 1
    item = await server.expect("conversation.item.create")
    assert item["item"]["content"] == [{"type": "input_text", "text": "hello"}]
    await server.expect("response.create")
    server.reply("r1", "<happy>Hi there.")
    ended = await stage.until(TurnEnded)
    assert (ended.outcome, ended.text, ended.heard_ms) == (Outcome.COMPLETE, "Hi there.", None)
    assert "".join(e.delta for e in stage.told(ReplyText)) == "Hi there."
    assert [e.label for e in stage.told(Emotion)] == ["happy"]
    assert [e.text for e in stage.told(UserText)] == ["hello"]
    assert [e.at for e in stage.seen] == sorted(e.at for e in stage.seen)
    words = [(e.new, e.link) for e in stage.told(StatusChanged)]
    assert (Status.PROCESSING, LinkWord.ONLINE) in words
    await stage.until(StatusChanged, new=Status.IDLE)
    server.nothing_more()
    assert [(m.role, m.text) for m in stage.session.memory.recent()] == [
        ("user", "hello"),
        ("assistant", "Hi there."),
    ]


async def test_the_configuration_says_who_the_character_is(make_stage):
    stage = make_stage({"character": {"persona": "You are Mio."}, "voice": {"name": "marin"}})
    await stage.start()
    session = stage.configuration
    assert "You are Mio." in session["instructions"]
    assert "happy" in session["instructions"]
    assert session["audio"]["output"]["voice"] == "marin"
    assert session["output_modalities"] == ["audio"]


async def test_interrupt_ends_the_reply_and_nothing_of_it_is_told_after(make_stage):
    stage = make_stage()
    server = await stage.start()
    await stage.session.send_message("go")
    server.begin("r1")
    server.words("r1", "Once upon")
    await stage.until(ReplyText)
    await stage.session.interrupt()
    server.words("r1", " a time")
    server.done("r1", "cancelled", reason="client_cancelled")
    await stage.session.send_message("again")
    server.reply("r2", "New.")
    await stage.until(TurnEnded, turn=2)
    outcomes = [(e.turn, e.outcome, e.text) for e in stage.told(TurnEnded)]
    assert outcomes == [(1, Outcome.INTERRUPTED, "Once upon"), (2, Outcome.COMPLETE, "New.")]
    assert "".join(e.delta for e in stage.told(ReplyText)) == "Once uponNew."


async def test_messages_sent_while_connecting_are_held_and_delivered_in_order(make_stage):
    stage = make_stage()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        group.create_task(stage.session.start_session(InputMode.TEXT))
        server = await stage.transport.accepted()
        await stage.session.stream_data(AudioChunk(numbered(1, 240), 24_000))
        await stage.session.stream_data(TextMessage("early"))
        await stage.session.stream_data(AudioChunk(numbered(241, 240), 24_000))
        await server.configured()
    # What was asked goes first, so that it does not wait for old sound that is sent in real time; sound
    # is held in an order of its own.
    item = await server.expect("conversation.item.create")
    assert item["item"]["content"][0]["text"] == "early"
    await server.expect("response.create")
    assert await sound(server, 960) == numbered(1, 480)


async def test_sound_that_was_lost_while_connecting_is_told(make_stage):
    stage = make_stage()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        group.create_task(stage.session.start_session(InputMode.AUDIO))
        server = await stage.transport.accepted()
        await stage.session.start_listening()
        for _ in range(10):
            stage.microphones[0].hear(b"\x08\x00" * 24_000)
        await stage.heard(10)
        await server.configured()
    notice = await stage.until(Notice)
    assert notice.severity is Severity.WARNING
    assert "2.0 s of your voice were lost" in notice.text


async def test_a_turn_without_any_answer_is_given_up(make_stage, monkeypatch):
    monkeypatch.setattr(watch, "ANSWER_TIMEOUT", 0.05)
    stage = make_stage()
    await stage.start()
    await stage.session.send_message("anyone?")
    failure = await stage.until(Failure)
    assert (failure.code, failure.fatal) == ("no_answer", False)
    assert (await stage.until(TurnEnded)).outcome is Outcome.FAILED


async def test_a_picture_becomes_an_item(make_stage):
    stage = make_stage()
    server = await stage.start()
    await stage.session.stream_data(ScreenFrame(b"\xff\xd8jpeg", "image/jpeg", 4, 4))
    item = await server.expect("conversation.item.create")
    assert item["item"]["content"][0]["image_url"].startswith("data:image/jpeg;base64,")


async def test_a_link_that_is_refused_for_good_fails_the_turn_and_says_why(make_stage):
    stage = make_stage()
    server = await stage.start()
    await stage.session.send_message("hello")
    server.begin("r1")
    server.words("r1", "Well")
    await stage.until(ReplyText)
    server.drop(1008, "policy violation")
    failure = await stage.until(Failure)
    assert failure.fatal
    assert "OpenAI" in failure.message
    assert (await stage.until(TurnEnded)).outcome is Outcome.FAILED
    assert (await stage.until(StatusChanged, new=Status.ERROR)).link is LinkWord.OFFLINE
    with pytest.raises(LinkError):
        await stage.session.send_message("anyone?")


async def test_a_mistake_of_ours_ends_the_link_instead_of_leaving_it_up(make_stage, monkeypatch):
    def broken(self, command):
        raise KeyError("said by the user")

    stage = make_stage()
    await stage.start()
    monkeypatch.setattr(OpenAIGACodec, "encode", broken)
    await stage.session.send_message("hello")
    failure = await stage.until(Failure)
    assert (failure.fatal, failure.category) == (True, "unexpected")
    assert "KeyError" in failure.message
    assert "said" not in failure.message
    assert (await stage.until(TurnEnded)).outcome is Outcome.FAILED
    assert (await stage.until(StatusChanged, new=Status.ERROR)).link is LinkWord.OFFLINE
    monkeypatch.undo()
    await stage.start()


async def test_it_can_be_started_again_after_a_loss(make_stage):
    stage = make_stage()
    server = await stage.start()
    server.drop(1008)
    await stage.until(Failure)
    server = await stage.start()
    await stage.session.send_message("back")
    server.reply("r1", "Welcome back.")
    assert (await stage.until(TurnEnded)).text == "Welcome back."


async def test_a_rejected_key_is_raised_and_told(make_stage):
    stage = make_stage()
    stage.transport.error = CredentialsError("The key was rejected.", code="invalid_api_key")
    with pytest.raises(CredentialsError):
        await stage.session.start_session(InputMode.TEXT)
    assert (await stage.until(Failure)).category == "credentials"
    assert stage.session.state.status is Status.ERROR


async def test_an_error_while_configuring_ends_the_start(make_stage):
    stage = make_stage()
    starting = asyncio.gather(stage.session.start_session(InputMode.TEXT), return_exceptions=True)
    server = await stage.transport.accepted()
    error = {"type": "invalid_request_error", "code": "model_not_found", "message": "no such model"}
    server.tell("error", error=error)
    async with asyncio.timeout(PATIENCE):
        (raised,) = await starting
    assert isinstance(raised, NekoError)
    assert "no such model" in raised.message


async def test_a_reply_that_fails_is_told_with_its_reason(make_stage):
    stage = make_stage()
    server = await stage.start()
    await stage.session.send_message("hello")
    server.begin("r1")
    error = {"type": "server_error", "code": "server_error", "message": "the model fell over"}
    server.done("r1", "failed", type="failed", error=error)
    failure = await stage.until(Failure)
    assert not failure.fatal
    assert (await stage.until(TurnEnded)).outcome is Outcome.FAILED


async def test_an_empty_message_is_refused(make_stage):
    stage = make_stage()
    await stage.start()
    with pytest.raises(InvalidRequest):
        await stage.session.send_message("  \n ")


async def test_a_greeting_is_asked_for_once(make_stage):
    stage = make_stage({"character": {"greeting": "Say hello to the user."}}, greet=True)
    server = await stage.start()
    asked = await server.expect("response.create")
    assert "Say hello" in asked["response"]["instructions"]
    server.reply("r1", "Hello!")
    assert (await stage.until(TurnEnded)).text == "Hello!"


async def test_agent_results_are_told_when_nobody_talks(make_stage):
    stage = make_stage()
    server = await stage.start()
    stage.session.enqueue_agent_callback(AgentResult("completed", "The build is green."))
    assert await stage.session.trigger_agent_callbacks()
    item = await server.expect("conversation.item.create")
    assert item["item"]["role"] == "system"
    assert "The build is green." in item["item"]["content"][0]["text"]
    await server.expect("response.create")
    assert not await stage.session.trigger_agent_callbacks()


@pytest.mark.parametrize("moment", ["never started", "started", "speaking", "lost", "ended"])
async def test_cleanup_is_safe_from_any_state_and_twice(make_stage, moment):
    speaker = FakeSpeaker()
    stage = make_stage(speaker=speaker)
    if moment != "never started":
        server = await stage.start(InputMode.AUDIO)
        if moment == "speaking":
            await stage.session.start_listening()
            await stage.session.send_message("go")
            server.begin("r1")
            server.sound("r1", 5000)
            await stage.until(ReplyAudio)
        elif moment == "lost":
            server.drop()
            await stage.until(Failure)
        elif moment == "ended":
            await stage.session.end_session()
    async with asyncio.timeout(PATIENCE):
        await stage.session.cleanup()
        await stage.session.cleanup()
    assert not speaker.is_open
    assert not any(m.is_open for m in stage.microphones)
    me = asyncio.current_task()
    assert [t for t in asyncio.all_tasks() if t is not me] == []
    if moment != "never started":
        await stage.until(SessionEnded)


async def test_a_late_reader_learns_the_state_first(make_stage):
    stage = make_stage()
    await stage.start()
    late = stage.session.events()
    first = await anext(late)
    assert isinstance(first, StatusChanged)
    assert first.link is LinkWord.ONLINE
    assert isinstance(await anext(late), Connected)


async def test_stopping_during_the_hand_shake_does_not_wait(make_stage):
    stage = make_stage()
    starting = asyncio.gather(stage.session.start_session(InputMode.TEXT), return_exceptions=True)
    await stage.transport.accepted()
    began = asyncio.get_running_loop().time()
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await stage.session.cleanup()
    assert asyncio.get_running_loop().time() - began < 1.0
