"""The user's voice: microphone, push-to-talk, and what goes wrong with them."""

from __future__ import annotations

import base64

import pytest

from neko_cli.core.commands import AudioChunk
from neko_cli.core.errors import (
    MicrophonePermissionError,
    NoMicrophone,
)
from neko_cli.core.events import (
    InputMode,
    Notice,
    Outcome,
    ReplyAudio,
    SpeechStarted,
    SpeechStopped,
    Status,
    StatusChanged,
    TurnEnded,
    UserText,
)
from neko_cli.core.uplink import TAIL_MS
from tests.fakes.sound import FakeMicrophone, FakeSpeaker
from tests.fakes.staging import sound


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
    stage.microphones[0].hear(b"\x01\x00" * 12_000)
    await server.expect("input_audio_buffer.append")
    await stage.session.stop_listening(commit=True)
    await server.expect("input_audio_buffer.commit")
    await server.expect("response.create")
    await stage.until(SpeechStopped)
    server.reply("r1", "Heard.")
    assert (await stage.until(TurnEnded)).text == "Heard."


@pytest.mark.parametrize("spoken", [True, False])
async def test_push_to_talk_released_without_commit_throws_it_away(make_stage, spoken):
    """The provider is told so where it was given any of it."""
    stage = make_stage({"turns": {"detection": "manual"}})
    server = await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    if spoken:
        stage.microphones[0].hear(b"\x01\x00" * 12_000)
        await sound(server, 24_000)
    await stage.session.stop_listening()
    if spoken:
        await server.expect("input_audio_buffer.clear")
    assert (await stage.until(TurnEnded)).outcome is Outcome.CANCELLED
    await stage.session.send_message("typed")
    await server.expect("conversation.item.create")


async def test_switching_to_push_to_talk_tells_the_provider(make_stage):
    stage = make_stage()
    server = await stage.start(InputMode.AUDIO)
    await stage.session.set_push_to_talk(True)
    update = await server.expect("session.update")
    assert update["session"]["audio"]["input"]["turn_detection"] is None
    await stage.session.set_push_to_talk(False)
    update = await server.expect("session.update")
    assert update["session"]["audio"]["input"]["turn_detection"]["type"] == "server_vad"


VOICE = b"\x11\x22" * 4_800
"""200 ms of speech, as far as anybody hears."""
HUSH = bytes(len(VOICE))


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("frame", [VOICE, HUSH])
async def test_muting_in_the_middle_of_a_sentence_sends_it(make_stage, told, frame):
    """The detector ends the turn: it is given the silence that it needs, by whomever somebody was heard."""
    stage = make_stage()
    server = await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    stage.microphones[0].hear(frame)
    await sound(server, len(frame))
    if told:
        server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
        await stage.until(SpeechStarted)
    await stage.session.stop_listening()
    if told or frame is VOICE:
        silence_ms = stage.session._core.profile.turns.silence_ms + TAIL_MS
        assert await sound(server, int(48 * silence_ms)) == bytes(int(48 * silence_ms))
    await stage.session.send_message("typed")  # there was no commit before it, and no more sound
    if told:
        await server.expect("input_audio_buffer.clear")
    await server.expect("conversation.item.create")


async def test_what_was_said_before_muting_is_answered(make_stage):
    stage = make_stage()
    server = await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    stage.microphones[0].hear(VOICE)
    await sound(server, len(VOICE))
    server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
    await stage.until(SpeechStarted)
    await stage.session.stop_listening()
    server.tell("input_audio_buffer.speech_stopped", item_id="u1", audio_end_ms=900)
    server.tell("input_audio_buffer.committed", item_id="u1", previous_item_id=None)
    server.reply("r1", "Heard.")
    ended = await stage.until(TurnEnded)
    assert (ended.turn, ended.outcome, ended.text) == (1, Outcome.COMPLETE, "Heard.")


