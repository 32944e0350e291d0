"""OpenAI's conversation items: from JSON to the engine's and back. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from neko_cli.local.audio_format import AudioFormat
from neko_cli.local.conversation import (
    HeardPart,
    Item,
    Message,
    Part,
    PicturePart,
    Segment,
    SpokenPart,
    TextPart,
    ToolCall,
    ToolResult,
)
from neko_cli.local.listening import new_item_id
from neko_cli.local.pictures import image_facts
from neko_cli.local.ports import Recognised
from neko_cli.local.wire.openai_check import invalid, sound_bytes


def item_from_json(value: Mapping[str, Any], source: AudioFormat, param: str = "item") -> Item:
    """An item that passed its check; raises ClientFault for sound or pictures that are damaged."""
    item_id = value.get("id") or new_item_id()
    match value["type"]:
        case "function_call":
            call_id = value.get("call_id") or item_id.replace("item_", "call_", 1)
            return ToolCall(item_id, call_id, value["name"], value["arguments"])
        case "function_call_output":
            return ToolResult(item_id, value["call_id"], value["output"])
    parts = [
        _part_from_json(part, source, f"{param}.content[{at}]") for at, part in enumerate(value["content"])
    ]
    return Message(item_id, value["role"], parts)


def _part_from_json(value: Mapping[str, Any], source: AudioFormat, param: str) -> Part:
    match value["type"]:
        case "input_audio":
            return _heard_from_json(value, source, param)
        case "input_image":
            try:
                facts = image_facts(value["image_url"])
            except ValueError as error:
                raise invalid(f"{param}.image_url", f"{error}.") from None
            return PicturePart(facts, value.get("detail") or "auto")
        case "output_audio":
            return SpokenPart(source, [Segment(value["transcript"])])
        case _:
            return TextPart(value["text"])


def _heard_from_json(value: Mapping[str, Any], source: AudioFormat, param: str) -> HeardPart:
    data = sound_bytes(value.get("audio") or "", f"{param}.audio")
    transcript = value.get("transcript")
    if not data and transcript is None:
        raise invalid(f"{param}.audio", "sound or a transcript is needed.")
    part = HeardPart(source, data, source.duration_ms(len(data)))
    if not data:
        part.recognised = Recognised(transcript or "", 1.0)
    return part


def item_to_json(item: Item, *, with_sound: bool = False) -> dict[str, Any]:
    """An item for the client; sound goes only into the answer to conversation.item.retrieve."""
    head = {"id": item.id, "object": "realtime.item"}
    match item:
        case Message():
            content = [_part_to_json(part, item.role, with_sound) for part in item.parts]
            if item.status == "in_progress":
                content = []
            return {**head, "type": "message", "status": item.status, "role": item.role, "content": content}
        case ToolCall():
            return {
                **head,
                "type": "function_call",
                "status": item.status,
                "call_id": item.call_id,
                "name": item.name,
                "arguments": item.arguments,
            }
        case ToolResult():
            return {
                **head,
                "type": "function_call_output",
                "status": item.status,
                "call_id": item.call_id,
                "output": item.output,
            }


def _part_to_json(part: Part, role: str, with_sound: bool) -> dict[str, Any]:
    match part:
        case TextPart():
            kind = "output_text" if role == "assistant" else "input_text"
            return {"type": kind, "text": part.text}
        case PicturePart():
            return {"type": "input_image", "image_url": part.facts.data_url, "detail": part.detail}
        case HeardPart():
            transcript = part.recognised.text if part.recognised else None
            return _with_sound({"type": "input_audio", "transcript": transcript}, part.data, with_sound)
        case SpokenPart():
            return _with_sound({"type": "output_audio", "transcript": part.text}, part.data, with_sound)


def _with_sound(value: dict[str, Any], data: bytes | bytearray, with_sound: bool) -> dict[str, Any]:
    if with_sound and data:
        value["audio"] = base64.b64encode(data).decode("ascii")
    return value
