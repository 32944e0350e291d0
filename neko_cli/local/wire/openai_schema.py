"""What a client may send in OpenAI's Realtime GA protocol: one check for each event. Pure.

Fields and limits: OpenAI's API reference of the Realtime API, as typed in its Python SDK 3.52.
"""

from __future__ import annotations

from typing import Any

from neko_cli.local.wire.openai_check import (
    Check,
    anything,
    by_kind,
    choice,
    decimal,
    flag,
    invalid,
    list_of,
    nullable,
    record,
    tagged,
    text,
    whole,
)

MAX_ID = 128
MAX_AUDIO_CHARS = 15 * 1024 * 1024 * 4 // 3 + 4
"""15 MiB of sound in one event, as base64 characters."""

_id = text(MAX_ID, min_length=1)
_number_of_ms = whole(0, 2**31 - 1)

FORMATS = tagged(
    "type",
    {
        "audio/pcm": record({"type": anything, "rate": whole(24_000, 24_000)}),
        "audio/pcmu": record({"type": anything}),
        "audio/pcma": record({"type": anything}),
    },
)

_turn_detection = tagged(
    "type",
    {
        "server_vad": record(
            {
                "type": anything,
                "threshold": decimal(0.0, 1.0),
                "prefix_padding_ms": whole(0, 10_000),
                "silence_duration_ms": whole(0, 60_000),
                "create_response": flag,
                "interrupt_response": flag,
                "idle_timeout_ms": nullable(whole(5_000, 30_000)),
            }
        ),
        "semantic_vad": record(
            {
                "type": anything,
                "eagerness": choice("auto", "low", "medium", "high"),
                "create_response": flag,
                "interrupt_response": flag,
            }
        ),
    },
)

_transcription = record(
    {
        "model": text(256),
        "language": nullable(text(64)),
        "languages": nullable(list_of(text(64), most=100)),
        "prompt": nullable(text(100_000)),
        "keywords": nullable(list_of(text(1_000), most=1_000)),
        "delay": nullable(choice("minimal", "low", "medium", "high", "xhigh")),
    }
)

_noise_reduction = record({"type": choice("near_field", "far_field"), "strength": decimal(0.0, 1.0)})

_function = record(
    {"type": anything, "name": text(128, min_length=1), "description": text(), "parameters": anything},
    required=("name",),
)


def _tool(value: Any, param: str) -> Any:
    if isinstance(value, dict) and value.get("type") == "mcp":
        raise invalid(f"{param}.type", "this engine calls no MCP servers; offer functions instead.")
    return tagged("type", {"function": _function}, default="function")(value, param)


def _no_prompt_template(value: Any, param: str) -> Any:
    if value is not None:
        raise invalid(param, "prompt templates are stored at OpenAI; send the instructions themselves.")
    return None


_tool_choice = by_kind(
    string=choice("auto", "none", "required"),
    mapping=tagged(
        "type", {"function": record({"type": anything, "name": text(128, min_length=1)}, required=("name",))}
    ),
)
_max_output_tokens = by_kind(string=choice("inf"), number=whole(1, 4096))
_reasoning = nullable(record({"effort": nullable(choice("minimal", "low", "medium", "high", "xhigh"))}))


def _modalities(value: Any, param: str) -> Any:
    checked = list_of(choice("text", "audio"), most=2)(value, param)
    if len(checked) != 1:
        raise invalid(param, "exactly one of ['text'] and ['audio'] is possible.")
    return checked


def voice_check(voices: tuple[str, ...]) -> Check:
    """A voice by name, or as ``{"id": name}``."""
    name = choice(*voices)
    return by_kind(string=name, mapping=record({"id": name}, required=("id",)))


_ANSWERING: dict[str, Check] = {
    "instructions": nullable(text()),
    "output_modalities": nullable(_modalities),
    "tools": nullable(list_of(_tool, most=128)),
    "tool_choice": nullable(_tool_choice),
    "max_output_tokens": nullable(_max_output_tokens),
    "parallel_tool_calls": nullable(flag),
    "prompt": _no_prompt_template,
    "reasoning": _reasoning,
}
"""Fields that a session and a single response share."""

_truncation = by_kind(
    string=choice("auto", "disabled"),
    mapping=tagged(
        "type",
        {
            "retention_ratio": record(
                {
                    "type": anything,
                    "retention_ratio": decimal(0.0, 1.0),
                    "token_limits": nullable(record({"post_instructions": whole(0, 2**31 - 1)})),
                },
                required=("retention_ratio",),
            )
        },
    ),
)

_tracing = nullable(
    by_kind(
        string=choice("auto"),
        mapping=record({"workflow_name": text(1_000), "group_id": text(1_000), "metadata": anything}),
    )
)

_SESSION: dict[str, Check] = {
    **_ANSWERING,
    "type": anything,
    "model": text(256),
    "tracing": _tracing,
    "truncation": _truncation,
    "include": nullable(list_of(choice("item.input_audio_transcription.logprobs"), most=10)),
}

