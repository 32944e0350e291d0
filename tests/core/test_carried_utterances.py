"""What becomes of utterances when their link goes: answered, spoken over, stopped, thrown away."""

from __future__ import annotations

import pytest

from neko_cli.core.events import InputMode, Outcome, ReplyAudio, SpeechStopped, Swap, TurnEnded
from neko_cli.core.state import TurnState
from tests.fakes.outlet import numbered
from tests.fakes.sound import FakeSpeaker
from tests.fakes.staging import COLD, profile, sound, staged
from tests.fakes.virtual import virtual

MANUAL = profile(turns={"detection": "manual"})
CREATED = "conversation.item.create"
TRANSCRIBED = "conversation.item.input_audio_transcription.completed"


async def say(stage, server, first):
    """Half a second by key, counted from a number, of which all is on its way."""
    voice = numbered(first, 12_000)
    await stage.session.start_listening()
    stage.microphones[-1].hear(voice)
    assert await sound(server, len(voice)) == voice
    await stage.session.stop_listening(commit=True)
    await server.expect("input_audio_buffer.commit")


def taken(server, item):
    server.tell("input_audio_buffer.committed", item_id=item, previous_item_id=None)


@virtual
async def test_what_was_answered_is_not_sent_again_though_its_words_never_came():
    async with staged(MANUAL, speaker=FakeSpeaker()) as stage:
        server = await stage.start(InputMode.AUDIO)
        await say(stage, server, 1)
        await server.expect("response.create")
        taken(server, "u1")
        server.reply("r1", "Yes, yes.", sound_ms=3_000)
        await stage.until(ReplyAudio)
        await stage.passes(0.1)
        assert stage.core.turns.state is TurnState.DRAINING
        server.drop(1006)
        server = await stage.back()
        assert (await stage.until(Swap)).resent_ms == 0.0
        await stage.passes(1.0)
        server.nothing_more()


@virtual
async def test_what_was_spoken_over_before_its_words_came_goes_again_with_its_end():
    """The user goes on by key before anything is answered: neither half is lost, nor the end between them."""
    async with staged(MANUAL) as stage:
        server = await stage.start(InputMode.AUDIO)
        await say(stage, server, 1)
        await server.expect("response.create")
        taken(server, "u1")
        await stage.until(SpeechStopped)
        await stage.session.start_listening()
        stage.microphones[-1].hear(numbered(12_001, 12_000))
        await stage.until(TurnEnded, turn=1, outcome=Outcome.INTERRUPTED)
        await stage.passes(0.1)
        server.drop(1006)
        server = await stage.back()
        assert await sound(server, 24_000) == numbered(1, 12_000)
        await server.expect("input_audio_buffer.commit")  # and no reply is asked for
        assert await sound(server, 24_000) == numbered(12_001, 12_000)
        await stage.session.stop_listening(commit=True)
        await server.expect("input_audio_buffer.commit")
        await server.expect("response.create")
        taken(server, "n1")
        taken(server, "n2")
        for item, text in (("n1", "one"), ("n2", "two")):
            server.tell(TRANSCRIBED, item_id=item, content_index=0, transcript=text)
        server.reply("r1", "Both.")
        assert (await stage.until(TurnEnded, turn=2)).text == "Both."
        said = [(m.turn, m.role, m.text) for m in stage.core.memory.since(0)]
        assert said == [(1, "user", "one"), (2, "user", "two"), (2, "assistant", "Both.")]


@virtual
async def test_what_was_stopped_after_it_was_taken_is_not_sent_again():
    async with staged(MANUAL) as stage:
        server = await stage.start(InputMode.AUDIO)
        await say(stage, server, 1)
        await server.expect("response.create")
        taken(server, "u1")
        await stage.passes(0.1)
        await stage.session.interrupt()
        await stage.until(TurnEnded, turn=1, outcome=Outcome.CANCELLED)
        server.drop(1006)
        server = await stage.back()
        assert (await stage.until(Swap)).resent_ms == 0.0
        await stage.passes(1.0)
        server.nothing_more()


@virtual
async def test_what_was_thrown_away_is_not_sent_again():
    async with staged(MANUAL) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        stage.microphones[-1].hear(numbered(1, 12_000))
        await sound(server, 24_000)
        await stage.session.stop_listening(commit=False)
        await server.expect("input_audio_buffer.clear")
        server.drop(1006)
        server = await stage.back()
        await say(stage, server, 12_001)
        await server.expect("response.create")
        server.nothing_more()


@virtual
async def test_a_text_typed_over_an_utterance_is_a_turn_of_its_own_on_the_next_link_too():
    async with staged(COLD) as stage:
        server = await stage.start(InputMode.AUDIO)
        await stage.session.start_listening()
        stage.microphones[-1].hear(numbered(1, 12_000))
        await sound(server, 24_000)
        server.tell("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
        await stage.passes(0.1)
        await stage.session.send_message("typed")
        await stage.until(TurnEnded, turn=1, outcome=Outcome.CANCELLED)
        server.drop(1006)
        server = await stage.back()
        item = await server.expect(CREATED)
        assert item["item"]["content"][0]["text"] == "typed"
        await server.expect("response.create")
        server.reply("r1", "Typed, then.")
        assert (await stage.until(TurnEnded, turn=2)).text == "Typed, then."
        server.nothing_more()


# -- a provider that answers each input by itself -----------------------------------------------


@pytest.mark.parametrize("begins", [True, False])
@virtual
async def test_the_end_of_a_reply_that_another_question_dropped_is_not_the_end_of_the_turn(begins):
    """The first reply may begin only after the second question, and is then empty."""
    async with staged(COLD, capabilities={"input_asks": True, "cancel": False}) as stage:
        server = await stage.start()
        for text in ("first", "second"):
            await stage.session.send_message(text)
            if begins and text == "first":
                server.begin("r1")
                await stage.passes(0.1)
        if not begins:
            server.begin("r1")
        server.done("r1", "cancelled", reason="turn_detected")
        await stage.passes(0.1)
        assert (stage.core.turns.state, stage.core.turns.turn.number) == (TurnState.THINKING, 2)
        server.reply("r2", "To the second.")
        ended = await stage.until(TurnEnded, turn=2)
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "To the second.")
        assert [e.outcome for e in stage.told(TurnEnded, turn=1)] == [Outcome.INTERRUPTED]
