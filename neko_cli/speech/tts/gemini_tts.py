"""Gemini's speech models over HTTP: ``streamGenerateContent`` with the audio modality.

Sources: Google's Gemini API reference, "Generating content" (ai.google.dev/api/generate-content:
``generationConfig.responseModalities``, ``speechConfig.voiceConfig.prebuiltVoiceConfig``), and the guide
"Speech generation": sound comes as base64 in ``inlineData`` of type ``audio/L16;codec=pcm;rate=24000``,
16-bit little-endian mono. With ``alt=sse`` each event holds one partial answer.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from neko_cli.core import classify
from neko_cli.core.errors import InvalidRequest, ProtocolSurprise, ServerFault
from neko_cli.speech.tts.by_http import HttpVoice
from neko_cli.speech.tts.settings import VoiceSettings, http_address

BASE = "https://generativelanguage.googleapis.com"
KEY_NAMES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
MODEL = "gemini-3.8-flash-lite-tts"
VOICE = "Leda"
PCM_RATE = 24_000
MAX_EVENT = 16 * 1024 * 1024
"""Characters of one event: several minutes of sound."""

_RATE = re.compile(r"rate=(\d{4,6})")
_BLOCKED = ("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "RECITATION", "SPII", "LANGUAGE")


def request_url(settings: VoiceSettings) -> str:
    """The method's address for the model; raises ConfigError."""
    base = http_address(settings.url or BASE, insecure=settings.insecure)
    base = base if base.rpartition("/")[2].startswith("v1") else f"{base}/v1beta"
    model = (settings.model or MODEL).removeprefix("models/")
    return f"{base}/models/{model}:streamGenerateContent?alt=sse"


def request_body(settings: VoiceSettings, text: str) -> dict[str, Any]:
    """The JSON of a request."""
    voice = {"prebuiltVoiceConfig": {"voiceName": settings.voice or VOICE}}
    return {
        "contents": [{"role": "user", "parts": [{"text": text}]}],
        "generationConfig": {"responseModalities": ["AUDIO"], "speechConfig": {"voiceConfig": voice}},
    }


def sound_of(event: str, who: str) -> list[tuple[bytes, int]]:
    """The sound in one event; raises a NekoError that it tells, ProtocolSurprise when it is unreadable."""
    try:
        data: Any = msgspec.json.decode(event)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ProtocolSurprise(f"{who} sent what is no JSON.") from None
    if not isinstance(data, dict):
        raise ProtocolSurprise(f"{who} sent an event that is no object.")
    if isinstance(error := data.get("error"), dict):
        raise classify.from_error(error.get("code"), error.get("status"), error.get("message"), who=who)
    feedback = data.get("promptFeedback")
    if isinstance(feedback, dict) and feedback.get("blockReason"):
        raise InvalidRequest(f"{who} does not speak this text.", code=str(feedback["blockReason"])[:80])
    found = []
    for candidate in _list(data.get("candidates")):
        content = candidate.get("content")
        for part in _list(content.get("parts")) if isinstance(content, dict) else []:
            blob = part.get("inlineData")
            if isinstance(blob, dict) and isinstance(blob.get("data"), str):
                rate = _RATE.search(str(blob.get("mimeType", "")))
                found.append((_bytes(blob["data"], who), int(rate.group(1)) if rate else PCM_RATE))
        if not found and candidate.get("finishReason") in _BLOCKED:
            raise InvalidRequest(f"{who} does not speak this text.", code=str(candidate["finishReason"]))
    return found


def _list(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _bytes(data: str, who: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolSurprise(f"{who} sent sound that cannot be read.") from None


class GeminiSpeech:
    """A :class:`~neko_cli.speech.tts.by_pieces.PieceSource`."""

    def __init__(self, settings: VoiceSettings) -> None:
        """Raises ConfigError for an address that cannot be used."""
        self._settings = settings
        headers = {"x-goog-api-key": settings.key} if settings.key else {}
        self._http = HttpVoice(request_url(settings), headers, silence_s=settings.silence_s)

    async def open(self) -> None:
        """Make ready. Nothing is sent: a key is only judged with the first text."""
        await self._http.open()

    async def speak(self, text: str) -> AsyncGenerator[tuple[bytes, int], None]:
        """The sound as it streams in; raises NekoError."""
        any_sound = False
        async with self._http.post(request_body(self._settings, text)) as answer:
            async for line in answer.aiter_lines():
                if len(line) > MAX_EVENT:
                    raise ProtocolSurprise(f"{self._http.who} sent an event that is too long.")
                if not line.startswith("data:"):
                    continue
                for sound in sound_of(line[5:], self._http.who):
                    any_sound = True
                    yield sound
        if not any_sound:
            raise ServerFault(f"{self._http.who} sent no sound.", code="no_sound")

    async def aclose(self) -> None:
        """Close the connections; idempotent."""
        await self._http.aclose()
