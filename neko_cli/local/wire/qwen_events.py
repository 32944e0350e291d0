"""Session events as Qwen's server events: OpenAI's with other names and fewer fields. Pure.

Names and fields: Alibaba Cloud Model Studio, "Server events" of the Qwen-Omni-Realtime API
(October 2026). Two things were measured by others and are done alike: a reply that the client
cancels has no ``response.done``, and cancelling nothing has the sentence that clients look for.
A reply that fails says why in an ``error`` event: Qwen's response has no place for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from neko_cli.core.errors import NekoError
from neko_cli.local import events as ev
from neko_cli.local.faults import ClientFault
from neko_cli.local.wire import openai_events
from neko_cli.local.wire.openai_items import item_to_json

Json = dict[str, Any]

_PLACE = ("response_id", "item_id", "output_index", "content_index")
_CALL = ("response_id", "item_id", "output_index", "call_id")
_TRANSCRIPTION = "conversation.item.input_audio_transcription"

EVENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "error": ("error", ("error",)),
    "input_audio_buffer.speech_started": (
        "input_audio_buffer.speech_started",
        ("audio_start_ms", "item_id"),
    ),
    "input_audio_buffer.speech_stopped": ("input_audio_buffer.speech_stopped", ("audio_end_ms", "item_id")),
    "input_audio_buffer.committed": ("input_audio_buffer.committed", ("item_id",)),
    "input_audio_buffer.cleared": ("input_audio_buffer.cleared", ()),
    "conversation.item.added": ("conversation.item.created", ("item",)),
    f"{_TRANSCRIPTION}.completed": (
        f"{_TRANSCRIPTION}.completed",
        ("item_id", "content_index", "transcript"),
    ),
    f"{_TRANSCRIPTION}.failed": (f"{_TRANSCRIPTION}.failed", ("item_id", "content_index", "error")),
    "response.created": ("response.created", ("response",)),
    "response.done": ("response.done", ("response",)),
    "response.output_item.added": ("response.output_item.added", ("response_id", "output_index", "item")),
    "response.output_item.done": ("response.output_item.done", ("response_id", "output_index", "item")),
    "response.content_part.added": ("response.content_part.added", (*_PLACE, "part")),
    "response.content_part.done": ("response.content_part.done", (*_PLACE, "part")),
    "response.output_text.delta": ("response.text.delta", (*_PLACE, "delta")),
    "response.output_text.done": ("response.text.done", (*_PLACE, "text")),
    "response.output_audio.delta": ("response.audio.delta", (*_PLACE, "delta")),
    "response.output_audio.done": ("response.audio.done", _PLACE),
    "response.output_audio_transcript.delta": ("response.audio_transcript.delta", (*_PLACE, "delta")),
    "response.output_audio_transcript.done": ("response.audio_transcript.done", (*_PLACE, "transcript")),
    "response.function_call_arguments.delta": (
        "response.function_call_arguments.delta",
        (*_CALL, "delta"),
    ),
    "response.function_call_arguments.done": (
        "response.function_call_arguments.done",
        (*_CALL, "name", "arguments"),
    ),
}
"""OpenAI's event → Qwen's, and its fields; what is not here is not told."""

_CONTENT = {"output_text": "text", "output_audio": "audio"}


def render(event: ev.SessionEvent, session: Mapping[str, Any], conversation_id: str) -> Iterator[Json]:
    """The server events that tell a session event, without their event_id."""
    if isinstance(event, ev.ReplyDone) and event.reply.reason is ev.CancelReason.CLIENT:
        return
    if isinstance(event, ev.Trouble):
        yield error_json(event.error)
        return
    if isinstance(event, ev.ReplyDone) and event.reply.error is not None:
        yield error_json(event.reply.error)
    for message in openai_events.render(event, session, conversation_id, response=_response):
        if (words := EVENTS.get(message["type"])) is not None:
            yield _as_qwen(message, *words)


def _as_qwen(message: Json, kind: str, fields: tuple[str, ...]) -> Json:
    told = {"type": kind, **{name: message[name] for name in fields}}
    if "item" in told:
        told["item"] = _item(told["item"])
    if "part" in told:
        part = told["part"]
        told["part"] = {"type": part["type"], "text": part.get("text", part.get("transcript", ""))}
    if kind.endswith(".failed"):
        error = told["error"]
        told["error"] = {**_told(error), "code": error["code"]}
    return told


def error_json(error: NekoError, event_id: str | None = None) -> Json:
    """An ``error`` event."""
    told = openai_events.error_json(error, event_id)["error"]
    if isinstance(error, ClientFault) and error.code == "response_cancel_not_active":
        told = {**told, "code": "invalid_value", "message": "Conversation has no active response."}
    return {"type": "error", "error": {"type": told["type"], "code": told["code"], **_told(told)}}


def _told(error: Mapping[str, Any]) -> Json:
    return {"message": error["message"], "param": error["param"] or ""}


def _item(item: Json) -> Json:
    content = item.get("content")
    if content is None:
        return item
    return {**item, "content": [_content(part) for part in content]}


def _content(part: Json) -> Json:
    """A part of an item; the user's sound and pictures are named and not repeated."""
    kind = _CONTENT.get(part["type"], part["type"])
    fields = {name: part[name] for name in ("text", "transcript") if part.get(name) is not None}
    return {"type": kind} if kind == "input_audio" else {"type": kind, **fields}


def _response(reply: ev.Reply, session: Mapping[str, Any], conversation_id: str) -> Json:
    """The response object of response.created and response.done."""
    seen = (reply.tag or {}).get("session") or session
    told = {
        "id": reply.id,
        "object": "realtime.response",
        "conversation_id": conversation_id,
        "status": reply.outcome.value,
        "modalities": seen["modalities"],
        "voice": seen["voice"],
        "output_audio_format": seen["output_audio_format"],
        "output": [_item(item_to_json(item)) for item in reply.output],
    }
    if reply.outcome is not ev.Outcome.IN_PROGRESS:
        told["usage"] = _usage(reply.usage)
    return told


def _usage(usage: ev.Usage) -> Json:
    taken = usage.input_text + usage.input_audio + usage.input_image
    given = usage.output_text + usage.output_audio
    pictures = {"image_tokens": usage.input_image} if usage.input_image else {}
    return {
        "total_tokens": taken + given,
        "input_tokens": taken,
        "output_tokens": given,
        "input_tokens_details": {
            "text_tokens": usage.input_text,
            "audio_tokens": usage.input_audio,
            **pictures,
        },
        "output_tokens_details": {"text_tokens": usage.output_text, "audio_tokens": usage.output_audio},
    }
