"""Turns out of a timeline that tells of none, and texts that fit into what the provider takes."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.capabilities import Capabilities
from neko_cli.core.codecs import make_codec
from neko_cli.core.codecs import openai_live_frames as frames
from neko_cli.core.codecs.base import HistoryLine, KeepsTime, SessionSpec, TakesLeave
from neko_cli.core.codecs.openai_dialect import LiveDialect
from neko_cli.core.codecs.openai_live import OpenAILiveCodec
from neko_cli.core.codecs.openai_live_timeline import FLOOR, SentSound, is_voiced
from neko_cli.core.codecs.openai_live_turns import LiveTurns
from neko_cli.core.commands import AnswerTool, AskReply, SendImage, SendText
from neko_cli.core.errors import Category
from neko_cli.core.ports import Endpoint
from neko_cli.core.provider_events import (
    InputCommitted,
    InputTranscript,
    ProviderEvent,
    ProviderFault,
    ReplyBegan,
    ReplyEnded,
    ReplySound,
    ReplyStatus,
    ReplyWords,
    SpeechBegan,
    SpeechEnded,
    ToolRequested,
)
from neko_cli.core.resume import is_rejection
from tests.core.codecs.golden import sound

VOICE, QUIET = sound(100, 900), sound(100, 0)
DITHER = sound(100, 60)


class Line:
    """A timeline that is told to the turns in steps of 100 ms."""

    def __init__(self, *, manual: bool = False) -> None:
        self.turns = LiveTurns(24_000, 700.0, manual=manual)
        self.at = 0
        self.events: list[ProviderEvent] = []

    def play(self, pcm: bytes, steps: int = 1) -> Line:
        for _ in range(steps):
            self.at += 100
            self.events += self.turns.sound(pcm)
        return self

    def say(self, text: str) -> Line:
        """The user says something now."""
        self.events += self.turns.heard(text, self.at, self.at + 100)
        return self.play(QUIET if self.turns._reply is None else VOICE)

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events if not isinstance(event, ReplySound)]


def test_the_idle_track_is_no_reply() -> None:
    assert Line().play(QUIET, 30).play(DITHER, 30).events == []


def test_a_reply_lasts_from_its_first_sound_to_the_quiet_after_it() -> None:
    line = Line().play(QUIET, 3).play(VOICE, 2).play(QUIET, 4).play(VOICE).play(QUIET, 20)
    assert line.kinds() == ["ReplyBegan", "ReplySoundEnded", "ReplyEnded"]
    # A pause within is played, of the quiet after it only as much as could have been one.
    assert sum(len(event.pcm) for event in line.of(ReplySound)) == 4800 * (2 + 4 + 1 + 5)
    assert line.of(ReplyEnded)[0].status is ReplyStatus.COMPLETE


def test_words_alone_begin_a_reply_and_their_late_tail_begins_none() -> None:
    line = Line()
    line.events += line.turns.said("Well.")
    line.events += line.turns.said("Yes")
    line.play(QUIET, 9)
    line.events += line.turns.said(".")
    assert [event.delta for event in line.of(ReplyWords)] == ["Well.", " Yes"]
    assert len(line.of(ReplyBegan)) == len(line.of(ReplyEnded)) == 1


def test_what_the_user_said_is_committed_when_the_reply_begins() -> None:
    line = Line().play(QUIET).say("What time").say(" is it").play(VOICE)
    assert line.kinds() == [
        "SpeechBegan",
        "InputTranscript",
        "InputTranscript",
        "SpeechEnded",
        "InputCommitted",
        "ReplyBegan",
    ]
    assert line.of(SpeechEnded)[0].at_ms == 300.0
    line.play(VOICE, 20)
    last = line.of(InputTranscript)[-1]
    assert (last.text, last.whole, last.final) == ("What time is it", True, True)


def test_a_pause_of_the_user_ends_the_utterance_and_more_words_begin_another() -> None:
    line = Line().say("Hello").play(QUIET, 9).say("Are you there").play(QUIET, 20)
    assert [event.item_id for event in line.of(InputCommitted)] == ["user-1", "user-2"]
    finals = [event.text for event in line.of(InputTranscript) if event.final]
    assert finals == ["Hello", "Are you there"]
    assert line.of(ReplyBegan) == []


def test_punctuation_that_comes_late_belongs_to_what_was_said() -> None:
    line = Line().say("Hello").play(VOICE, 2)
    line.events += line.turns.heard("?", 100, 110)
    line.play(VOICE, 20)
    line.events += line.turns.heard("…", 5_000, 5_010)  # and later it belongs to nothing
    finals = [event.text for event in line.of(InputTranscript) if event.final]
    assert finals == ["Hello?"]
    assert len(line.of(SpeechBegan)) == 1


def test_the_character_gives_way() -> None:
    line = Line().play(VOICE, 5).say("Stop").play(QUIET, 4)
    assert line.kinds() == ["ReplyBegan", "ReplyEnded", "SpeechBegan", "InputTranscript"]
    assert line.of(ReplyEnded)[0].status is ReplyStatus.INTERRUPTED
    assert line.of(InputTranscript)[0].text == "Stop"


@pytest.mark.parametrize("said", [1, 7])
def test_words_thrown_in_interrupt_nothing_and_are_not_lost(said: int) -> None:
    line = Line().play(VOICE, 5)
    for _ in range(said):
        line.say("Mhm ")
    line.play(VOICE, 60)
    assert line.of(SpeechBegan) == []
    assert line.of(ReplyEnded) == []
    final = [event.text for event in line.of(InputTranscript) if event.final]
    assert "".join(final).count("Mhm") == said


def test_the_two_may_talk_at_once_for_long() -> None:
    line = Line().play(VOICE)
    for number in range(100):
        line.say(f"word{number} ")
    held = line.turns._over
    assert held is None or held.end_ms - held.start_ms <= 6_100
    assert len([event for event in line.of(InputTranscript) if event.final]) >= 1


def test_a_reply_that_nobody_wants_is_passed_over_until_it_pauses() -> None:
    line = Line().play(VOICE, 2)
    line.turns.cancel()
    line.play(VOICE, 10)
    assert len(line.of(ReplySound)) == 2
    line.play(QUIET, 3).play(VOICE)
    assert [event.status for event in line.of(ReplyEnded)] == [ReplyStatus.CANCELLED]
    assert len(line.of(ReplyBegan)) == 2
    assert line.events[-1].reply_id == line.of(ReplyBegan)[1].reply_id


def test_a_tool_call_ends_the_reply_and_its_answer_is_another() -> None:
    line = Line().play(VOICE)
    line.events += line.turns.tools([("c1", "weather", "{}"), ("c2", "weather", "{}")])
    line.play(VOICE)
    assert line.kinds() == [
        "ReplyBegan",
        "ToolRequested",
        "ToolRequested",
        "ReplySoundEnded",
        "ReplyEnded",
        "ReplyBegan",
    ]
    assert {event.reply_id for event in line.of(ToolRequested)} == {line.of(ReplyEnded)[0].reply_id}


def test_with_a_key_the_detector_is_not_asked() -> None:
    line = Line(manual=True).say("Good").play(QUIET, 20)
    assert line.kinds() == ["InputTranscript"]
    line.turns.released = True
    line.turns.sent(4800, filling=True)
    line.play(QUIET)
    assert line.kinds() == ["InputTranscript", "InputCommitted"]
    again = Line(manual=True).say("Good").play(QUIET, 20)
    again.turns.released = True
    again.turns.sent(4800)  # the key is down again
    assert again.play(QUIET, 20).kinds() == ["InputTranscript"]


def test_the_end_leaves_nothing_open() -> None:
    line = Line().play(VOICE).say("Wait")
    line.events += line.turns.close()
    assert line.of(ReplyEnded)[0].status is ReplyStatus.INCOMPLETE
    assert [event.text for event in line.of(InputTranscript) if event.final] == ["Wait"]
    assert line.turns.close() == []


STEP = st.sampled_from(["voice", "quiet", "dither", "word", "tail", "say", "cancel", "tools"])


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=120), st.booleans())
def test_whatever_happens_every_reply_begins_and_ends_once(steps: list[str], manual: bool) -> None:
    line = Line(manual=manual)
    for number, step in enumerate(steps):
        match step:
            case "voice" | "quiet" | "dither":
                line.play({"voice": VOICE, "quiet": QUIET, "dither": DITHER}[step])
            case "word" | "tail":
                start = max(0, line.at - (0 if step == "word" else 300))
                line.events += line.turns.heard(f"w{number} " if step == "word" else "?", start, line.at)
            case "say":
                line.events += line.turns.said(f"r{number} ")
            case "cancel":
                line.turns.cancel()
            case "tools":
                line.events += line.turns.tools([(f"c{number}", "weather", "{}")])
    line.events += line.turns.close()
    open_reply = ""
    for event in line.events:
        if isinstance(event, ReplyBegan):
            assert not open_reply
            open_reply = event.reply_id
        elif isinstance(event, ReplyWords | ReplySound | ToolRequested):
            assert event.reply_id == open_reply
        elif isinstance(event, ReplyEnded):
            assert event.reply_id == open_reply
            open_reply = ""
    assert not open_reply
    # Every word of the user is told as final, once; and no utterance is committed twice.
    finals = " ".join(event.text for event in line.of(InputTranscript) if event.final)
    for number, step in enumerate(steps):
        assert finals.count(f"w{number} ") + finals.endswith(f"w{number}") == (step == "word"), finals
    committed = [event.item_id for event in line.of(InputCommitted)]
    assert len(committed) == len(set(committed))


# Sound


@pytest.mark.parametrize(
    ("pcm", "voiced"),
    [(b"", False), (b"\0", False), (QUIET, False), (sound(20, -64), False), (sound(20, -65), True)]
    + [
        (bytes(950) + b"\x41\0" + bytes(8), True),
        (bytes(950) + b"\x40\0" + bytes(8), False),
        (b"\1\1\1", True),
    ],
)
def test_one_loud_sample_is_voice(pcm: bytes, voiced: bool) -> None:
    assert is_voiced(pcm) is voiced


def test_each_sample_is_judged_by_its_size_alone() -> None:
    for sample in range(-32_768, 32_768):
        assert is_voiced(struct.pack("<h", sample)) is (abs(sample) > FLOOR)


def test_a_sample_that_a_border_cuts_is_whole_again() -> None:
    line = Line()
    line.events += line.turns.sound(VOICE[:101])
    line.events += line.turns.sound(VOICE[101:])
    assert b"".join(event.pcm for event in line.of(ReplySound)) == VOICE


def test_times_count_the_microphones_sound_alone() -> None:
    ours = SentSound(24_000)
    ours.add(48 * 300, filling=True)
    ours.add(48 * 200)
    ours.add(48 * 100, filling=True)
    ours.add(48 * 400)
    at = [ours.microphone_ms(ms) for ms in (0, 150, 300, 400, 500, 550, 600, 1000)]
    assert at == [0, 0, 0, 100, 200, 200, 200, 600]
    for _ in range(600):
        ours.add(48 * 10)
        ours.add(48 * 10, filling=True)
    assert len(ours._silences) == 256
    assert ours.microphone_ms(1000 + 600 * 20) == pytest.approx(600 + 600 * 10)


# Texts

TEXT = st.text(alphabet=st.characters(codec="utf-8")) | st.text(
    alphabet="ab .\n中文", min_size=200, max_size=2000
)


@settings(max_examples=150, deadline=None)
@given(TEXT, st.integers(4, 60))
def test_pieces_hold_all_words_and_fit(text: str, limit: int) -> None:
    parts = frames.pieces(text, limit)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(frames.tokens(part) <= limit for part in parts if len(part) > 1)
    assert all(parts)


def test_a_short_text_is_one_piece_and_a_long_one_is_cut_between_sentences() -> None:
    assert frames.pieces("Hello there. How are you?") == ["Hello there. How are you?"]
    parts = frames.pieces("This is a sentence. " * 200)
    assert len(parts) > 1
    assert all(part.endswith(".") for part in parts)
    assert frames.pieces("") == frames.pieces("  ") == []


def test_history_is_the_newest_that_fits() -> None:
    lines = [HistoryLine("user" if n % 2 else "assistant", f"Message {n}.") for n in range(500)]
    kept = frames.seeded(lines)
    assert len(kept) == frames.HISTORY_ITEMS
    assert kept[-1]["content"][0]["text"] == "Message 499."
    chinese = frames.seeded([HistoryLine("user", "你好世界" * 500) for _ in range(40)])
    assert 0 < len(chinese) < 40
    long = frames.seeded([HistoryLine("user", "Hi"), HistoryLine("user", "word " * 20_000)])
    assert [line["content"][0]["text"] for line in long] == ["Hi"]


def test_long_instructions_are_cut_to_what_is_taken() -> None:
    spec = SessionSpec(model="gpt-live-1", instructions="word " * 20_000)
    (frame,) = make_codec("openai-live", spec, key="k").hello()
    assert frames.tokens(json.loads(frame)["session"]["instructions"]) <= frames.INSTRUCTION_TOKENS


# The codec


def codec(**spec) -> OpenAILiveCodec:
    return OpenAILiveCodec(
        spec=SessionSpec(model="gpt-live-1", **spec),
        capabilities=Capabilities(images=True),
        dialect=LiveDialect(),
        endpoint=Endpoint("ws://x"),
        title="X",
    )


def test_it_keeps_time_and_takes_leave() -> None:
    assert isinstance(codec(), KeepsTime)
    assert isinstance(codec(), TakesLeave)


def test_without_a_backend_work_comes_to_us() -> None:
    made = codec()
    session = json.loads(made.hello()[0])["session"]
    assert "delegation" not in session
    assert made.encode(SendImage(b"x", "image/png")) == []
    kinds = [json.loads(frame)["type"] for frame in made.encode(SendText("Hi"))]
    assert kinds == ["session.thinking.append", "session.instructions.append"]
    created = {"type": "session.delegation.created", "delegation": {"id": "d1", "target": "client"}}
    assert any(isinstance(event, ToolRequested) for event in made.decode(json.dumps(created)))
    (answer,) = made.encode(AnswerTool("d1", "delegate", "done"))
    assert json.loads(answer)["delegation_id"] == "d1"
    (other,) = made.encode(AnswerTool("c1", "weather", "done", continue_reply=False))
    assert json.loads(other)["type"] == "response.item.create"


def test_long_words_go_in_several_pieces() -> None:
    asked = codec().encode(AskReply("Say this sentence. " * 100))
    assert len(asked) > 1
    assert {json.loads(frame)["type"] for frame in asked} == {"session.instructions.append"}


@pytest.mark.parametrize(
    ("code", "category", "is_forks"),
    [
        ("session_not_found", Category.REQUEST, True),
        ("server_error", Category.REQUEST, True),
        ("rate_limit_exceeded", Category.RATE_LIMIT, False),
    ],
)
def test_a_fork_that_is_refused_makes_way_for_a_fresh_session(
    code: str, category: Category, is_forks: bool
) -> None:
    made = codec(store=True, resume_handle="live_1")
    told = {"type": "error", "error": {"code": code, "message": "No.", "type": "x"}}
    (fault,) = made.decode(json.dumps(told))
    assert isinstance(fault, ProviderFault)
    assert fault.ends_link
    assert fault.error.category is category
    assert is_rejection(fault.error, "live_1") is is_forks


def test_a_session_that_is_not_kept_gives_no_handle() -> None:
    started = {"type": "session.started", "session": {"id": "live_1", "store": False}}
    assert len(codec(store=True).decode(json.dumps(started))) == 1
    assert len(codec().decode(json.dumps(started))) == 1
    started["session"]["store"] = True
    assert len(codec(store=True).decode(json.dumps(started))) == 2
