"""Client frames of Gemini's Live API; pure functions, commands in → JSON text out.

Source: the Live API's WebSocket reference (ai.google.dev/api/live) and the google-genai SDK 3.6.1.
Frames that carry media are built by hand: base64 needs no JSON escaping.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from neko_cli.core.capabilities import Capabilities, ToolForm
from neko_cli.core.codecs.base import Detection, HistoryLine, SessionSpec
from neko_cli.core.codecs.gemini_dialect import GeminiDialect, Traits
from neko_cli.core.codecs.gemini_schema import declaration
from neko_cli.core.codecs.json_fields import parse
from neko_cli.core.pcm import bytes_for
from neko_cli.core.text import to_json

AUDIO_BYTES = 32_000
"""Sound in one frame: a second. Google's own clients send at most 32 KB at once."""

SENSITIVE, HARD_OF_HEARING = 0.35, 0.65
"""Thresholds of the profile up to which, and from which on, the start sensitivity is not the usual one."""

END_SILENCE_MS = 500.0
"""Sent beyond the detector's own silence where nothing else ends what was said."""

ACTIVITY_START = '{"realtimeInput":{"activityStart":{}}}'
ACTIVITY_END = '{"realtimeInput":{"activityEnd":{}}}'
AUDIO_STREAM_END = '{"realtimeInput":{"audioStreamEnd":true}}'


def setup(
    spec: SessionSpec,
    capabilities: Capabilities,
    dialect: GeminiDialect,
    traits: Traits,
    *,
    model: str,
    history_follows: bool,
) -> str:
    """The first message, which configures the connection for its whole life.

    ``model`` is its whole name; ``history_follows`` has the service wait for earlier messages.
    """
    wanted: dict[str, Any] = {
        "model": model,
        "generationConfig": _generation(spec, capabilities, traits),
        "realtimeInputConfig": _realtime_input(spec),
        # An empty table asks for handles; a handle of null closes the link with 1007.
        "sessionResumption": {"handle": spec.resume_handle} if spec.resume_handle else {},
        # Without it a session ends after 15 minutes of sound, 2 with pictures.
        "contextWindowCompression": {"slidingWindow": {}},
    }
    if paragraphs := _instructions(spec, capabilities):
        wanted["systemInstruction"] = {"parts": [{"text": text} for text in paragraphs]}
    if spec.tools and capabilities.tools is ToolForm.DECLARATIONS:
        declared = [declaration(tool, blocking=traits.declare_blocking) for tool in spec.tools]
        wanted["tools"] = [{"functionDeclarations": declared}]
    if spec.want_captions and capabilities.captions:
        wanted["inputAudioTranscription"] = {}
    if speaks(spec, capabilities):
        wanted["outputAudioTranscription"] = {}
    if history_follows and dialect.initial_history:
        wanted["historyConfig"] = {"initialHistoryInClientContent": True}
    return to_json({"setup": wanted})


def speaks(spec: SessionSpec, capabilities: Capabilities) -> bool:
    """Whether replies come as voice: when asked for and possible, or when there is nothing else."""
    return capabilities.audio_output and (spec.want_audio or not capabilities.text_output)


def seedable(spec: SessionSpec, capabilities: Capabilities) -> tuple[HistoryLine, ...]:
    """The earlier messages that go into the conversation; others stand in the instructions."""
    if not capabilities.seed_history or spec.resume_handle:
        return ()
    return tuple(line for line in spec.history if line.role in ("user", "assistant") and line.text)


def client_content(lines: Sequence[HistoryLine], *, complete: bool) -> str:
    """Messages of the conversation, in order; ``complete`` asks for a reply, and stops the present one."""
    turns: list[dict[str, Any]] = []
    for line in lines:
        # There is no system here: a session that is told of one is closed with 1007.
        role = "model" if line.role == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["parts"].append({"text": line.text})
        else:
            turns.append({"role": role, "parts": [{"text": line.text}]})
    return to_json({"clientContent": {"turns": turns, "turnComplete": complete}})


