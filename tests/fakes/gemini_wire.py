"""What Gemini's Live API takes: the shape of each message, and whose turn it is. As strict as the service.

Written from the reference (ai.google.dev/api/live), not from our codec.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

Json = dict[str, Any]

VAD = {
    "disabled": bool,
    "startOfSpeechSensitivity": str,
    "endOfSpeechSensitivity": str,
    "prefixPaddingMs": int,
    "silenceDurationMs": int,
}
CONTENT = {"role": str, "parts": [{"text": str}]}
BLOB = {"data": str, "mimeType": str}

SHAPE: Json = {
    "setup": {
        "model": str,
        "generationConfig": {
            "responseModalities": [str],
            "speechConfig": {
                "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": str}},
                "languageCode": str,
            },
            "maxOutputTokens": int,
        },
        "systemInstruction": CONTENT,
        "tools": [{"functionDeclarations": [{"name": str, "description": str, "parameters": dict}]}],
        "realtimeInputConfig": {
            "automaticActivityDetection": VAD,
            "activityHandling": str,
            "turnCoverage": str,
        },
        "sessionResumption": {"handle": str},
        "contextWindowCompression": {"triggerTokens": str, "slidingWindow": {"targetTokens": str}},
        "inputAudioTranscription": {},
        "outputAudioTranscription": {},
        "historyConfig": {"initialHistoryInClientContent": bool},
    },
    "clientContent": {"turns": [CONTENT], "turnComplete": bool},
    "realtimeInput": {
        "audio": BLOB,
        "video": BLOB,
        "text": str,
        "activityStart": {},
        "activityEnd": {},
        "audioStreamEnd": bool,
    },
    "toolResponse": {"functionResponses": [{"id": str, "name": str, "response": dict}]},
}


def mismatch(value: Any, shape: Any, path: str = "message") -> str:
    """Where a value does not fit a shape; empty when it does."""
    if isinstance(shape, type):
        good = isinstance(value, shape) and (shape is bool or not isinstance(value, bool))
        return "" if good else f"{path} is no {shape.__name__}"
    if isinstance(shape, list):
        if not isinstance(value, list) or not value:
            return f"{path} is no list with something in it"
        return next(filter(None, (mismatch(one, shape[0], path) for one in value)), "")
    if not isinstance(value, dict):
        return f"{path} is no object"
    unknown = [f"unknown name {key} at {path}" for key in value if key not in shape]
    inner = (mismatch(value[key], shape[key], f"{path}.{key}") for key in value if key in shape)
    return next(filter(None, [*unknown, *inner]), "")


class Manners:
    """One connection's rules: what it may send now."""

    def __init__(self, *, vertex: bool = False) -> None:
        """``vertex``: calls have no ids, earlier messages are not waited for, and no stream ends."""
        self.vertex = vertex
        self.setup: Json | None = None
        self.is_ready = False
        """Whether the setup was told to be complete."""
        self.awaits_history = False
        self.in_activity = False
        self.calls: set[str] = set()
        """Tool calls that wait for their answer: by id, or on Vertex by name."""

    def breach(self, message: Json) -> str:
        """What is wrong with a message that comes now; empty when nothing is."""
        wrong = mismatch(message, SHAPE)
        if wrong:
            return wrong
        if len(message) != 1:
            return "a message holds one thing"
        (kind,) = message
        if (kind == "setup") is not (self.setup is None):
            return f"{kind} at the wrong time"
        if kind != "setup" and not self.is_ready:
            return f"{kind} before the setup was complete"
        checked: str = getattr(self, f"_{kind}")(message[kind])
        return checked

    def _setup(self, setup: Json) -> str:
        self.setup = setup
        self.awaits_history = bool(setup.get("historyConfig", {}).get("initialHistoryInClientContent"))
        collection = "publishers/google/models/" if self.vertex else "models/"
        if not setup.get("model", "").startswith(collection):
            return "a model without its collection"
        if self.vertex and "historyConfig" in setup:
            return "historyConfig is not known here"
        if setup.get("generationConfig", {}).get("responseModalities") != ["AUDIO"]:
            return "this model speaks, and does nothing else"
        return ""

    def _clientContent(self, content: Json) -> str:
        roles = {turn.get("role") for turn in content.get("turns", [])}
        if not roles <= {"user", "model"}:
            return f"please use a valid role: {roles}"
        if self.awaits_history:
            self.awaits_history = not content.get("turnComplete")
            content["history"] = True
        return ""

    def _realtimeInput(self, given: Json) -> str:
        if self.awaits_history:
            return "realtime input before the history was complete"
        if len(given) != 1:
            return "realtime input holds one thing"
        if "audio" in given:
            return self._audio(given["audio"])
        detects = self.setup and self.setup["realtimeInputConfig"]["automaticActivityDetection"]
        manual = bool(detects) and detects.get("disabled") is True
        ((kind, _),) = given.items()
        if kind in ("activityStart", "activityEnd"):
            if not manual or self.in_activity is (kind == "activityStart"):
                return f"{kind} at the wrong time"
            self.in_activity = kind == "activityStart"
        if kind == "audioStreamEnd" and self.vertex:
            return "audioStreamEnd is not known here"
        if kind == "audioStreamEnd" and manual:
            return "the end of a stream that nobody listens to"
        return ""

    def _audio(self, audio: Json) -> str:
        if audio["mimeType"] != "audio/pcm;rate=16000":
            return f"sound as {audio['mimeType']}"
        try:
            pcm = base64.b64decode(audio["data"], validate=True)
        except binascii.Error:
            return "sound that is not base64"
        return "" if pcm and len(pcm) % 2 == 0 else "sound in half samples"

    def _toolResponse(self, given: Json) -> str:
        name_of = "name" if self.vertex else "id"
        if self.vertex and any("id" in answer for answer in given["functionResponses"]):
            return "an id of a call that has none"
        ids = {answer.get(name_of) for answer in given["functionResponses"]}
        if not ids <= self.calls:
            return f"an answer to nothing: {ids - self.calls}"
        self.calls -= ids
        return ""
