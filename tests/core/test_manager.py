"""The session as its users see it: text, voice, barge-in, loss, and an orderly end."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.commands import AudioChunk, ScreenFrame, TextMessage
from neko_cli.core.companions.callbacks import AgentResult
from neko_cli.core.errors import (
    CredentialsError,
    InvalidRequest,
    LinkError,
    MicrophonePermissionError,
    NekoError,
    NoMicrophone,
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
    SpeechStarted,
    SpeechStopped,
    Status,
    StatusChanged,
    TurnEnded,
    TurnStarted,
    UserText,
)
from tests.fakes.sound import FakeMicrophone, FakeSpeaker
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


async def test_voice_is_played_and_the_turn_ends_when_it_was_heard(make_stage):
    speaker = FakeSpeaker(48_000)
    stage = make_stage(speaker=speaker)
    server = await stage.start()
    await stage.session.send_message("speak")
    server.reply("r1", "One two three.", sound_ms=1000)
    audio = await stage.until(ReplyAudio)
    assert audio.ms == 1000.0
    assert stage.session.state.is_speaking
    assert speaker.queued_ms == pytest.approx(1000, abs=1)
    speaker.advance(2000)
    ended = await stage.until(TurnEnded)
    assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "One two three.")
    assert ended.heard_ms == pytest.approx(1000, abs=1)
    assert ended.first_audio_ms >= 0


@pytest.mark.parametrize("server_is_done", [True, False])
async def test_speaking_over_the_character_stops_it_and_cuts_the_text(make_stage, server_is_done):
    speaker = FakeSpeaker(48_000)
    stage = make_stage(speaker=speaker)
    server = await stage.start()
    await stage.session.send_message("speak")
    await server.expect("conversation.item.create")
    await server.expect("response.create")
    server.begin("r1")
    server.words("r1", "One two three four five six.", spoken=True)
    server.sound("r1", 2000)
    if server_is_done:
        server.done("r1")
    await stage.until(ReplyAudio)
    speaker.advance(1000)
    server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
    ended = await stage.until(TurnEnded)
    assert ended.outcome is Outcome.INTERRUPTED
    assert ended.heard_ms == pytest.approx(1000, abs=1)
    assert ended.text == "One two three"
    assert speaker.queue == b""
    cut = await server.expect("conversation.item.truncate", item_id="item_r1")
    assert cut["audio_end_ms"] == pytest.approx(1000, abs=1)
    if not server_is_done:
        server.sound("r1", 500)
        server.done("r1", "cancelled", reason="turn_detected")
    assert (await stage.until(TurnStarted)).turn == 2
    server.tell("input_audio_buffer.speech_stopped", item_id="u1", audio_end_ms=900)
    await stage.until(SpeechStopped, turn=2)
    server.reply("r2", "Yes?", sound_ms=100)
    await stage.until(ReplyAudio)
    speaker.advance(1000)
    assert (await stage.until(TurnEnded)).text == "Yes?"
    server.nothing_more()


async def test_typing_over_the_character_cancels_waits_and_asks(make_stage):
    speaker = FakeSpeaker()
    stage = make_stage(speaker=speaker)
    server = await stage.start()
    await stage.session.send_message("first")
    await server.expect("conversation.item.create")
    await server.expect("response.create")
    server.begin("r1")
    server.words("r1", "Long story.", spoken=True)
    server.sound("r1", 3000)
    await stage.until(ReplyAudio)
    assert await stage.session.send_message("second") == 2
    await server.expect("response.cancel")
    await server.expect("conversation.item.truncate")
    server.words("r1", " More of it.", spoken=True)
    server.done("r1", "cancelled", reason="client_cancelled")
    item = await server.expect("conversation.item.create")
    assert item["item"]["content"][0]["text"] == "second"
    await server.expect("response.create")
    server.reply("r2", "Short one.")
    ended = await stage.until(TurnEnded, turn=2)
    assert ended.text == "Short one."
    assert [e.outcome for e in stage.told(TurnEnded)] == [Outcome.INTERRUPTED, Outcome.COMPLETE]


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


async def test_a_spoken_turn_with_transcript_and_confidence(make_stage):
    stage = make_stage()
    server = await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    await stage.until(StatusChanged, new=Status.LISTENING)
    microphone = stage.microphones[0]
    microphone.hear(b"\x01\x00" * 240)
    audio = await server.expect("input_audio_buffer.append")
    assert audio["audio"]
    server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
    await stage.until(SpeechStarted, turn=1)
    server.tell("input_audio_buffer.speech_stopped", item_id="u1", audio_end_ms=10)
    server.tell("input_audio_buffer.committed", item_id="u1", previous_item_id=None)
    server.begin("r1")
    transcript = "conversation.item.input_audio_transcription"
    server.tell(f"{transcript}.delta", item_id="u1", content_index=0, delta="good ")
    server.tell(
        f"{transcript}.completed",
        item_id="u1",
        content_index=0,
        transcript="good day",
        logprobs=[{"token": "good", "logprob": -0.7, "bytes": []}],
    )
    server.words("r1", "And to you.")
    server.done("r1")
    await stage.until(TurnEnded)
    texts = [(e.text, e.final, e.spoken) for e in stage.told(UserText)]
    assert texts[-1] == ("good day", True, True)
    assert stage.told(UserText)[-1].confidence == pytest.approx(0.4966, abs=0.001)
    await stage.session.stop_listening()
    assert not stage.session.state.is_listening
    assert not microphone.is_open


async def test_push_to_talk_commits_what_was_said(make_stage):
    stage = make_stage({"turns": {"detection": "manual"}})
    server = await stage.start(InputMode.AUDIO)
    assert stage.configuration["audio"]["input"]["turn_detection"] is None
    await stage.session.start_listening()
    await stage.until(SpeechStarted)
    stage.microphones[0].hear(b"\x01\x00" * 240)
    await server.expect("input_audio_buffer.append")
    await stage.session.stop_listening(commit=True)
    await server.expect("input_audio_buffer.commit")
    await server.expect("response.create")
    await stage.until(SpeechStopped)
    server.reply("r1", "Heard.")
    assert (await stage.until(TurnEnded)).text == "Heard."


async def test_push_to_talk_released_without_commit_throws_it_away(make_stage):
    stage = make_stage({"turns": {"detection": "manual"}})
    server = await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    await stage.session.stop_listening()
    await server.expect("input_audio_buffer.clear")
    assert (await stage.until(TurnEnded)).outcome is Outcome.CANCELLED


async def test_switching_to_push_to_talk_tells_the_provider(make_stage):
    stage = make_stage()
    server = await stage.start(InputMode.AUDIO)
    await stage.session.set_push_to_talk(True)
    update = await server.expect("session.update")
    assert update["session"]["audio"]["input"]["turn_detection"] is None
    await stage.session.set_push_to_talk(False)
    update = await server.expect("session.update")
    assert update["session"]["audio"]["input"]["turn_detection"]["type"] == "server_vad"


async def test_muting_in_the_middle_of_a_sentence_sends_it(make_stage):
    stage = make_stage()
    server = await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
    await stage.until(SpeechStarted)
    await stage.session.stop_listening()
    await server.expect("input_audio_buffer.commit")


@pytest.mark.parametrize("error", [MicrophonePermissionError("no"), NoMicrophone("none")])
async def test_a_microphone_that_will_not_open_is_a_typed_error(make_stage, error):
    stage = make_stage(microphone=lambda: FakeMicrophone(error=error))
    await stage.start(InputMode.AUDIO)
    with pytest.raises(type(error)):
        await stage.session.start_listening()
    assert not stage.session.state.is_listening


async def test_a_microphone_that_dies_is_a_notice_and_the_talk_goes_on(make_stage):
    stage = make_stage()
    server = await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    stage.microphones[0].hear(NoMicrophone("It was unplugged."))
    notice = await stage.until(Notice)
    assert "unplugged" in notice.text
    assert not stage.session.state.is_listening
    await stage.session.send_message("still there?")
    server.reply("r1", "Yes.")
    assert (await stage.until(TurnEnded)).text == "Yes."


async def test_a_loudspeaker_that_will_not_open_is_a_notice(make_stage):
    stage = make_stage(speaker=FakeSpeaker(error=NoMicrophone("Nothing is plugged in.")))
    server = await stage.start()
    await stage.until(Notice)
    await stage.session.send_message("hi")
    server.reply("r1", "Hi.", sound_ms=100)
    ended = await stage.until(TurnEnded)
    assert (ended.text, ended.heard_ms) == ("Hi.", 100.0)


async def test_sound_streamed_in_is_resampled_only_when_needed(make_stage):
    stage = make_stage()
    server = await stage.start(InputMode.AUDIO)
    pcm = bytes(range(256)) * 4
    await stage.session.stream_data(AudioChunk(pcm, 24_000))
    import base64

    event = await server.expect("input_audio_buffer.append")
    assert base64.b64decode(event["audio"]) == pcm


async def test_messages_sent_while_connecting_are_held_and_delivered_in_order(make_stage):
    stage = make_stage()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        group.create_task(stage.session.start_session(InputMode.TEXT))
        server = await stage.transport.accepted()
        await stage.session.stream_data(AudioChunk(b"\x01\x00" * 240, 24_000))
        await stage.session.stream_data(TextMessage("early"))
        await server.configured()
    await server.expect("input_audio_buffer.append")
    item = await server.expect("conversation.item.create")
    assert item["item"]["content"][0]["text"] == "early"


async def test_a_picture_becomes_an_item(make_stage):
    stage = make_stage()
    server = await stage.start()
    await stage.session.stream_data(ScreenFrame(b"\xff\xd8jpeg", "image/jpeg", 4, 4))
    item = await server.expect("conversation.item.create")
    assert item["item"]["content"][0]["image_url"].startswith("data:image/jpeg;base64,")


async def test_a_lost_link_fails_the_turn_and_says_why(make_stage):
    stage = make_stage()
    server = await stage.start()
    await stage.session.send_message("hello")
    server.begin("r1")
    server.words("r1", "Well")
    await stage.until(ReplyText)
    server.drop(1011, "internal error")
    failure = await stage.until(Failure)
    assert failure.fatal
    assert "OpenAI" in failure.message
    assert (await stage.until(TurnEnded)).outcome is Outcome.FAILED
    assert (await stage.until(StatusChanged, new=Status.ERROR)).link is LinkWord.OFFLINE
    with pytest.raises(LinkError):
        await stage.session.send_message("anyone?")


async def test_it_can_be_started_again_after_a_loss(make_stage):
    stage = make_stage()
    server = await stage.start()
    server.drop()
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


async def test_without_barge_in_speech_waits_for_its_own_turn(make_stage):
    speaker = FakeSpeaker()
    stage = make_stage({"turns": {"interrupt": False}}, speaker=speaker)
    server = await stage.start(InputMode.AUDIO)
    await stage.session.send_message("speak")
    server.begin("r1")
    server.words("r1", "Let me finish.", spoken=True)
    server.sound("r1", 1000)
    await stage.until(ReplyAudio)
    server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
    assert (await stage.until(SpeechStarted)).turn == 2
    assert speaker.queued_ms > 900
    server.done("r1")
    speaker.advance(2000)
    ended = await stage.until(TurnEnded)
    assert (ended.turn, ended.outcome) == (1, Outcome.COMPLETE)


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


async def test_pause_and_resume_bring_the_microphone_back(make_stage):
    stage = make_stage()
    await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    await stage.session.pause()
    assert not stage.session.state.is_listening
    await stage.session.resume()
    assert stage.session.state.is_listening


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


async def test_a_reply_that_comes_before_the_loudspeaker_is_open_is_played_whole(make_stage):
    speaker = FakeSpeaker(24_000, slow=True)
    stage = make_stage(speaker=speaker)
    server = await stage.start()
    await stage.session.send_message("quick")
    server.reply("r1", "Early words.", sound_ms=400)
    await stage.until(ReplyAudio)
    assert stage.session.state.is_speaking
    assert speaker.queue == b""
    speaker.ready.set()
    async with asyncio.timeout(PATIENCE):
        while speaker.queued_ms < 400:
            await asyncio.sleep(0)
    speaker.advance(400)
    ended = await stage.until(TurnEnded)
    assert (ended.text, ended.heard_ms) == ("Early words.", pytest.approx(400, abs=1))


async def test_what_was_interrupted_while_the_loudspeaker_opened_is_never_played(make_stage):
    speaker = FakeSpeaker(24_000, slow=True)
    stage = make_stage(speaker=speaker)
    server = await stage.start()
    await stage.session.send_message("quick")
    server.reply("r1", "Never mind.", sound_ms=400)
    await stage.until(ReplyAudio)
    await stage.session.interrupt()
    ended = await stage.until(TurnEnded)
    assert (ended.outcome, ended.heard_ms, ended.text) == (Outcome.INTERRUPTED, 0.0, "")
    speaker.ready.set()
    await stage.session.send_message("again")
    server.reply("r2", "Now.", sound_ms=100)
    async with asyncio.timeout(PATIENCE):
        while not speaker.queue:
            await asyncio.sleep(0)
    assert speaker.queued_ms == pytest.approx(100, abs=1)


async def test_stopping_during_the_hand_shake_does_not_wait(make_stage):
    stage = make_stage()
    starting = asyncio.gather(stage.session.start_session(InputMode.TEXT), return_exceptions=True)
    await stage.transport.accepted()
    began = asyncio.get_running_loop().time()
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await stage.session.cleanup()
    assert asyncio.get_running_loop().time() - began < 1.0
