"""A session with Vertex AI, played strictly: calls without ids, no end of a stream, a past told once."""

from __future__ import annotations

import pytest

from neko_cli.core.events import (
    Failure,
    InputMode,
    Notice,
    NoticeKind,
    Outcome,
    Swap,
    ToolCall,
    TurnEnded,
    TurnStarted,
    Usage,
    UserText,
)
from tests.fakes.gemini_talk import talking
from tests.fakes.sound import FakeSpeaker


async def test_a_text_turn() -> None:
    async with talking(vertex=True) as talk:
        link = await talk.start()
        assert link.setup["model"] == "publishers/google/models/gemini-live-2.5-flash-native-audio"
        await talk.turn(link, "Hello", "Hi.")
        assert talk.told(Usage)[0].input_tokens == 100
        await talk.turn(link, "Who are you?", "Mio.")
        assert talk.remembered() == [
            ("user", "Hello"), ("assistant", "Hi."), ("user", "Who are you?"), ("assistant", "Mio."),
        ]  # fmt: skip


async def test_a_voice_turn() -> None:
    async with talking(vertex=True) as talk:
        link = await talk.start(InputMode.AUDIO)
        await talk.speak(1)
        said = await link.asked("speech")
        assert said == "u1-4800"
        await link.heard_words(said[:3], said[3:])
        await link.reply("Hi there.")
        ended = await talk.until(TurnEnded)
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "Hi there.")
        assert talk.remembered() == [("user", said), ("assistant", "Hi there.")]
        assert talk.told(Failure) == []


async def test_speech_whose_microphone_closes_is_ended_by_silence() -> None:
    """There is no word for the end of a stream, so the detector has to hear it."""
    async with talking(vertex=True) as talk:
        link = await talk.start(InputMode.AUDIO)
        await talk.speak(1, quiet=False)
        await link.heard_words("Hel")
        await talk.until(TurnStarted)
        talk.session.finish_input()
        assert await link.asked("speech") == "u1-4800"
        await link.heard_words("lo.")
        await link.reply("Hi.")
        assert (await talk.until(TurnEnded)).text == "Hi."
        assert talk.remembered() == [("user", "Hello."), ("assistant", "Hi.")]
        link.nothing_more()


async def test_a_turn_that_a_key_ends() -> None:
    async with talking(vertex=True, turns={"detection": "manual"}) as talk:
        link = await talk.start(InputMode.AUDIO)
        await talk.speak(1)
        talk.session.finish_input()
        assert await link.asked("speech") == "u1-4800"
        await link.heard_words("Hello.")
        await link.reply("Hi.")
        assert (await talk.until(TurnEnded)).text == "Hi."


async def test_speech_over_a_reply_stops_it_and_is_answered() -> None:
    speaker = FakeSpeaker()
    async with talking(vertex=True, speaker=speaker) as talk:
        link = await talk.start(InputMode.AUDIO)
        await talk.session.send_message("Tell me a story.")
        await link.asked("text")
        await link.say("Once upon a time ", 2000)
        await speaker.holds(2000)
        speaker.advance(500)
        await talk.speak(1)
        ended = await talk.until(TurnEnded)
        assert (ended.outcome, ended.heard_ms) == (Outcome.INTERRUPTED, pytest.approx(500, abs=1))
        assert speaker.queued_ms == 0
        await link.heard_words(await link.asked("speech"))
        await link.say("Yes?", 20)
        await link.complete()
        await speaker.holds(20)
        speaker.advance(20)
        ended = await talk.until(TurnEnded)
        assert (ended.outcome, ended.text) == (Outcome.COMPLETE, "Yes?")


async def test_calls_without_ids_are_answered_by_name_and_the_reply_goes_on() -> None:
    async with talking(vertex=True) as talk:
        link = await talk.start()
        await talk.session.send_message("Weather and time?")
        await link.asked("text")
        await link.call(("", "weather"), ("", "clock"))
        answers = [await link.answered(), await link.answered()]
        assert [answer["name"] for answer in answers] == ["weather", "clock"]
        await link.reply("I cannot see it.")
        assert (await talk.until(TurnEnded)).text == "I cannot see it."
        assert len({call.call_id for call in talk.told(ToolCall)}) == 2


async def test_a_connection_that_goes_away_is_left_and_the_session_goes_on_by_its_handle() -> None:
    async with talking(vertex=True) as talk:
        link = await talk.start()
        await talk.turn(link, "I am Ann.", "Hello Ann.")
        handle = list(talk.service.handles)[-1]
        await link.go_away("9s")
        again = await talk.service.accepted()
        assert link.ended.is_set()
        assert again.resumed == handle
        swap = await talk.until(Swap)
        assert (swap.reason, swap.planned) == ("limit", True)
        await talk.turn(again, "Who am I?", "Ann.")
        assert again.known[:2] == [("user", "I am Ann."), ("model", "Hello Ann.")]
        assert talk.told(Failure) == []


async def test_a_lost_connection_is_gone_on_with_and_what_was_being_said_is_heard_whole() -> None:
    async with talking(vertex=True) as talk:
        link = await talk.start(InputMode.AUDIO)
        await talk.turn(link, "I am Ann.", "Hello Ann.")
        await talk.speak(1, 2400, quiet=False)
        await link.drop(1011, "Internal error encountered.")
        again = await talk.service.accepted()
        assert again.resumed
        await talk.until(Swap)
        await talk.speak(2401, 2400)
        assert await again.asked("speech") == "u1-4800"
        await again.heard_words("Who am I?")
        await again.reply("Ann.")
        assert (await talk.until(TurnEnded, text="Ann.")).outcome is Outcome.COMPLETE
        assert [event.text for event in talk.told(UserText, final=True)][-1] == "Who am I?"


async def test_a_handle_that_is_refused_leads_to_a_fresh_session_that_is_told_in_its_instructions() -> None:
    async with talking(vertex=True) as talk:
        link = await talk.start()
        await talk.turn(link, "I am Ann.", "Hello Ann.")
        talk.service.rejects = True
        await link.go_away("9.5s")
        assert (await talk.service.accepted()).resumed
        fresh = await talk.service.accepted()
        assert fresh.resumed == ""
        told = " ".join(part["text"] for part in fresh.setup["systemInstruction"]["parts"])
        assert "I am Ann." in told
        assert "Hello Ann." in told
        await talk.until(Swap)
        await talk.turn(fresh, "Who am I?", "Ann.")
        assert fresh.known == [("user", "Who am I?"), ("model", "Ann.")]
        assert len(talk.told(Notice, kind=NoticeKind.SESSION)) >= 1
        assert talk.told(Failure, fatal=True) == []


async def test_what_comes_after_the_end_of_a_reply_starts_nothing() -> None:
    async with talking(vertex=True) as talk:
        link = await talk.start()
        await talk.turn(link, "Hello", "Hi.")
        await link.sound(40)
        await link.tell(serverContent={"turnComplete": True})
        await talk.taken(link)
        await talk.turn(link, "Still there?", "Yes.")
        assert [e.turn for e in talk.told(TurnStarted)] == [1, 2]
        link.nothing_more()
