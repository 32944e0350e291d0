"""Session events as OpenAI's Realtime GA server events. Pure but for the numbering of events."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from neko_cli.core.errors import Category, NekoError
from neko_cli.local import events as ev
from neko_cli.local.conversation import HeardPart, Message, SpokenPart, ToolCall
from neko_cli.local.faults import ClientFault
from neko_cli.local.wire.openai_items import item_to_json
from neko_cli.local.wire.openai_session import LOGPROBS

Json = dict[str, Any]

ResponseJson = Callable[[ev.Reply, Mapping[str, Any], str], Json]
"""Makes a response object of a reply, the session object and the conversation's id."""

_LEAST_CONFIDENCE = 1e-9

_ERROR_KINDS = {
    Category.RATE_LIMIT: ("rate_limit_error", "rate_limit_exceeded"),
    Category.QUOTA: ("insufficient_quota", "insufficient_quota"),
    Category.REQUEST: ("invalid_request_error", "invalid_value"),
    Category.EXPIRED: ("invalid_request_error", "session_expired"),
}
"""OpenAI's type and code of an error; everything else is the server's."""


def error_kind(error: NekoError) -> tuple[str, str]:
    """OpenAI's type and code of an error."""
    if isinstance(error, ClientFault):
        kind = "rate_limit_error" if error.code == "rate_limit_exceeded" else "invalid_request_error"
        return kind, error.code
    return _ERROR_KINDS.get(error.category, ("server_error", "server_error"))


def error_json(error: NekoError, event_id: str | None = None) -> Json:
    """An ``error`` event."""
    kind, code = error_kind(error)
    param = error.param if isinstance(error, ClientFault) else ""
    return {
        "type": "error",
        "error": {
            "type": kind,
            "code": code,
            "message": str(error),
            "param": param or None,
            "event_id": event_id,
        },
    }


def render(
    event: ev.SessionEvent,
    session: Mapping[str, Any],
    conversation_id: str,
    *,
    response: ResponseJson | None = None,
) -> Iterator[Json]:
    """The server events that tell a session event, in OpenAI's order, without their event_id.

    ``response`` makes the response object, for a dialect that has another.
    """
    as_json = response or response_json
    match event:
        case ev.OutputSound():
            delta = base64.b64encode(event.data).decode("ascii")
            yield {"type": "response.output_audio.delta", **_place(event), "content_index": 0, "delta": delta}
        case ev.OutputText():
            kind = "output_audio_transcript" if _spoken(event.item) else "output_text"
            yield {"type": f"response.{kind}.delta", **_place(event), "content_index": 0, "delta": event.text}
        case ev.OutputStarted():
            yield from _output_started(event)
        case ev.OutputArguments(item=call, text=text):
            yield {
                "type": "response.function_call_arguments.delta",
                **_place(event),
                "call_id": call.call_id,
                "delta": text,
            }
        case ev.OutputDone():
            yield from _output_done(event)
        case ev.ReplyStarted(reply=reply):
            yield {"type": "response.created", "response": as_json(reply, session, conversation_id)}
        case ev.ReplyDone(reply=reply):
            yield {"type": "response.done", "response": as_json(reply, session, conversation_id)}
        case ev.Transcribed():
            yield from _transcribed(event, session)
        case ev.ItemAdded(item=item, previous_id=previous):
            for kind in ("added", "done"):
                yield {
                    "type": f"conversation.item.{kind}",
                    "previous_item_id": previous,
                    "item": item_to_json(item),
                }
        case ev.Trouble(error=error):
            yield error_json(error)
        case ev.TurnEnded():
            return
        case _:
            yield _simple(event)


