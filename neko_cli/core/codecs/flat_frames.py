"""Client frames of the flat family; pure functions.

Frames that OpenAI's GA protocol has too are in ``openai_frames``. Sources: DashScope's client events of
Qwen-Omni-Realtime, StepFun's realtime API reference, Zhipu's GLM-Realtime reference and SDK, and
Microsoft's preview of Azure OpenAI's ``/realtime``.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from neko_cli.core.capabilities import Capabilities, ToolForm
from neko_cli.core.codecs.base import Detection, SessionSpec
from neko_cli.core.codecs.flat_dialect import FlatDialect, PictureEvent, VadForm
from neko_cli.core.codecs.openai_frames import SETUP_EVENT, flat_tool, wants_audio
from neko_cli.core.commands import ToolSpec
from neko_cli.core.text import to_json

LOUDEST = 5000
"""The upper end of StepFun's loudness for its detector; half of it is the default."""

SILENCE_MS = 200, 6000
"""The range in which DashScope takes ``silence_duration_ms``; it suits the others as well."""


def update(session: dict[str, Any], *, setup: bool = False) -> str:
    """New settings; the first ones carry an id, by which their refusal is recognised."""
    event = {"event_id": SETUP_EVENT} if setup else {}
    return to_json({"type": "session.update", **event, "session": session})


def settings(
    spec: SessionSpec, capabilities: Capabilities, dialect: FlatDialect, *, manual: bool, chat_mode: str
) -> dict[str, Any]:
    """All settings of a session but its instructions."""
    voiced = wants_audio(spec, capabilities)
    session: dict[str, Any] = {"model": spec.model} if dialect.model_in_session else {}
    session["modalities"] = ["text", "audio"] if voiced else ["text"]
    if spec.voice and voiced:
        session["voice"] = spec.voice
    session["input_audio_format"] = dialect.input_format
    session["output_audio_format"] = dialect.output_format
    transcription = _transcription(spec, capabilities, dialect)
    if transcription is not None:
        session["input_audio_transcription"] = transcription or None
    session["turn_detection"] = turn_detection(spec, capabilities, dialect, manual=manual)
    if dialect.noise_reduction:
        session["input_audio_noise_reduction"] = {"type": dialect.noise_reduction}
    if spec.tools and capabilities.tools is not ToolForm.NONE:
        session["tools"] = [_tool(tool, capabilities.tools) for tool in spec.tools]
    if spec.max_output_tokens and dialect.max_tokens:
        session[dialect.max_tokens] = spec.max_output_tokens
    if chat_mode:
        # What is said is not sent to a search engine unless somebody has asked for one.
        session["beta_fields"] = {"chat_mode": chat_mode, "tts_source": "e2e", "auto_search": False}
    return session


def turn_detection(
    spec: SessionSpec, capabilities: Capabilities, dialect: FlatDialect, *, manual: bool
) -> dict[str, Any] | None:
    """Who ends the user's turns; None leaves it to us."""
    if manual or not capabilities.server_vad:
        return {"type": dialect.manual_detection} if dialect.manual_detection else None
    semantic = spec.detection is Detection.SEMANTIC and capabilities.semantic_vad
    kind = "semantic_vad" if semantic else "server_vad"
    if dialect.vad is VadForm.BARE:
        return {"type": kind}
    shortest, longest = SILENCE_MS
    times = {
        "prefix_padding_ms": spec.prefix_padding_ms,
        "silence_duration_ms": min(max(spec.silence_ms, shortest), longest),
    }
    if dialect.vad is VadForm.ENERGY:
        return {"type": kind, **times, "energy_awakeness_threshold": round(spec.threshold * LOUDEST)}
    return {
        "type": kind,
        "threshold": spec.threshold,
        **times,
        "create_response": True,
        "interrupt_response": spec.interrupt_reply,
    }


def message(role: str, text: str) -> str:
    """A message item; what the assistant said is plain ``text`` here."""
    kind = "text" if role == "assistant" else "input_text"
    return to_json(
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": role, "content": [{"type": kind, "text": text}]},
        }
    )


def tool_output(call_id: str, output: str) -> str:
    """The result of a tool call; without an id where the server has none."""
    item = {"type": "function_call_output", **({"call_id": call_id} if call_id else {}), "output": output}
    return to_json({"type": "conversation.item.create", "item": item})


def picture(event: PictureEvent, data: bytes) -> str:
    """A picture, by the event that the server wants."""
    field = "video_frame" if event is PictureEvent.VIDEO_FRAME else "image"
    return f'{{"type":"{event}","{field}":"{b64encode(data).decode()}"}}'


def _transcription(
    spec: SessionSpec, capabilities: Capabilities, dialect: FlatDialect
) -> dict[str, Any] | None:
    """How speech is to be turned into text; empty for not at all, None where there is no such setting."""
    if not dialect.transcription_model:
        return None
    if not (spec.want_captions and capabilities.captions):
        return {}
    told = {"model": spec.transcription_model or dialect.transcription_model}
    language = spec.language.replace("_", "-").partition("-")[0].lower()
    return {**told, "language": language} if language and dialect.transcription_language else told


def _tool(tool: ToolSpec, form: ToolForm) -> dict[str, Any]:
    flat = flat_tool(tool)
    return {"type": flat.pop("type"), "function": flat} if form is ToolForm.NESTED else flat
