"""The user's turns in the flat family: commits, silence of ours, times, ids, words, pictures."""

from __future__ import annotations

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.codecs.base import Detection
from neko_cli.core.codecs.flat import TAIL_MS
from neko_cli.core.codecs.flat_user_events import ALIASES
from neko_cli.core.codecs.timeline import PADS, Timeline
from neko_cli.core.commands import (
    AppendAudio,
    AskReply,
    ClearAudio,
    CommitAudio,
    SendImage,
    SendText,
)
from neko_cli.core.pcm import bytes_for, duration_ms
from neko_cli.core.provider_events import InputCommitted, InputTranscript, SpeechBegan, SpeechEnded
from tests.core.codecs.flat import PROVIDERS, codec, feed, sent, types

JPEG = SendImage(b"\xff\xd8picture", "image/jpeg")
APPEND, IMAGE, FRAME = (
    "input_audio_buffer.append",
    "input_image_buffer.append",
    "input_audio_buffer.append_video_frame",
)
COMMIT = ["input_audio_buffer.commit", "response.create"]


def seconds(made, length: float) -> AppendAudio:
    return AppendAudio(b"\1\0" * int(made.capabilities.input_rate * length))


# The end of a turn


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_turn_that_we_end_is_committed_and_answered(provider: str) -> None:
    made = codec(provider, detection=Detection.MANUAL)
    sent(made, seconds(made, 1))
    assert types(sent(made, CommitAudio())) == COMMIT
    sent(made, seconds(made, 1))
    assert types(sent(made, CommitAudio(ask_reply=False))) == COMMIT[:1]


@pytest.mark.parametrize("provider", ["qwen", "stepfun", "glm", "neko-free"])
def test_where_the_detector_commits_silence_makes_it_do_so(provider: str) -> None:
    made = codec(provider, silence_ms=500)
    sent(made, seconds(made, 1))
    frames = sent(made, CommitAudio())
    assert set(types(frames)) == {APPEND}
    pcm = b"".join(b64decode(frame["audio"]) for frame in frames)
    assert pcm.strip(b"\0") == b""
    assert duration_ms(len(pcm), made.capabilities.input_rate) == pytest.approx(500 + TAIL_MS)


def test_azure_takes_a_commit_at_any_time() -> None:
    made = codec("azure-preview")
    sent(made, seconds(made, 1))
    assert types(sent(made, CommitAudio())) == COMMIT


# Times


def test_the_servers_times_are_told_without_our_silence() -> None:
    made = codec("qwen", silence_ms=700)
    sent(made, seconds(made, 1))
    sent(made, CommitAudio())  # 2 s of silence follow the first second
    sent(made, seconds(made, 1))
    (began,) = feed(made, "input_audio_buffer.speech_started", item_id="a", audio_start_ms=400)
    assert began == SpeechBegan("a", 400.0)
    (ended,) = feed(made, "input_audio_buffer.speech_stopped", item_id="a", audio_end_ms=1600)
    assert ended == SpeechEnded("a", 1000.0)
    (began,) = feed(made, "input_audio_buffer.speech_started", item_id="b", audio_start_ms=3100)
    assert began == SpeechBegan("b", 1100.0)


def test_an_utterance_without_times_ends_before_the_silence_that_ended_it() -> None:
    made = codec("glm", silence_ms=700)
    sent(made, seconds(made, 3))
    (began,) = feed(made, "input_audio_buffer.speech_started")
    assert began == SpeechBegan("utterance-1", None)
    (ended,) = feed(made, "input_audio_buffer.speech_stopped")
    assert ended == SpeechEnded("utterance-1", 2300.0)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 4000)), max_size=3 * PADS))
def test_times_never_go_back_and_are_never_beyond_what_was_recorded(pieces: list[tuple[bool, int]]) -> None:
    timeline, total = Timeline(16_000), 0.0
    before = 0.0
    for ours, length in pieces:
        n_bytes = bytes_for(length, 16_000)
        (timeline.padded if ours else timeline.sent)(n_bytes)
        total += duration_ms(n_bytes, 16_000)
        at = timeline.recorded(total)
        assert at is not None
        assert before - 1e-6 <= at <= timeline.recorded_ms + 1e-6
        before = at
    assert len(timeline._pads) <= PADS
    recorded = sum(duration_ms(bytes_for(length, 16_000), 16_000) for ours, length in pieces if not ours)
    assert timeline.recorded_ms == pytest.approx(recorded)
    assert timeline.recorded(0.0) == 0.0
    assert timeline.recorded(None) is None


# Ids and words


def test_an_utterance_keeps_its_name_from_its_beginning_to_its_words() -> None:
    made = codec("glm")
    feed(made, "input_audio_buffer.speech_started")
    feed(made, "input_audio_buffer.speech_stopped")
    assert feed(made, "input_audio_buffer.committed", item_id="item_7") == [InputCommitted("utterance-1")]
    # The next one has begun by the time the first one's words come.
    assert feed(made, "input_audio_buffer.speech_started") == [SpeechBegan("utterance-2", None)]
    kind = "conversation.item.input_audio_transcription"
    (heard,) = feed(made, f"{kind}.completed", item_id="item_7", transcript="Hello")
    assert heard == InputTranscript("utterance-1", "Hello", whole=True, final=True)
    (failed,) = feed(made, f"{kind}.failed", item_id="item_7", error={"message": "noise"})
    assert failed.item_id == "utterance-1"


