"""StepFun's streaming speech: a session on a WebSocket, text deltas in, base64 sound out.

Source: StepFun's API reference, "Streaming text-to-speech" (api-reference/audio/ws_audio). The server
names a session in ``tts.connection.done``; ``tts.create`` sets it up; after ``tts.text.done`` the rest
comes, ``tts.response.audio.done``, and the connection is released. It closes after 60 s without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neko_cli.core import classify
from neko_cli.core.addresses import split_address, with_query
from neko_cli.core.errors import ProtocolSurprise
from neko_cli.core.ports import Endpoint
from neko_cli.speech.tts.by_socket import Begun, Heard, Over, Wire, Word
from neko_cli.speech.tts.settings import VoiceSettings, bearer, host_of
from neko_cli.speech.tts.talk_json import read_json, sound_in, table_of, text_of, to_json
from neko_cli.speech.tts.wav_stream import WavStream

URL = "wss://api.stepfun.com/v1/realtime/audio"
KEY_NAMES = ("STEP_API_KEY",)
MODEL = "step-tts-2"
VOICE = "cixingnansheng"
RATE = 24_000
KEEP_S = 30.0


class StepTalk:
    """One speech; a :class:`~neko_cli.speech.tts.by_socket.Talk`."""

    def __init__(self, settings: VoiceSettings, who: str) -> None:
        self._settings = settings
        self._who = who
        self._session = ""

    def hello(self) -> Sequence[str]:
        """Nothing: the server speaks first."""
        return ()

    def text(self, piece: str) -> Sequence[str]:
        """A further piece."""
        return [self._event("tts.text.delta", text=f"{piece} ")]

    def finish(self) -> Sequence[str]:
        """No more text."""
        return [self._event("tts.text.done")]

    def receive(self, frame: str | bytes) -> tuple[Sequence[Word], Sequence[str]]:
        """What an event means, and the set-up as the answer to the first one; raises what it tells."""
        event = read_json(frame, self._who)
        kind, data = text_of(event, "type"), table_of(event, "data")
        if kind == "tts.connection.done":
            self._session = text_of(data, "session_id")
            if not self._session:
                raise ProtocolSurprise(f"{self._who} names no session.")
            return (), [self._set_up()]
        if kind == "tts.response.created":
            return [Begun()], ()
        if kind == "tts.response.audio.delta":
            return self._heard(sound_in(data, "audio", self._who)), ()
        if kind == "tts.response.audio.done":
            return [*self._heard(sound_in(data, "audio", self._who)), Over()], ()
        if kind in ("tts.response.error", "error"):
            error = data or table_of(event, "error")
            raise classify.from_error(
                error.get("code"), error.get("type"), error.get("message"), who=self._who
            )
        return (), ()

    def _heard(self, sound: bytes) -> list[Word]:
        if sound[:4] == b"RIFF":  # older servers send each piece as a file of its own
            wav = WavStream()
            return [Heard(pcm, wav.rate)] if (pcm := wav.push(sound)) else []
        return [Heard(sound, RATE)] if sound else []

    def _set_up(self) -> str:
        wanted = self._settings
        fields: dict[str, Any] = {
            "voice_id": wanted.voice or VOICE,
            "response_format": "pcm",
            "sample_rate": RATE,
        }
        if wanted.speed != 1.0:
            fields["speed_ratio"] = min(2.0, max(0.5, wanted.speed))
        return self._event("tts.create", **fields)

    def _event(self, kind: str, **fields: Any) -> str:
        return to_json({"type": kind, "data": {"session_id": self._session, **fields}})


def stepfun_wire(settings: VoiceSettings) -> Wire:
    """Where and how; raises ConfigError for an address that cannot be used."""
    url = with_query(split_address(settings.url or URL), model=settings.model or MODEL)
    who = host_of(url)
    endpoint = Endpoint(url, bearer(settings.key), insecure=settings.insecure)
    return Wire(endpoint, lambda: StepTalk(settings, who), who, settings.silence_s, KEEP_S)
