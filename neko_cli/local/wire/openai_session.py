"""OpenAI's session object: its defaults, its partial updates, and what it means. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neko_cli.local.audio_format import G711_ALAW, G711_ULAW, PCM_24K, AudioFormat
from neko_cli.local.config import EngineConfig
from neko_cli.local.faults import ClientFault
from neko_cli.local.ports import Hearing, Speech
from neko_cli.local.settings import Settings, TurnDetection

OPENAI_VOICES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse",
)  # fmt: skip
"""Names that programs written for OpenAI ask for; here they mean the language's default voice."""

DEFAULT_VOICE = "marin"
DEFAULT_MODEL = "neko-local"
LOGPROBS = "item.input_audio_transcription.logprobs"

_FORMATS = {"audio/pcm": PCM_24K, "audio/pcmu": G711_ULAW, "audio/pcma": G711_ALAW}

_SEMANTIC_SILENCE_MS = {"low": 1500, "medium": 900, "auto": 900, "high": 500}
"""semantic_vad waits so long for somebody who may go on: the eager answer sooner. OpenAI's own upper
bounds are 8, 4 and 2 s, which are too slow where the words tell nothing."""

_FINISHED_SILENCE_MS = {"low": 600, "medium": 350, "auto": 350, "high": 250}
"""The same after words that read as finished, which the ears are asked for at the pause."""

_SERVER_VAD: dict[str, Any] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
_SEMANTIC_VAD: dict[str, Any] = {
    "type": "semantic_vad",
    "eagerness": "auto",
    "create_response": True,
    "interrupt_response": True,
}
_PCM: dict[str, Any] = {"type": "audio/pcm", "rate": 24_000}

_MERGED = ("audio", "input", "output", "transcription", "noise_reduction", "turn_detection")
"""Objects whose absent fields stay as they are; all others are replaced whole."""


def default_session(session_id: str, model: str, expires_at: int) -> dict[str, Any]:
    """The session as it is before the first session.update; the defaults are OpenAI's."""
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model or DEFAULT_MODEL,
        "output_modalities": ["audio"],
        "instructions": "",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": expires_at,
        "audio": {
            "input": {
                "format": dict(_PCM),
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": dict(_SERVER_VAD),
            },
            "output": {"format": dict(_PCM), "voice": DEFAULT_VOICE, "speed": 1.0},
        },
        "include": None,
    }


_DEFAULTS = default_session("", "", 0)


def updated(session: Mapping[str, Any], update: Mapping[str, Any], *, has_spoken: bool) -> dict[str, Any]:
    """The session after an update; raises ClientFault for what cannot change any more."""
    wanted = update.get("model")
    if wanted is not None and wanted != session["model"]:
        raise ClientFault(
            f"The model of a session is fixed when it connects: it is '{session['model']}'.",
            code="invalid_value",
            param="session.model",
        )
    after = _merged(session, update, _DEFAULTS)
    before_voice, after_voice = session["audio"]["output"]["voice"], after["audio"]["output"]["voice"]
    if has_spoken and before_voice != after_voice:
        raise ClientFault(
            "The voice cannot change once the session has answered with sound.",
            code="cannot_update_voice",
            param="session.audio.output.voice",
        )
    return after


def _merged(old: Mapping[str, Any], new: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(old)
    for name, value in new.items():
        default, before = defaults.get(name), old.get(name)
        if value is None:
            # Null clears: to nothing where nothing is possible, else to the default.
            clears = name in ("turn_detection", "transcription", "noise_reduction")
            result[name] = None if clears else default
        elif name == "turn_detection":
            base = _SERVER_VAD if value["type"] == "server_vad" else _SEMANTIC_VAD
            kept = before if before and before["type"] == value["type"] else base
            result[name] = {**kept, **value}
        elif name == "voice":
            result[name] = value["id"] if isinstance(value, dict) else value
        elif name == "format":
            result[name] = {**_PCM, **value} if value["type"] == "audio/pcm" else value
        elif name in _MERGED and isinstance(value, dict) and isinstance(before, dict):
            result[name] = _merged(before, value, default if isinstance(default, dict) else {})
        else:
            result[name] = value
    return result


def settings_of(session: Mapping[str, Any], config: EngineConfig, voices: Sequence[str]) -> Settings:
    """What the session object means for the engine."""
    sound_in, sound_out = session["audio"]["input"], session["audio"]["output"]
    transcription = sound_in["transcription"] or {}
    languages = transcription.get("languages") or [config.language]
    language = transcription.get("language") or languages[0] or config.language
    return Settings(
        instructions=session["instructions"],
        speaking=session["output_modalities"] == ["audio"],
        tools=tuple(session["tools"]),
        tool_choice=_tool_choice(session["tool_choice"]),
        max_tokens=_limit(session["max_output_tokens"]),
        speech=Speech(_voice(sound_out["voice"], voices), language, sound_out["speed"]),
        hearing=Hearing(
            language,
            # A client's keywords are hints at OpenAI; a vocabulary here closes the grammar.
            config.vocabulary,
            config.grammar,
        ),
        transcribe=sound_in["transcription"] is not None,
        input_format=format_of(sound_in["format"]),
        output_format=format_of(sound_out["format"]),
        turns=_turns(sound_in["turn_detection"]),
    )


def with_overrides(session: Mapping[str, Any], response: Mapping[str, Any]) -> dict[str, Any]:
    """The session as one response sees it."""
    names = ("instructions", "output_modalities", "tools", "tool_choice", "max_output_tokens", "audio")
    given = {name: response[name] for name in names if response.get(name) is not None}
    return _merged(session, given, session)


def format_of(value: Mapping[str, Any]) -> AudioFormat:
    """The engine's word for an audio format."""
    return _FORMATS[value["type"]]


def _voice(name: str, voices: Sequence[str]) -> str:
    return name if name in voices else ""


def _tool_choice(value: Any) -> str:
    return str(value["name"]) if isinstance(value, dict) else str(value)


def _limit(value: Any) -> int:
    return 0 if value == "inf" else int(value)


def _turns(value: Mapping[str, Any] | None) -> TurnDetection | None:
    if value is None:
        return None
    answering = {"create_reply": value["create_response"], "interrupt_reply": value["interrupt_response"]}
    if value["type"] == "semantic_vad":
        return TurnDetection(
            silence_ms=_SEMANTIC_SILENCE_MS[value["eagerness"]],
            finished_silence_ms=_FINISHED_SILENCE_MS[value["eagerness"]],
            **answering,
        )
    return TurnDetection(
        threshold=value["threshold"],
        prefix_ms=value["prefix_padding_ms"],
        silence_ms=value["silence_duration_ms"],
        idle_timeout_ms=value["idle_timeout_ms"] or 0,
        **answering,
    )
