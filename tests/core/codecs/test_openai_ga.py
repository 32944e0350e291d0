"""The OpenAI GA codec against conversations written from its documentation, and against rubbish."""

from __future__ import annotations

import json
from base64 import b64decode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.capabilities import Capabilities, Resume
from neko_cli.core.codecs.base import Detection
from neko_cli.core.codecs.openai_dialect import Dialect
from neko_cli.core.commands import (
    AppendAudio,
    AskReply,
    CancelReply,
    ClearAudio,
    SendImage,
    SendText,
    TellSystem,
    TruncateReply,
)
from neko_cli.core.errors import Category
from neko_cli.core.provider_events import (
    HandleTold,
    InputTranscript,
    ProviderFault,
    Ready,
    ReplyBegan,
    ReplyEnded,
    ReplySound,
    ReplyStatus,
    ReplyWords,
    ToolRequested,
)
from tests.core.codecs.ga import codec, done, server, sound

# Configuration


def hello(**changes) -> dict:
    return json.loads(codec(**changes).hello()[0])["session"]


def test_semantic_detection_falls_back_where_the_server_has_none() -> None:
    assert hello(detection=Detection.SEMANTIC)["audio"]["input"]["turn_detection"]["type"] == "server_vad"
    able = Capabilities(semantic_vad=True)
    detection = hello(detection=Detection.SEMANTIC, capabilities=able, interrupt_reply=False)["audio"][
        "input"
    ]["turn_detection"]
    assert detection["type"] == "semantic_vad"
    assert detection["interrupt_response"] is False


def test_a_dialect_can_put_settings_at_the_top() -> None:
    session = hello(voice="eve", dialect=Dialect(top_level=frozenset({"voice", "turn_detection"})))
    assert session["voice"] == "eve"
    assert session["turn_detection"]["type"] == "server_vad"
    assert "turn_detection" not in session["audio"]["input"]


@pytest.mark.parametrize(
    ("model", "confidence", "asked"),
    [("gpt-4o-transcribe", True, True), ("gpt-4o-transcribe", False, False), ("whisper-1", True, False)],
)
def test_probabilities_are_asked_for_where_they_exist(model: str, confidence: bool, asked: bool) -> None:
    able = Capabilities(confidence=confidence)
    assert ("include" in hello(transcription_model=model, capabilities=able)) is asked


def test_the_language_is_the_main_one() -> None:
    assert hello(language="zh-Hant-TW")["audio"]["input"]["transcription"]["language"] == "zh"


def test_a_server_without_text_output_is_asked_for_voice() -> None:
    assert hello(want_audio=False, capabilities=Capabilities(text_output=False))["output_modalities"] == [
        "audio"
    ]
    assert hello(want_audio=False)["output_modalities"] == ["text"]


# Commands


def test_long_sound_is_split_and_empty_sound_sends_nothing() -> None:
    pcm = bytes(range(256)) * 10_000
    frames = [json.loads(frame) for frame in codec().encode(AppendAudio(pcm))]
    assert len(frames) == 3
    assert b"".join(b64decode(frame["audio"]) for frame in frames) == pcm
    assert codec().encode(AppendAudio(b"")) == []


def test_what_the_server_cannot_do_becomes_no_frame() -> None:
    unable = codec(
        capabilities=Capabilities(
            cancel=False, clear_input=False, images=False, truncate=False, system_items=False
        )
    )
    for command in (CancelReply(), ClearAudio(), SendImage(b"x", "image/png"), TruncateReply("i", 1)):
        assert unable.encode(command) == []
    (frame,) = unable.encode(TellSystem("data", ask_reply=False))
    assert json.loads(frame)["item"]["role"] == "user"


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.characters()) | st.text(alphabet="\"\\\ud800\udc00\x00\u202e'"))
def test_any_text_makes_valid_json(text: str) -> None:
    made = codec(instructions=text, voice=text)
    for frame in (
        *made.hello(),
        *made.encode(SendText(text)),
        *made.encode(AskReply(text)),
        *made.encode(SendImage(b"\x00", text)),
        *made.encode(CancelReply(text)),
    ):
        msgspec.json.decode(frame)


def test_truncation_counts_what_was_received() -> None:
    made = codec()
    for _ in range(3):
        made.decode(sound("r", "i", bytes(4800)))
    (frame,) = made.encode(TruncateReply("i", 10_000))
    assert json.loads(frame)["audio_end_ms"] == 300
    (frame,) = made.encode(TruncateReply("i", 120))
    assert json.loads(frame)["audio_end_ms"] == 120


# Replies


def test_a_reply_without_a_beginning_gets_one_and_only_one() -> None:
    made = codec()
    assert [type(event) for event in made.decode(sound("r", "i", b"\0\0"))] == [ReplyBegan, ReplySound]
    assert made.decode(server("response.created", response={"id": "r"})) == []
    assert [type(event) for event in made.decode(sound("r", "i", b"\0\0"))] == [ReplySound]


def test_what_comes_after_the_end_is_stale() -> None:
    made = codec()
    made.decode(done("r"))
    for late in (
        sound("r", "i", b"\0\0"),
        server("response.output_text.delta", response_id="r", item_id="i", delta="x"),
        server("response.output_audio.done", response_id="r"),
        server("response.created", response={"id": "r"}),
        server(
            "response.function_call_arguments.done", response_id="r", call_id="c", name="n", arguments="{}"
        ),
        done("r"),
    ):
        assert list(made.decode(late)) == []


