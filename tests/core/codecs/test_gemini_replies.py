"""What the Gemini codec makes of replies, which have no ids: beginnings, ends, and what is stale."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode

import pytest

from neko_cli.core.codecs.base import Detection
from neko_cli.core.commands import AppendAudio, CancelReply, CommitAudio, SendText
from neko_cli.core.errors import Category
from neko_cli.core.provider_events import (
    GoingAway,
    HandleTold,
    Interrupted,
    ProviderFault,
    Ready,
    ReplyBegan,
    ReplyEnded,
    ReplySound,
    ReplyStatus,
    ReplyWords,
    Surprise,
    TokenUsage,
)
from tests.core.codecs.gem import (
    COMPLETE,
    INTERRUPTED,
    WHOLE,
    blob,
    content,
    kinds,
    sent,
    sound,
    told,
    turn,
    words,
)
from tests.core.codecs.gem import without_captions as codec


def test_a_reply_begins_with_its_first_output_and_ends_with_its_turn() -> None:
    made = codec()
    assert told(made, words("a"), sound(b"\1\2"), content(generationComplete=True), COMPLETE)[:3] == [
        ReplyBegan("reply-1"),
        ReplyWords("reply-1", "a"),
        ReplySound("reply-1", "reply-1", b"\1\2"),
    ]
    sent(made, SendText("x"))
    assert told(made, words("b"))[0] == ReplyBegan("reply-2")


def test_all_parts_are_read_and_thoughts_are_not() -> None:
    parts = (
        {"text": "hm", "thought": True},
        blob(b"\1\2"),
        {"text": "said", "thought": False},
        blob(b"\3\4"),
    )
    found = told(codec(), turn(*parts), COMPLETE)
    assert [event.pcm for event in found if isinstance(event, ReplySound)] == [b"\1\2", b"\3\4"]
    assert not any(isinstance(event, ReplyWords) for event in found)


def test_a_reply_that_comes_as_text_alone_is_told_when_it_ends() -> None:
    assert told(codec(), turn({"text": "a"}), turn({"text": "b"}), COMPLETE)[1:2] == [
        ReplyWords("reply-1", "ab")
    ]


def test_sound_that_is_not_wanted_stays_away_and_its_caption_comes() -> None:
    found = told(
        codec(want_audio=False), words("a"), sound(b"\1\2"), content(generationComplete=True), COMPLETE
    )
    assert kinds(found) == WHOLE


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("name", ["inlineData", "inline_data"])
@pytest.mark.parametrize("binary", [True, False])
def test_sound_in_every_dress(encode, padded: bool, name: str, binary: bool) -> None:
    pcm = b"\xfb\xff\xbf\xfe" * 5 + b"\1\2"
    data = encode(pcm).decode()
    kind = "mimeType" if name == "inlineData" else "mime_type"
    part = {name: {kind: "audio/pcm;rate=24000", "data": data if padded else data.rstrip("=")}}
    frame = turn(part)
    (_, found) = codec().decode(frame.encode() if binary else frame)
    assert found == ReplySound("reply-1", "reply-1", pcm)


def test_both_spellings_mean_the_same() -> None:
    made = codec()
    assert told(
        made,
        json.dumps({"setup_complete": {"session_id": "s"}}),
        json.dumps({"session_resumption_update": {"new_handle": "h", "resumable": True}}),
        json.dumps({"go_away": {"time_left": "9s"}}),
        json.dumps(
            {
                "server_content": {
                    "model_turn": {"parts": [{"text": "a", "thought": False}]},
                    "output_transcription": {"text": "b"},
                    "turn_complete": True,
                    "turn_complete_reason": "BLOCKLIST",
                },
                "usage_metadata": {"prompt_token_count": 3},
            }
        ),
    ) == [
        Ready("s", "gemini-3.8-live"),
        HandleTold("h"),
        GoingAway(9.0),
        ReplyBegan("reply-1"),
        ReplyWords("reply-1", "b"),
        ReplyEnded("reply-1", ReplyStatus.INCOMPLETE, "blocklist", usage=TokenUsage(input_tokens=3)),
    ]


def test_a_sample_cut_in_two_is_put_together() -> None:
    data = bytes(range(30))
    frames = [sound(data[at : at + 5]) for at in range(0, 30, 5)]
    assert b"".join(e.pcm for e in told(codec(), *frames) if isinstance(e, ReplySound)) == data


def test_an_end_without_anything_is_an_empty_reply_where_one_was_asked_for() -> None:
    made = codec()
    assert told(made, COMPLETE) == []
    sent(made, SendText("x"))
    assert told(made, COMPLETE, COMPLETE) == [
        ReplyBegan("reply-1"),
        ReplyEnded("reply-1", ReplyStatus.COMPLETE),
    ]


# Interruptions


@pytest.mark.parametrize("end", [(), (COMPLETE,)])
def test_an_interruption_ends_the_reply_with_or_without_an_end(end: tuple[str, ...]) -> None:
    made = codec()
    assert kinds(told(made, words("a"), INTERRUPTED, *end)) == [
        "ReplyBegan", "ReplyWords", "Interrupted", "ReplyEnded",
    ]  # fmt: skip
    found = told(made, words("b"), COMPLETE)
    assert kinds(found) == WHOLE
    assert found[0] == ReplyBegan("reply-2")


def test_an_interruption_after_the_end_is_told_of_no_reply() -> None:
    made = codec()
    told(made, words("a"), COMPLETE)
    assert told(made, INTERRUPTED, COMPLETE) == [
        Interrupted(""),
        ReplyEnded("", ReplyStatus.INTERRUPTED, "interrupted"),
    ]


def test_what_comes_together_with_an_interruption_is_not_said() -> None:
    made = codec()
    told(made, words("a"))
    mixed = content(interrupted=True, modelTurn={"parts": [blob(b"\1\2")]}, turnComplete=True)
    assert kinds(told(made, mixed)) == ["Interrupted", "ReplyEnded"]


def test_a_reply_that_our_own_text_stops_is_over_without_a_word() -> None:
    """The session counts it as over already, or it would not have asked for the next one."""
    made = codec()
    told(made, words("a"))
    sent(made, SendText("x"))
    stale = told(made, words(" tail"), sound(b"\1\2"))
    assert {event.reply_id for event in stale} == {"reply-1"}
    assert told(made, INTERRUPTED, COMPLETE) == []
    assert told(made, words("b"))[0] == ReplyBegan("reply-2")


def test_a_reply_that_had_just_ended_when_text_was_sent_eats_no_answer() -> None:
    made = codec()
    told(made, words("a"))
    sent(made, SendText("x"))
    assert told(made, COMPLETE) == []
    assert kinds(told(made, words("b"), COMPLETE)) == WHOLE


def test_a_cancelled_reply_says_no_more_but_ends() -> None:
    made = codec()
    told(made, words("a"))
    sent(made, CancelReply("reply-1"))
    assert told(made, words("b"), sound(b"\1\2"), content(generationComplete=True)) == []
    (ended,) = told(made, COMPLETE)
    assert (ended.reply_id, ended.status) == ("reply-1", ReplyStatus.CANCELLED)


# What comes late


def test_output_behind_the_end_belongs_to_the_reply_that_ended() -> None:
    made = codec()
    told(made, words("a"), COMPLETE)
    assert told(made, sound(b"\1\2"), words("b")) == [
        ReplySound("reply-1", "reply-1", b"\1\2"),
        ReplyWords("reply-1", "b"),
    ]
    assert told(made, COMPLETE) == []
    sent(made, SendText("x"))
    assert told(made, words("c"))[0] == ReplyBegan("reply-2")


def test_output_after_enough_sound_is_an_answer() -> None:
    made = codec(silence_ms=700)
    told(made, words("a"), COMPLETE)
    sent(made, AppendAudio(bytes(2 * 16 * 699)))
    assert kinds(told(made, sound(b"\1\2"))) == ["ReplySound"]
    sent(made, AppendAudio(bytes(2 * 16)))
    assert kinds(told(made, sound(b"\1\2"))) == ["ReplyBegan", "ReplySound"]


def test_without_a_detector_only_a_finished_utterance_is_answered() -> None:
    made = codec(detection=Detection.MANUAL)
    told(made, words("a"), COMPLETE)
    sent(made, AppendAudio(bytes(64_000)))
    assert kinds(told(made, sound(b"\1\2"))) == ["ReplySound"]
    sent(made, CommitAudio())
    assert kinds(told(made, sound(b"\1\2"))) == ["ReplyBegan", "ReplySound"]


def test_speech_over_a_reply_that_may_not_be_interrupted_is_answered_right_behind_it() -> None:
    made = codec(interrupt_reply=False, silence_ms=700)
    told(made, words("a"))
    sent(made, AppendAudio(bytes(2 * 16 * 800)))
    assert kinds(told(made, COMPLETE, words("b"))) == ["ReplyEnded", "ReplyBegan", "ReplyWords"]


# Counts, and the link


def test_counts_belong_to_the_reply_that_ends_next() -> None:
    made = codec()
    usage = json.dumps({"usageMetadata": {"promptTokenCount": 5, "responseTokenCount": 2}})
    found = told(made, usage, words("a"), usage.replace("2}", "9}"), COMPLETE)
    assert found[-1].usage == TokenUsage(input_tokens=5, output_tokens=9)
    sent(made, SendText("x"))
    assert told(made, words("b"), COMPLETE)[-1].usage is None


def test_ready_is_told_once() -> None:
    frame = json.dumps({"setupComplete": {}})
    assert told(codec(), frame, frame) == [Ready("", "gemini-3.8-live")]


def test_a_handle_too_long_to_be_one_is_none() -> None:
    frame = json.dumps({"sessionResumptionUpdate": {"newHandle": "h" * 9000, "resumable": True}})
    assert told(codec(), frame) == [HandleTold("")]


def test_an_error_before_the_session_is_ready_ends_the_link_and_later_it_does_not() -> None:
    made = codec()
    frame = json.dumps({"error": {"code": 403, "message": "no", "status": "PERMISSION_DENIED"}})
    (fault,) = told(made, frame)
    assert isinstance(fault, ProviderFault)
    assert (fault.ends_link, fault.error.category) == (True, Category.CREDENTIALS)
    told(made, json.dumps({"setupComplete": {}}))
    (fault,) = told(made, frame)
    assert not fault.ends_link


def test_sound_that_is_no_base64_is_a_surprise_and_the_next_one_is_heard() -> None:
    made = codec()
    (event,) = told(made, turn({"inlineData": {"mimeType": "audio/pcm", "data": "A*"}}))
    assert isinstance(event, Surprise)
    assert kinds(told(made, sound(b"\1\2"))) == ["ReplyBegan", "ReplySound"]


def test_words_of_the_user_in_the_same_message_come_before_the_reply() -> None:
    mixed = content(
        inputTranscription={"text": "Hi"},
        outputTranscription={"text": "Hello"},
        modelTurn={"parts": [blob(b"\1\2")]},
    )
    assert kinds(told(codec(want_captions=True), mixed)) == [
        "InputTranscript", "InputTranscript", "ReplyBegan", "ReplyWords", "ReplySound",
    ]  # fmt: skip
