"""What servers of the OpenAI GA family differ in, and what of the protocol is easily overlooked."""

from __future__ import annotations

import json
import math
from base64 import b64encode

import pytest

from neko_cli.core.capabilities import Capabilities, Resume
from neko_cli.core.codecs import make_codec
from neko_cli.core.codecs.base import Detection, HistoryLine, SessionSpec
from neko_cli.core.codecs.openai_frames import COMMIT
from neko_cli.core.codecs.openai_user_events import ITEMS_LIMIT
from neko_cli.core.commands import (
    AppendAudio,
    ChangeDetection,
    CommitAudio,
    Reconfigure,
    TellHistory,
    TellSystem,
)
from neko_cli.core.provider_events import (
    HandleTold,
    InputCommitted,
    InputTranscript,
    ProviderFault,
    Ready,
    ReplyBegan,
    ReplyEnded,
    ReplySound,
    ReplySoundEnded,
    ReplyStatus,
    ReplyWords,
    TokenUsage,
    Unknown,
)
from neko_cli.core.resume import is_rejection
from tests.core.codecs.ga import codec, done, server

SERVER_EVENTS = """
conversation.created conversation.item.added conversation.item.created conversation.item.deleted
conversation.item.done conversation.item.input_audio_transcription.completed
conversation.item.input_audio_transcription.delta conversation.item.input_audio_transcription.failed
conversation.item.input_audio_transcription.segment conversation.item.retrieved
conversation.item.truncated error input_audio_buffer.cleared input_audio_buffer.committed
input_audio_buffer.dtmf_event_received input_audio_buffer.speech_started
input_audio_buffer.speech_stopped input_audio_buffer.timeout_triggered mcp_list_tools.completed
mcp_list_tools.failed mcp_list_tools.in_progress output_audio_buffer.cleared
output_audio_buffer.started output_audio_buffer.stopped rate_limits.updated
response.content_part.added response.content_part.done response.created response.done
response.function_call_arguments.delta response.function_call_arguments.done
response.mcp_call.completed response.mcp_call.failed response.mcp_call.in_progress
response.mcp_call_arguments.delta response.mcp_call_arguments.done response.output_audio.delta
response.output_audio.done response.output_audio_transcript.delta
response.output_audio_transcript.done response.output_item.added response.output_item.done
response.output_text.delta response.output_text.done session.created session.updated
""".split()
"""All server events of OpenAI's Realtime API reference (November 2026)."""


@pytest.mark.parametrize("kind", SERVER_EVENTS)
def test_every_documented_event_is_known(kind: str) -> None:
    assert not any(isinstance(event, Unknown) for event in codec().decode(server(kind)))


def session_of(provider: str, **spec) -> dict:
    made = make_codec(provider, SessionSpec(**spec), key="k", url="ws://localhost:1")
    return json.loads(made.hello()[0])["session"]


def test_tracing_is_never_asked_for() -> None:
    assert "tracing" not in session_of("openai")


def test_a_full_context_is_cut_seldom_and_by_much() -> None:
    ratio = {"type": "retention_ratio", "retention_ratio": 0.8}
    assert session_of("openai")["truncation"] == session_of("azure")["truncation"] == ratio
    assert "truncation" not in session_of("embedded")
    assert "truncation" not in session_of("xai")


@pytest.mark.parametrize(("wanted", "asked"), [(300, 300), (4096, 4096), (4097, "inf")])
def test_more_than_the_most_is_no_limit(wanted: int, asked: int | str) -> None:
    assert session_of("openai", max_output_tokens=wanted)["max_output_tokens"] == asked


@pytest.mark.parametrize(
    ("tag", "hint"),
    [
        ("de-AT", "de"),
        ("pt", "pt-BR"),
        ("PT_pt", "pt-PT"),
        ("es-MX", "es-MX"),
        ("es-AR", "es-ES"),
        ("nb", ""),
    ],
)
def test_xai_is_told_languages_as_it_spells_them(tag: str, hint: str) -> None:
    transcription = session_of("xai", language=tag)["audio"]["input"]["transcription"]
    assert transcription.get("language_hint", "") == hint


def test_xai_is_told_nothing_that_it_does_not_know() -> None:
    session = session_of("xai", want_audio=False, threshold=0.0, speed=0.3, max_output_tokens=100)
    assert set(session) == {"audio", "turn_detection", "voice", "resumption"}
    detector = {"type", "threshold", "prefix_padding_ms", "silence_duration_ms"}
    assert set(session["turn_detection"]) == detector
    assert session["turn_detection"]["threshold"] == 0.1
    assert session["audio"]["output"]["speed"] == 0.7


