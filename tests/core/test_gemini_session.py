"""Turns of a session with a strict Gemini Live service on real sockets."""

from __future__ import annotations

import asyncio

import pytest

from neko_cli.core.errors import CredentialsError
from neko_cli.core.events import (
    Failure,
    InputMode,
    Outcome,
    ReplyAudio,
    ToolCall,
    TurnEnded,
    TurnStarted,
    Usage,
    UserText,
)
from tests.fakes.gemini_talk import talking
from tests.fakes.sound import FakeSpeaker
from tests.fakes.strict_gemini import PATIENCE


async def test_a_text_turn() -> None:
    async with talking() as talk:
        link = await talk.start()
        assert link.setup["model"] == "models/gemini-3.8-live"
        assert link.setup["systemInstruction"]["parts"][0]["text"].startswith("You are Mio.")
        await talk.turn(link, "Hello", "Hi.")
        assert talk.told(Usage)[0].input_tokens == 100
        assert b"".join(e.pcm for e in talk.told(ReplyAudio)) == b"\xfb\xff" * 480
        await talk.turn(link, "Who are you?", "Mio.")
        assert talk.remembered() == [
            ("user", "Hello"), ("assistant", "Hi."), ("user", "Who are you?"), ("assistant", "Mio."),
        ]  # fmt: skip
        assert [e.turn for e in talk.told(TurnStarted)] == [e.turn for e in talk.told(TurnEnded)] == [1, 2]


@pytest.mark.parametrize("words", ["before", "within", "after"])
async def test_a_voice_turn_whenever_its_words_come(words: str) -> None:
    async with talking() as talk:
        link = await talk.start(InputMode.AUDIO)
        for turn, first in enumerate((1, 5001), 1):
            await talk.speak(first)
            said = await link.asked("speech")
            assert said == f"u{first}-{first + 4799}"  # all of it, and bit for bit
            if words == "before":
                await link.heard_words(said[:3], said[3:])
            await link.say("Hi ")
            if words == "within":
                await link.heard_words(said[:3], said[3:])
            await link.reply("there.")
            ended = await talk.until(TurnEnded)
            assert (ended.turn, ended.outcome, ended.text) == (turn, Outcome.COMPLETE, "Hi there.")
            if words == "after":
                await link.heard_words(said)
                await talk.until(UserText, final=True)
            (heard,) = talk.told(UserText, final=True, turn=turn)
            assert heard.text == said
        assert talk.remembered() == [
            line
            for first in (1, 5001)
            for line in (("user", f"u{first}-{first + 4799}"), ("assistant", "Hi there."))
        ]
        assert talk.told(Failure) == []


async def test_a_turn_that_a_key_ends() -> None:
    async with talking(turns={"detection": "manual"}) as talk:
        link = await talk.start(InputMode.AUDIO)
        await talk.speak(1)
        talk.session.finish_input()
        said = await link.asked("speech")
        assert said == "u1-4800"
        await link.heard_words(said)
        await link.reply("Hi.")
        assert (await talk.until(TurnEnded)).text == "Hi."
        assert talk.remembered() == [("user", said), ("assistant", "Hi.")]


async def test_a_tool_that_nobody_knows_is_answered_and_the_reply_goes_on() -> None:
    async with talking() as talk:
        link = await talk.start()
        await talk.session.send_message("Weather?")
        await link.asked("text")
        await link.call(("call-1", "weather"))
        assert (await talk.until(ToolCall)).name == "weather"
        answer = await link.answered()
        assert (answer["id"], answer["response"]) == ("call-1", {"error": "There is no such tool."})
        await link.reply("I cannot see it.")
        assert (await talk.until(TurnEnded)).text == "I cannot see it."


async def test_calls_of_one_reply_are_all_answered_before_it_goes_on() -> None:
    async with talking() as talk:
        link = await talk.start()
        await talk.session.send_message("Weather and time?")
        await link.asked("text")
        await link.call(("call-1", "weather"), ("call-2", "clock"))
        answers = [await link.answered(), await link.answered()]
        assert [answer["id"] for answer in answers] == ["call-1", "call-2"]
        await link.reply("I cannot see it.")
        ended = await talk.until(TurnEnded)
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "I cannot see it.")
        assert len(talk.told(TurnEnded)) == 1


# -- interruptions ------------------------------------------------------------------------------