def realtime_text(text: str, *, in_activity: bool) -> list[str]:
    """Typed words as realtime input; without a detector they need an activity around them."""
    words = to_json({"realtimeInput": {"text": text}})
    return [ACTIVITY_START, words, ACTIVITY_END] if in_activity else [words]


def audio(pcm: bytes, rate: int) -> list[str]:
    """Microphone sound; several frames when it is long, none when it is empty."""
    return [
        f'{{"realtimeInput":{{"audio":{{"data":"{b64encode(pcm[at : at + AUDIO_BYTES]).decode()}",'
        f'"mimeType":"audio/pcm;rate={rate}"}}}}}}'
        for at in range(0, len(pcm), AUDIO_BYTES)
    ]


def silence(silence_ms: int, rate: int) -> list[str]:
    """As much silence as a detector needs to hear that something is over."""
    return audio(bytes(bytes_for(silence_ms + END_SILENCE_MS, rate)), rate)


def picture(data: bytes, media_type: str) -> list[str]:
    """A picture as a video frame."""
    return [
        f'{{"realtimeInput":{{"video":{{"data":"{b64encode(data).decode()}","mimeType":"{media_type}"}}}}}}'
    ]


def tool_response(call_id: str, name: str, output: str, *, silent: bool = False) -> str:
    """The result of a tool call; a JSON object as it is, anything else under the key ``output``.

    ``silent`` has a model that talked on meanwhile take note of it, and say nothing.
    """
    try:
        result = parse(output)
    except (ValueError, RecursionError):
        result = output
    answer: dict[str, Any] = {
        "name": name,
        "response": result if isinstance(result, dict) else {"output": result},
    }
    if call_id:
        answer["id"] = call_id
    if silent:
        answer["scheduling"] = "SILENT"
    return to_json({"toolResponse": {"functionResponses": [answer]}})


def _generation(spec: SessionSpec, capabilities: Capabilities, traits: Traits) -> dict[str, Any]:
    made: dict[str, Any] = {"responseModalities": ["AUDIO" if speaks(spec, capabilities) else "TEXT"]}
    speech: dict[str, Any] = {}
    if spec.voice:
        speech["voiceConfig"] = {"prebuiltVoiceConfig": {"voiceName": spec.voice}}
    # The models that take a language want it with its region.
    if traits.takes_language and "-" in (language := spec.language.replace("_", "-")):
        speech["languageCode"] = language
    if speech:
        made["speechConfig"] = speech
    if spec.max_output_tokens:
        made["maxOutputTokens"] = spec.max_output_tokens
    return made


def _realtime_input(spec: SessionSpec) -> dict[str, Any]:
    handling = "START_OF_ACTIVITY_INTERRUPTS" if spec.interrupt_reply else "NO_INTERRUPTION"
    return {"automaticActivityDetection": _detection(spec), "activityHandling": handling}


def _detection(spec: SessionSpec) -> dict[str, Any]:
    if spec.detection is Detection.MANUAL:
        return {"disabled": True}
    # `prefixPaddingMs` is left alone: here it is the speech that it takes to be believed, not what is
    # kept from before it, and the profile's 300 ms would swallow short words.
    made: dict[str, Any] = {"silenceDurationMs": spec.silence_ms}
    if spec.threshold <= SENSITIVE:
        made["startOfSpeechSensitivity"] = "START_SENSITIVITY_HIGH"
    elif spec.threshold >= HARD_OF_HEARING:
        made["startOfSpeechSensitivity"] = "START_SENSITIVITY_LOW"
    return made


def _instructions(spec: SessionSpec, capabilities: Capabilities) -> list[str]:
    """The instructions' paragraphs, with what cannot be told as a message."""
    told = [spec.instructions]
    if not spec.resume_handle:
        if capabilities.seed_history:
            told += [line.text for line in spec.history if line.role not in ("user", "assistant")]
        else:
            told.append(spec.recollection)
    return [text for text in told if text]
