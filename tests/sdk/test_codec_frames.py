"""Every frame that a codec of OpenAI's protocols can send fits the official SDK's types, to the last key."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import msgspec
import pytest

from neko_cli.core.codecs import PROVIDERS, make_codec
from neko_cli.core.codecs.base import Detection, HistoryLine, KeepsTime, SessionSpec, TakesLeave
from neko_cli.core.codecs.chat_frames import ENDED, opened
from neko_cli.core.commands import (
    AnswerTool,
    AppendAudio,
    AskReply,
    CancelReply,
    ChangeDetection,
    ClearAudio,
    Command,
    CommitAudio,
    Reconfigure,
    SendImage,
    SendText,
    TellHistory,
    TellSystem,
    ToolSpec,
    TruncateReply,
)
from tests.sdk.validators import Found, validate

pytestmark = pytest.mark.sdk

COMMANDS: tuple[Command, ...] = (
    AppendAudio(bytes(4800)),
    CommitAudio(),
    ClearAudio(),
    SendText("Hello “you” \u202e \x1b[31m"),
    SendImage(b"\xff\xd8\xff", "image/jpeg"),
    TellSystem("data", ask_reply=True),
    TellSystem("data", ask_reply=False),
    TellHistory("user", "Hi"),
    TellHistory("assistant", "Hello"),
    AskReply(),
    AskReply("Be short."),
    CancelReply(),
    CancelReply("resp_1"),
    TruncateReply("item_1", 1200),
    AnswerTool("call_1", "weather", "{}"),
    AnswerTool("call_1", "weather", "{}", continue_reply=False),
    Reconfigure("You are Leo."),
    ChangeDetection(manual=True),
    ChangeDetection(manual=False),
)

FULL = SessionSpec(
    instructions="You are Mio.",
    voice="marin",
    speed=1.2,
    language="de-AT",
    history=(HistoryLine("user", "Hi"), HistoryLine("assistant", "Hello"), HistoryLine("system", "Monday")),
    tools=(
        ToolSpec("weather", "The weather.", {"type": "object", "properties": {"city": {"type": "string"}}}),
    ),
    max_output_tokens=300,
)


def all_frames(name: str, **more: Any) -> list[str]:
    """All frames of a provider, for each way to configure a session."""
    frames: list[str] = []
    for spec, detection, audio, captions in product(
        (SessionSpec(), FULL), Detection, (True, False), (True, False)
    ):
        spec = msgspec.structs.replace(
            spec, detection=detection, want_audio=audio, want_captions=captions, **more
        )
        codec = make_codec(name, spec, key="k", url="ws://localhost:1")
        frames.extend(str(frame) for frame in codec.hello())
        frames.extend(str(frame) for command in COMMANDS for frame in codec.encode(command))
        if isinstance(codec, KeepsTime):
            frames.extend(str(frame) for frame in codec.silence(100))
        if isinstance(codec, TakesLeave):
            frames.extend(str(frame) for frame in codec.goodbye())
    return list(dict.fromkeys(frames))


XAI_SESSION = frozenset(
    {"model", "instructions", "reasoning", "voice", "turn_detection", "resumption", "audio", "tools"}
    | {"replace"}
)
XAI_DETECTION = frozenset(
    {"type", "threshold", "silence_duration_ms", "prefix_padding_ms", "idle_timeout_ms"}
)
"""All settings of xAI's schema (docs.x.ai/voice-realtime.ws.json, October 2026)."""


def as_openai(frame: str) -> str:
    """A frame for xAI as OpenAI would have it: what its documentation has of its own is undone here.

    The voice and the detection of turns stand at the top, and a detection without a type leaves turns
    to us; a session has no type and may ask for resumption, and a language is a hint.
    """
    event = json.loads(frame)
    if event["type"] == "session.update":
        session = event["session"]
        assert set(session) <= XAI_SESSION
        assert session.pop("resumption", {"enabled": True}) == {"enabled": True}
        detection = session.get("turn_detection", {"type": None})
        assert set(detection) <= XAI_DETECTION
        if detection["type"] is None and "turn_detection" in session:
            session["turn_detection"] = None
        audio = session.setdefault("audio", {})
        if "voice" in session:
            audio.setdefault("output", {})["voice"] = session.pop("voice")
        if "turn_detection" in session:
            audio.setdefault("input", {})["turn_detection"] = session.pop("turn_detection")
        heard = audio.get("input", {}).get("transcription") or {}
        if "language_hint" in heard:
            heard["language"] = heard.pop("language_hint")
        session["type"] = "realtime"
    return json.dumps(event)


