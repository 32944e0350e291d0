"""How a session of the flat family is configured, by dialect."""

from __future__ import annotations

from typing import Any

import pytest

from neko_cli.core.codecs.base import Detection, HistoryLine
from neko_cli.core.commands import (
    AskReply,
    ChangeDetection,
    Reconfigure,
    SendImage,
    TellHistory,
    TellSystem,
    ToolSpec,
)
from tests.core.codecs.flat import PROVIDERS, codec, parsed, sent, types

TOOL = ToolSpec("weather", "The weather in a city.", {"type": "object", "properties": {}})
SERVER_VAD = {"type": "server_vad"}
TIMES = {"prefix_padding_ms": 300, "silence_duration_ms": 700}


def hello(provider: str, **spec: Any) -> dict[str, Any]:
    """The settings that are sent first."""
    frame = parsed(codec(provider, **spec).hello())[0]
    assert frame["type"] == "session.update"
    return dict(frame["session"])


@pytest.mark.parametrize(
    ("provider", "heard", "said"),
    [
        ("qwen", "pcm", "pcm"),
        ("stepfun", "pcm16", "pcm16"),
        ("glm", "pcm16", "pcm"),
        ("neko-free", "pcm16", "pcm16"),
        ("azure-preview", "pcm16", "pcm16"),
    ],
)
def test_sound_is_described_as_each_wants_it(provider: str, heard: str, said: str) -> None:
    session = hello(provider)
    assert (session["input_audio_format"], session["output_audio_format"]) == (heard, said)


@pytest.mark.parametrize(
    ("provider", "rate"),
    [
        ("qwen", 16_000),
        ("stepfun", 24_000),
        ("glm", 16_000),
        ("neko-free", 16_000),
        ("azure-preview", 24_000),
    ],
)
def test_the_rates(provider: str, rate: int) -> None:
    can = codec(provider).capabilities
    assert (can.input_rate, can.output_rate) == (rate, 24_000)


@pytest.mark.parametrize(
    ("provider", "text_alone"),
    [("qwen", True), ("stepfun", False), ("glm", False), ("neko-free", False), ("azure-preview", True)],
)
def test_text_is_asked_for_where_it_can_be(provider: str, text_alone: bool) -> None:
    wanted = ["text"] if text_alone else ["text", "audio"]
    assert hello(provider, want_audio=False)["modalities"] == wanted
    assert hello(provider)["modalities"] == ["text", "audio"]


@pytest.mark.parametrize(
    ("provider", "detection"),
    [
        (
            "qwen",
            {**SERVER_VAD, "threshold": 0.5, **TIMES, "create_response": True, "interrupt_response": True},
        ),
        ("stepfun", {**SERVER_VAD, **TIMES, "energy_awakeness_threshold": 2500}),
        ("glm", SERVER_VAD),
        ("neko-free", {**SERVER_VAD, **TIMES, "energy_awakeness_threshold": 2500}),
        (
            "azure-preview",
            {**SERVER_VAD, "threshold": 0.5, **TIMES, "create_response": True, "interrupt_response": True},
        ),
    ],
)
def test_the_detector(provider: str, detection: dict[str, Any]) -> None:
    assert hello(provider)["turn_detection"] == detection


@pytest.mark.parametrize("provider", PROVIDERS)
def test_turns_that_we_end_have_no_detector(provider: str) -> None:
    off = {"type": "client_vad"} if provider == "glm" else None
    assert hello(provider, detection=Detection.MANUAL)["turn_detection"] == off
    made = codec(provider)
    (frame,) = sent(made, ChangeDetection(manual=True))
    assert frame["session"]["turn_detection"] == off
    (frame,) = sent(made, ChangeDetection(manual=False))
    assert frame["session"]["turn_detection"] == hello(provider)["turn_detection"]


def test_the_models_own_judgement_is_asked_for_where_there_is_one() -> None:
    assert hello("qwen", detection=Detection.SEMANTIC)["turn_detection"]["type"] == "semantic_vad"
    assert hello("stepfun", detection=Detection.SEMANTIC)["turn_detection"]["type"] == "server_vad"


@pytest.mark.parametrize(("asked", "sent_ms"), [(50, 200), (900, 900), (20_000, 6000)])
def test_the_silence_is_kept_in_the_range_that_is_taken(asked: int, sent_ms: int) -> None:
    assert hello("qwen", silence_ms=asked)["turn_detection"]["silence_duration_ms"] == sent_ms


