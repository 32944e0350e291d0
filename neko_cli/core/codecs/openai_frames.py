"""Client frames of the OpenAI GA protocol; pure functions, commands in → JSON text out.

Source: OpenAI's Realtime API reference (client events). Frames that carry media are built by hand:
base64 needs no JSON escaping, and running a second of sound through a JSON encoder costs four
times as much (measured).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from neko_cli.core.capabilities import Capabilities, ToolForm
from neko_cli.core.codecs.base import Detection, HistoryLine, SessionSpec
from neko_cli.core.codecs.openai_dialect import Dialect
from neko_cli.core.commands import ToolSpec
from neko_cli.core.text import to_json

SETUP_EVENT = "neko_setup"
"""``event_id`` of the first session.update, by which its refusal is recognised."""

APPEND_BYTES = 1 << 20
"""Sound in one append; OpenAI takes 15 MiB of base64, our own transport 16 MiB."""

RESPONSE_CREATE = '{"type":"response.create"}'
COMMIT = '{"type":"input_audio_buffer.commit"}'
CLEAR = '{"type":"input_audio_buffer.clear"}'


def session_update(spec: SessionSpec, capabilities: Capabilities, dialect: Dialect) -> str:
    """The configuration of a fresh session."""
    transcription = _transcription(spec, capabilities, dialect)
    audio_input: dict[str, Any] = {
        "format": {"type": "audio/pcm", "rate": capabilities.input_rate},
        "transcription": transcription,
    }
    audio_output: dict[str, Any] = {"format": {"type": "audio/pcm", "rate": capabilities.output_rate}}
    if dialect.noise_reduction:
        audio_input["noise_reduction"] = {"type": dialect.noise_reduction}
    if capabilities.speed and spec.speed != 1.0:
        audio_output["speed"] = _within(spec.speed, dialect.speeds)
    session = _session(dialect)
    if dialect.session_type:
        session["output_modalities"] = ["audio" if wants_audio(spec, capabilities) else "text"]
    session["audio"] = {"input": audio_input, "output": audio_output}
    if spec.instructions:
        session["instructions"] = spec.instructions
    _place(session, audio_input, "turn_detection", _turn_detection(spec, capabilities, dialect), dialect)
    if spec.voice:
        _place(session, audio_output, "voice", spec.voice, dialect)
    if spec.tools and capabilities.tools is ToolForm.FLAT:
        session["tools"] = [flat_tool(tool) for tool in spec.tools]
    if spec.max_output_tokens and dialect.max_output:
        within = spec.max_output_tokens <= dialect.max_output
        session["max_output_tokens"] = spec.max_output_tokens if within else "inf"
    if dialect.retention:
        session["truncation"] = {"type": "retention_ratio", "retention_ratio": dialect.retention}
    if dialect.resumption:
        session["resumption"] = {"enabled": True}
    if _wants_logprobs(transcription, capabilities):
        session["include"] = ["item.input_audio_transcription.logprobs"]
    return to_json({"type": "session.update", "event_id": SETUP_EVENT, "session": session})


def wants_audio(spec: SessionSpec, capabilities: Capabilities) -> bool:
    """Whether replies come as voice: when asked for and possible, or when there is nothing else."""
    return capabilities.audio_output and (spec.want_audio or not capabilities.text_output)


def instructions_update(instructions: str, dialect: Dialect) -> str:
    """New instructions in mid-session."""
    return to_json({"type": "session.update", "session": {**_session(dialect), "instructions": instructions}})


def detection_update(spec: SessionSpec, capabilities: Capabilities, dialect: Dialect) -> str:
    """Another way of ending the user's turns in mid-session, as the spec says."""
    session = _session(dialect)
    audio_input: dict[str, Any] = {}
    _place(session, audio_input, "turn_detection", _turn_detection(spec, capabilities, dialect), dialect)
    if audio_input:
        session["audio"] = {"input": audio_input}
    return to_json({"type": "session.update", "session": session})


def append(pcm: bytes, event: str = "input_audio_buffer.append") -> list[str]:
    """Microphone sound; several frames when it is long, none when it is empty."""
    return [
        f'{{"type":"{event}","audio":"{b64encode(pcm[at : at + APPEND_BYTES]).decode()}"}}'
        for at in range(0, len(pcm), APPEND_BYTES)
    ]


