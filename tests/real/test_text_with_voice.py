"""A chat server that only writes, read aloud by espeak in its own process: the promises of a real voice."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from neko_cli.core.events import (
    Failure,
    LinkWord,
    Outcome,
    ReplyAudio,
    ReplyText,
    ToolCall,
    ToolResult,
    TurnEnded,
    TurnStarted,
)
from neko_cli.core.tables_speak import SpeakTable
from neko_cli.local.ports import Speech
from tests.fakes.http_box import delta
from tests.fakes.read_aloud import (
    chat_server,
    messages,
    ms_of,
    reading,
    same_sound,
    spoken_alone,
    writes,
)
from tests.local.real_parts import is_gone

FIRST, SECOND, THIRD = "The cat sat on the mat.", "Then it looked at the dog.", "Now they are friends."
STORY = (FIRST, SECOND, THIRD)
TEXT = " ".join(STORY)
LONG = 10


def asks_tool() -> dict[str, Any]:
    """What a server sends to have a tool run."""
    call = {"index": 0, "id": "c1", "function": {"name": "weather", "arguments": "{}"}}
    return delta(tool_calls=[call], finish="tool_calls")


async def test_the_first_sentence_sounds_while_the_second_is_written(tmp_path: Path) -> None:
    heard_first = threading.Event()
    reference = await spoken_alone(tmp_path, *STORY)
    with chat_server(writes(f"{FIRST} Th", heard_first, f"en it looked at the dog. {THIRD}")) as box:
        async with reading(box, tmp_path) as heard:
            await heard.talk.session.send_message("Tell a story.")
            await heard.talk.until(ReplyAudio)
            await heard.speaker.plays(ms_of(reference[0]) - 20)
            assert not heard.talk.told(TurnEnded)
            heard_first.set()
            ended = await heard.talk.until(TurnEnded)
            assert (ended.outcome, ended.text) == (Outcome.COMPLETE, TEXT)
            assert heard.since() == b"".join(reference)
            assert ended.heard_ms == pytest.approx(ms_of(b"".join(reference)), abs=1)
            assert (heard.told, heard.talk.told(Failure)) == ([], [])


async def test_every_reply_is_spoken_whole_and_once(tmp_path: Path) -> None:
    reference = await spoken_alone(tmp_path, *STORY)
    with chat_server(*(writes(*text) for text in STORY)) as box:
        async with reading(box, tmp_path) as heard:
            for text, pcm in zip(STORY, reference, strict=True):
                assert (await heard.talk.turn("And then?")).text == text
                assert heard.since() == pcm
        assert messages(box, 2)[1::2] == [("assistant", FIRST), ("assistant", SECOND)]


async def test_the_part_before_a_tool_is_spoken_and_the_turn_is_one(tmp_path: Path) -> None:
    answered = threading.Event()
    reference = await spoken_alone(tmp_path, FIRST, SECOND)
    with chat_server(writes(FIRST, asks_tool()), writes(answered, SECOND)) as box:
        async with reading(box, tmp_path) as heard:
            await heard.talk.session.send_message("Is it cold?")
            await heard.talk.until(ToolResult)
            await heard.speaker.plays(ms_of(reference[0]) - 20)
            assert not heard.talk.told(TurnEnded)
            answered.set()
            ended = await heard.talk.until(TurnEnded)
            assert (ended.outcome, ended.text) == (Outcome.COMPLETE, f"{FIRST} {SECOND}")
            assert heard.since() == b"".join(reference)
            assert [event.name for event in heard.talk.told(ToolCall)] == ["weather"]
            assert len(heard.talk.told(TurnStarted)) == 1
        assert [role for role, _ in messages(box, 1)] == ["user", "assistant", "tool"]
        assert messages(box, 1)[1][1] == FIRST


async def test_an_error_in_the_middle_fails_the_turn_and_stops_the_sound(tmp_path: Path) -> None:
    broken, error = threading.Event(), {"error": {"message": "out of memory", "type": "server_error"}}
    reference = await spoken_alone(tmp_path, THIRD)
    with chat_server(writes(f"{FIRST} {SECOND} ", broken, error), writes(THIRD)) as box:
        async with reading(box, tmp_path, speed=2.0) as heard:
            await heard.talk.session.send_message("Tell a story.")
            await heard.talk.until(ReplyAudio)
            await heard.speaker.plays(200)
            broken.set()
            ended = await heard.talk.until(TurnEnded)
            assert ended.outcome is Outcome.FAILED
            assert TEXT.startswith(ended.text)
            assert len(ended.text) < len(FIRST)
            assert [failure.category for failure in heard.talk.told(Failure)] == ["server"]
            heard.since()
            assert (await heard.talk.turn("Go on.")).text == THIRD
            assert same_sound(heard.since(), reference[0])
            assert heard.talk.session.state.link is LinkWord.ONLINE
        told = [("user", "Tell a story."), ("assistant", ended.text), ("user", "Go on.")]
        assert messages(box, 1) == told


async def test_a_cut_connection_leaves_no_gap_and_nothing_is_said_twice(tmp_path: Path) -> None:
    reference = await spoken_alone(tmp_path, *STORY)
    with chat_server(writes(f"{FIRST} Then it", whole=False), writes(f"looked at the dog. {THIRD}")) as box:
        async with reading(box, tmp_path, speed=2.0) as heard:
            ended = await heard.talk.turn("Tell a story.")
            assert (ended.outcome, ended.text) == (Outcome.COMPLETE, TEXT)
            assert heard.since() == b"".join(reference)
            assert heard.speaker.gaps <= 1, "it runs dry at the end alone"
            assert len(heard.talk.told(Failure)) == 1
            assert heard.talk.memory == [("user", "Tell a story."), ("assistant", TEXT)]


@pytest.mark.parametrize("written", [False, True], ids=["half written", "written"])
@pytest.mark.parametrize("by_typing", [False, True], ids=["stopped", "typed over"])
async def test_an_interrupted_reply_is_cut_at_what_was_heard(
    tmp_path: Path, by_typing: bool, written: bool
) -> None:
    first, _, _, answer = await spoken_alone(tmp_path, *STORY, "Yes?")
    gate = threading.Event()
    with chat_server(writes(TEXT, *(() if written else (" And", gate))), writes("Yes?")) as box:
        async with reading(box, tmp_path, speed=2.0) as heard:
            await heard.talk.session.send_message("Tell a story.")
            await heard.speaker.plays(ms_of(first) + 300)
            if not by_typing:
                await heard.talk.session.interrupt()
            played = heard.since()
            await heard.talk.session.send_message("Listen.")
            ended = await heard.talk.until(TurnEnded)
            gate.set()
            assert (ended.outcome, ended.heard_ms) == (Outcome.INTERRUPTED, round(ms_of(played), 1))
            assert ended.text.startswith(FIRST)
            assert FIRST < ended.text < f"{FIRST} {SECOND}"
            assert TEXT[len(ended.text)] in " .", "cut between words"
            assert (await heard.talk.until(TurnEnded)).text == "Yes?"
            assert same_sound(heard.since(), answer)
        told = [("user", "Tell a story."), ("assistant", ended.text), ("user", "Listen.")]
        assert messages(box, 1) == told
        assert heard.talk.memory[:3] == told


async def test_a_turn_with_a_tool_is_cut_at_what_was_heard_after_it(tmp_path: Path) -> None:
    first, _ = await spoken_alone(tmp_path, FIRST, SECOND)
    with chat_server(writes(FIRST, asks_tool()), writes(f"{SECOND} {THIRD}"), writes("Yes?")) as box:
        async with reading(box, tmp_path, speed=2.0) as heard:
            await heard.talk.session.send_message("Is it cold?")
            await heard.speaker.plays(ms_of(first) + 500)
            await heard.talk.session.interrupt()
            ended = await heard.talk.until(TurnEnded)
            assert ended.text.startswith(f"{FIRST} Then")
            assert len(ended.text) < len(f"{FIRST} {SECOND}")
            await heard.talk.turn("Listen.")
        told = messages(box, 2)
        assert [role for role, _ in told] == ["user", "assistant", "tool", "assistant", "user"]
        assert (told[1][1], told[3][1]) == (FIRST, ended.text.removeprefix(f"{FIRST} "))


async def test_a_turn_with_a_tool_is_cut_at_what_was_heard_before_it(tmp_path: Path) -> None:
    with chat_server(writes(f"{FIRST} {SECOND}", asks_tool()), writes(THIRD), writes("Yes?")) as box:
        async with reading(box, tmp_path, speed=2.0) as heard:
            await heard.talk.session.send_message("Is it cold?")
            await heard.talk.until(ToolResult)
            await heard.speaker.plays(600)
            await heard.talk.session.interrupt()
            ended = await heard.talk.until(TurnEnded)
            assert FIRST.startswith(ended.text)
            await heard.talk.turn("Listen.")
        assert "friends" not in str(messages(box, 2))
        assert SECOND not in str(messages(box, 2))


async def test_a_reply_that_went_on_over_another_link_is_cut_at_what_was_heard(tmp_path: Path) -> None:
    first, _ = await spoken_alone(tmp_path, FIRST, SECOND)
    rest = writes(f"looked at the dog. {THIRD}")
    with chat_server(writes(f"{FIRST} Then it", whole=False), rest, writes("Yes?")) as box:
        async with reading(box, tmp_path, speed=2.0) as heard:
            await heard.talk.session.send_message("Tell a story.")
            await heard.speaker.plays(ms_of(first) + 500)
            await heard.talk.session.interrupt()
            ended = await heard.talk.until(TurnEnded)
            assert ended.text.startswith(f"{FIRST} Then")
            assert len(ended.text) < len(f"{FIRST} {SECOND}")
            await heard.talk.turn("Listen.")
        told = messages(box, 2)
        assert [role for role, _ in told] == ["user", "assistant", "user"]
        assert " ".join(told[1][1].split()) == ended.text


async def test_a_reply_that_is_interrupted_before_its_first_sound_was_not_said(tmp_path: Path) -> None:
    never = threading.Event()
    with chat_server(writes("The cat sat on", never), writes("Yes?")) as box:
        async with reading(box, tmp_path) as heard:
            await heard.talk.session.send_message("Tell a story.")
            await heard.talk.until(ReplyText)
            await heard.talk.session.interrupt()
            ended = await heard.talk.until(TurnEnded)
            assert (ended.outcome, ended.text) == (Outcome.INTERRUPTED, "")
            never.set()
            assert (await heard.talk.turn("Listen.")).text == "Yes?"
        assert messages(box, 1) == [("user", "Tell a story.\n\nListen.")]


async def test_a_voice_that_is_killed_is_told_once_and_the_conversation_goes_on(tmp_path: Path) -> None:
    one, again = await spoken_alone(tmp_path, SECOND, THIRD)
    with chat_server(writes(f"{SECOND} " * LONG), writes(THIRD)) as box:
        async with reading(box, tmp_path) as heard:
            await heard.talk.session.send_message("Tell a story.")
            await heard.speaker.plays(100)
            killed = await heard.process()
            os.kill(killed, signal.SIGKILL)
            ended = await heard.talk.until(TurnEnded)
            assert (ended.outcome, ended.text) == (Outcome.COMPLETE, f"{SECOND} " * (LONG - 1) + SECOND)
            lost_ms = LONG * ms_of(one) - ms_of(heard.since())
            assert 0 <= lost_ms < 1.1 * ms_of(one), "the sentence that was being spoken, and no other"
            assert (await heard.talk.turn("And then?")).text == THIRD
            assert same_sound(heard.since(), again)
            assert [text.startswith("The voice fails: ") for text in heard.told] == [True]
            assert heard.talk.told(Failure) == []
            now = await heard.process()
            assert now != killed
    assert is_gone(now, 2.0)


async def test_a_voice_that_dies_in_silence_is_there_for_the_next_reply(tmp_path: Path) -> None:
    (reference,) = await spoken_alone(tmp_path, THIRD)
    with chat_server(writes(FIRST), writes(THIRD)) as box:
        async with reading(box, tmp_path) as heard:
            await heard.talk.turn("Tell a story.")
            heard.since()
            os.kill(await heard.process(), signal.SIGKILL)
            ended = await heard.talk.turn("And then?")
            assert (ended.outcome, ended.text) == (Outcome.COMPLETE, THIRD)
            assert same_sound(heard.since(), reference)


async def test_a_rejected_key_is_told_once_and_replies_come_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_VOICE_KEY", "sk-wrong-key-0123456789")
    with chat_server(*map(writes, STORY)) as box:
        refused = {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}
        box.script["/v1/audio/speech"] = lambda request: request.answer_json(401, refused)
        speak = {"worker": "openai", "url": f"{box.url}/v1", "key": "MY_VOICE_KEY"}
        async with reading(box, tmp_path, speak=speak) as heard:
            for text in STORY:
                ended = await heard.talk.turn("And then?")
                assert (ended.outcome, ended.text) == (Outcome.COMPLETE, text)
            assert len(heard.told) == 1
            assert heard.told[0].startswith("There is no voice: ")
            assert heard.told[0].endswith("Replies come as text.")
            assert "sk-wrong" not in heard.told[0]
            assert heard.since() == b""
            assert heard.talk.told(Failure) == []
        assert [r.path for r in box.requests].count("/v1/audio/speech") == 1
        assert messages(box, 2)[1::2] == [("assistant", FIRST), ("assistant", SECOND)]


async def test_another_voice_in_the_profile_speaks_from_the_next_silence_on(tmp_path: Path) -> None:
    before = await spoken_alone(tmp_path, FIRST, SECOND)
    after = await spoken_alone(tmp_path, THIRD, speech=Speech("en-gb", "en", 1.4))
    with chat_server(writes(f"{FIRST} {SECOND}"), writes(THIRD)) as box:
        async with reading(box, tmp_path) as heard:
            await heard.talk.session.send_message("Tell a story.")
            await heard.speaker.plays(100)
            old = await heard.process()
            another = SpeakTable(worker="espeak", voice="en-gb", speed=1.4)
            profile = msgspec.structs.replace(heard.talk.session.profile, speak=another)
            await heard.talk.session.switch_profile(profile)
            assert (await heard.talk.until(TurnEnded)).text == f"{FIRST} {SECOND}"
            assert heard.since() == b"".join(before)
            assert (await heard.talk.turn("And then?")).text == THIRD
            assert same_sound(heard.since(), after[0])
            assert is_gone(old, 5.0)
            assert (heard.told, heard.talk.told(Failure)) == ([], [])