def test_xai_hears_the_program_as_the_system() -> None:
    made = make_codec("xai", SessionSpec(history=(HistoryLine("system", "A note."),)), key="k")
    frames = [*made.hello()[1:], *made.encode(TellSystem("data", ask_reply=False))]
    frames += made.encode(TellHistory("system", "A note."))
    assert {json.loads(frame)["item"]["role"] for frame in frames} == {"system"}
    (update,) = made.encode(Reconfigure("You are Leo."))
    assert json.loads(update)["session"] == {"instructions": "You are Leo."}


MANUAL = SessionSpec(detection=Detection.MANUAL)


def test_xai_answers_what_is_committed_by_itself() -> None:
    made = make_codec("xai", MANUAL, key="k")
    assert made.capabilities.commit_asks
    assert made.encode(CommitAudio()) == made.encode(CommitAudio(ask_reply=False)) == [COMMIT]
    assert not codec().capabilities.commit_asks
    assert len(codec().encode(CommitAudio())) == 2


def test_xai_takes_no_commit_while_its_detector_is_on_and_our_silence_moves_no_time() -> None:
    made = make_codec("xai", SessionSpec(silence_ms=200), key="k")
    second = bytes(48_000)
    made.encode(AppendAudio(second))
    (silence,) = made.encode(CommitAudio())
    assert json.loads(silence) == {
        "type": "input_audio_buffer.append",
        "audio": b64encode(bytes(48 * 1500)).decode(),
    }
    made.encode(AppendAudio(second))
    told = [("speech_started", "audio_start_ms", 2600), ("speech_stopped", "audio_end_ms", 3400)]
    times = [
        made.decode(server(f"input_audio_buffer.{kind}", item_id="i", **{name: at}))[0].at_ms
        for kind, name, at in told
    ]
    assert times == [1100.0, 1900.0]
    made.encode(ChangeDetection(manual=True))
    assert made.encode(CommitAudio()) == [COMMIT]


def test_xai_spells_turns_of_our_own_as_a_detection_without_a_type() -> None:
    assert session_of("xai", detection=Detection.MANUAL)["turn_detection"] == {"type": None}
    (update,) = make_codec("xai", SessionSpec(), key="k").encode(ChangeDetection(manual=True))
    assert json.loads(update)["session"] == {"turn_detection": {"type": None}}
    assert session_of("openai", detection=Detection.MANUAL)["audio"]["input"]["turn_detection"] is None


def test_xai_counts_beside_the_response() -> None:
    usage = {"input_tokens": 4, "output_tokens": 38, "output_token_details": {"audio_tokens": 36}}
    response = {"id": "r", "status": "completed", "status_details": "unimplemented", "usage": {}}
    events = make_codec("xai", SessionSpec(), key="k").decode(
        server("response.done", response=response, usage=usage)
    )
    assert events == [
        ReplyBegan("r"),
        ReplyEnded(
            "r",
            ReplyStatus.COMPLETE,
            usage=TokenUsage(input_tokens=4, output_tokens=38, output_audio_tokens=36),
        ),
    ]


def test_xai_may_use_the_names_of_the_first_version_and_words_come_once() -> None:
    made = make_codec("xai", SessionSpec(), key="k")
    part = {"response_id": "r", "item_id": "i", "content_index": 0}
    events = [
        *made.decode(server("response.text.delta", **part, delta="Hi")),
        *made.decode(server("response.output_audio_transcript.delta", **part, delta="Hi")),
        *made.decode(server("response.audio.delta", **part, delta=b64encode(b"\1\2").decode())),
        *made.decode(server("response.audio.done", **part)),
        *made.decode(server("response.text.done", **part, text="Hi")),
    ]
    assert events == [
        ReplyBegan("r"),
        ReplyWords("r", "Hi"),
        ReplySound("r", "i", b"\1\2"),
        ReplySoundEnded("r"),
    ]
    assert [type(event) for event in codec().decode(server("response.text.delta", **part))] == [Unknown]


@pytest.mark.parametrize("provider", ["embedded", "openai", "azure", "xai"])
def test_what_nobody_wants_an_answer_to_is_committed_alone(provider: str) -> None:
    made = make_codec(provider, MANUAL, url="ws://localhost:1", key="k")
    assert made.encode(CommitAudio(ask_reply=False)) == [COMMIT]


# Transcripts


def heard(kind: str, **fields) -> str:
    return server(f"conversation.item.input_audio_transcription.{kind}", item_id="i", **fields)


