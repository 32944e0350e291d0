"""Qwen-TTS realtime on DashScope: text goes in as it is written, the server decides where to cut it.

Sources: Alibaba Cloud Model Studio, "Qwen-TTS Realtime API: client events", "server events" and
"Interaction flow for real-time speech synthesis". Mode ``server_commit``; the session takes one speech:
after ``session.finish`` the server sends the rest, ``session.finished``, and closes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from neko_cli.core import classify
from neko_cli.core.addresses import split_address, with_query
from neko_cli.core.ports import Endpoint
from neko_cli.speech.tts.by_socket import Begun, Heard, Over, Wire, Word
from neko_cli.speech.tts.settings import VoiceSettings, bearer, host_of
from neko_cli.speech.tts.talk_json import read_json, sound_in, table_of, text_of, to_json

URL = "wss://dashscope.aliyuncs.com/api-ws/v1/realtime"
KEY_NAMES = ("DASHSCOPE_API_KEY",)
MODEL = "qwen3-tts-flash-realtime"
VOICE = "Cherry"
RATE = 24_000
KEEP_S = 10.0

LANGUAGES = {
    "zh": "Chinese",
    "en": "English",
    "de": "German",
    "it": "Italian",
    "pt": "Portuguese",
    "es": "Spanish",
    "ja": "Japanese",
    "ko": "Korean",
    "fr": "French",
    "ru": "Russian",
}


class QwenTalk:
    """One speech; a :class:`~neko_cli.speech.tts.by_socket.Talk`."""

    def __init__(self, settings: VoiceSettings, who: str) -> None:
        self._settings = settings
        self._who = who
        self._ids = itertools.count(1)

    def hello(self) -> Sequence[str]:
        """The session's settings; text waits until the server has taken them."""
        wanted = self._settings
        session: dict[str, Any] = {
            "voice": wanted.voice or VOICE,
            "mode": "server_commit",
            "language_type": LANGUAGES.get(wanted.language.lower().partition("-")[0], "Auto"),
            "response_format": "pcm",
            "sample_rate": RATE,
        }
        if wanted.speed != 1.0:
            session["speech_rate"] = min(2.0, max(0.5, wanted.speed))
        return [self._event("session.update", session=session)]

    def text(self, piece: str) -> Sequence[str]:
        """A further piece."""
        return [self._event("input_text_buffer.append", text=f"{piece} ")]

    def finish(self) -> Sequence[str]:
        """No more text."""
        return [self._event("session.finish")]

    def receive(self, frame: str | bytes) -> tuple[Sequence[Word], Sequence[str]]:
        """What an event means; raises the NekoError that it tells."""
        event = read_json(frame, self._who)
        kind = text_of(event, "type")
        if kind == "error":
            error = table_of(event, "error")
            raise classify.from_error(
                error.get("code"), error.get("type"), error.get("message"), who=self._who
            )
        if kind == "session.updated":
            return [Begun()], ()
        if kind == "response.audio.delta":
            return [Heard(sound_in(event, "delta", self._who), RATE)], ()
        if kind == "session.finished":
            return [Over()], ()
        return (), ()

    def _event(self, kind: str, **fields: Any) -> str:
        return to_json({"event_id": f"event_{next(self._ids)}", "type": kind, **fields})


def qwen_wire(settings: VoiceSettings) -> Wire:
    """Where and how; raises ConfigError for an address that cannot be used."""
    url = with_query(split_address(settings.url or URL), model=settings.model or MODEL)
    who = host_of(url)
    endpoint = Endpoint(url, bearer(settings.key), insecure=settings.insecure)
    return Wire(endpoint, lambda: QwenTalk(settings, who), who, settings.silence_s, KEEP_S)