def test_a_reply_that_nobody_may_interrupt() -> None:
    assert hello("qwen", interrupt_reply=False)["turn_detection"]["interrupt_response"] is False


@pytest.mark.parametrize("provider", PROVIDERS)
def test_tools_are_described_flat_or_nested(provider: str) -> None:
    inner = {"name": "weather", "description": TOOL.description, "parameters": dict(TOOL.parameters)}
    nested = {"type": "function", "function": inner}
    flat = {"type": "function", **inner}
    wanted = nested if provider in ("qwen", "stepfun", "neko-free") else flat
    assert hello(provider, tools=(TOOL,))["tools"] == [wanted]
    assert "tools" not in hello(provider)


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("qwen", "max_tokens"),
        ("stepfun", "max_response_output_tokens"),
        ("glm", "max_output_tokens"),
        ("azure-preview", "max_response_output_tokens"),
    ],
)
def test_the_length_of_a_reply_is_limited_by_the_name_that_each_has_for_it(provider: str, name: str) -> None:
    assert hello(provider, max_output_tokens=300)[name] == 300
    assert name not in hello(provider)


def test_what_was_heard_is_asked_for_where_there_is_a_setting() -> None:
    assert hello("qwen", language="zh")["input_audio_transcription"] == {"model": "qwen3-asr-flash-realtime"}
    assert hello("qwen", want_captions=False)["input_audio_transcription"] is None
    assert hello("azure-preview", language="zh-Hant-TW")["input_audio_transcription"] == {
        "model": "whisper-1",
        "language": "zh",
    }
    for provider in ("stepfun", "glm", "neko-free"):
        assert "input_audio_transcription" not in hello(provider, language="zh")


def test_a_model_that_hears_of_its_voice_in_the_instructions_alone() -> None:
    wanted = {"instructions": "You are Mio.", "model": "step-audio-2-mini"}
    assert hello("stepfun", **wanted)["instructions"] == "You are Mio.\n\n请使用默认女声与用户交流"
    man = hello("stepfun", voice="wenrounansheng", **wanted)
    assert man["instructions"] == "You are Mio.\n\n请使用默认男声与用户交流"
    assert hello("stepfun", instructions="You are Mio.")["instructions"] == "You are Mio."
    (frame,) = sent(codec("stepfun", **wanted), Reconfigure("You are Leo."))
    assert frame["session"]["instructions"] == "You are Leo.\n\n请使用默认女声与用户交流"


def test_glm_is_told_its_model_and_its_mode_and_searches_nothing_by_itself() -> None:
    session = hello("glm", model="glm-realtime-flash")
    assert session["model"] == "glm-realtime-flash"
    assert session["beta_fields"] == {"chat_mode": "audio", "tts_source": "e2e", "auto_search": False}


# Changes


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_change_says_everything_where_what_is_left_out_falls_back(provider: str) -> None:
    made = codec(provider, instructions="You are Mio.", tools=(TOOL,))
    first = parsed(made.hello())[0]["session"]
    (frame,) = sent(made, Reconfigure("You are Leo."))
    if provider == "glm":
        assert frame["session"] == {**first, "instructions": "You are Leo."}
    else:
        assert frame["session"] == {"instructions": "You are Leo."}
    # It holds from now on.
    (frame,) = sent(made, ChangeDetection(manual=True))
    assert frame["session"].get("instructions", "You are Leo.") == "You are Leo."
    assert ("tools" in frame["session"]) is (provider == "glm")


def test_the_first_picture_changes_the_mode_of_a_call_once_and_for_all() -> None:
    made = codec("glm", instructions="You are Mio.", tools=(TOOL,))
    first = sent(made, SendImage(b"jpeg", "image/jpeg"))
    assert types(first) == ["session.update", "input_audio_buffer.append_video_frame"]
    assert first[0]["session"]["beta_fields"]["chat_mode"] == "video_passive"
    assert first[0]["session"]["turn_detection"] == SERVER_VAD
    assert first[0]["session"]["tools"]
    assert types(sent(made, SendImage(b"jpeg", "image/jpeg"))) == ["input_audio_buffer.append_video_frame"]
    (frame,) = sent(made, Reconfigure("You are Leo."))
    assert frame["session"]["beta_fields"]["chat_mode"] == "video_passive"


