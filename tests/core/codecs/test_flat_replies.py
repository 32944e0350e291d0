"""Replies of the flat family: each begins once and ends once, whatever a server leaves out."""

from __future__ import annotations

from base64 import b64encode

import pytest

from neko_cli.core.codecs.flat_reply_events import CALLS
from neko_cli.core.commands import AnswerTool, AppendAudio, CancelReply, SendText, TruncateReply
from neko_cli.core.provider_events import (
    ReplyBegan,
    ReplyEnded,
    ReplySound,
    ReplySoundEnded,
    ReplyStatus,
    ReplyWords,
    SpeechBegan,
    TokenUsage,
    ToolRequested,
)
from tests.core.codecs.flat import PROVIDERS, codec, created, done, feed, sent, sound, types

SILENT = ["qwen", "neko-free"]
"""Who may not tell of the end of a reply that was cancelled."""

CAPTION, TEXT = "response.audio_transcript", "response.text"
CANCELLED, INTERRUPTED = ReplyStatus.CANCELLED, ReplyStatus.INTERRUPTED


def ended(reply: str, status: ReplyStatus, reason: str = "") -> ReplyEnded:
    return ReplyEnded(reply, status, reason=reason)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_reply_whose_beginning_is_not_told_begins_with_its_first_piece(provider: str) -> None:
    made = codec(provider)
    assert list(made.decode(sound("r", "i", b"\1\0"))) == [ReplyBegan("r"), ReplySound("r", "i", b"\1\0")]
    assert created(made, "r") == []
    assert done(made, "r") == [ended("r", ReplyStatus.COMPLETE)]
    assert done(made, "r") == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_pieces_without_ids_belong_to_the_reply_that_goes_on(provider: str) -> None:
    made = codec(provider)
    created(made, "r")
    assert feed(made, f"{CAPTION}.delta", delta="Hel") == [ReplyWords("r", "Hel")]
    delta = b64encode(b"\1\0").decode()
    assert feed(made, "response.audio.delta", delta=delta) == [ReplySound("r", "", b"\1\0")]
    assert feed(made, f"{CAPTION}.delta", delta="lo") == [ReplyWords("r", "lo")]
    # All of it again, now with an id that the pieces lacked.
    assert feed(made, f"{CAPTION}.done", response_id="r", item_id="i", transcript="Hello") == []
    assert feed(made, "response.audio.done") == [ReplySoundEnded("r")]
    assert feed(made, "response.done") == [ended("r", ReplyStatus.COMPLETE)]


def test_a_reply_without_any_id_gets_one() -> None:
    made = codec("neko-free")
    (began, words) = feed(made, f"{CAPTION}.delta", delta="Hello")
    assert isinstance(began, ReplyBegan)
    assert words == ReplyWords(began.reply_id, "Hello")
    assert feed(made, "response.done") == [ended(began.reply_id, ReplyStatus.COMPLETE)]
    (second, _) = feed(made, f"{CAPTION}.delta", delta="Again")
    assert second != began


def test_words_that_come_only_at_the_end_are_told_then() -> None:
    made = codec("stepfun")
    created(made, "r")
    assert feed(made, f"{CAPTION}.done", response_id="r", item_id="i", transcript="Hello") == [
        ReplyWords("r", "Hello")
    ]


# Words that come twice


def test_the_words_of_a_voice_are_not_doubled_by_text_beside_it() -> None:
    made = codec("glm")
    created(made, "r")
    events = []
    for piece in ("Good", " day"):
        events += feed(made, f"{TEXT}.delta", response_id="r", delta=piece)
        events += feed(made, f"{CAPTION}.delta", response_id="r", delta=piece)
    events += feed(made, f"{TEXT}.done", response_id="r", text="Good day")
    events += feed(made, f"{CAPTION}.done", response_id="r", transcript="Good day")
    assert events == [ReplyWords("r", "Good"), ReplyWords("r", " day")]


@pytest.mark.parametrize(
    ("provider", "first"),
    # Of GLM's two the captions alone count, see above.
    [(name, first) for name in PROVIDERS for first in (CAPTION, TEXT) if (name, first) != ("glm", TEXT)],
)
def test_whichever_words_come_first_are_the_words(provider: str, first: str) -> None:
    made = codec(provider, want_audio=False)
    other = TEXT if first == CAPTION else CAPTION
    created(made, "r")
    assert feed(made, f"{first}.delta", response_id="r", delta="Hello") == [ReplyWords("r", "Hello")]
    assert feed(made, f"{other}.delta", response_id="r", delta="Hello") == []
    assert feed(made, f"{other}.done", response_id="r", text="Hello", transcript="Hello") == []