async def test_speech_over_a_reply_stops_it_and_is_answered() -> None:
    speaker = FakeSpeaker()
    async with talking(speaker=speaker) as talk:
        link = await talk.start(InputMode.AUDIO)
        await talk.session.send_message("Tell me a story.")
        await link.asked("text")
        await link.say("Once upon a time ", 2000)
        await speaker.holds(2000)
        speaker.advance(500)
        await talk.speak(1)
        ended = await talk.until(TurnEnded)
        assert ended.outcome is Outcome.INTERRUPTED
        assert ended.heard_ms == pytest.approx(500, abs=1)
        assert speaker.queued_ms == 0
        said = await link.asked("speech")
        await link.heard_words(said)
        await link.say("Yes?", 20)
        await link.complete()
        await speaker.holds(20)
        speaker.advance(20)
        ended = await talk.until(TurnEnded)
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "Yes?")
        assert talk.told(Failure) == []


async def test_speech_over_what_is_still_heard_of_a_reply_that_is_complete_stops_it() -> None:
    speaker = FakeSpeaker()
    async with talking(speaker=speaker) as talk:
        link = await talk.start(InputMode.AUDIO)
        await talk.session.send_message("Tell me a story.")
        await link.asked("text")
        await link.say("Once upon a time ", 2000)
        await link.complete()
        await talk.until(Usage)
        speaker.advance(500)
        await link.tell(serverContent={"interrupted": True})
        ended = await talk.until(TurnEnded)
        assert ended.outcome is Outcome.INTERRUPTED
        assert speaker.queued_ms == 0


async def test_what_is_typed_over_a_reply_is_answered_alone() -> None:
    async with talking() as talk:
        link = await talk.start()
        await talk.session.send_message("Tell me a story.")
        await link.asked("text")
        await link.say("Once upon a time ")
        await talk.until(ReplyAudio)
        await talk.session.send_message("Stop.")
        assert (await talk.until(TurnEnded)).outcome is Outcome.INTERRUPTED
        assert await link.asked("text") == "Stop."
        await link.reply("All right.")
        ended = await talk.until(TurnEnded)
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "All right.")


@pytest.mark.parametrize("told", [True, False])
async def test_what_is_typed_before_the_last_answer_has_begun_is_answered(told: bool) -> None:
    """Whether or not the service tells that it has dropped that answer."""
    async with talking() as talk:
        link = await talk.start()
        await talk.session.send_message("One?")
        await link.asked("text")
        await talk.session.send_message("Two?")
        assert await link.asked("text") == "Two?"
        if told:
            await link.tell(serverContent={"interrupted": True})
            await link.tell(serverContent={"turnComplete": True})
        await link.reply("Two.")
        assert (await talk.until(TurnEnded, turn=2)).text == "Two."
        (first,) = talk.told(TurnEnded, turn=1)
        assert first.outcome is Outcome.INTERRUPTED
        await talk.turn(link, "Three?", "Three.")


async def test_a_key_over_a_reply_stops_it_and_what_is_said_is_answered() -> None:
    speaker = FakeSpeaker()
    async with talking(speaker=speaker, turns={"detection": "manual"}) as talk:
        link = await talk.start(InputMode.AUDIO)
        await talk.session.send_message("Tell me a story.")
        await link.asked("text")
        await link.say("Once upon a time ", 2000)
        await speaker.holds(2000)
        await talk.speak(1)
        assert (await talk.until(TurnEnded)).outcome is Outcome.INTERRUPTED
        assert speaker.queued_ms == 0
        async with asyncio.timeout(PATIENCE):
            await link.interrupted.wait()
        await talk.taken(link)
        talk.session.finish_input()
        assert await link.asked("speech") == "u1-4800"
        await link.heard_words("Stop.")
        await link.say("All right.", 20)
        await link.complete()
        await speaker.holds(20)
        speaker.advance(20)
        ended = await talk.until(TurnEnded)
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "All right.")
        assert talk.remembered()[-2:] == [("user", "Stop."), ("assistant", "All right.")]
        assert talk.told(Failure) == []


@pytest.mark.parametrize("text", ["", " Bye."])
async def test_what_comes_after_the_end_of_a_reply_starts_nothing(text: str) -> None:
    async with talking() as talk:
        link = await talk.start()
        await talk.turn(link, "Hello", "Hi.")
        await link.sound(40)
        if text:
            await link.tell(serverContent={"outputTranscription": {"text": text}})
        await link.tell(serverContent={"turnComplete": True})
        await talk.taken(link)
        await talk.turn(link, "Still there?", "Yes.")
        assert [e.turn for e in talk.told(TurnStarted)] == [e.turn for e in talk.told(TurnEnded)] == [1, 2]
        assert talk.told(Failure) == []
        link.nothing_more()


async def test_a_key_that_is_refused_is_told_so() -> None:
    async with talking(key="AIza-wrong") as talk:
        with pytest.raises(CredentialsError) as caught:
            await talk.session.start_session(InputMode.TEXT)
        assert "AIza" not in str(caught.value)
        assert "neko keys set" in str(caught.value)