def test_a_server_that_names_no_utterance_at_all() -> None:
    made = codec("neko-free")
    feed(made, "input_audio_buffer.speech_started")
    feed(made, "input_audio_buffer.speech_stopped")
    assert feed(made, "input_audio_buffer.committed") == [InputCommitted("utterance-1")]
    (heard,) = feed(made, "conversation.item.input_audio_transcription.completed", transcript="Hello")
    assert heard == InputTranscript("utterance-1", "Hello", whole=True, final=True)
    # A commit of ours, of which no detector told anything.
    assert feed(made, "input_audio_buffer.committed") == [InputCommitted("utterance-2")]


def test_only_so_many_names_are_remembered() -> None:
    made = codec("glm")
    for number in range(3 * ALIASES):
        feed(made, "input_audio_buffer.speech_started")
        feed(made, "input_audio_buffer.committed", item_id=f"item_{number}" + "x" * 5000)
    users = made._heard["input_audio_buffer.speech_started"].__self__
    assert len(users._aliases) == ALIASES
    assert all(len(key) <= 256 for key in users._aliases)


@pytest.mark.parametrize(
    ("provider", "fields", "words", "whole"),
    [
        ("qwen", {"text": "how are", "stash": " you"}, "how are you", True),
        ("qwen", {"text": "", "stash": "how"}, "how", True),
        ("stepfun", {"delta": "how are you"}, "how are you", True),
        ("azure-preview", {"delta": " you"}, " you", False),
    ],
)
def test_what_was_heard_so_far(provider: str, fields: dict[str, str], words: str, whole: bool) -> None:
    kind = "conversation.item.input_audio_transcription.delta"
    (heard,) = feed(codec(provider), kind, item_id="a", **fields)
    assert heard == InputTranscript("a", words, whole=whole, final=False)


def test_words_that_are_still_empty_are_no_news() -> None:
    for event in ("delta", "text"):
        kind = f"conversation.item.input_audio_transcription.{event}"
        assert feed(codec("qwen"), kind, item_id="a", text="", stash="") == []


# Pictures beside sound (Qwen-Omni)


def test_a_picture_that_is_first_brings_a_moment_of_silence_along() -> None:
    made = codec("qwen")
    assert types(sent(made, JPEG)) == [APPEND, IMAGE]
    assert types(sent(made, JPEG)) == [IMAGE]
    # What was committed or cleared counts as empty again.
    feed(made, "input_audio_buffer.committed", item_id="a")
    assert types(sent(made, JPEG)) == [APPEND, IMAGE]
    sent(made, ClearAudio())
    assert types(sent(made, JPEG)) == [APPEND, IMAGE]
    feed(made, "input_audio_buffer.cleared")
    sent(made, seconds(made, 0.1))
    assert types(sent(made, JPEG)) == [IMAGE]


def test_the_silence_before_a_picture_is_not_counted_as_recorded() -> None:
    made = codec("qwen")
    sent(made, JPEG)
    sent(made, seconds(made, 1))
    assert feed(made, "input_audio_buffer.speech_started", item_id="a", audio_start_ms=350) == [
        SpeechBegan("a", 250.0)
    ]


def test_a_commit_of_ours_empties_the_buffer() -> None:
    made = codec("qwen", detection=Detection.MANUAL)
    sent(made, seconds(made, 1))
    assert types(sent(made, JPEG)) == [IMAGE]
    sent(made, CommitAudio())
    assert types(sent(made, JPEG)) == [APPEND, IMAGE]


@pytest.mark.parametrize(
    "picture",
    [
        SendImage(b"x", "image/png"),
        SendImage(b"", "image/jpeg"),
        SendImage(b"x" * (190 * 1024 + 1), "image/jpeg"),
    ],
)
def test_a_picture_that_would_be_refused_is_not_sent(picture: SendImage) -> None:
    assert sent(codec("qwen"), picture) == []


@pytest.mark.parametrize("provider", ["stepfun", "azure-preview"])
def test_who_sees_nothing_is_shown_nothing(provider: str) -> None:
    assert sent(codec(provider), JPEG) == []


# Pictures as frames of a video call (GLM)


def test_every_turn_of_a_video_call_has_a_frame() -> None:
    made = codec("glm", detection=Detection.MANUAL)
    assert types(sent(made, seconds(made, 0.1))) == [APPEND]
    sent(made, JPEG)
    assert types(sent(made, CommitAudio())) == COMMIT
    # The next one has none of its own: the last one is shown again, once.
    assert types(sent(made, seconds(made, 0.1))) == [APPEND, FRAME]
    assert types(sent(made, seconds(made, 0.1))) == [APPEND]
    assert types(sent(made, CommitAudio())) == COMMIT
    assert types(sent(made, CommitAudio())) == [FRAME, *COMMIT]


def test_typed_turns_of_a_video_call_have_a_frame_too() -> None:
    made = codec("glm")
    sent(made, JPEG)
    assert types(sent(made, SendText("What is this?"))) == ["conversation.item.create", "response.create"]
    assert types(sent(made, SendText("And now?"))) == ["conversation.item.create", FRAME, "response.create"]
    assert types(sent(made, AskReply())) == [FRAME, "response.create"]


def test_turns_that_the_detector_ends_are_turns() -> None:
    made = codec("glm")
    sent(made, seconds(made, 0.1))
    sent(made, JPEG)
    feed(made, "input_audio_buffer.committed", item_id="a")
    assert types(sent(made, seconds(made, 0.1))) == [APPEND, FRAME]
