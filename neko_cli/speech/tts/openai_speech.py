"""Any server with OpenAI's speech endpoint: ``POST {base}/audio/speech``, the answer is the sound.

Source: OpenAI's API reference, "Create speech" (resources/audio/subresources/speech/methods/create):
``model``, ``voice``, ``input`` (4,096 characters), ``response_format``, ``speed`` 0.25 … 4. ``pcm`` is
16-bit little-endian mono at 24 kHz without a header. Servers that know no ``pcm`` answer with WAV,
which is taken as well.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from neko_cli.core.errors import InvalidRequest, ServerFault
from neko_cli.speech.tts.by_http import HttpVoice
from neko_cli.speech.tts.settings import VoiceSettings, bearer, http_address
from neko_cli.speech.tts.wav_stream import WavStream

BASE = "https://api.openai.com/v1"
KEY_NAMES = ("OPENAI_API_KEY",)
MODEL = "gpt-4o-mini-tts"
VOICE = "marin"
PCM_RATE = 24_000
PATH = "/audio/speech"
SNIFF = 12
"""Bytes that tell a WAV file."""

_RATE = re.compile(r"rate=(\d{4,6})")
_OTHERS = ("audio/mpeg", "audio/mp3", "audio/ogg", "audio/opus", "audio/aac", "audio/flac")


def speech_url(url: str, *, insecure: bool) -> str:
    """The endpoint for a base, a host alone or the endpoint itself; raises ConfigError."""
    parts = urlsplit(http_address(url or BASE, insecure=insecure))
    path = parts.path.removesuffix(PATH) or "/v1"
    return urlunsplit(parts._replace(path=path + PATH))


def request_body(settings: VoiceSettings, text: str) -> dict[str, Any]:
    """The JSON of a request."""
    body: dict[str, Any] = {
        "model": settings.model or MODEL,
        "voice": settings.voice or VOICE,
        "input": text,
        "response_format": "pcm",
    }
    if settings.speed != 1.0:
        body["speed"] = min(4.0, max(0.25, settings.speed))
    return body


class SoundBody:
    """The body of an answer: headerless PCM or WAV, told apart by its first bytes. Pure."""

    def __init__(self, content_type: str) -> None:
        """Raises InvalidRequest for a format that cannot be read."""
        kind = content_type.partition(";")[0].strip().lower()
        if kind in _OTHERS:
            raise InvalidRequest(
                f"The voice sends {kind}, which neko does not read.",
                hint="Choose a server or model that can answer with pcm or wav.",
            )
        rate = _RATE.search(content_type)
        self.rate = int(rate.group(1)) if rate else PCM_RATE
        self._head = b""
        self._wav: WavStream | None = None
        self._told = False

    def push(self, data: bytes) -> bytes:
        """Add bytes; returns the PCM in them. Raises ProtocolSurprise for a WAV that is not 16-bit mono."""
        if not self._told:
            self._head += data
            if len(self._head) < SNIFF:
                return b""
            data, self._head, self._told = self._head, b"", True
            if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
                self._wav = WavStream()
        if self._wav is None:
            return data
        pcm = self._wav.push(data)
        self.rate = self._wav.rate or self.rate
        return pcm

    def end(self) -> bytes:
        """What is left of a body that was too short to tell."""
        head, self._head = self._head, b""
        return head


class OpenAiSpeech:
    """A :class:`~neko_cli.speech.tts.by_pieces.PieceSource`."""

    def __init__(self, settings: VoiceSettings) -> None:
        """Raises ConfigError for an address that cannot be used."""
        self._settings = settings
        url = speech_url(settings.url, insecure=settings.insecure)
        self._http = HttpVoice(url, bearer(settings.key), silence_s=settings.silence_s)

    async def open(self) -> None:
        """Make ready. Nothing is sent: a key is only judged with the first text."""
        await self._http.open()

    async def speak(self, text: str) -> AsyncGenerator[tuple[bytes, int], None]:
        """The sound as it streams in; raises NekoError."""
        any_sound = False
        async with self._http.post(request_body(self._settings, text)) as answer:
            body = SoundBody(answer.headers.get("content-type", ""))
            async for data in answer.aiter_bytes():
                if pcm := body.push(data):
                    any_sound = True
                    yield pcm, body.rate
            if rest := body.end():
                any_sound = True
                yield rest, body.rate
        if not any_sound:
            raise ServerFault(f"{self._http.who} sent no sound.", code="no_sound")

    async def aclose(self) -> None:
        """Close the connections; idempotent."""
        await self._http.aclose()