# What was said before

LINES = (
    HistoryLine("user", "Hello"),
    HistoryLine("assistant", "Hi."),
    HistoryLine("system", "It is Monday."),
    HistoryLine("user", ""),
)


def told(provider: str) -> list[tuple[str, str, str]]:
    frames = parsed(codec(provider, history=LINES, recollection="Before: hello.").hello())[1:]
    items = [frame["item"] for frame in frames]
    return [(item["role"], item["content"][0]["type"], item["content"][0]["text"]) for item in items]


@pytest.mark.parametrize("provider", ["glm", "azure-preview"])
def test_history_is_told_as_messages_of_all_roles(provider: str) -> None:
    assert told(provider) == [
        ("user", "input_text", "Hello"),
        ("assistant", "text", "Hi."),
        ("system", "input_text", "It is Monday."),
    ]
    assert "instructions" not in hello(provider, history=LINES, recollection="Before: hello.")


@pytest.mark.parametrize("provider", ["stepfun", "neko-free"])
def test_what_no_role_is_there_for_goes_into_the_instructions(provider: str) -> None:
    assert told(provider) == [("user", "input_text", "Hello"), ("assistant", "text", "Hi.")]
    session = hello(provider, instructions="You are Mio.", history=LINES, recollection="Before: hello.")
    assert session["instructions"] == "You are Mio.\n\nIt is Monday."


def test_qwen_is_told_in_its_instructions_and_remembers_through_every_change() -> None:
    assert told("qwen") == []
    made = codec("qwen", instructions="You are Mio.", history=LINES, recollection="Before: hello.")
    first = parsed(made.hello())[0]["session"]["instructions"]
    assert first.startswith("You are Mio.\n\nIt is Monday.\n\n")
    assert "\nUser: Hello\nCharacter: Hi.\n" in first
    (frame,) = sent(made, TellHistory("user", "I like tea."))
    (frame,) = sent(made, TellHistory("assistant", "So do I."))
    instructions = frame["session"]["instructions"]
    # Everything once: what the recollection says stands in the history as well.
    said = "\nUser: Hello\nCharacter: Hi.\nUser: I like tea.\nCharacter: So do I.\n"
    assert instructions == first.replace("\nUser: Hello\nCharacter: Hi.\n", said)
    (frame,) = sent(made, Reconfigure("You are Leo."))
    assert frame["session"]["instructions"] == instructions.replace("You are Mio.", "You are Leo.")
    (frame,) = sent(made, AskReply("Greet."))
    assert frame["response"]["instructions"] == frame["response"]["instructions"].replace("Mio", "Leo")
    assert frame["response"]["instructions"].endswith("\n\nGreet.")
    assert sent(made, TellHistory("user", "")) == []


def test_what_is_told_in_instructions_stays_small() -> None:
    made = codec("qwen", instructions="You are Mio.")
    for number in range(500):
        (frame,) = sent(made, TellHistory("user", f"line {number} " + "x" * 200))
    assert len(frame["session"]["instructions"]) < 64 * 400
    assert "line 499" in frame["session"]["instructions"]


@pytest.mark.parametrize(
    ("provider", "role"),
    [
        ("qwen", "user"),
        ("stepfun", "user"),
        ("glm", "system"),
        ("neko-free", "user"),
        ("azure-preview", "system"),
    ],
)
def test_a_word_aside_comes_by_the_role_that_each_takes(provider: str, role: str) -> None:
    frames = sent(codec(provider), TellSystem("The build is done.", ask_reply=True))
    assert types(frames) == ["conversation.item.create", "response.create"]
    assert frames[0]["item"]["role"] == role
    assert types(sent(codec(provider), TellSystem("Quiet.", ask_reply=False))) == ["conversation.item.create"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_how_to_answer_is_said_with_the_request_or_before_it(provider: str) -> None:
    frames = sent(codec(provider, instructions="You are Mio."), AskReply("In one word."))
    if provider in ("qwen", "azure-preview"):
        assert frames == [
            {"type": "response.create", "response": {"instructions": "You are Mio.\n\nIn one word."}}
        ]
    else:
        assert types(frames) == ["conversation.item.create", "response.create"]
        assert frames[1] == {"type": "response.create"}
