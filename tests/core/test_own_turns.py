"""Turns that our own detector begins and ends, over a link that is told of them."""

from __future__ import annotations

import base64
import json

import pytest

from neko_cli.core.events import (
    InputMode,
    LinkWord,
    Outcome,
    ReplyAudio,
    SpeechStarted,
    SpeechStopped,
    StatusChanged,
    Swap,
    TurnEnded,
    UserText,
)
from neko_cli.core.profile import parse
from tests.fakes.sound import FakeSpeaker
from tests.fakes.staging import profile, staged
from tests.fakes.virtual import virtual

RATE = 24_000
QUIET = bytes(480)
SPEECH = b"\x10\x20" * 240
LOCAL = profile(turns={"detection": "local"}, sound={"duplex": "full"})
KEY = profile(turns={"detection": "manual"})


async def frames(stage, frame: bytes, ms: int) -> None:
    """The microphone hears this for so long."""
    for _ in range(ms // 10):
        stage.microphones[-1].hear(frame)
    await stage.passes(0.05)


async def uttered(server) -> bytes:
    """What the server was sent of one utterance, up to its commit."""
    got = b""
    while True:
        event = await server.to_server.get()
        if event["type"] == "input_audio_buffer.append":
            got += base64.b64decode(event["audio"])
        else:
            assert event["type"] == "input_audio_buffer.commit", event
            return got


async def answers(stage, server, item: str, reply: str, text: str) -> TurnEnded:
    """The server takes the utterance, tells its words and answers."""
    await server.expect("response.create")
    server.tell("input_audio_buffer.committed", item_id=item, previous_item_id=None)
    server.tell(
        "conversation.item.input_audio_transcription.completed",
        item_id=item,
        content_index=0,
        transcript=f"words of {item}",
    )
    server.reply(reply, text)
    return await stage.until(TurnEnded, outcome=Outcome.COMPLETE)


@virtual
async def test_hands_free_over_a_link_without_a_detector():
    async with staged(LOCAL) as stage:
        server = await stage.start(InputMode.AUDIO)
        assert stage.configuration["audio"]["input"]["turn_detection"] is None
        await stage.session.start_listening()
        await frames(stage, QUIET, 3000)
        server.nothing_more()
        await frames(stage, SPEECH, 500)
        assert stage.told(SpeechStarted)
        await frames(stage, QUIET, 1000)
        assert stage.told(SpeechStopped)
        sound = await uttered(server)
        assert sound.count(SPEECH[:2]) == RATE // 2, "all of the speech"
        lead = sound.index(SPEECH[:2]) / 2 / RATE
        assert 0.3 <= lead <= 0.45
        ended = await answers(stage, server, "u1", "r1", "Good day.")
        assert (ended.turn, ended.text) == (1, "Good day.")
        assert stage.told(UserText)[-1].text == "words of u1"
        assert stage.session.state.is_listening, "the microphone stays on"
        await frames(stage, SPEECH, 400)
        await frames(stage, QUIET, 900)
        assert (await uttered(server)).count(SPEECH[:2]) == RATE * 2 // 5
        assert (await answers(stage, server, "u2", "r2", "And to you.")).turn == 2


@virtual
async def test_speaking_over_the_character_stops_it():
    speaker = FakeSpeaker()
    async with staged(LOCAL, speaker=speaker) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await frames(stage, SPEECH, 300)
        await frames(stage, QUIET, 900)
        await uttered(server)
        await server.expect("response.create")
        server.begin("r1")
        server.words("r1", "Once upon a time.", spoken=True)
        server.sound("r1", 3000)
        await stage.until(ReplyAudio)
        await speaker.holds(3000)
        speaker.advance(1000)
        await frames(stage, SPEECH, 400)
        (ended,) = stage.told(TurnEnded)
        assert (ended.outcome, ended.heard_ms) == (Outcome.INTERRUPTED, 1000.0)
        assert await server.expect("response.cancel")
        assert await server.expect("conversation.item.truncate", audio_end_ms=1000)
        server.done("r1", "cancelled", type="cancelled", reason="client_cancelled")
        await frames(stage, QUIET, 900)
        assert (await uttered(server)).count(SPEECH[:2]) == RATE * 2 // 5


@virtual
async def test_where_the_character_may_not_be_interrupted_nobody_is_heard_meanwhile():
    quiet = profile(turns={"detection": "local", "interrupt": False}, sound={"duplex": "full"})
    speaker = FakeSpeaker()
    async with staged(quiet, speaker=speaker) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await stage.session.send_message("Speak.")
        await server.expect("conversation.item.create")
        await server.expect("response.create")
        server.reply("r1", "Once upon a time.", sound_ms=3000)
        await stage.until(ReplyAudio)
        await frames(stage, SPEECH, 300)
        await frames(stage, QUIET, 900)
        server.nothing_more()
        await speaker.holds(3000)
        speaker.advance(3000)
        assert (await stage.until(TurnEnded)).outcome is Outcome.COMPLETE
        await frames(stage, SPEECH, 300)
        await frames(stage, QUIET, 900)
        assert (await uttered(server)).count(SPEECH[:2]) > 0


@virtual
async def test_what_is_typed_while_somebody_speaks_takes_the_place_of_it():
    async with staged(LOCAL) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await frames(stage, SPEECH, 300)
        assert stage.told(SpeechStarted)
        await stage.session.send_message("Never mind.")
        await frames(stage, QUIET, 2000)
        kinds = []
        while not server.to_server.empty():
            kinds.append(server.to_server.get_nowait()["type"])
        assert "input_audio_buffer.commit" not in kinds
        assert kinds[-1] == "response.create"
        server.reply("r1", "Well.")
        assert (await stage.until(TurnEnded, outcome=Outcome.COMPLETE)).turn == 2


@virtual
async def test_an_utterance_survives_the_loss_of_its_link_once_and_whole():
    async with staged(LOCAL) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await frames(stage, SPEECH, 600)
        assert stage.told(SpeechStarted)
        server.drop()
        await frames(stage, SPEECH, 400)
        await frames(stage, QUIET, 900)
        server = await stage.back()
        sound = await uttered(server)
        assert sound.count(SPEECH[:2]) == RATE
        assert (await answers(stage, server, "u1", "r1", "Yes.")).text == "Yes."


@virtual
async def test_speech_wakes_a_parked_session():
    parked = profile(turns={"detection": "local"}, guard={"park_minutes": 1})
    async with staged(parked) as stage:
        await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await stage.until(StatusChanged, link=LinkWord.PARKED)
        await frames(stage, SPEECH, 300)
        await frames(stage, QUIET, 900)
        server = await stage.back()
        assert (await uttered(server)).count(SPEECH[:2]) == RATE * 3 // 10


@virtual
async def test_a_microphone_that_is_closed_in_the_middle_of_speech_ends_the_turn():
    async with staged(LOCAL) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await frames(stage, SPEECH, 500)
        await stage.session.stop_listening()
        assert (await uttered(server)).count(SPEECH[:2]) == RATE // 2


@virtual
async def test_after_a_key_a_longer_silence_ends_the_turn_and_closes_the_microphone():
    async with staged(KEY) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await frames(stage, QUIET, 5000)
        assert stage.session.state.is_listening, "nobody has said anything yet"
        await frames(stage, SPEECH, 500)
        await frames(stage, QUIET, 1500)
        assert stage.session.state.is_listening
        await frames(stage, QUIET, 700)
        assert (await uttered(server)).count(SPEECH[:2]) == RATE // 2
        assert not stage.session.state.is_listening
        assert (await answers(stage, server, "u1", "r1", "Yes.")).turn == 1


@virtual
async def test_the_key_alone_ends_a_turn_where_the_profile_says_so():
    async with staged(profile(turns={"detection": "manual", "key_silence_ms": 0})) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await frames(stage, SPEECH, 500)
        await frames(stage, QUIET, 10_000)
        assert stage.session.state.is_listening
        await stage.session.stop_listening(commit=True)
        await uttered(server)


@virtual
async def test_a_profile_that_wants_our_detector_changes_who_ends_turns():
    async with staged(profile()) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await frames(stage, SPEECH, 100)
        await server.expect("input_audio_buffer.append")
        await stage.session.switch_profile(parse(LOCAL, "x.toml"))
        await stage.passes(0.05)
        seen = []
        while not server.to_server.empty():
            seen.append(server.to_server.get_nowait())
        (update,) = [event for event in seen if event["type"] == "session.update"]
        assert update["session"]["audio"]["input"]["turn_detection"] is None, json.dumps(update)
        server = await stage.back()
        assert stage.configuration["audio"]["input"]["turn_detection"] is None
        await stage.until(Swap)
        await frames(stage, QUIET, 1000)
        await frames(stage, SPEECH, 300)
        await frames(stage, QUIET, 900)
        assert (await uttered(server)).count(SPEECH[:2]) >= RATE * 3 // 10


@pytest.mark.parametrize("ms", [20, 30])
@virtual
async def test_a_click_begins_no_turn(ms):
    async with staged(LOCAL) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await frames(stage, QUIET, 500)
        await frames(stage, SPEECH, ms)
        await frames(stage, QUIET, 1500)
        server.nothing_more()
        assert stage.told(SpeechStarted) == []


async def tells(stage, server, text: str) -> None:
    """The server tells the user's words so far."""
    server.tell(
        "conversation.item.input_audio_transcription.delta", item_id="u1", content_index=0, delta=text
    )
    await stage.passes(0.01)


@pytest.mark.parametrize(
    ("text", "turns", "silence_ms"),
    [
        ("What time is it?", {}, 350),
        ("I want to go, but", {}, 700),
        ("What time is it?", {"finished_silence_ms": 0}, 700),
        ("What time is it?", {"silence_ms": 300}, 300),
        ("What time is it?", {"finished_silence_ms": 200}, 200),
    ],
)
@virtual
async def test_less_silence_is_enough_after_words_that_read_as_finished(text, turns, silence_ms):
    async with staged(profile(turns={"detection": "local", **turns})) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await frames(stage, SPEECH, 500)
        await tells(stage, server, text)
        await frames(stage, QUIET, silence_ms - 50)
        assert stage.told(SpeechStopped) == []
        await frames(stage, QUIET, 130)
        assert stage.told(SpeechStopped)
        await uttered(server)


@virtual
async def test_words_that_go_on_take_it_back_and_the_next_turn_begins_afresh():
    async with staged(LOCAL) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await frames(stage, SPEECH, 500)
        await tells(stage, server, "What time is it?")
        await frames(stage, SPEECH, 100)
        await tells(stage, server, " Or rather,")
        await frames(stage, QUIET, 600)
        assert stage.told(SpeechStopped) == []
        await tells(stage, server, " never mind.")
        await frames(stage, QUIET, 100)
        assert stage.told(SpeechStopped)
        await uttered(server)
        await answers(stage, server, "u1", "r1", "Yes.")
        await frames(stage, SPEECH, 500)
        await frames(stage, QUIET, 600)
        assert len(stage.told(SpeechStopped)) == 1
        await frames(stage, QUIET, 200)
        assert len(stage.told(SpeechStopped)) == 2


@virtual
async def test_after_a_key_the_words_do_not_matter():
    async with staged(KEY) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        await frames(stage, SPEECH, 500)
        await tells(stage, server, "What time is it?")
        await frames(stage, QUIET, 1900)
        assert stage.session.state.is_listening


async def test_our_detector_is_made_for_a_profile_that_wants_it_in_the_middle_of_a_call(make_stage):
    class Loud:
        frame_bytes = 640

        def probability(self, frame):
            return float(frame[:2] != b"\0\0")

        def reset(self):
            pass

    stage = make_stage({"emotion": {"tags": "angle"}}, detector=Loud)
    await stage.start(InputMode.AUDIO)
    await stage.session.start_listening()
    changed = {"emotion": {"tags": "angle"}, "turns": {"detection": "local"}}
    await stage.session.switch_profile(parse(changed, "x.toml"))
    for _ in range(20):
        stage.microphones[-1].hear(SPEECH)
    await stage.until(SpeechStarted)
