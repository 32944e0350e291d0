"""What Qwen-Omni-Realtime may send, for want of types in the DashScope SDK: event → required fields
and those that may be there.

Source: Alibaba Cloud Model Studio, "Server events" of the Qwen-Omni-Realtime API (October 2026); the
shape of ``session.finished`` from what the SDK reads.
"""

from __future__ import annotations

from typing import Any

PLACE = {"response_id": str, "item_id": str, "output_index": int, "content_index": int}
CALL = {"response_id": str, "item_id": str, "output_index": int, "call_id": str}
TRANSCRIPTION = "conversation.item.input_audio_transcription"

VAD = {
    "type": str,
    "threshold": float,
    "prefix_padding_ms": int,
    "silence_duration_ms": int,
    "create_response": bool,
    "interrupt_response": bool,
}
SESSION = {
    "id": str,
    "object": str,
    "model": str,
    "modalities": list,
    "instructions": str,
    "voice": str,
    "input_audio_format": str,
    "output_audio_format": str,
    "input_audio_transcription": (dict, type(None)),
    "turn_detection": (dict, type(None)),
    "enable_search": bool,
    "search_options": dict,
    "tools": list,
    "tool_choice": str,
    "temperature": float,
    "max_tokens": int,
    "repetition_penalty": float,
    "presence_penalty": float,
    "top_k": int,
    "top_p": float,
    "seed": int,
}
RESPONSE = {
    "id": str,
    "object": str,
    "conversation_id": str,
    "status": str,
    "modalities": list,
    "voice": str,
    "output_audio_format": str,
    "output": list,
}
USAGE = {
    "total_tokens": int,
    "input_tokens": int,
    "output_tokens": int,
    "input_tokens_details": dict,
    "output_tokens_details": dict,
}
MESSAGE = {"id": str, "object": str, "type": str, "status": str, "role": str, "content": list}
FUNCTION = {
    "id": str,
    "object": str,
    "type": str,
    "status": str,
    "call_id": str,
    "name": str,
    "arguments": str,
}
RESULT = {"id": str, "object": str, "type": str, "status": str, "call_id": str, "output": str}
ITEMS = {"message": MESSAGE, "function_call": FUNCTION, "function_call_output": RESULT}

EVENTS: dict[str, dict[str, Any]] = {
    "error": {"error": {"type": str, "code": str, "message": str, "param": str}},
    "session.created": {"session": SESSION},
    "session.updated": {"session": SESSION},
    "session.finished": {},
    "input_audio_buffer.speech_started": {"audio_start_ms": int, "item_id": str},
    "input_audio_buffer.speech_stopped": {"audio_end_ms": int, "item_id": str},
    "input_audio_buffer.committed": {"item_id": str},
    "input_audio_buffer.cleared": {},
    "conversation.item.created": {"item": "item"},
    f"{TRANSCRIPTION}.completed": {"item_id": str, "content_index": int, "transcript": str},
    f"{TRANSCRIPTION}.failed": {
        "item_id": str,
        "content_index": int,
        "error": {"code": str, "message": str, "param": str},
    },
    "response.created": {"response": RESPONSE},
    "response.done": {"response": {**RESPONSE, "usage": USAGE}},
    "response.text.delta": {**PLACE, "delta": str},
    "response.text.done": {**PLACE, "text": str},
    "response.audio.delta": {**PLACE, "delta": str},
    "response.audio.done": PLACE,
    "response.audio_transcript.delta": {**PLACE, "delta": str},
    "response.audio_transcript.done": {**PLACE, "transcript": str},
    "response.function_call_arguments.delta": {**CALL, "delta": str},
    "response.function_call_arguments.done": {**CALL, "name": str, "arguments": str},
    "response.output_item.added": {"response_id": str, "output_index": int, "item": "item"},
    "response.output_item.done": {"response_id": str, "output_index": int, "item": "item"},
    "response.content_part.added": {**PLACE, "part": {"type": str, "text": str}},
    "response.content_part.done": {**PLACE, "part": {"type": str, "text": str}},
}


def problems(event: dict[str, Any]) -> list[str]:
    """What is wrong with an event; empty when nothing is."""
    kind = event.get("type")
    if kind not in EVENTS:
        return [f"unknown event {kind!r}"]
    found = _compare({**EVENTS[kind], "type": str, "event_id": str}, event, str(kind))
    if "session" in event and event["session"].get("turn_detection") is not None:
        found += _compare(VAD, event["session"]["turn_detection"], f"{kind}.session.turn_detection")
    return found


def _compare(fields: dict[str, Any], value: dict[str, Any], path: str) -> list[str]:
    found = [f"{path}: unknown key {name}" for name in value if name not in fields]
    for name, kind in fields.items():
        if name not in value:
            found.append(f"{path}: no {name}")
        elif kind == "item":
            item = value[name]
            found += _compare(ITEMS.get(item.get("type"), {}), item, f"{path}.{name}")
        elif isinstance(kind, dict):
            found += _compare(kind, value[name], f"{path}.{name}")
        elif not isinstance(value[name], kind) and not (kind is float and isinstance(value[name], int)):
            found.append(f"{path}.{name}: {value[name]!r:.80} is no {kind}")
    return found