def test_probabilities_that_come_with_deltas_count() -> None:
    made = codec()
    made.decode(heard("delta", delta="Hel", logprobs=[{"token": "Hel", "logprob": -0.2}]))
    made.decode(heard("delta", delta="lo", logprobs=[{"token": "lo", "logprob": -0.4}]))
    (event,) = made.decode(heard("completed", transcript="Hello"))
    assert event.confidence == pytest.approx(math.exp(-0.3))
    (again,) = made.decode(heard("completed", transcript="Hello"))
    assert again.confidence is None
    for number in range(ITEMS_LIMIT * 2):
        made.decode(
            server(
                "conversation.item.input_audio_transcription.delta",
                item_id=f"i{number}",
                delta="x",
                logprobs=[{"logprob": -1.0}],
            )
        )
    assert len(made._user._probabilities) == ITEMS_LIMIT


def test_an_interim_state_is_not_final() -> None:
    (event,) = codec().decode(heard("completed", transcript="Hel", status="in_progress"))
    assert event == InputTranscript("i", "Hel", whole=True, final=False)
    (event,) = codec().decode(heard("completed", transcript="Hello", status="completed"))
    assert event == InputTranscript("i", "Hello", whole=True, final=True)


# Words


def part(kind: str, item: str = "i", index: int = 0, **fields) -> str:
    return server(f"response.{kind}", response_id="r", item_id=item, content_index=index, **fields)


def test_words_are_told_once_however_often_the_server_tells_them() -> None:
    made = codec()
    frames = [
        part("output_text.delta", delta="One."),
        part("output_text.delta", item="j", delta="Two."),
        part("output_text.done", text="One."),
        part("content_part.done", part={"type": "text", "text": "One."}),
        part("output_text.done", item="j", text="Two."),
        part("content_part.done", item="j", part={"type": "text", "text": "Two."}),
    ]
    words = [e.delta for frame in frames for e in made.decode(frame) if isinstance(e, ReplyWords)]
    assert words == ["One.", "Two."]


def test_a_part_that_comes_whole_is_told() -> None:
    made = codec()
    events = made.decode(part("content_part.done", part={"type": "audio", "transcript": "Hi."}))
    assert list(events) == [ReplyBegan("r"), ReplyWords("r", "Hi.")]
    assert not made.decode(part("content_part.done", index=1, part={"type": "audio"}))
    assert len(made.decode(done("r"))) == 1


# Going on


def resumed(**fields):
    able = Capabilities(resume=Resume.CONVERSATION)
    return codec(resume_handle="c1", capabilities=able, **fields)


def told_again(item: str) -> str:
    return server("conversation.item.created", item={"id": item, "type": "message"})


def test_what_is_told_again_is_no_news() -> None:
    made = resumed()
    made.decode(server("session.created", session={"id": "s"}))
    assert list(made.decode(server("conversation.created", conversation={"id": "c1"}))) == [HandleTold("c1")]
    for frame in (told_again("old"), heard("completed", transcript="old"), done("old reply")):
        assert not made.decode(frame)
    (ready,) = made.decode(server("session.updated", session={"id": "s"}))
    assert isinstance(ready, Ready)
    late = server("conversation.item.input_audio_transcription.completed", item_id="old", transcript="old")
    assert not made.decode(late)
    assert not made.decode(server("input_audio_buffer.committed", item_id="old"))
    assert list(made.decode(server("input_audio_buffer.committed", item_id="new"))) == [InputCommitted("new")]
    assert not made.decode(told_again("new"))


def test_another_conversation_in_place_of_the_wanted_one_is_a_refusal() -> None:
    made = resumed()
    made.decode(server("session.created", session={"id": "s"}))
    made.decode(server("conversation.created", conversation={"id": "c2"}))
    (fault,) = made.decode(server("session.updated", session={"id": "s"}))
    assert isinstance(fault, ProviderFault)
    assert fault.ends_link
    assert is_rejection(fault.error, "c1")


def test_another_id_with_the_old_items_is_the_same_conversation() -> None:
    made = resumed()
    made.decode(server("conversation.created", conversation={"id": "c2"}))
    made.decode(told_again("old"))
    (ready,) = made.decode(server("session.updated", session={"id": "s"}))
    assert isinstance(ready, Ready)


def test_a_fresh_session_takes_items_for_what_they_are() -> None:
    made = codec(capabilities=Capabilities(resume=Resume.CONVERSATION))
    made.decode(told_again("i"))
    (event,) = made.decode(heard("completed", transcript="Hi"))
    assert event.final
