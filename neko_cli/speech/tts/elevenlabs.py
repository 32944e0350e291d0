"""ElevenLabs' streaming input: a WebSocket for each speech, text in, base64 sound out.

Source: ElevenLabs' API reference, "Text to Speech: WebSocket"
(``/v1/text-to-speech/{voice_id}/stream-input``): the first message holds a single blank and the voice's
settings, texts end with a blank, an empty text ends the speech; ``isFinal`` is the last message. With
``auto_mode`` whole sentences are spoken at once. A connection closes after 20 s without a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from neko_cli.core import classify
from neko_cli.core.addresses import split_address, with_query
from neko_cli.core.ports import Endpoint
from neko_cli.speech.tts.by_socket import Heard, Over, Wire, Word
from neko_cli.speech.tts.settings import VoiceSettings, host_of
from neko_cli.speech.tts.talk_json import read_json, sound_in, text_of, to_json

URL = "wss://api.elevenlabs.io"
KEY_NAMES = ("ELEVENLABS_API_KEY", "ELEVEN_API_KEY")
MODEL = "eleven_flash_v2_5"
VOICE = "JBFqnCBsd6RMkjVDRZzb"
RATE = 24_000
KEEP_S = 10.0
IDLE_S = "60"
"""Seconds without a text after which the server closes; a model may think in the middle of a reply."""

MIN_SPEED, MAX_SPEED = 0.7, 1.2
_TAKES_LANGUAGE = "_v2_5"
"""How models end that a language may be named to; others answer it with an error."""

_CODES = {
    "quota_exceeded": "insufficient_quota",
    "missing_permissions": "permission_denied",
    "too_many_concurrent_requests": "too_many_requests",
    "system_busy": "overloaded",
}
"""Its own words for what our table of codes knows by another name."""

_POLICY = 1008
"""The close code that its errors carry when the request itself is at fault."""


class ElevenTalk:
    """One speech; a :class:`~neko_cli.speech.tts.by_socket.Talk`."""

    def __init__(self, settings: VoiceSettings, who: str) -> None:
        self._settings = settings
        self._who = who

    def hello(self) -> Sequence[str]:
        """Begin; text may follow at once."""
        first: dict[str, Any] = {"text": " "}
        if self._settings.speed != 1.0:
            first["voice_settings"] = {"speed": min(MAX_SPEED, max(MIN_SPEED, self._settings.speed))}
        return [to_json(first)]

    def text(self, piece: str) -> Sequence[str]:
        """A further piece."""
        return [to_json({"text": f"{piece} "})]

    def finish(self) -> Sequence[str]:
        """No more text."""
        return [to_json({"text": ""})]

    def receive(self, frame: str | bytes) -> tuple[Sequence[Word], Sequence[str]]:
        """What a message means; raises what it tells."""
        event = read_json(frame, self._who)
        if event.get("error") or (event.get("code") and "audio" not in event):
            code = text_of(event, "error")
            kind = "invalid_request_error" if event.get("code") == _POLICY else None
            raise classify.from_error(_CODES.get(code, code), kind, event.get("message"), who=self._who)
        words: list[Word] = []
        if sound := sound_in(event, "audio", self._who):
            words.append(Heard(sound, RATE))
        if event.get("isFinal") is True:
            words.append(Over())
        return words, ()


def elevenlabs_wire(settings: VoiceSettings) -> Wire:
    """Where and how; raises ConfigError for an address that cannot be used."""
    parts = split_address(settings.url or URL)
    voice = quote(settings.voice or VOICE, safe="")
    parts = parts._replace(path=f"{parts.path.rstrip('/')}/v1/text-to-speech/{voice}/stream-input")
    model = settings.model or MODEL
    language = settings.language.lower().partition("-")[0] if model.endswith(_TAKES_LANGUAGE) else ""
    url = with_query(
        parts,
        model_id=model,
        output_format=f"pcm_{RATE}",
        auto_mode="true",
        inactivity_timeout=IDLE_S,
        language_code=language,
    )
    who = host_of(url)
    headers = {"xi-api-key": settings.key} if settings.key else {}
    endpoint = Endpoint(url, headers, insecure=settings.insecure)
    return Wire(endpoint, lambda: ElevenTalk(settings, who), who, settings.silence_s, KEEP_S, at_once=True)
