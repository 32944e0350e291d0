"""The Gemini codec against conversations written from its documentation: configuration and commands."""

from __future__ import annotations

import json
from base64 import b64decode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.codecs.base import Detection, HistoryLine
from neko_cli.core.commands import (
    AnswerTool,
    AppendAudio,
    AskReply,
    CommitAudio,
    SendImage,
    SendText,
    TellHistory,
    TellSystem,
    ToolSpec,
)
from neko_cli.core.provider_events import HandleTold, Surprise, Unknown
from tests.core.codecs import golden
from tests.core.codecs.gem import SERVER_FRAMES, codec, sent, setup, told, words

SERVICES = ("gemini", "vertex")

FILES = [(service, name) for service in SERVICES for name in golden.names(service)]


@pytest.mark.parametrize(("service", "name"), FILES, ids=map("/".join, FILES))
def test_a_golden_conversation(service: str, name: str) -> None:
    made, lines = golden.conversation(name, service)
    assert len(lines) > 3
    for number, line in enumerate(lines, 2):
        assert golden.play_line(made, line) == line, f"{service}/{name}, line {number}"


@pytest.mark.parametrize("service", SERVICES)
def test_both_services_have_every_conversation(service: str) -> None:
    wanted = {*golden.CONVERSATIONS, "resume"}
    assert wanted <= {name.removesuffix(".jsonl") for name in golden.names(service)}
    assert all("2026" in golden.read(name, service)[0]["document"] for name in golden.names(service))


def test_the_golden_files_hold_every_message() -> None:
    shown = {key for frame in SERVER_FRAMES for key in json.loads(frame)}
    assert shown >= {
        "setupComplete", "serverContent", "toolCall", "toolCallCancellation", "usageMetadata", "goAway",
        "sessionResumptionUpdate", "voiceActivity", "voiceActivityDetectionSignal",
    }  # fmt: skip
    made = codec()
    studio = golden.server_frames("gemini")
    odd = [event for event in told(made, *studio) if isinstance(event, Unknown | Surprise)]
    assert [event.type for event in odd if isinstance(event, Unknown)] == [
        "code",
        "message",
        "status",
        "somethingNew",
    ]
    assert [event.reason for event in odd if isinstance(event, Surprise)] == [
        "a message that holds nothing",
        "sound that is not base64",
    ]


# Configuration


def test_handles_are_asked_for_and_never_null() -> None:
    assert setup()["sessionResumption"] == {}
    assert setup(resume_handle="h")["sessionResumption"] == {"handle": "h"}


def test_a_session_is_unlimited() -> None:
    assert setup()["contextWindowCompression"] == {"slidingWindow": {}}


@pytest.mark.parametrize(
    ("threshold", "sensitivity"),
    [(0.0, "START_SENSITIVITY_HIGH"), (0.5, None), (1.0, "START_SENSITIVITY_LOW")],
)
def test_the_detector(threshold: float, sensitivity: str | None) -> None:
    wanted = setup(threshold=threshold, silence_ms=450)["realtimeInputConfig"]["automaticActivityDetection"]
    assert wanted.pop("startOfSpeechSensitivity", None) == sensitivity
    assert wanted == {"silenceDurationMs": 450}


def test_push_to_talk_switches_the_detector_off() -> None:
    wanted = setup(detection=Detection.MANUAL)["realtimeInputConfig"]
    assert wanted["automaticActivityDetection"] == {"disabled": True}


@pytest.mark.parametrize(
    ("interrupt", "handling"), [(True, "START_OF_ACTIVITY_INTERRUPTS"), (False, "NO_INTERRUPTION")]
)
def test_what_speech_does_to_a_reply(interrupt: bool, handling: str) -> None:
    assert setup(interrupt_reply=interrupt)["realtimeInputConfig"]["activityHandling"] == handling


@pytest.mark.parametrize(
    ("model", "language", "sent_language"),
    [
        ("gemini-3.8-live", "de-AT", None),
        ("gemini-2.5-flash-native-audio-preview-12-2025", "de-AT", None),
        ("gemini-live-2.5-flash", "de_AT", "de-AT"),
        ("gemini-live-2.5-flash", "de", None),
    ],
)
def test_a_language_is_set_where_the_model_takes_one(
    model: str, language: str, sent_language: str | None
) -> None:
    speech = setup(model=model, language=language)["generationConfig"]["speechConfig"]
    assert speech.get("languageCode") == sent_language
    assert speech["voiceConfig"] == {"prebuiltVoiceConfig": {"voiceName": "Leda"}}


def test_no_captions_are_asked_for_when_none_are_wanted() -> None:
    assert "inputAudioTranscription" not in setup(want_captions=False)


def test_tools_are_declared_blocking_only_where_they_would_not_be() -> None:
    tool = ToolSpec("now", "The time.", {"type": "object", "properties": {}})
    for model, behavior in [
        ("gemini-3.8-live", "BLOCKING"),
        ("gemini-3.8-live-extended-thinking", None),
        ("gemini-3.1-flash-live-preview", None),
        ("gemini-2.5-flash-native-audio-preview-12-2025", None),
    ]:
        (declared,) = setup(model=model, tools=(tool,))["tools"][0]["functionDeclarations"]
        assert declared.get("behavior") == behavior
        assert "parameters" not in declared


# History

HISTORY = (HistoryLine("user", "a"), HistoryLine("user", "b"), HistoryLine("assistant", "c"))