def _simple(event: ev.SessionEvent) -> Json:
    match event:
        case ev.SpeechStarted(item_id=item_id, at_ms=at):
            return {
                "type": "input_audio_buffer.speech_started", "audio_start_ms": at, "item_id": item_id,
            }  # fmt: skip
        case ev.SpeechStopped(item_id=item_id, at_ms=at):
            return {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": at, "item_id": item_id}
        case ev.InputCommitted(item_id=item_id, previous_id=previous):
            return {
                "type": "input_audio_buffer.committed", "previous_item_id": previous, "item_id": item_id,
            }  # fmt: skip
        case ev.InputCleared():
            return {"type": "input_audio_buffer.cleared"}
        case ev.IdleTimeout():
            return {
                "type": "input_audio_buffer.timeout_triggered",
                "audio_start_ms": event.start_ms,
                "audio_end_ms": event.end_ms,
                "item_id": event.item_id,
            }
        case ev.ItemRemoved(item_id=item_id):
            return {"type": "conversation.item.deleted", "item_id": item_id}
        case ev.ItemTruncated():
            return {
                "type": "conversation.item.truncated",
                "item_id": event.item_id,
                "content_index": event.part_index,
                "audio_end_ms": event.heard_ms,
            }
        case _:
            raise AssertionError(f"no words for {type(event).__name__}")


def _place(
    event: ev.OutputSound | ev.OutputText | ev.OutputArguments | ev.OutputDone | ev.OutputStarted,
) -> Json:
    return {"response_id": event.reply.id, "item_id": event.item.id, "output_index": event.index}


def _spoken(item: Message) -> bool:
    return isinstance(item.parts[0], SpokenPart)


def _item_events(kinds: tuple[str, str], event: ev.OutputStarted | ev.OutputDone) -> Iterator[Json]:
    """The item as the response's output and, unless it is beside it, as the conversation's."""
    item = item_to_json(event.item)
    yield {
        "type": f"response.output_item.{kinds[0]}",
        "response_id": event.reply.id,
        "output_index": event.index,
        "item": item,
    }
    if event.reply.in_conversation:
        yield {
            "type": f"conversation.item.{kinds[1]}",
            "previous_item_id": event.previous_id,
            "item": item,
        }


def _output_started(event: ev.OutputStarted) -> Iterator[Json]:
    yield from _item_events(("added", "added"), event)
    if isinstance(event.item, Message):
        part = {"type": "audio", "transcript": ""} if _spoken(event.item) else {"type": "text", "text": ""}
        yield {"type": "response.content_part.added", **_place(event), "content_index": 0, "part": part}


def _output_done(event: ev.OutputDone) -> Iterator[Json]:
    item = event.item
    if isinstance(item, ToolCall):
        yield {
            "type": "response.function_call_arguments.done",
            **_place(event),
            "call_id": item.call_id,
            "name": item.name,
            "arguments": item.arguments,
        }
    else:
        place, words = {**_place(event), "content_index": 0}, _words(item)
        if _spoken(item):
            yield {"type": "response.output_audio.done", **place}
            yield {"type": "response.output_audio_transcript.done", **place, "transcript": words}
            part = {"type": "audio", "transcript": words}
        else:
            yield {"type": "response.output_text.done", **place, "text": words}
            part = {"type": "text", "text": words}
        yield {"type": "response.content_part.done", **place, "part": part}
    yield from _item_events(("done", "done"), event)


def _words(item: Message) -> str:
    part = item.parts[0]
    return part.text if not isinstance(part, HeardPart) and hasattr(part, "text") else ""


def _transcribed(event: ev.Transcribed, session: Mapping[str, Any]) -> Iterator[Json]:
    head = {"item_id": event.item_id, "content_index": event.part_index}
    kind = "conversation.item.input_audio_transcription"
    part = event.part
    if part.recognised is None:
        error = part.failure or NekoError("Speech recognition failed.")
        error_type, code = error_kind(error)
        detail = {"type": error_type, "code": code, "message": str(error), "param": None}
        yield {"type": f"{kind}.failed", **head, "error": detail}
        return
    logprobs = _logprobs(part) if LOGPROBS in (session.get("include") or ()) else None
    if part.text:
        yield {"type": f"{kind}.delta", **head, "delta": part.text, "logprobs": logprobs}
    yield {
        "type": f"{kind}.completed",
        **head,
        "transcript": part.text,
        "logprobs": logprobs,
        "usage": {"type": "duration", "seconds": round(part.duration_ms / 1000.0, 3)},
    }


def _logprobs(part: HeardPart) -> list[Json]:
    """The words with the logarithm of their confidence; the whole text where words have none."""
    recognised = part.recognised
    if recognised is None or not recognised.text:
        return []
    words = recognised.words or ((recognised.text, recognised.confidence),)
    return [
        {
            "token": word,
            "logprob": math.log(min(1.0, max(_LEAST_CONFIDENCE, confidence))),
            "bytes": list(word.encode()),
        }
        for word, confidence in words
    ]


def response_json(reply: ev.Reply, session: Mapping[str, Any], conversation_id: str) -> Json:
    """The response object of response.created and response.done. ``reply.tag`` holds the client's
    ``session`` (as this response sees it) and ``metadata``."""
    tag = reply.tag or {}
    seen = tag.get("session") or session
    output = seen["audio"]["output"]
    done = reply.outcome is not ev.Outcome.IN_PROGRESS
    return {
        "object": "realtime.response",
        "id": reply.id,
        "status": reply.outcome.value,
        "status_details": _status_details(reply),
        "output": [item_to_json(item) for item in reply.output],
        "conversation_id": conversation_id if reply.in_conversation else None,
        "output_modalities": seen["output_modalities"],
        "max_output_tokens": seen["max_output_tokens"],
        "audio": {"output": {"format": output["format"], "voice": output["voice"]}},
        "usage": _usage(reply.usage) if done else None,
        "metadata": tag.get("metadata"),
    }


def _status_details(reply: ev.Reply) -> Json | None:
    match reply.outcome:
        case ev.Outcome.CANCELLED if reply.reason is not None:
            return {"type": "cancelled", "reason": reply.reason.value}
        case ev.Outcome.INCOMPLETE:
            return {"type": "incomplete", "reason": "max_output_tokens"}
        case ev.Outcome.FAILED if reply.error is not None:
            kind, code = error_kind(reply.error)
            error = {"type": kind, "code": code, "message": str(reply.error)}
            return {"type": "failed", "error": error}
        case _:
            return None


def _usage(usage: ev.Usage) -> Json:
    taken = usage.input_text + usage.input_audio + usage.input_image
    given = usage.output_text + usage.output_audio
    return {
        "total_tokens": taken + given,
        "input_tokens": taken,
        "output_tokens": given,
        "input_token_details": {
            "text_tokens": usage.input_text,
            "audio_tokens": usage.input_audio,
            "image_tokens": usage.input_image,
            "cached_tokens": 0,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": usage.output_text, "audio_tokens": usage.output_audio},
    }
