"""GPT-SoVITS behind the v3 server that the N.E.K.O. project uses: ``/api/v3/tts/stream-input``.

Source: that project's client (``main_logic/tts_client/workers/gptsovits.py``); GPT-SoVITS itself ships no
such endpoint and documents none. Commands are JSON with ``cmd`` init, append and end; the server says
ready, then sends each piece of sound as a binary frame that is a WAV file of its own, and done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from neko_cli.core import classify
from neko_cli.core.addresses import split_address
from neko_cli.core.errors import ConfigError
from neko_cli.core.ports import Endpoint
from neko_cli.speech.tts.by_socket import Begun, Heard, Over, Wire, Word
from neko_cli.speech.tts.settings import VoiceSettings, bearer, host_of
from neko_cli.speech.tts.talk_json import read_json, text_of, to_json
from neko_cli.speech.tts.wav_stream import WavStream

URL = "ws://127.0.0.1:9881"
PATH = "/api/v3/tts/stream-input"
VOICE = "_default"
KEEP_S = 20.0
_RESERVED = ("cmd", "voice_id")


def voice_fields(voice: str, speed: float) -> dict[str, Any]:
    """The fields of ``init`` for a voice ``ID`` or ``ID|{json}``; raises ConfigError."""
    name, mark, more = voice.strip().removeprefix("gsv:").partition("|")
    fields: dict[str, Any] = {}
    if mark:
        try:
            fields = msgspec.json.decode(more, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeError):
            raise ConfigError(
                "What stands behind the | of the voice is no JSON object.",
                hint='Write it as voice = \'name|{"text_lang": "all_zh"}\'.',
            ) from None
    fields = {key: value for key, value in fields.items() if key not in _RESERVED}
    if speed != 1.0:
        fields.setdefault("speed", speed)
    return {"voice_id": name.strip() or VOICE, **fields}


class SovitsTalk:
    """One speech; a :class:`~neko_cli.speech.tts.by_socket.Talk`."""

    def __init__(self, fields: dict[str, Any], who: str) -> None:
        """``fields``: the voice, see :func:`voice_fields`."""
        self._fields = fields
        self._who = who

    def hello(self) -> Sequence[str]:
        """The voice; text waits until the server is ready."""
        return [to_json({"cmd": "init", **self._fields})]

    def text(self, piece: str) -> Sequence[str]:
        """A further piece; the server cuts it into sentences."""
        return [to_json({"cmd": "append", "data": f"{piece} "})]

    def finish(self) -> Sequence[str]:
        """No more text."""
        return [to_json({"cmd": "end"})]

    def receive(self, frame: str | bytes) -> tuple[Sequence[Word], Sequence[str]]:
        """What a frame means; raises what it tells, ProtocolSurprise for sound that is no WAV."""
        if isinstance(frame, bytes):
            wav = WavStream()
            pcm = wav.push(frame)
            return ([Heard(pcm, wav.rate)] if pcm else ()), ()
        event = read_json(frame, self._who)
        kind = text_of(event, "type")
        if kind == "ready":
            return [Begun()], ()
        if kind == "done":
            return [Over()], ()
        if kind == "error":
            raise classify.from_error(event.get("code"), None, event.get("message"), who=self._who)
        return (), ()


def gptsovits_wire(settings: VoiceSettings) -> Wire:
    """Where and how; raises ConfigError for an address or a voice that cannot be used."""
    parts = split_address(settings.url or URL)
    if not parts.path.rstrip("/").endswith(PATH):
        parts = parts._replace(path=parts.path.rstrip("/") + PATH)
    fields = voice_fields(settings.voice, settings.speed)
    url = parts.geturl()
    who = host_of(url)
    endpoint = Endpoint(url, bearer(settings.key), ping_interval=None, insecure=settings.insecure)
    return Wire(endpoint, lambda: SovitsTalk(fields, who), who, settings.silence_s, KEEP_S)
