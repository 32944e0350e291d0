"""Every frame that the OpenAI codec can send fits the official SDK's types, with no unknown key."""

from __future__ import annotations

import json
import subprocess
from itertools import product
from pathlib import Path

import msgspec
import pytest

from neko_cli.core.codecs import PROVIDERS, make_codec
from neko_cli.core.codecs.base import Detection, HistoryLine, SessionSpec
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
from tests.sdk.interpreter import require_sdk, sdk_environment

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


def all_frames() -> list[str]:
    """All frames, for each provider of the family and each way to configure a session."""
    frames: list[str] = []
    for name, provider in PROVIDERS.items():
        if provider.family != "openai-ga":
            continue
        for spec, detection, audio, captions in product(
            (SessionSpec(), FULL), Detection, (True, False), (True, False)
        ):
            spec = msgspec.structs.replace(
                spec, detection=detection, want_audio=audio, want_captions=captions
            )
            codec = make_codec(name, spec, key="k", url="ws://localhost:1")
            frames.extend(str(frame) for frame in codec.hello())
            frames.extend(str(frame) for command in COMMANDS for frame in codec.encode(command))
    return list(dict.fromkeys(frames))


def validate(lines: list[str]) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).with_name("validate_client_events.py")
    return subprocess.run(
        [require_sdk(), str(script)],
        env=sdk_environment(),
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_command_is_tried() -> None:
    assert {type(command) for command in COMMANDS} == set(Command.__args__)


def test_every_frame_is_valid() -> None:
    frames = all_frames()
    assert len(frames) > 40
    result = validate(frames)
    assert result.stdout.strip() == f"ok {len(frames)}", result.stdout[:2000] + result.stderr[-2000:]


@pytest.mark.parametrize(
    "change",
    [
        {"session": {"type": "realtime", "modalities": ["audio"]}},
        {"session": {"type": "realtime", "output_modalities": ["smell"]}},
    ],
)
def test_the_check_finds_mistakes(change: dict) -> None:
    result = validate([json.dumps({"type": "session.update", **change})])
    assert result.returncode == 1, result.stdout
