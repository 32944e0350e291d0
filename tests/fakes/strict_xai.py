"""xAI's dialect on a real socket, strictly: what was said comes again when a conversation is resumed.

A conversation lives as long as the server, until ``forget``. Replies are ``answer 1``, ``answer 2`` …, one
for each user item of the conversation; speech is numbered samples (see ``numbered``), transcribed in
states that grow.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from tests.fakes.numbered import RATE, Ear, samples_of
from tests.fakes.strict_server import Json, StrictTalk

SESSION = {"instructions", "voice", "turn_detection", "audio", "tools", "resumption", "max_output_tokens"}
"""All that the documentation knows of what we send."""


class XaiTalk(StrictTalk):
    """One connection."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.items: list[tuple[str, str]] = []
        self.configured = False
        self.ear = Ear()
        self.conversation = ""
        self.replying = False

    async def greet(self) -> None:
        wanted = self.query.get("conversation_id", "")
        kept: dict[str, list[tuple[str, str]]] = self.server.memory
        self.conversation = wanted if wanted in kept else f"conv_{len(self.server.talks)}"
        self.items = kept.setdefault(self.conversation, [])
        await self.tell("session.created", session={"id": "sess_1", "model": self.query.get("model")})
        await self.tell("conversation.created", conversation={"id": self.conversation})

    async def on_session_update(self, event: Json) -> None:
        session = event["session"]
        if unknown := set(session) - SESSION:
            self.complain(f"session.{unknown} is unknown")
        if not self.configured and not session.get("resumption", {}).get("enabled"):
            self.complain("resumption was not asked for")
        if detection := session.get("turn_detection"):
            self.ear.silence = detection["silence_duration_ms"] * RATE // 1000
        if not self.configured:
            self.configured = True
            await self._tell_again()
        await self.tell("session.updated", session={"id": "sess_1", "model": "grok-voice"})

    async def _tell_again(self) -> None:
        """Old items, with all that belonged to them; nobody is to take them for new ones."""
        for number, (role, text) in enumerate(self.items):
            kind = "input_audio" if role == "user" else "output_audio"
            item = {"id": f"old_{number}", "type": "message", "role": role}
            item["content"] = [{"type": kind, "transcript": text}]  # type: ignore[assignment]
            await self.tell("conversation.item.created", item=item, previous_item_id=None)
            if role == "user":
                await self._transcribed("completed", f"old_{number}", text)

    async def on_conversation_item_create(self, event: Json) -> None:
        item = event["item"]
        if item["role"] not in ("user", "assistant"):
            self.complain(f"an item of the {item['role']}")
        self.items.append((item["role"], item["content"][0]["text"]))
        await self.tell("conversation.item.added", item={**item, "id": f"item_{len(self.items)}"})

    async def on_response_create(self, event: Json) -> None:
        if self.replying:
            self.complain("response.create while a response is active")
        await self._reply()

    async def on_response_cancel(self, event: Json) -> None:
        error = {"type": "invalid_request_error", "code": "response_cancel_not_active", "message": "None."}
        await self.tell("error", error=error)

    async def on_input_audio_buffer_append(self, event: Json) -> None:
        for kind, at_ms in self.ear.hear(samples_of(event)):
            item = f"speech_{len(self.items)}"
            if kind == "began":
                await self.tell(
                    "input_audio_buffer.speech_started", audio_start_ms=max(0, int(at_ms) - 300), item_id=item
                )
                continue
            said = self.ear.take()
            await self._transcribed("updated", item, said[: len(said) // 2] + "?")  # it corrects itself
            await self._transcribed("updated", item, said)
            await self.tell("input_audio_buffer.speech_stopped", audio_end_ms=int(at_ms), item_id=item)
            await self.tell("input_audio_buffer.committed", item_id=item)
            await self._transcribed("completed", item, said[:-1], status="in_progress")
            await self._transcribed("completed", item, said, status="completed")
            self.items.append(("user", said))
            await self._reply()

    async def _transcribed(self, kind: str, item: str, text: str, **more: Any) -> None:
        name = f"conversation.item.input_audio_transcription.{kind}"
        await self.tell(name, item_id=item, content_index=0, transcript=text, **more)

    async def _reply(self) -> None:
        self.replying = True
        count = sum(role == "user" for role, _ in self.items)
        text, name = f"answer {count}", f"resp_{len(self.server.talks)}_{len(self.items)}"
        where = {"response_id": name, "item_id": f"item_{name}", "content_index": 0}
        await self.tell("response.created", response={"id": name, "status": "in_progress"})
        await self.tell("response.output_audio_transcript.delta", delta=text, **where)
        sound = base64.b64encode(np.full(480, count, np.int16).tobytes()).decode()
        await self.tell("response.output_audio.delta", delta=sound, **where)
        await self.tell("response.output_audio.done", **where)
        self.items.append(("assistant", text))
        self.replying = False
        await self.tell("response.done", response={"id": name, "status": "completed", "output": []})


def forget(server: Any) -> None:
    """The history is dropped, as after 30 minutes."""
    server.memory.clear()
