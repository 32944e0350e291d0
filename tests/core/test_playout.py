"""The character's voice: played, counted, cut at what was heard."""

from __future__ import annotations

import pytest

from neko_cli.core.errors import (
    NoMicrophone,
)
from neko_cli.core.events import (
    Levels,
    Notice,
    Outcome,
    ReplyAudio,
    SpeechStopped,
    TurnEnded,
    TurnStarted,
)
from neko_cli.core.pcm import SILENCE_DBFS
from tests.fakes.sound import FakeSpeaker


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
    await speaker.holds(1900)
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


async def test_a_loudspeaker_that_will_not_open_is_a_notice(make_stage):
    stage = make_stage(speaker=FakeSpeaker(error=NoMicrophone("Nothing is plugged in.")))
    server = await stage.start()
    await stage.until(Notice)
    await stage.session.send_message("hi")
    server.reply("r1", "Hi.", sound_ms=100)
    ended = await stage.until(TurnEnded)
    assert (ended.text, ended.heard_ms) == ("Hi.", 100.0)


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
    await speaker.holds(400)
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
    await speaker.holds(1)
    assert speaker.queued_ms == pytest.approx(100, abs=1)


async def test_the_meters_fall_to_silence_when_nothing_is_heard_any_more(make_stage):
    speaker = FakeSpeaker()
    stage = make_stage(speaker=speaker)
    stage.reader = stage.session.events(levels=True)
    server = await stage.start()
    await stage.session.send_message("speak")
    server.reply("r1", "One two three.", sound_ms=1000)
    loud = await stage.until(Levels, speaker=speaker.level)
    assert loud.speaker > SILENCE_DBFS
    speaker.advance(2000)
    await stage.until(TurnEnded)
    last = await stage.until(Levels, speaker=SILENCE_DBFS)
    assert last.microphone == SILENCE_DBFS