def test_a_cancelled_reply_says_no_more_but_ends() -> None:
    """A call that it made is in the conversation all the same, and waits for its answer."""
    made = codec()
    made.decode(server("response.created", response={"id": "r"}))
    made.encode(CancelReply())
    assert list(made.decode(sound("r", "i", b"\0\0"))) == []
    called = server("response.function_call_arguments.done", response_id="r", call_id="c", name="n")
    assert list(made.decode(called)) == [ToolRequested("r", "c", "n", "{}")]
    assert list(made.decode(called)) == []
    (ended,) = made.decode(done("r", "cancelled", status_details={"reason": "client_cancelled"}))
    assert ended.status is ReplyStatus.CANCELLED


def test_ids_may_be_missing() -> None:
    made = codec()
    (began,) = made.decode(server("response.created"))
    (words,) = made.decode(server("response.output_text.delta", delta="x"))
    (ended,) = made.decode(server("response.done"))
    assert began.reply_id == words.reply_id == ended.reply_id != ""
    (began,) = made.decode(server("response.created"))
    assert began.reply_id != ended.reply_id


def test_text_that_came_without_deltas_is_told_when_done() -> None:
    made = codec()
    events = made.decode(
        server("response.output_text.done", response_id="r", item_id="i", content_index=0, text="All.")
    )
    assert list(events) == [ReplyBegan("r"), ReplyWords("r", "All.")]


def test_a_sample_cut_in_two_is_put_together() -> None:
    made = codec()
    sent = bytes(range(30))
    pcm = b""
    for at in range(0, 30, 5):
        pcm += b"".join(
            e.pcm for e in made.decode(sound("r", "i", sent[at : at + 5])) if isinstance(e, ReplySound)
        )
    assert pcm == sent
    made.decode(sound("r", "i", b"\x01"))
    assert [e.pcm for e in made.decode(sound("r", "other", b"\x02\x03"))] == [b"\x02\x03"]


def test_a_call_is_told_once_and_its_name_is_found() -> None:
    made = codec()
    item = {
        "id": "f",
        "type": "function_call",
        "name": "n",
        "call_id": "c",
        "arguments": "",
        "status": "completed",
    }
    made.decode(server("response.output_item.added", response_id="r", item=item))
    events = made.decode(
        server("response.function_call_arguments.done", response_id="r", item_id="f", call_id="c")
    )
    assert list(events) == [ToolRequested("r", "c", "n", "{}")]
    assert list(made.decode(server("response.output_item.done", response_id="r", item=item))) == []
    assert [type(e) for e in made.decode(done("r", output=[item]))] == [ReplyEnded]


def test_a_call_that_only_the_end_tells_is_told_before_it() -> None:
    item = {
        "id": "f",
        "type": "function_call",
        "name": "n",
        "call_id": "c",
        "arguments": "{}",
        "status": "completed",
    }
    assert [type(e) for e in codec().decode(done("r", output=[item]))] == [
        ReplyBegan,
        ToolRequested,
        ReplyEnded,
    ]


def test_a_cumulative_transcript_replaces_what_was_heard() -> None:
    (heard,) = codec().decode(
        server("conversation.item.input_audio_transcription.updated", item_id="i", transcript="so far")
    )
    assert heard == InputTranscript("i", "so far", whole=True, final=False)


@pytest.mark.parametrize(
    ("logprobs", "confidence"),
    [
        (None, None),
        ([], None),
        ([{"logprob": -0.5}], 0.606531),
        ([{"logprob": 99}], 1.0),
        ([{"logprob": -1e9}], 0.0),
    ],
)
def test_confidence(logprobs: object, confidence: float | None) -> None:
    (heard,) = codec().decode(
        server(
            "conversation.item.input_audio_transcription.completed",
            item_id="i",
            transcript="x",
            logprobs=logprobs,
        )
    )
    assert heard.confidence == (pytest.approx(confidence, abs=1e-6) if confidence is not None else None)


# The link


def test_ready_is_told_once_with_what_both_events_say() -> None:
    made = codec(model="m")
    assert not made.decode(server("session.created", session={"id": "s", "expires_at": 9}))
    assert list(made.decode(server("session.updated", session={}))) == [Ready("s", "m", 9.0)]
    assert not made.decode(server("session.updated", session={}))


def test_an_error_before_the_greeting_ends_the_link() -> None:
    (fault,) = codec().decode(server("error", error={"code": "model_not_found", "message": "m"}))
    assert (fault.ends_link, fault.error.category) == (True, Category.REQUEST)


def test_a_refused_configuration_ends_the_link_and_a_refused_item_does_not() -> None:
    made = codec()
    made.decode(server("session.created", session={}))
    (fault,) = made.decode(server("error", error={"code": "invalid_value", "event_id": "neko_setup"}))
    assert fault.ends_link
    (fault,) = made.decode(server("error", error={"code": "invalid_value", "event_id": None}))
    assert not fault.ends_link


def test_a_resumable_server_tells_its_handle() -> None:
    frame = server("conversation.created", conversation={"id": "conv_1"})
    assert list(codec(capabilities=Capabilities(resume=Resume.CONVERSATION)).decode(frame)) == [
        HandleTold("conv_1")
    ]
    assert not codec().decode(frame)


def test_a_failed_reply_without_details_is_still_an_error() -> None:
    (_, ended) = codec().decode(done("r", "failed"))
    assert ended.error.category is Category.SERVER


def test_faults_of_the_account_end_the_link() -> None:
    made = codec()
    made.decode(server("session.created", session={}))
    for code in ("invalid_api_key", "insufficient_quota", "session_expired"):
        (fault,) = made.decode(server("error", error={"code": code}))
        assert isinstance(fault, ProviderFault)
        assert fault.ends_link
