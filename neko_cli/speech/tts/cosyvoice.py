"""CosyVoice on DashScope: the duplex task protocol, run-task, continue-task, finish-task.

Sources: Alibaba Cloud Model Studio, "CosyVoice speech synthesis WebSocket API", and DashScope's Python
SDK (``audio/tts_v2``) for the exact fields. Commands are JSON text, sound comes as binary frames in
between. A connection takes a further task, with an id of its own, after ``task-finished``. A task that
gets no text for 23 s fails, so it is begun with its first piece.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from neko_cli.core import classify
from neko_cli.core.addresses import split_address
from neko_cli.core.ports import Endpoint
from neko_cli.speech.tts.by_socket import Begun, Heard, Over, Wire, Word
from neko_cli.speech.tts.settings import VoiceSettings, bearer, host_of
from neko_cli.speech.tts.talk_json import read_json, table_of, text_of, to_json

URL = "wss://dashscope.aliyuncs.com/api-ws/v1/inference"
KEY_NAMES = ("DASHSCOPE_API_KEY",)
MODEL = "cosyvoice-v3-flash"
VOICE = "longanyang"
RATE = 24_000
KEEP_S = 30.0
"""The server closes a connection that is idle for 60 s."""

HINTS = ("zh", "en", "fr", "de", "ja", "ko", "ru")
"""Languages that the service takes as a hint."""


class CosyVoiceTalk:
    """One speech; a :class:`~neko_cli.speech.tts.by_socket.Talk`."""

    def __init__(self, settings: VoiceSettings, who: str, task: str) -> None:
        """``task`` is an id that no other speech has."""
        self._settings = settings
        self._who = who
        self._task = task

    def hello(self) -> Sequence[str]:
        """Begin the task; text waits until it has been started."""
        wanted = self._settings
        parameters: dict[str, Any] = {
            "text_type": "PlainText",
            "voice": wanted.voice or VOICE,
            "format": "pcm",
            "sample_rate": RATE,
            "rate": min(2.0, max(0.5, wanted.speed)),
        }
        hint = wanted.language.lower().partition("-")[0]
        if hint in HINTS:
            parameters["language_hints"] = [hint]
        return [self._command("run-task", {"parameters": parameters, "input": {}})]

    def text(self, piece: str) -> Sequence[str]:
        """A further piece."""
        return [self._command("continue-task", {"input": {"text": f"{piece} "}})]

    def finish(self) -> Sequence[str]:
        """No more text."""
        return [self._command("finish-task", {"input": {}}, whole=False)]

    def receive(self, frame: str | bytes) -> tuple[Sequence[Word], Sequence[str]]:
        """What a frame means; raises the NekoError that it tells."""
        if isinstance(frame, bytes):
            return [Heard(frame, RATE)], ()
        header = table_of(read_json(frame, self._who), "header")
        event = text_of(header, "event")
        if text_of(header, "task_id") not in ("", self._task):
            return (), ()
        if event == "task-started":
            return [Begun()], ()
        if event == "task-finished":
            return [Over(reusable=True)], ()
        if event == "task-failed":
            code = text_of(header, "error_code")
            kind = "invalid_request_error" if code.startswith("InvalidParameter") else None
            raise classify.from_error(code, kind, header.get("error_message"), who=self._who)
        return (), ()

    def _command(self, action: str, payload: dict[str, Any], *, whole: bool = True) -> str:
        if whole:
            payload = {
                "task_group": "audio",
                "task": "tts",
                "function": "SpeechSynthesizer",
                "model": self._settings.model or MODEL,
                **payload,
            }
        header = {"action": action, "task_id": self._task, "streaming": "duplex"}
        return to_json({"header": header, "payload": payload})


def cosyvoice_wire(settings: VoiceSettings) -> Wire:
    """Where and how; raises ConfigError for an address that cannot be used."""
    url = split_address(settings.url or URL).geturl()
    who = host_of(url)
    endpoint = Endpoint(url, bearer(settings.key), insecure=settings.insecure)

    def talk() -> CosyVoiceTalk:
        return CosyVoiceTalk(settings, who, uuid.uuid4().hex)

    return Wire(endpoint, talk, who, settings.silence_s, KEEP_S)