def test_earlier_messages_go_out_once_before_the_first_command() -> None:
    made = codec(history=HISTORY)
    assert setup(made)["historyConfig"] == {"initialHistoryInClientContent": True}
    told_first, append = sent(made, AppendAudio(b"\0\0"))
    assert told_first["clientContent"] == {
        "turns": [
            {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
            {"role": "model", "parts": [{"text": "c"}]},
        ],
        "turnComplete": True,
    }
    assert "audio" in append["realtimeInput"]
    assert len(sent(made, AppendAudio(b"\0\0"))) == 1


def test_a_service_that_waits_for_no_history_is_told_it_without_asking() -> None:
    made = codec("vertex", model="gemini-3.8-live", history=HISTORY)
    assert "historyConfig" not in setup(made)
    assert sent(made, SendText("x"))[0]["clientContent"]["turnComplete"] is False


@pytest.mark.parametrize("model", ["gemini-3.1-flash-live-preview", "gemini-2.5-flash-native-audio-latest"])
def test_models_that_take_no_messages_later_recollect_by_their_instructions(model: str) -> None:
    made = codec(model=model, history=HISTORY, recollection="It was blue.", instructions="You are Mio.")
    assert not made.capabilities.seed_history
    wanted = setup(made)
    assert wanted["systemInstruction"]["parts"] == [{"text": "You are Mio."}, {"text": "It was blue."}]
    assert "historyConfig" not in wanted
    assert sent(made, TellHistory("user", "x")) == []
    assert sent(made, TellSystem("x", ask_reply=False)) == []


def test_a_session_that_goes_on_is_told_nothing_again() -> None:
    made = codec(history=HISTORY, recollection="blue", resume_handle="h", instructions="You are Mio.")
    assert setup(made)["systemInstruction"]["parts"] == [{"text": "You are Mio."}]
    assert len(sent(made, SendText("x"))) == 1


# Commands


def test_typed_words_are_a_turn_or_realtime_input_as_the_model_takes_them() -> None:
    assert sent(codec(), SendText("x")) == [
        {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "x"}]}], "turnComplete": True}}
    ]
    assert sent(codec(model="gemini-3.1-flash-live-preview"), SendText("x")) == [
        {"realtimeInput": {"text": "x"}}
    ]


def test_words_behind_a_picture_take_the_same_way() -> None:
    made = codec()
    sent(made, SendImage(b"\xff\xd8", "image/jpeg"))
    assert sent(made, SendText("x")) == [{"realtimeInput": {"text": "x"}}]
    assert "clientContent" in sent(made, SendText("y"))[0]


def test_an_utterance_by_key_is_an_activity() -> None:
    made = codec(detection=Detection.MANUAL)
    assert [*sent(made, AppendAudio(b"\1\0")), *sent(made, CommitAudio())] == [
        {"realtimeInput": {"activityStart": {}}},
        {"realtimeInput": {"audio": {"data": "AQA=", "mimeType": "audio/pcm;rate=16000"}}},
        {"realtimeInput": {"activityEnd": {}}},
    ]
    assert sent(made, CommitAudio()) == []


def test_a_closed_microphone_lets_the_detector_finish() -> None:
    assert sent(codec(), CommitAudio()) == [{"realtimeInput": {"audioStreamEnd": True}}]
    made = codec("vertex", silence_ms=700)
    quiet = b"".join(b64decode(f["realtimeInput"]["audio"]["data"]) for f in sent(made, CommitAudio()))
    assert quiet == bytes(2 * 16 * 1200)


def test_long_sound_is_split_and_empty_sound_sends_nothing() -> None:
    pcm = bytes(range(256)) * 500
    found = sent(codec(), AppendAudio(pcm))
    assert len(found) == 4
    assert b"".join(b64decode(frame["realtimeInput"]["audio"]["data"]) for frame in found) == pcm
    assert sent(codec(detection=Detection.MANUAL), AppendAudio(b"")) == []


@pytest.mark.parametrize(
    ("output", "response"),
    [
        ('{"a": 1}', {"a": 1}),
        ("plain", {"output": "plain"}),
        ("[1]", {"output": [1]}),
        ("[" * 5000, {"output": "[" * 5000}),
    ],
)
def test_a_tools_result_is_an_object(output: str, response: dict) -> None:
    (frame,) = sent(codec(), AnswerTool("c", "n", output))
    assert frame["toolResponse"]["functionResponses"] == [{"name": "n", "response": response, "id": "c"}]


def test_a_reply_without_input_is_asked_for_in_words() -> None:
    for model in ("gemini-3.8-live", "gemini-3.1-flash-live-preview"):
        assert "Please go on." in json.dumps(sent(codec(model=model), AskReply()))
        assert "Be short." in json.dumps(sent(codec(model=model), AskReply("Be short.")))


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.characters()) | st.text(alphabet="\"\\\ud800\udc00\x00\u202e'"))
def test_any_text_makes_valid_json(text: str) -> None:
    for model in ("gemini-3.8-live", "gemini-3.1-flash-live-preview"):
        made = codec(model=model, instructions=text, voice=text, history=(HistoryLine("user", text),))
        for frame in (
            *made.hello(),
            *made.encode(SendText(text)),
            *made.encode(AskReply(text)),
            *made.encode(SendImage(b"\x00", text)),
            *made.encode(AnswerTool(text, text, text)),
        ):
            msgspec.json.decode(frame)


def test_a_handle_of_a_session_that_does_not_know_its_history_is_none() -> None:
    """It would be gone on with without ever being told what was said before."""
    update = json.dumps({"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}})
    made = codec(history=(HistoryLine("user", "Hi"),))
    assert told(made, update) == [HandleTold("")]
    sent(made, SendText("x"))
    assert told(made, update) == [HandleTold("")]  # it may have been on its way
    told(made, words("a"))
    assert told(made, update) == [HandleTold("h")]
    assert told(codec(), update) == [HandleTold("h")]