def look_at(lines: list[str], protocol: str = "realtime") -> Found:
    """What is wrong with frames of a protocol."""
    return validate("dashscope_events" if protocol == "qwen" else "client_events", lines, protocol)


def assert_valid(frames: list[str], protocol: str) -> None:
    found = look_at(frames, protocol)
    assert found.output.strip() == f"ok {len(frames)}", found.output[:2000]


def test_every_command_is_tried() -> None:
    assert {type(command) for command in COMMANDS} == set(Command.__args__)


REALTIME = sorted(name for name, provider in PROVIDERS.items() if provider.family == "openai-ga")


def test_every_frame_of_the_realtime_protocol_is_valid() -> None:
    frames = [as_openai(frame) if name == "xai" else frame for name in REALTIME for frame in all_frames(name)]
    assert len(frames) > 40
    assert_valid(frames, "realtime")


def test_every_frame_of_azures_preview_is_valid() -> None:
    frames = all_frames("azure-preview")
    assert len(frames) > 20
    assert_valid(frames, "beta")


def test_every_frame_for_qwen_is_one_that_its_own_library_knows() -> None:
    frames = all_frames("qwen")
    assert len(frames) > 20
    assert_valid(frames, "qwen")


def test_every_frame_of_the_live_protocol_is_valid() -> None:
    frames = all_frames("openai-live") + all_frames("openai-live", store=True)
    assert len(frames) > 20
    assert_valid(frames, "live")
    forked = all_frames("openai-live", store=True, resume_handle="live_1")
    assert_valid(forked, "fork")


def test_every_request_of_a_chat_is_valid() -> None:
    requests: list[str] = []
    for spec in (SessionSpec(), FULL):
        codec = make_codec("openai-chat", spec, key="k", url="http://localhost:1")
        codec.decode(opened(["gpt-5"]))
        call = {"index": 0, "id": "call_1", "function": {"name": "weather", "arguments": "{}"}}
        for command in (SendText("Is it cold?"), SendImage(b"\xff\xd8\xff", "image/jpeg"), AskReply()):
            requests.extend(str(frame) for frame in codec.encode(command) if isinstance(frame, str))
        codec.decode(json.dumps({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}))
        codec.decode(json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}))
        codec.decode(ENDED)
        requests.extend(str(frame) for frame in codec.encode(AnswerTool("call_1", "weather", "{}")))
        codec.decode(ENDED)
        for command in COMMANDS:
            requests.extend(str(frame) for frame in codec.encode(command) if isinstance(frame, str))
            codec.decode(ENDED)
    assert any('"tool"' in request for request in requests)
    assert any("image_url" in request for request in requests)
    assert_valid(requests, "chat")


MISTAKES: dict[str, tuple[dict[str, Any], ...]] = {
    "realtime": (
        {"type": "session.update", "session": {"type": "realtime", "modalities": ["audio"]}},
        {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["smell"]}},
    ),
    "beta": (
        {"type": "session.update", "session": {"audio": {"output": {"voice": "alloy"}}}},
        {"type": "conversation.item.create", "item": {"type": "message", "audio": "AAAA"}},
    ),
    "qwen": (
        {"type": "session.update", "session": {"modalities": ["text"], "store": True}},
        {"type": "session.update", "session": {"turn_detection": {"type": "server_vad", "eagerness": 1}}},
        {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 1},
    ),
    "live": (
        {"type": "session.thinking.append", "content": "x", "delegation_id": None, "role": "user"},
        {"type": "session.start", "session": {"model": "gpt-live-1", "voice": "marin"}},
    ),
    "fork": ({"type": "session.start", "session": {"model": "gpt-live-1"}},),
    "chat": (
        {"model": "m", "stream": True, "messages": [{"role": "user", "text": "x"}]},
        {"model": "m", "stream": True, "messages": [{"role": "user", "content": "x", "at": 1}]},
    ),
}


@pytest.mark.parametrize("protocol", MISTAKES)
def test_the_check_finds_mistakes(protocol: str) -> None:
    frames = MISTAKES[protocol]
    found = look_at([json.dumps(frame) for frame in frames], protocol)
    assert found.code == 1, found.output
    for number in range(1, len(frames) + 1):
        assert f"event {number}: " in found.output