async def test_a_microphone_that_goes_off_when_the_detector_has_found_the_end_is_answered_once(make_stage):
    """The detector alone ends utterances: there is nothing that could cross its own commit."""
    stage = make_stage()
    server = await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    stage.microphones[0].hear(VOICE)
    await sound(server, len(VOICE))
    server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
    await stage.until(SpeechStarted)
    server.tell("input_audio_buffer.speech_stopped", item_id="u1", audio_end_ms=500)
    server.tell("input_audio_buffer.committed", item_id="u1", previous_item_id=None)
    await stage.session.stop_listening()
    server.reply("r1", "Once.")
    assert (await stage.until(TurnEnded)).text == "Once."
    await stage.session.send_message("next")
    while (event := await server.to_server.get())["type"] == "input_audio_buffer.append":
        assert set(base64.b64decode(event["audio"])) == {0}
    assert event["type"] == "conversation.item.create"


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


async def test_sound_streamed_in_is_resampled_only_when_needed(make_stage):
    stage = make_stage()
    server = await stage.start(InputMode.AUDIO)
    pcm = bytes(range(256)) * 4
    await stage.session.stream_data(AudioChunk(pcm, 24_000))
    event = await server.expect("input_audio_buffer.append")
    assert base64.b64decode(event["audio"]) == pcm


async def test_without_barge_in_speech_waits_for_its_own_turn(make_stage):
    speaker = FakeSpeaker()
    stage = make_stage({"turns": {"interrupt": False}}, speaker=speaker)
    server = await stage.start(InputMode.AUDIO)
    await stage.session.send_message("speak")
    server.begin("r1")
    server.words("r1", "Let me finish.", spoken=True)
    server.sound("r1", 1000)
    await stage.until(ReplyAudio)
    await speaker.holds(900)
    server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
    assert (await stage.until(SpeechStarted)).turn == 2
    assert speaker.queued_ms > 900
    server.done("r1")
    speaker.advance(2000)
    ended = await stage.until(TurnEnded)
    assert (ended.turn, ended.outcome) == (1, Outcome.COMPLETE)


async def test_pause_and_resume_bring_the_microphone_back(make_stage):
    stage = make_stage()
    await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    await stage.session.pause()
    assert not stage.session.state.is_listening
    await stage.session.resume()
    assert stage.session.state.is_listening


@pytest.mark.parametrize(("duplex", "silent"), [("half", True), ("full", False)])
async def test_half_duplex_sends_silence_while_the_character_is_heard(make_stage, duplex, silent):
    speaker = FakeSpeaker()
    stage = make_stage({"sound": {"duplex": duplex}}, speaker=speaker)
    server = await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    voice = b"\x11\x22" * 240
    stage.microphones[0].hear(voice)
    assert base64.b64decode((await server.expect("input_audio_buffer.append"))["audio"]) == voice
    await stage.session.send_message("speak")
    await server.expect("conversation.item.create")
    await server.expect("response.create")
    server.reply("r1", "La la la.", sound_ms=1000)
    await stage.until(ReplyAudio)
    stage.microphones[0].hear(voice)
    sent = base64.b64decode((await server.expect("input_audio_buffer.append"))["audio"])
    assert sent == (bytes(len(voice)) if silent else voice)


async def test_half_duplex_does_not_hold_a_microphone_that_nobody_speaks_into(make_stage):
    stage = make_stage({"sound": {"duplex": "half"}}, speaker=FakeSpeaker())
    server = await stage.start(InputMode.AUDIO)
    await stage.session.mute_voice(True)
    await stage.session.start_listening()
    await stage.session.send_message("speak")
    await server.expect("conversation.item.create")
    await server.expect("response.create")
    server.begin("r1")
    server.sound("r1", 1000)
    await stage.until(ReplyAudio)
    voice = b"\x11\x22" * 240
    stage.microphones[0].hear(voice)
    assert base64.b64decode((await server.expect("input_audio_buffer.append"))["audio"]) == voice