@pytest.mark.parametrize("provider", ["stepfun", "glm", "neko-free"])
def test_a_voice_that_nobody_wants_is_thrown_away(provider: str) -> None:
    made = codec(provider, want_audio=False)
    created(made, "r")
    assert list(made.decode(sound("r", "i", b"\1\0"))) == []
    assert feed(made, "response.audio.done", response_id="r") == []
    assert feed(made, f"{CAPTION}.delta", response_id="r", delta="Hello") == [ReplyWords("r", "Hello")]


# Interrupted and cancelled


@pytest.mark.parametrize("provider", SILENT)
def test_a_reply_that_is_spoken_into_ends_without_a_word_of_the_server(provider: str) -> None:
    made = codec(provider)
    made.decode(sound("r", "i", b"\1\0"))
    assert feed(made, "input_audio_buffer.speech_started", item_id="u") == [
        SpeechBegan("u", None),
        ended("r", INTERRUPTED, "turn_detected"),
    ]
    # What the server says of it after all is not heard.
    assert list(made.decode(sound("r", "i", b"\1\0"))) == []
    assert done(made, "r", "cancelled") == []
    assert created(made, "r2") == [ReplyBegan("r2")]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_end_of_a_reply_that_is_not_told_is_the_beginning_of_the_next(provider: str) -> None:
    made = codec(provider)
    created(made, "r")
    assert created(made, "r2") == [ended("r", CANCELLED, "superseded"), ReplyBegan("r2")]
    assert done(made, "r") == []
    assert done(made, "r2") == [ended("r2", ReplyStatus.COMPLETE)]


def test_an_end_without_a_reply_is_nothing() -> None:
    made = codec("qwen")
    cancelled = {"status": "cancelled", "status_details": {"type": "cancelled", "reason": "turn_detected"}}
    assert feed(made, "response.done", response=cancelled) == []
    assert created(made, "r") == [ReplyBegan("r")]


@pytest.mark.parametrize("provider", SILENT)
def test_a_reply_that_we_cancelled_ends_with_its_item_or_with_the_next_one(provider: str) -> None:
    made = codec(provider)
    made.decode(sound("r", "i", b"\1\0"))
    assert sent(made, CancelReply("r")) == [{"type": "response.cancel"}]
    assert feed(made, f"{CAPTION}.delta", response_id="r", delta="more") == []
    item = {"id": "i", "type": "message", "status": "incomplete"}
    assert feed(made, "response.output_item.done", response_id="r", item=item) == [
        ended("r", CANCELLED, "client_cancelled")
    ]
    made.decode(sound("r2", "i2", b"\1\0"))
    sent(made, CancelReply("r2"))
    assert created(made, "r3") == [ended("r2", CANCELLED, "superseded"), ReplyBegan("r3")]
    assert done(made, "r2", "cancelled") == []


@pytest.mark.parametrize("provider", ["stepfun", "neko-free"])
def test_where_the_server_does_not_stop_by_itself_the_next_frame_says_so(provider: str) -> None:
    made = codec(provider)
    made.decode(sound("r", "i", b"\1\0"))
    feed(made, "input_audio_buffer.speech_started", item_id="u")
    assert types(sent(made, AppendAudio(b"\1\0"))) == ["response.cancel", "input_audio_buffer.append"]
    assert types(sent(made, AppendAudio(b"\1\0"))) == ["input_audio_buffer.append"]
    assert list(made.decode(sound("r", "i", b"\1\0"))) == []
    # Nothing to stop: nothing is said.
    done(made, "r", "cancelled")
    feed(made, "input_audio_buffer.speech_started", item_id="u2")
    assert types(sent(made, SendText("Hi"))) == ["conversation.item.create", "response.create"]


