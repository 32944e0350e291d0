"""Qwen's flat session object: its defaults, its partial updates, and what it means. Pure.

Fields and defaults: Alibaba Cloud Model Studio, "Client events" and "Server events" of the
Qwen-Omni-Realtime API (October 2026), and the DashScope SDK 2.0 for Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neko_cli.local.audio_format import AudioFormat, Encoding
from neko_cli.local.config import EngineConfig
from neko_cli.local.faults import ClientFault
from neko_cli.local.ports import Hearing, Speech
from neko_cli.local.settings import Settings, TurnDetection
from neko_cli.local.wire.openai_session import DEFAULT_MODEL

Json = dict[str, Any]

DEFAULT_VOICE = "Tina"
TRANSCRIBER = "qwen3-asr-flash-realtime"
"""The one name that Model Studio knows for its ears."""

INPUT_RATE = 16_000
OUTPUT_RATE = 24_000

LOWEST_THRESHOLD = 0.05
"""Qwen's thresholds reach down to -1; below this the detector would take silence for speech."""

_SERVER_VAD: Json = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 800,
    "create_response": True,
    "interrupt_response": True,
}


def default_session(session_id: str, model: str, expires_at: int) -> Json:
    """The session as it is before the first session.update; Qwen tells no time of expiry."""
    return {
        "id": session_id,
        "object": "realtime.session",
        "model": model or DEFAULT_MODEL,
        "modalities": ["text", "audio"],
        "instructions": "",
        "voice": DEFAULT_VOICE,
        "input_audio_format": "pcm",
        "output_audio_format": "pcm",
        "input_audio_transcription": {"model": TRANSCRIBER},
        "turn_detection": dict(_SERVER_VAD),
        "enable_search": False,
        "search_options": {},
        "tools": [],
        "tool_choice": "auto",
        "temperature": 0.8,
        "max_tokens": 16_384,
        "repetition_penalty": 1.05,
        "presence_penalty": 0.0,
        "top_k": 50,
        "top_p": 1.0,
        "seed": -1,
    }


_DEFAULTS = default_session("", "", 0)

_SWITCHED_OFF_BY_NULL = ("turn_detection", "input_audio_transcription")


def updated(session: Mapping[str, Any], update: Mapping[str, Any], *, has_spoken: bool) -> Json:
    """The session after an update; raises ClientFault for what cannot be or cannot change any more."""
    wanted = update.get("model")
    if wanted is not None and wanted != session["model"]:
        raise ClientFault(
            f"The model of a session is fixed when it connects: it is '{session['model']}'.",
            code="invalid_value",
            param="session.model",
        )
    after = _merged(session, update)
    if has_spoken and after["voice"] != session["voice"]:
        raise ClientFault(
            "The voice cannot change once the session has answered with sound.",
            code="cannot_update_voice",
            param="session.voice",
        )
    if after["enable_search"] and after["tools"]:
        raise ClientFault(
            "enable_search and tools exclude each other.", code="invalid_value", param="session.enable_search"
        )
    return after


def _merged(session: Mapping[str, Any], update: Mapping[str, Any]) -> Json:
    after = dict(session)
    for name, value in update.items():
        before = session.get(name)
        if value is None:
            after[name] = None if name in _SWITCHED_OFF_BY_NULL else _DEFAULTS.get(name)
        elif name == "turn_detection":
            kind = value.get("type", "server_vad")
            kept = before if before and before["type"] == kind else _SERVER_VAD
            after[name] = {**kept, **value, "type": kind}
        elif name == "input_audio_transcription":
            after[name] = {**value, "model": value.get("model") or TRANSCRIBER}
        elif name == "audio":
            after[name] = _nested(before or {}, value)
        else:
            after[name] = value
    voice = after.get("audio", {}).get("output", {}).get("voice")
    if voice:
        after["voice"] = voice
    return after


def _nested(before: Mapping[str, Any], value: Mapping[str, Any]) -> Json:
    """``audio`` with its two sides, each of which is replaced field by field."""
    sides = {name: {**before.get(name, {}), **side} for name, side in value.items() if side}
    return {**before, **sides}


def with_overrides(session: Mapping[str, Any], response: Mapping[str, Any]) -> Json:
    """The session as one response sees it."""
    given = {name: value for name, value in response.items() if value is not None and name in _DEFAULTS}
    return {**session, **given}


def settings_of(session: Mapping[str, Any], config: EngineConfig, voices: Sequence[str]) -> Settings:
    """What the session object means for the engine."""
    transcription = session["input_audio_transcription"] or {}
    language = transcription.get("language") or config.language
    return Settings(
        instructions=session["instructions"],
        speaking="audio" in session["modalities"],
        tools=tuple(_flat(tool) for tool in session["tools"]),
        tool_choice=_tool_choice(session["tool_choice"]),
        max_tokens=session["max_tokens"],
        speech=Speech(session["voice"] if session["voice"] in voices else "", language),
        # A vocabulary here closes the grammar, so it comes from the engine's own settings.
        hearing=Hearing(language, config.vocabulary, config.grammar),
        transcribe=session["input_audio_transcription"] is not None,
        input_format=_format(session, "input", session.get("sample_rate") or INPUT_RATE),
        output_format=_format(session, "output", OUTPUT_RATE),
        turns=_turns(session["turn_detection"]),
    )


def _flat(tool: Mapping[str, Any]) -> Json:
    return {"type": "function", **tool["function"]}


def _tool_choice(value: Any) -> str:
    return str(value["function"]["name"]) if isinstance(value, dict) else str(value)


def _format(session: Mapping[str, Any], side: str, rate: int) -> AudioFormat:
    given = session.get("audio", {}).get(side, {}).get("format", {})
    return AudioFormat(Encoding.PCM, given.get("sample_rate") or rate)


def _turns(value: Mapping[str, Any] | None) -> TurnDetection | None:
    if value is None:
        return None
    return TurnDetection(
        threshold=max(LOWEST_THRESHOLD, value["threshold"]),
        prefix_ms=value["prefix_padding_ms"],
        silence_ms=value["silence_duration_ms"],
        idle_timeout_ms=value.get("idle_timeout_ms") or 0,
        create_reply=value["create_response"],
        interrupt_reply=value["interrupt_response"],
    )
