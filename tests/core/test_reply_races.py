"""Replies that overtake, or are overtaken."""

from __future__ import annotations

import pytest

from neko_cli.core import watch
from neko_cli.core.events import (
    Failure,
    InputMode,
    Outcome,
    ReplyAudio,
    ReplyText,
    SpeechStarted,
    SpeechStopped,
    Status,
    ToolCall,
    TurnEnded,
    TurnStarted,
)
from neko_cli.core.state import TurnState
from tests.fakes.sound import FakeSpeaker
from tests.fakes.staging import sound, turn_state

HALF_A_SECOND = b"\x01\x00" * 12_000


async def speech(server, item="u1"):
    """The detector hears an utterance and commits it."""
    server.tell("input_audio_buffer.speech_started", item_id=item, audio_start_ms=0)
    server.tell("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=500)
    server.tell("input_audio_buffer.committed", item_id=item, previous_item_id=None)


async def test_a_reply_that_stops_coming_is_given_up(make_stage, monkeypatch):
    monkeypatch.setattr(watch, "ANSWER_TIMEOUT", 0.2)
    stage = make_stage()
    server = await stage.start()
    await stage.session.send_message("speak")
    await server.expect("conversation.item.create")
    await server.expect("response.create")
    server.begin("r1")
    server.words("r1", "Well, ")
    await server.expect("response.cancel", response_id="r1")
    ended = await stage.until(TurnEnded)
    assert (ended.outcome, ended.text) == (Outcome.FAILED, "Well,")
    assert [failure.code for failure in stage.told(Failure)] == ["no_answer"]


async def test_what_was_said_over_a_reply_that_may_not_be_interrupted_is_answered(make_stage):
    stage = make_stage({"turns": {"interrupt": False}})
    server = await stage.start(InputMode.AUDIO)
    await stage.session.send_message("speak")
    await server.expect("conversation.item.create")
    await server.expect("response.create")
    server.begin("r1")
    server.words("r1", "Let me finish.")
    await stage.until(ReplyText)
    await speech(server)
    server.tell(
        "error",
        error={"type": "invalid_request_error", "code": "conversation_already_has_active_response"},
    )
    assert (await stage.until(SpeechStarted)).turn == 2
    assert (await stage.until(SpeechStopped)).turn == 2
    server.done("r1")
    assert (await stage.until(TurnEnded)).turn == 1
    await server.expect("response.create")
    server.reply("r2", "And now you.")
    ended = await stage.until(TurnEnded)
    assert (ended.turn, ended.text) == (2, "And now you.")
    server.nothing_more()


async def test_a_detector_that_committed_first_is_not_answered_twice(make_stage):
    """The key goes up just when a detector, which was on until a moment ago, has found the end."""
    stage = make_stage()
    server = await stage.start(InputMode.AUDIO)
    await stage.session.set_push_to_talk(True)
    await server.expect("session.update")
    await stage.session.start_listening()
    stage.microphones[0].hear(HALF_A_SECOND)
    await sound(server, len(HALF_A_SECOND))
    await stage.session.stop_listening(commit=True)
    await server.expect("input_audio_buffer.commit")
    await server.expect("response.create")
    server.tell("input_audio_buffer.speech_stopped", item_id="u1", audio_end_ms=500)
    server.tell("input_audio_buffer.committed", item_id="u1", previous_item_id=None)
    server.begin("r1")
    for code in ("input_audio_buffer_commit_empty", "conversation_already_has_active_response"):
        server.tell("error", error={"type": "invalid_request_error", "code": code})
    server.words("r1", "Once.")
    server.done("r1")
    assert (await stage.until(TurnEnded)).text == "Once."
    await stage.session.send_message("next")
    await server.expect("conversation.item.create")


async def test_the_rest_of_a_reply_that_was_talked_over_before_it_spoke_is_not_played(make_stage):
    speaker = FakeSpeaker()
    stage = make_stage(speaker=speaker)
    server = await stage.start(InputMode.AUDIO)
    await speech(server, "u1")
    server.begin("r1")
    server.tell("input_audio_buffer.speech_started", item_id="u2", audio_start_ms=900)
    await stage.until(SpeechStarted, turn=2)
    server.words("r1", "Too late.", spoken=True)
    server.sound("r1", 500)
    server.done("r1", "cancelled", reason="turn_detected")
    server.tell("input_audio_buffer.speech_stopped", item_id="u2", audio_end_ms=1500)
    server.begin("r2")
    server.words("r2", "In time.", spoken=True)
    server.sound("r2", 100)
    server.done("r2")
    assert (await stage.until(ReplyAudio)).ms == 100
    await speaker.holds(90)
    speaker.advance(1000)
    ended = await stage.until(TurnEnded, turn=2)
    assert (ended.text, ended.outcome) == ("In time.", Outcome.COMPLETE)
    assert not any(event.turn == 2 and "late" in event.delta for event in stage.told(ReplyText))


async def test_speaking_right_after_typing_takes_back_what_was_asked(make_stage):
    stage = make_stage()
    server = await stage.start(InputMode.AUDIO)
    await stage.session.send_message("typed")
    await server.expect("conversation.item.create")
    await server.expect("response.create")
    server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
    await stage.until(SpeechStarted)
    server.begin("r1")
    await server.expect("response.cancel", response_id="r1")
    server.done("r1", "cancelled", reason="client_cancelled")
    assert stage.session.state.status is Status.LISTENING
    server.tell("input_audio_buffer.speech_stopped", item_id="u1", audio_end_ms=500)
    server.reply("r2", "Both then.")
    assert (await stage.until(TurnEnded, turn=2)).text == "Both then."


async def test_typing_just_before_the_detectors_reply_begins_is_answered(make_stage):
    stage = make_stage()
    server = await stage.start(InputMode.AUDIO)
    await speech(server)
    await stage.until(SpeechStopped)
    await stage.session.send_message("typed")
    await server.expect("conversation.item.create")
    await server.expect("response.create")
    server.begin("r1")
    server.tell(
        "error",
        error={"type": "invalid_request_error", "code": "conversation_already_has_active_response"},
    )
    server.words("r1", "To what you said.")
    server.done("r1")
    await stage.until(TurnEnded, turn=2)
    await server.expect("response.create")
    server.reply("r2", "To what you typed.")
    assert (await stage.until(TurnEnded, turn=3)).text == "To what you typed."


async def test_a_reply_that_goes_on_after_a_tool_call_is_the_same_turn(make_stage):
    stage = make_stage()
    server = await stage.start()
    await stage.session.send_message("what time is it?")
    await server.expect("conversation.item.create")
    await server.expect("response.create")
    server.begin("r1")
    for number in (1, 2):
        server.tell(
            "response.function_call_arguments.done",
            response_id="r1",
            item_id=f"c{number}",
            call_id=f"call_{number}",
            name="clock",
            arguments="{}",
        )
    await stage.until(ToolCall)
    server.done("r1")
    answers = [await server.expect("conversation.item.create") for _ in range(2)]
    assert [answer["item"]["call_id"] for answer in answers] == ["call_1", "call_2"]
    await server.expect("response.create")
    server.reply("r2", "I cannot tell.")
    ended = await stage.until(TurnEnded)
    assert (ended.turn, ended.text) == (1, "I cannot tell.")
    assert len(stage.told(TurnStarted)) == 1
    server.nothing_more()


async def test_a_tool_call_of_a_reply_nobody_wants_asks_for_nothing(make_stage):
    stage = make_stage()
    server = await stage.start(InputMode.AUDIO)
    await speech(server, "u1")
    server.begin("r1")
    server.words("r1", "Let me see.")
    server.tell("input_audio_buffer.speech_started", item_id="u2", audio_start_ms=900)
    server.tell(
        "response.function_call_arguments.done",
        response_id="r1",
        item_id="c1",
        call_id="call_1",
        name="clock",
        arguments="{}",
    )
    server.done("r1", "cancelled", reason="turn_detected")
    await stage.until(SpeechStarted, turn=2)
    server.tell("input_audio_buffer.speech_stopped", item_id="u2", audio_end_ms=1500)
    server.reply("r2", "Yes?")
    await stage.until(TurnEnded, turn=2)
    answer = await server.expect("conversation.item.create")
    assert answer["item"]["call_id"] == "call_1", "it is in the conversation, and answered without asking"
    server.nothing_more()


# What was heard


async def test_muting_for_a_while_does_not_shorten_what_was_heard(make_stage):
    speaker = FakeSpeaker()
    stage = make_stage(speaker=speaker)
    server = await stage.start()
    await stage.session.send_message("speak")
    server.begin("r1")
    server.sound("r1", 1000)
    await stage.until(ReplyAudio)
    await stage.session.mute_voice(True)
    server.sound("r1", 1000)
    await stage.until(ReplyAudio)
    await stage.session.mute_voice(False)
    server.sound("r1", 1000)
    await stage.until(ReplyAudio)
    await speaker.holds(990)
    speaker.advance(500)
    await stage.session.interrupt()
    assert (await stage.until(TurnEnded)).heard_ms == pytest.approx(2500, abs=20)


async def test_a_reply_that_another_one_follows_is_heard_whole(make_stage):
    speaker = FakeSpeaker()
    stage = make_stage(speaker=speaker)
    server = await stage.start()
    await stage.session.send_message("speak")
    server.reply("r1", "First.", sound_ms=1000)
    await stage.until(ReplyAudio)
    speaker.advance(100)
    server.reply("r2", "Second.", sound_ms=400)
    first = await stage.until(TurnEnded)
    assert (first.turn, first.outcome, first.heard_ms) == (1, Outcome.COMPLETE, pytest.approx(1000, abs=15))
    await turn_state(stage, TurnState.DRAINING)
    speaker.advance(3000)
    second = await stage.until(TurnEnded)
    assert (second.turn, second.heard_ms) == (2, pytest.approx(400, abs=15))
