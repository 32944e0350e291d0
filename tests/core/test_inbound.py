"""What providers tell, whatever their codec leaves out; time passes at once."""

from __future__ import annotations

import pytest

from neko_cli.core.events import (
    Emotion,
    InputMode,
    Outcome,
    ReplyAudio,
    ReplyText,
    ToolCall,
    TurnEnded,
    TurnStarted,
    UserText,
)
from neko_cli.core.provider_events import (
    InputTranscript,
    ReplyEnded,
    ReplySound,
    ReplySoundEnded,
    ReplyStatus,
    ReplyWords,
    ToolRequested,
)
from tests.fakes.sound import FakeSpeaker
from tests.fakes.staging import COLD, exchange, staged
from tests.fakes.virtual import virtual

SECOND = b"\x10\x20" * 24_000


async def speaking(stage):
    """The character has begun to tell something."""
    server = await stage.start(InputMode.AUDIO)
    await stage.session.send_message("Tell me a story.")
    await server.expect("conversation.item.create")
    await server.expect("response.create")
    server.begin("r1")
    server.words("r1", "Once upon", spoken=True)
    server.sound("r1", 1000)
    await stage.until(ReplyAudio)
    return server


@pytest.mark.parametrize("stopped", ["by a key", "by speech"])
@virtual
async def test_what_still_comes_of_a_stopped_reply_is_neither_shown_nor_played(stopped):
    """Some providers go on for a while, and not every codec knows which reply was stopped."""
    speaker = FakeSpeaker()
    async with staged(COLD, speaker=speaker) as stage:
        server = await speaking(stage)
        if stopped == "by a key":
            await stage.session.interrupt()
        else:
            server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
        ended = await stage.until(TurnEnded)
        assert ended.outcome is Outcome.INTERRUPTED
        before = len(stage.seen)
        for event in (
            ReplyWords("r1", "<happy> a time"),
            ReplySound("r1", "item_r1", SECOND),
            ToolRequested("r1", "call_1", "clock", "{}"),
            ReplySoundEnded("r1"),
            ReplyEnded("r1", ReplyStatus.COMPLETE),
        ):
            stage.core.provider_event(event)
        await stage.passes(1.0)
        late = stage.seen[before:]
        assert not [e for e in late if isinstance(e, ReplyText | ReplyAudio | Emotion | ToolCall | TurnEnded)]
        assert speaker.queue == b""


@virtual
async def test_words_of_the_user_that_come_in_the_middle_of_the_reply_leave_it_whole():
    """They belong to the turn in which they were said, and begin none of their own."""
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
        server.tell("input_audio_buffer.speech_stopped", item_id="u1", audio_end_ms=100)
        server.tell("input_audio_buffer.committed", item_id="u1", previous_item_id=None)
        server.begin("r1")
        server.words("r1", "Good ")
        await stage.until(ReplyText)
        for text, final in (("Hel", False), ("Hello.", True)):
            stage.core.provider_event(InputTranscript("u1", text, whole=True, final=final))
        server.words("r1", "day.")
        server.done("r1")
        ended = await stage.until(TurnEnded)
        assert (ended.turn, ended.outcome, ended.text) == (1, Outcome.COMPLETE, "Good day.")
        assert [turn.turn for turn in stage.told(TurnStarted)] == [1]
        assert {text.turn for text in stage.told(UserText)} == {1}
        said = [(m.role, m.text) for m in stage.session.memory.recent()]
        assert said == [("user", "Hello."), ("assistant", "Good day.")]


@virtual
async def test_words_of_the_user_that_come_when_the_next_turn_runs_stay_with_their_own():
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
        server.tell("input_audio_buffer.speech_stopped", item_id="u1", audio_end_ms=100)
        server.tell("input_audio_buffer.committed", item_id="u1", previous_item_id=None)
        server.reply("r0", "Good day.")
        await stage.until(TurnEnded)
        await exchange(stage, server, "And?", "So.")
        stage.core.provider_event(InputTranscript("u1", "Hello.", final=True, whole=True))
        await stage.passes(1.0)
        (told,) = [text for text in stage.told(UserText) if text.spoken]
        assert (told.turn, told.text) == (1, "Hello.")
        assert [m.text for m in stage.session.memory.recent()] == ["Hello.", "Good day.", "And?", "So."]
        assert len(stage.told(TurnStarted)) == 2