def message(role: str, text: str) -> str:
    """A message item of the user, the assistant or the system."""
    kind = "output_text" if role == "assistant" else "input_text"
    return _item({"type": "message", "role": role, "content": [{"type": kind, "text": text}]})


def history(lines: Sequence[HistoryLine], *, others: str = "system") -> list[str]:
    """Earlier messages, oldest first; empty ones are left out, ``others`` is who else's they count as."""
    roles = ("user", "assistant")
    return [message(line.role if line.role in roles else others, line.text) for line in lines if line.text]


def image(data: bytes, media_type: str) -> str:
    """A picture from the user, as a data URL."""
    return (
        '{"type":"conversation.item.create","item":{"type":"message","role":"user",'
        f'"content":[{{"type":"input_image","image_url":{data_url(data, media_type)}}}]}}}}'
    )


def data_url(data: bytes, media_type: str) -> str:
    """A picture as a data URL, in JSON's quotes."""
    opening = to_json(f"data:{media_type};base64,")[:-1]
    return f'{opening}{b64encode(data).decode()}"'


def tool_output(call_id: str, output: str) -> str:
    """The result of a tool call."""
    return _item({"type": "function_call_output", "call_id": call_id, "output": output})


def response_create(instructions: str) -> str:
    """Ask for a reply; non-empty instructions stand in place of the session's for this reply."""
    if not instructions:
        return RESPONSE_CREATE
    return to_json({"type": "response.create", "response": {"instructions": instructions}})


def response_cancel(reply_id: str) -> str:
    """Stop a reply; the current one when no id is given."""
    frame = {"type": "response.cancel"}
    if reply_id:
        frame["response_id"] = reply_id
    return to_json(frame)


def truncate(item_id: str, content_index: int, audio_end_ms: int) -> str:
    """Cut a stored reply at what was heard."""
    return to_json(
        {
            "type": "conversation.item.truncate",
            "item_id": item_id,
            "content_index": content_index,
            "audio_end_ms": audio_end_ms,
        }
    )


def _item(item: dict[str, Any]) -> str:
    return to_json({"type": "conversation.item.create", "item": item})


def _place(session: dict[str, Any], usual: dict[str, Any], name: str, value: Any, dialect: Dialect) -> None:
    (session if name in dialect.top_level else usual)[name] = value


def flat_tool(tool: ToolSpec) -> dict[str, Any]:
    """A tool as OpenAI's Realtime and Responses APIs describe it."""
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }


def _session(dialect: Dialect) -> dict[str, Any]:
    return {"type": "realtime"} if dialect.session_type else {}


def _within(value: float, bounds: tuple[float, float]) -> float:
    return min(max(value, bounds[0]), bounds[1])


def _turn_detection(spec: SessionSpec, capabilities: Capabilities, dialect: Dialect) -> dict[str, Any] | None:
    if spec.detection is Detection.MANUAL or not capabilities.server_vad:
        return {"type": None} if dialect.typed_manual else None
    answers = {"create_response": True, "interrupt_response": spec.interrupt_reply}
    common = answers if dialect.detector_answers else {}
    if spec.detection is Detection.SEMANTIC and capabilities.semantic_vad:
        return {"type": "semantic_vad", "eagerness": "auto", **common}
    return {
        "type": "server_vad",
        "threshold": _within(spec.threshold, dialect.thresholds),
        "prefix_padding_ms": spec.prefix_padding_ms,
        "silence_duration_ms": spec.silence_ms,
        **common,
    }


def _transcription(spec: SessionSpec, capabilities: Capabilities, dialect: Dialect) -> dict[str, Any] | None:
    model = spec.transcription_model or dialect.transcription_model
    if not (spec.want_captions and capabilities.captions and model):
        return None
    language = _language(spec.language, dialect)
    return {"model": model, dialect.language_field: language} if language else {"model": model}


def _language(tag: str, dialect: Dialect) -> str:
    whole = tag.replace("_", "-").lower()
    main = whole.partition("-")[0]
    if dialect.languages:
        return dialect.languages.get(whole) or dialect.languages.get(main, "")
    # OpenAI takes ISO 639-1, so of “zh-Hant-TW” it gets “zh”.
    return main


def _wants_logprobs(transcription: dict[str, Any] | None, capabilities: Capabilities) -> bool:
    # The whisper models tell no probabilities.
    return capabilities.confidence and transcription is not None and "whisper" not in transcription["model"]
