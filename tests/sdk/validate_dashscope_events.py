"""Reads client events, one JSON object a line, and compares each with what the DashScope SDK itself sends.

The SDK has no types, so its conversation is used with a pen in place of its connection: every event that
it can write down is known, with all its keys, and to these come the ones that Alibaba Cloud's page on
client events of Qwen-Omni-Realtime (October 2026) has besides. Prints what is wrong, one line each, and
exits with 1 when anything is; the last line on success is ``ok COUNT``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from dashscope.audio.qwen_omni import MultiModality, OmniRealtimeCallback, OmniRealtimeConversation

DOCUMENTED = {
    "session.update .session": {"instructions", "tools", "temperature", "top_p", "top_k", "max_tokens"}
    | {"repetition_penalty", "presence_penalty", "seed", "smooth_output"}
    | {"enable_search", "search_options"},
    "session.update .session.turn_detection": {"create_response", "interrupt_response"},
    "conversation.item.create .item": {"id", "type", "role", "content", "call_id", "output"},
}
"""Keys of the page that the SDK leaves to whoever calls it, by place."""


class Pen(OmniRealtimeConversation):
    """Writes down what the SDK would send."""

    def __init__(self) -> None:
        super().__init__(model="m", callback=OmniRealtimeCallback(), url="ws://127.0.0.1:1", api_key="k")
        self.written: list[dict[str, Any]] = []

    def _OmniRealtimeConversation__send_str(self, data: str, enable_log: bool = True) -> None:
        self.written.append(json.loads(data))


def written() -> list[dict[str, Any]]:
    """One event of every kind."""
    pen = Pen()
    both = [MultiModality.TEXT, MultiModality.AUDIO]
    pen.update_session(both, voice="Tina", input_audio_transcription_model="m")
    pen.append_audio("AAAA")
    pen.append_video("AAAA")
    pen.commit()
    pen.clear_appended_audio()
    pen.create_item({})
    pen.create_response(instructions="Be short.", output_modalities=both)
    pen.cancel_response()
    pen.end_session_async()
    return pen.written


def places(event: dict[str, Any]) -> dict[str, set[str]]:
    """The keys of an event's objects, by place; lists, items and schemas are the caller's own."""
    kind = event.get("type")
    found: dict[str, set[str]] = {}

    def walk(value: dict[str, Any], path: str) -> None:
        found[f"{kind} {path}"] = set(value)
        for key, inner in value.items():
            if isinstance(inner, dict):
                walk(inner, f"{path}.{key}")

    walk(event, "")
    return found


def main() -> int:
    """Compare standard input."""
    known = {place: keys for event in written() for place, keys in places(event).items()}
    for place, keys in DOCUMENTED.items():
        known[place] = known.get(place, set()) | keys
    count, wrong = 0, 0
    for line in filter(str.strip, sys.stdin):
        count += 1
        for place, keys in places(json.loads(line)).items():
            if place not in known:
                wrong += 1
                print(f"event {count}: {place} is unknown")
            for key in sorted(keys - known.get(place, keys)):
                wrong += 1
                print(f"event {count}: unknown key {place}.{key}")
    if wrong == 0:
        print(f"ok {count}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