def test_one_cancel_is_enough() -> None:
    made = codec("stepfun")
    made.decode(sound("r", "i", b"\1\0"))
    feed(made, "input_audio_buffer.speech_started", item_id="u")
    assert types(sent(made, CancelReply("r"))) == ["response.cancel"]
    assert types(sent(made, AppendAudio(b"\1\0"))) == ["input_audio_buffer.append"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_reply_that_nobody_may_interrupt_goes_on(provider: str) -> None:
    made = codec(provider, interrupt_reply=False)
    made.decode(sound("r", "i", b"\1\0"))
    feed(made, "input_audio_buffer.speech_started", item_id="u", audio_start_ms=1)
    assert list(made.decode(sound("r", "i", b"\2\0"))) == [ReplySound("r", "i", b"\2\0")]
    assert types(sent(made, AppendAudio(b"\1\0"))) == ["input_audio_buffer.append"]


@pytest.mark.parametrize("provider", ["stepfun", "glm"])
def test_a_cancel_that_is_told_by_a_name_of_its_own(provider: str) -> None:
    made = codec(provider)
    made.decode(sound("r", "i", b"\1\0"))
    sent(made, CancelReply("r"))
    assert feed(made, "response.cancelled", response_id="r") == [ended("r", CANCELLED, "client_cancelled")]
    assert done(made, "r", "cancelled") == []
    assert feed(made, "response.cancelled") == []


def test_azure_cancels_by_id_and_cuts_what_was_heard() -> None:
    made = codec("azure-preview")
    made.decode(sound("r", "i", b"\1\0" * 2400))
    assert sent(made, CancelReply("r")) == [{"type": "response.cancel", "response_id": "r"}]
    assert sent(made, TruncateReply("i", 5000)) == [
        {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 100}
    ]
    for provider in ("qwen", "stepfun", "glm", "neko-free"):
        assert sent(codec(provider), TruncateReply("i", 100)) == []


# Tool calls


def test_calls_without_ids_get_some_which_the_server_never_sees() -> None:
    made = codec("glm")
    kind, call = "response.function_call_arguments.done", {"name": "weather", "arguments": '{"city":"Oslo"}'}
    first = feed(made, kind, response_id="r", **call)
    second = feed(made, kind, response_id="r", **call)
    assert first == [ReplyBegan("r"), ToolRequested("r", "call-1", "weather", '{"city":"Oslo"}')]
    assert second == [ToolRequested("r", "call-2", "weather", '{"city":"Oslo"}')]
    # Told again by its item and by the reply's end.
    item = {"type": "function_call", "status": "completed", **call}
    assert feed(made, "response.output_item.done", response_id="r", item=item) == []
    assert done(made, "r", output=[item]) == [ended("r", ReplyStatus.COMPLETE)]
    frames = sent(made, AnswerTool("call-2", "weather", '{"c":-4}'))
    assert frames == [
        {
            "type": "conversation.item.create",
            "item": {"type": "function_call_output", "output": '{"c":-4}'},
        },
        {"type": "response.create"},
    ]


def test_only_so_many_made_up_ids_are_remembered() -> None:
    made = codec("glm")
    for _ in range(3 * CALLS):
        feed(made, "response.function_call_arguments.done", response_id="r", name="weather", arguments="{}")
    assert len(made._replies._made_calls) == CALLS


@pytest.mark.parametrize("provider", ["qwen", "stepfun", "neko-free", "azure-preview"])
def test_a_call_with_an_id_is_told_once_and_answered_by_it(provider: str) -> None:
    made = codec(provider)
    call = {"call_id": "c1", "name": "weather", "arguments": "{}"}
    item = {"id": "i", "type": "function_call", "status": "completed", **call}
    events = [
        *feed(made, "response.function_call_arguments.done", response_id="r", item_id="i", **call),
        *feed(made, "response.output_item.done", response_id="r", item=item),
        *done(made, "r", output=[item]),
    ]
    assert events == [
        ReplyBegan("r"),
        ToolRequested("r", "c1", "weather", "{}"),
        ended("r", ReplyStatus.COMPLETE),
    ]
    (frame,) = sent(made, AnswerTool("c1", "weather", "{}", continue_reply=False))
    assert frame["item"]["call_id"] == "c1"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_arguments_may_be_an_object(provider: str) -> None:
    call = {"call_id": "c1", "name": "weather", "arguments": {"city": "Oslo"}}
    events = feed(codec(provider), "response.function_call_arguments.done", response_id="r", **call)
    assert events[-1].arguments == '{"city":"Oslo"}'


# Usage


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("kind", ["token", "tokens"])
def test_usage_is_counted_by_either_name(provider: str, kind: str) -> None:
    usage = {
        "input_tokens": 9,
        "output_tokens": 5,
        f"input_{kind}_details": {"audio_tokens": 7, "cached_tokens": 2},
        f"output_{kind}_details": {"audio_tokens": 4},
    }
    counted = TokenUsage(
        input_tokens=9, output_tokens=5, input_audio_tokens=7, output_audio_tokens=4, cached_tokens=2
    )
    made = codec(provider)
    created(made, "r")
    assert done(made, "r", usage=usage)[-1].usage == counted
    created(made, "r2")
    # Zhipu's document has it beside the reply.
    (event,) = feed(made, "response.done", response={"id": "r2", "status": "completed"}, usage=usage)
    assert event.usage == counted


def test_nothing_but_zeros_is_not_counted() -> None:
    made = codec("glm")
    created(made, "r")
    (event,) = done(made, "r", usage={"total_tokens": 0, "input_tokens": 0, "output_tokens": 0})
    assert event.usage is None


def test_a_beginning_by_the_name_of_an_end() -> None:
    made = codec("glm")
    assert done(made, "r", "in_progress") == [ReplyBegan("r")]
    assert done(made, "r") == [ended("r", ReplyStatus.COMPLETE)]
