"""Every frame that the Gemini codec can send fits google-genai's types, with no key unknown to a service.

So do the server messages of the golden conversations, where they are as Google's own servers write them.
"""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import msgspec
import pytest

from neko_cli.core.codecs import PROVIDERS
from neko_cli.core.codecs.base import Detection, SessionSpec
from neko_cli.core.commands import AnswerTool, ToolSpec
from tests.core.codecs import gem, golden
from tests.sdk.test_codec_frames import COMMANDS, FULL
from tests.sdk.validators import validate

pytestmark = pytest.mark.sdk

MODELS = (
    "gemini-3.8-live",
    "gemini-3.8-live-extended-thinking",
    "gemini-3.1-flash-live-preview",
    "gemini-2.5-flash-native-audio-preview-12-2025",
    "gemini-live-2.5-flash",
    "publishers/google/models/gemini-live-2.5-flash-native-audio",
)

PLACE = "https://localhost/v1/projects/p/locations/us-central1"

CALL = json.dumps({"toolCall": {"functionCalls": [{"id": "call_1", "name": "weather", "args": {}}]}})

TOOLS = (
    *FULL.tools,
    ToolSpec("look", "Looks.", {}),
    ToolSpec(
        "plan",
        "Plans.",
        {
            "type": "object",
            "properties": {
                "when": {"type": "string", "format": "date-time"},
                "where": {"anyOf": [{"$ref": "#/$defs/Place"}, {"type": "null"}]},
                "how": {"enum": ["slow", "quick"]},
                "steps": {"type": "array", "items": {"type": ["string", "null"], "maxLength": 80}},
                "cost": {"oneOf": [{"type": "number", "minimum": 0}, {"type": "string"}]},
            },
            "required": ["when"],
            "additionalProperties": False,
            "$defs": {"Place": {"type": "object", "properties": {"town": {"type": "string"}}}},
        },
    ),
)

SPECS = (
    SessionSpec(),
    msgspec.structs.replace(FULL, tools=TOOLS),
    msgspec.structs.replace(FULL, resume_handle="a handle", interrupt_reply=False, threshold=0.2),
    msgspec.structs.replace(FULL, threshold=0.9, history=()),
)


def all_frames() -> list[str]:
    """All frames, for each service, model and way to configure a session."""
    lines: list[str] = []
    services = [name for name, provider in PROVIDERS.items() if provider.family == "gemini"]
    assert services == ["gemini", "vertex"]
    for service, model, spec, detection in product(services, MODELS, SPECS, Detection):
        for audio, captions in ((True, True), (False, False)):
            codec = gem.codec(service, PLACE, **msgspec.structs.asdict(spec) | {
                "model": model, "detection": detection, "want_audio": audio, "want_captions": captions,
            })  # fmt: skip
            frames = list(codec.hello())
            for command in COMMANDS:
                if isinstance(command, AnswerTool):
                    codec.decode(CALL)  # only a call that was made is answered
                frames += codec.encode(command)
            lines += [json.dumps({"service": service, "client": json.loads(frame)}) for frame in frames]
    return list(dict.fromkeys(lines))


def test_every_frame_is_valid() -> None:
    frames = all_frames()
    kinds = {
        (kind, part)
        for line in frames
        for kind, value in json.loads(line)["client"].items()
        for part in value
    }
    assert {
        ("setup", "realtimeInputConfig"), ("setup", "historyConfig"), ("setup", "tools"),
        ("setup", "sessionResumption"), ("setup", "contextWindowCompression"),
        ("clientContent", "turns"), ("toolResponse", "functionResponses"),
        ("realtimeInput", "audio"), ("realtimeInput", "video"), ("realtimeInput", "text"),
        ("realtimeInput", "activityStart"), ("realtimeInput", "activityEnd"),
        ("realtimeInput", "audioStreamEnd"),
    } <= kinds  # fmt: skip
    found = validate("gemini_messages", frames)
    assert found.output.strip() == f"ok {len(frames)}", found.output[:2000]


def is_odd(message: dict[str, Any]) -> bool:
    """Whether a message is one that the SDK's types do not tell of, though others have seen it."""
    left = message.get("goAway", {}).get("timeLeft", "")
    return isinstance(left, dict) or "candidatesTokenCount" in message.get("usageMetadata", {})


def test_the_golden_conversations_are_what_googles_servers_say() -> None:
    lines = [
        json.dumps({"service": service, "server": line["server"]})
        for service in ("gemini", "vertex")
        for name in golden.names(service)
        for line in golden.read(name, service)
        if name != "error.jsonl" and "server" in line and not is_odd(line["server"])
    ]
    assert len(lines) > 80
    found = validate("gemini_messages", lines)
    assert found.output.strip() == f"ok {len(lines)}", found.output[:2000]


@pytest.mark.parametrize(
    ("service", "message"),
    [
        ("gemini", {"setup": {"model": "models/x", "voice": "Leda"}}),
        ("gemini", {"setup": {"model": "models/x", "generation_config": {}}}),
        ("gemini", {"setup": {"generationConfig": {"responseModalities": ["SMELL"]}}}),
        ("gemini", {"setup": {"realtimeInputConfig": {"activityHandling": "NEVER"}}}),
        ("gemini", {"setup": {"realtimeInputConfig": {"automaticActivityDetection": {"silence": 1}}}}),
        ("gemini", {"realtimeInput": {"audio": {"data": "no base64!", "mimeType": "audio/pcm"}}}),
        ("gemini", {"realtimeInput": {"text": "a"}, "clientContent": {}}),
        ("vertex", {"realtimeInput": {"audioStreamEnd": True}}),
    ],
)
def test_the_check_finds_mistakes(service: str, message: dict[str, Any]) -> None:
    found = validate("gemini_messages", [json.dumps({"service": service, "client": message})])
    assert found.code == 1, found.output[:2000]
    assert found.output.startswith("message 1: "), found.output[:2000]