_AUDIO_INPUT = record(
    {
        "format": FORMATS,
        "transcription": nullable(_transcription),
        "noise_reduction": nullable(_noise_reduction),
        "turn_detection": nullable(_turn_detection),
    }
)


def session_check(voices: tuple[str, ...]) -> Check:
    """The ``session`` of a session.update."""
    output = record({"format": FORMATS, "voice": voice_check(voices), "speed": decimal(0.25, 1.5)})
    audio = record({"input": nullable(_AUDIO_INPUT), "output": nullable(output)})
    return tagged("type", {"realtime": record({**_SESSION, "audio": nullable(audio)})})


# Items

_COMMON: dict[str, Check] = {
    "type": anything,
    "id": nullable(_id),
    "object": nullable(choice("realtime.item")),
    "status": nullable(choice("completed", "incomplete", "in_progress")),
}

_input_text = record({"type": anything, "text": text()}, required=("text",))
_output_text = record({"type": anything, "text": text()}, required=("text",))

_user_content = tagged(
    "type",
    {
        "input_text": _input_text,
        "input_audio": record(
            {
                "type": anything,
                "audio": nullable(text(MAX_AUDIO_CHARS)),
                "transcript": nullable(text()),
            }
        ),
        "input_image": record(
            {
                "type": anything,
                "image_url": text(16 * 1024 * 1024),
                "detail": nullable(choice("auto", "low", "high")),
            },
            required=("image_url",),
        ),
    },
)


def _assistant_audio(value: Any, param: str) -> Any:
    """What was said may be told as words; sound of the assistant cannot be put in from outside."""
    checked = record({"type": anything, "audio": nullable(text()), "transcript": text()})(value, param)
    if checked.get("audio"):
        raise invalid(f"{param}.audio", "sound of the assistant cannot be given; give its transcript.")
    return record({"type": anything, "transcript": text()}, required=("transcript",))(
        {k: v for k, v in checked.items() if k != "audio"}, param
    )


def _message(content: Check) -> Check:
    return record(
        {**_COMMON, "role": anything, "content": list_of(content, most=256)}, required=("role", "content")
    )


_messages = tagged(
    "role",
    {
        "user": _message(_user_content),
        "assistant": _message(
            tagged("type", {"output_text": _output_text, "output_audio": _assistant_audio})
        ),
        "system": _message(tagged("type", {"input_text": _input_text})),
    },
)

_ITEMS: dict[str, Check] = {
    "message": _messages,
    "function_call": record(
        {
            **_COMMON,
            "call_id": nullable(_id),
            "name": text(128, min_length=1),
            "arguments": text(),
        },
        required=("name", "arguments"),
    ),
    "function_call_output": record(
        {**_COMMON, "call_id": _id, "output": text()}, required=("call_id", "output")
    ),
}

ITEM = tagged("type", _ITEMS)
_INPUT_ITEM = tagged(
    "type", {**_ITEMS, "item_reference": record({"type": anything, "id": _id}, required=("id",))}
)


def _metadata(value: Any, param: str) -> Any:
    if not isinstance(value, dict):
        return record({})(value, param)
    if len(value) > 16:
        raise invalid(param, "at most 16 pairs are allowed.", "object_above_max_properties")
    for key, element in value.items():
        text(64)(key, param)
        text(512)(element, f"{param}.{key[:64]}")
    return value


def client_events(voices: tuple[str, ...]) -> dict[str, Check]:
    """A check for each event type that a client may send."""
    response_audio = record({"output": nullable(record({"format": FORMATS, "voice": voice_check(voices)}))})
    response = record(
        {
            **_ANSWERING,
            "audio": nullable(response_audio),
            "conversation": nullable(choice("auto", "none")),
            "input": nullable(list_of(_INPUT_ITEM)),
            "metadata": nullable(_metadata),
        }
    )
    head: dict[str, Check] = {"type": anything, "event_id": nullable(text(512))}

    def event(fields: dict[str, Check] | None = None, *, required: tuple[str, ...] = ()) -> Check:
        return record({**head, **(fields or {})}, required=required)

    item_id = {"item_id": _id}
    return {
        "session.update": event({"session": session_check(voices)}, required=("session",)),
        "input_audio_buffer.append": event({"audio": text(MAX_AUDIO_CHARS)}, required=("audio",)),
        "input_audio_buffer.commit": event(),
        "input_audio_buffer.clear": event(),
        "conversation.item.create": event(
            {"item": ITEM, "previous_item_id": nullable(_id)}, required=("item",)
        ),
        "conversation.item.retrieve": event(item_id, required=("item_id",)),
        "conversation.item.truncate": event(
            {**item_id, "content_index": whole(0, 1000), "audio_end_ms": _number_of_ms},
            required=("item_id", "content_index", "audio_end_ms"),
        ),
        "conversation.item.delete": event(item_id, required=("item_id",)),
        "response.create": event({"response": nullable(response)}),
        "response.cancel": event({"response_id": nullable(_id)}),
    }
