"""Replies that come as words are read aloud, with the same promises as a voice of the provider."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from neko_cli.core.errors import CredentialsError, ServerFault
from neko_cli.core.events import (
    Emotion,
    Failure,
    Notice,
    Outcome,
    ReplyAudio,
    ReplyText,
    ToolCall,
    TurnEnded,
    TurnStarted,
)
from neko_cli.core.ports_voice import VoiceTrouble
from neko_cli.core.tables_speak import SpeakTable
from neko_cli.core.voicing import AHEAD_MS
from tests.core.conftest import Stage
from tests.fakes.sound import FakeSpeaker
from tests.fakes.voice_over import FakeVoice, Voices
from tests.fakes.wire import FakeConnection

SPOKEN = {"emotion": {"tags": "angle"}, "speak": {"worker": "espeak"}}
TEXT = "One two three. Four five six."


class Spoken:
    """A session whose replies are read aloud."""

    def __init__(self, stage: Stage, voices: Voices) -> None:
        self.stage = stage
        self.voices = voices
        self.server: FakeConnection

    @property
    def voice(self) -> FakeVoice:
        return self.voices.made[-1]

    @property
    def speaker(self) -> FakeSpeaker:
        assert self.stage.speaker is not None
        return self.stage.speaker

    async def asks(self, text: str = "speak") -> None:
        await self.stage.session.send_message(text)
        await self.server.expect("conversation.item.create")
        await self.server.expect("response.create")


@pytest.fixture
async def spoken(make_stage: Any) -> Spoken:
    voices = Voices()
    stage = make_stage(SPOKEN, speaker=FakeSpeaker(24_000), voice=voices, samples=True)
    made = Spoken(stage, voices)
    made.server = await stage.start()
    return made


async def test_words_go_to_the_voice_and_the_turn_ends_when_its_sound_was_heard(spoken: Spoken) -> None:
    assert spoken.stage.configuration["output_modalities"] == ["text"]
    await spoken.asks()
    spoken.server.reply("r1", f"<happy>{TEXT}")
    speech = await spoken.voice.has(said=TEXT, finished=1)
    assert (await spoken.stage.until(Emotion)).label == "happy"
    spoken.voice.gives(speech, 300, upto=14)
    spoken.voice.gives(speech, 500)
    spoken.voice.ends(speech)
    told = 0.0
    while told < 800:
        audio = await spoken.stage.until(ReplyAudio)
        assert (audio.turn, audio.rate) == (1, 24_000)
        told += audio.ms
    await spoken.speaker.holds(800)
    assert not spoken.stage.told(TurnEnded)
    assert spoken.stage.session.state.is_speaking
    spoken.speaker.advance(800)
    ended = await spoken.stage.until(TurnEnded)
    assert (ended.outcome, ended.text) == (Outcome.COMPLETE, TEXT)
    assert (ended.heard_ms, ended.first_audio_ms is not None) == (800.0, True)


@pytest.mark.parametrize(
    ("heard_ms", "words"),
    [(0, ""), (150, "One two"), (300, "One two three."), (500, "One two three. Four"), (800, TEXT)],
)
async def test_a_reply_that_is_spoken_over_is_cut_at_what_was_heard(
    spoken: Spoken, heard_ms: int, words: str
) -> None:
    await spoken.asks()
    spoken.server.reply("r1", TEXT)
    speech = await spoken.voice.has(said=TEXT, finished=1)
    spoken.voice.gives(speech, 300, upto=14)
    spoken.voice.gives(speech, 500, upto=len(TEXT))
    await spoken.speaker.holds(800)
    spoken.speaker.advance(heard_ms)
    spoken.server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
    ended = await spoken.stage.until(TurnEnded)
    assert (ended.outcome, ended.text) == (Outcome.INTERRUPTED, words)
    assert spoken.speaker.queue == b""
    assert (spoken.voice.interrupts, spoken.voice.dropped) == (1, {speech})


async def test_nothing_of_an_interrupted_speech_is_played(spoken: Spoken) -> None:
    await spoken.asks()
    spoken.server.begin("r1")
    spoken.server.words("r1", "One two three.")
    old = await spoken.voice.has(said="One two three.")
    await spoken.stage.session.interrupt()
    assert (await spoken.stage.until(TurnEnded)).text == ""
    await spoken.server.expect("response.cancel")
    spoken.server.done("r1", "cancelled")
    spoken.voice.gives(old, 500)  # what was on its way in the worker's thread
    await spoken.asks()
    spoken.server.reply("r2", "Yes?")
    new = await spoken.voice.has(said="Yes?", finished=1)
    assert new != old
    spoken.voice.gives(new, 100)
    spoken.voice.ends(new)
    await spoken.speaker.holds(100)
    assert spoken.speaker.queued_ms == 100
    spoken.speaker.advance(100)
    assert (await spoken.stage.until(TurnEnded)).text == "Yes?"
    assert {event.turn for event in spoken.stage.told(ReplyAudio)} == {2}


async def test_the_part_before_a_tool_is_spoken_at_once_and_the_turn_is_one(spoken: Spoken) -> None:
    await spoken.asks()
    spoken.server.begin("r1")
    spoken.server.words("r1", "Let me see.")
    call = {"type": "function_call", "id": "i", "call_id": "c1", "name": "weather", "arguments": "{}"}
    spoken.server.tell(
        "response.output_item.done", response_id="r1", output_index=1, item={**call, "status": "completed"}
    )
    spoken.server.done("r1")
    first = await spoken.voice.has(said="Let me see.", finished=1)
    await spoken.stage.until(ToolCall)
    await spoken.server.expect("conversation.item.create")
    await spoken.server.expect("response.create")
    spoken.server.reply("r2", "It is cold.")
    second = await spoken.voice.has(finished=2)
    assert [spoken.voice.said[speech] for speech in (first, second)] == ["Let me see.", " It is cold."]
    for speech in (first, second):
        spoken.voice.gives(speech, 200)
        spoken.voice.ends(speech)
    await spoken.speaker.holds(400)
    spoken.speaker.advance(400)
    ended = await spoken.stage.until(TurnEnded)
    assert (ended.text, ended.heard_ms) == ("Let me see. It is cold.", 400.0)
    assert len(spoken.stage.told(TurnStarted)) == 1


async def test_a_part_that_is_asked_for_while_the_one_before_is_heard_is_waited_for(spoken: Spoken) -> None:
    await spoken.asks()
    spoken.server.begin("r1")
    spoken.server.words("r1", "Let me see.")
    call = {"type": "function_call", "id": "i", "call_id": "c1", "name": "weather", "arguments": "{}"}
    spoken.server.tell(
        "response.output_item.done", response_id="r1", output_index=1, item={**call, "status": "completed"}
    )
    spoken.server.done("r1")
    first = await spoken.voice.has(said="Let me see.", finished=1)
    spoken.voice.gives(first, 200)
    spoken.voice.ends(first)
    await spoken.speaker.holds(200)
    await spoken.server.expect("conversation.item.create")
    await spoken.server.expect("response.create")
    spoken.server.reply("r2", "It is cold.")
    second = await spoken.voice.has(finished=2)
    spoken.speaker.advance(200)
    for _ in range(10):
        await asyncio.sleep(0)
    assert spoken.stage.session.state.is_speaking
    spoken.voice.gives(second, 300)
    spoken.voice.ends(second)
    await spoken.speaker.holds(300)
    spoken.speaker.advance(300)
    ended = await spoken.stage.until(TurnEnded)
    assert (ended.text, ended.heard_ms) == ("Let me see. It is cold.", 500.0)


async def test_sound_is_made_no_further_ahead_than_it_is_worth(spoken: Spoken) -> None:
    await spoken.asks()
    spoken.server.reply("r1", TEXT)
    speech = await spoken.voice.has(said=TEXT, finished=1)
    spoken.voice.gives(speech, 10_000)
    await spoken.speaker.holds(AHEAD_MS)
    taken = spoken.voice.taken
    assert taken <= AHEAD_MS / 100 + 1
    spoken.speaker.advance(1_000)
    await spoken.speaker.holds(AHEAD_MS)
    assert spoken.voice.taken > taken


async def test_a_lost_link_does_not_break_the_speech(spoken: Spoken) -> None:
    await spoken.asks()
    spoken.server.begin("r1")
    spoken.server.words("r1", "One two")
    await spoken.voice.has(said="One two")
    spoken.server.drop()
    again = await spoken.stage.transport.accepted()
    await again.configured()
    asked = await again.expect("conversation.item.create")
    while asked["type"] != "response.create":
        asked = await again.to_server.get()
    again.reply("r2", "three.")
    speech = await spoken.voice.has(said="One two three.", finished=1)
    spoken.voice.gives(speech, 300)
    spoken.voice.ends(speech)
    await spoken.speaker.holds(300)
    spoken.speaker.advance(300)
    assert (await spoken.stage.until(TurnEnded)).text == "One two three."
    assert spoken.voice.interrupts == 0


async def test_without_a_loudspeaker_the_turn_still_waits_for_the_sound(make_stage: Any) -> None:
    voices = Voices()
    stage = make_stage(SPOKEN, voice=voices, samples=True)
    spoken = Spoken(stage, voices)
    spoken.server = await stage.start()
    await spoken.asks()
    spoken.server.reply("r1", TEXT)
    speech = await spoken.voice.has(said=TEXT, finished=1)
    await stage.until(ReplyText)
    spoken.voice.gives(speech, 200)
    await stage.until(ReplyAudio)
    assert not stage.told(TurnEnded)
    spoken.voice.ends(speech)
    assert (await stage.until(TurnEnded)).heard_ms == 200.0


async def test_a_provider_that_speaks_in_any_case_is_not_heard_beside_our_voice(spoken: Spoken) -> None:
    await spoken.asks()
    spoken.server.reply("r1", TEXT, sound_ms=400)
    speech = await spoken.voice.has(said=TEXT, finished=1)
    spoken.voice.gives(speech, 100)
    spoken.voice.ends(speech)
    await spoken.speaker.holds(100)
    spoken.speaker.advance(1_000)
    ended = await spoken.stage.until(TurnEnded)
    assert (ended.text, ended.heard_ms) == (TEXT, 100.0)


async def test_who_wants_no_sound_has_no_voice_made(make_stage: Any) -> None:
    voices = Voices()
    stage = make_stage(SPOKEN, voice=voices, want_audio=False)
    await stage.start()
    assert voices.made == []


async def test_a_voice_that_cannot_start_is_told_once_and_replies_come_as_text(make_stage: Any) -> None:
    voices = Voices()

    def refused(profile: Any, trouble: Any) -> FakeVoice | None:
        voice = voices(profile, trouble)
        if voice is not None:
            voice.error = CredentialsError("The key is not valid.", hint="neko keys set X")
        return voice

    stage = make_stage(SPOKEN, voice=refused, speaker=FakeSpeaker(24_000))
    server = await stage.start()
    told = await stage.until(Notice)
    assert told.text == ("There is no voice: The key is not valid. neko keys set X Replies come as text.")
    await stage.session.send_message("speak")
    server.reply("r1", TEXT)
    ended = await stage.until(TurnEnded)
    assert (ended.outcome, ended.text, voices.made[0].said) == (Outcome.COMPLETE, TEXT, {})


async def test_a_voice_that_gives_up_in_the_middle_leaves_the_reply_in_writing(spoken: Spoken) -> None:
    await spoken.asks()
    spoken.server.begin("r1")
    spoken.server.words("r1", "One two three.")
    speech = await spoken.voice.has(said="One two three.")
    spoken.voice.trouble(VoiceTrouble(ServerFault("The voice has crashed.")))
    spoken.voice.ends(speech, whole=False)
    spoken.server.words("r1", " Four five six.")
    spoken.server.done("r1")
    ended = await spoken.stage.until(TurnEnded)
    assert (ended.outcome, ended.text) == (Outcome.COMPLETE, TEXT)
    assert [notice.text for notice in spoken.stage.told(Notice)] == [
        "There is no voice: The voice has crashed. Replies come as text."
    ]
    assert spoken.stage.told(Failure) == []


async def test_another_voice_speaks_from_the_next_silence_on(spoken: Spoken) -> None:
    first = spoken.voice
    await spoken.asks()
    spoken.server.reply("r1", "One.")
    speech = await first.has(said="One.", finished=1)
    profile = spoken.stage.session.profile
    await spoken.stage.session.switch_profile(
        msgspec.structs.replace(profile, speak=SpeakTable(worker="espeak", speed=1.5))
    )
    assert not first.closed
    first.gives(speech, 100)
    first.ends(speech)
    await spoken.speaker.holds(100)
    spoken.speaker.advance(100)
    assert (await spoken.stage.until(TurnEnded)).text == "One."
    await spoken.asks()
    spoken.server.reply("r2", "Two.")
    assert len(spoken.voices.made) == 2
    second = await spoken.voice.has(said="Two.", finished=1)
    spoken.voice.gives(second, 100)
    spoken.voice.ends(second)
    await spoken.speaker.holds(100)
    spoken.speaker.advance(100)
    await spoken.stage.until(TurnEnded)
    assert first.closed


async def test_a_voice_that_is_named_in_mid_reply_leaves_that_reply_to_the_model(make_stage: Any) -> None:
    voices = Voices()
    stage = make_stage(speaker=FakeSpeaker(24_000), voice=voices, samples=True)
    spoken = Spoken(stage, voices)
    spoken.server = await stage.start()
    await spoken.asks()
    spoken.server.begin("r1")
    spoken.server.words("r1", "One two three.", spoken=True)
    spoken.server.sound("r1", 300)
    await spoken.speaker.holds(300)
    profile = stage.session.profile
    await stage.session.switch_profile(msgspec.structs.replace(profile, speak=SpeakTable(worker="espeak")))
    spoken.server.words("r1", " Four five six.", spoken=True)
    spoken.server.sound("r1", 300)
    spoken.server.done("r1")
    await spoken.speaker.holds(600)
    spoken.speaker.advance(600)
    ended = await stage.until(TurnEnded)
    assert (ended.outcome, ended.text, ended.heard_ms) == (Outcome.COMPLETE, TEXT, 600.0)
    assert [voice.said for voice in voices.made] == [{}]


async def test_the_voice_ends_with_the_session(spoken: Spoken) -> None:
    await spoken.asks()
    spoken.server.begin("r1")
    spoken.server.words("r1", TEXT)
    await spoken.voice.has(said=TEXT)
    await spoken.stage.session.end_session()
    assert spoken.voice.closed
