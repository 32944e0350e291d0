"""xAI's dialect on a real socket, strictly: what was said comes again when a conversation is resumed.

A conversation lives as long as the server, until ``forget``. Replies are ``answer 1``, ``answer 2`` …, one
for each user item of the conversation, or a story word by word while ``words`` is set; asked for the
weather, the model calls a tool twice. Speech is numbered samples (see ``numbered``), transcribed in states
that grow. What is committed is answered by itself.
"""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import numpy as np

from tests.fakes.numbered import RATE, Ear, samples_of
from tests.fakes.strict_server import Json, StrictTalk

SESSION = {"instructions", "voice", "turn_detection", "audio", "tools", "resumption"}
DETECTION = {"type", "threshold", "silence_duration_ms", "prefix_padding_ms", "idle_timeout_ms"}
"""All that the documentation knows of what we send."""

WEATHER = ("Oslo", "Rome")
"""What the tool is asked, in one reply."""


class XaiTalk(StrictTalk):
    """One connection."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.items: list[tuple[str, str]] = []
        self.configured = False
        self.ear = Ear()
        self.conversation = ""
        self.words = 0
        """Words of a reply that is a story; 0 for a short answer."""
        self.manual = False
        self.truncated: list[tuple[str, int]] = []
        """What was cut: item, and how much of it was heard."""
        self.outputs: dict[str, str] = {}
        """Results of tools, by call."""
        self._called = 0
        self._reply: asyncio.Task[None] | None = None
        self._stop = ""

    @property
    def replying(self) -> bool:
        """Whether a reply is being made."""
        return self._reply is not None and not self._reply.done()

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            if self._reply is not None:
                self._reply.cancel()

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
        if "turn_detection" in session:
            detection = session["turn_detection"]
            if unknown := set(detection) - DETECTION:
                self.complain(f"turn_detection.{unknown} is unknown")
            self.manual = detection["type"] is None
            self.ear.silence = detection.get("silence_duration_ms", 0) * RATE // 1000
        if not self.configured:
            self.configured = True
            await self._tell_again()
        await self.tell("session.updated", session={"id": "sess_1", "model": "grok-voice"})

    async def _tell_again(self) -> None:
        """Old items, with all that belonged to them; nobody is to take them for new ones."""
        for number, (role, text) in enumerate(self.items):
            kind = "input_audio" if role == "user" else "output_audio"
            item: Json = {"id": f"old_{number}", "type": "message", "role": role, "replayed": True}
            item["content"] = [{"type": kind, "transcript": text}]
            await self.tell("conversation.item.created", item=item, previous_item_id=None)
            if role == "user":
                await self._transcribed("completed", f"old_{number}", text)

    async def on_conversation_item_create(self, event: Json) -> None:
        item = event["item"]
        if item["type"] == "function_call_output":
            self.outputs[item["call_id"]] = item["output"]
            return
        if item["role"] not in ("user", "assistant", "system"):
            self.complain(f"an item of the {item['role']}")
        self.items.append((item["role"], item["content"][0]["text"]))
        told = {**item, "id": f"item_{len(self.items)}", "replayed": False}
        await self.tell("conversation.item.added", item=told)

    async def on_conversation_item_truncate(self, event: Json) -> None:
        self.truncated.append((event["item_id"], event["audio_end_ms"]))
        told = {key: event[key] for key in ("item_id", "content_index", "audio_end_ms")}
        await self.tell("conversation.item.truncated", **told, transcript="")

    async def on_response_create(self, event: Json) -> None:
        if self.replying:
            self.complain("response.create while a response is active")
        if len(self.outputs) < self._called:
            self.complain("response.create before all results of tools")
        self._answer()

    async def on_response_cancel(self, event: Json) -> None:
        if self.replying:
            self._stop = self._stop or "client_cancelled"
            return
        error = {"type": "invalid_request_error", "code": "response_cancel_not_active", "message": "None."}
        await self.tell("error", error=error)

    async def on_input_audio_buffer_append(self, event: Json) -> None:
        for kind, at_ms in self.ear.hear(samples_of(event)):
            item = f"speech_{len(self.items)}"
            if self.manual:
                continue
            if kind == "began":
                await self.tell(
                    "input_audio_buffer.speech_started", audio_start_ms=max(0, int(at_ms) - 300), item_id=item
                )
                if self.replying:
                    self._stop = self._stop or "turn_detected"
                continue
            said = self.ear.take()
            await self._transcribed("updated", item, said[: len(said) // 2] + "?")  # it corrects itself
            await self._transcribed("updated", item, said)
            await self.tell("input_audio_buffer.speech_stopped", audio_end_ms=int(at_ms), item_id=item)
            await self._committed(item, said)

    async def on_input_audio_buffer_commit(self, event: Json) -> None:
        if not self.manual:
            self.complain("a commit while the detector is on")
        if not self.ear.has_heard:
            self.complain("a commit of nothing")
        await self._committed(f"speech_{len(self.items)}", self.ear.take())

    async def _committed(self, item: str, said: str) -> None:
        """Speech is in the conversation, and is answered."""
        await self.tell("input_audio_buffer.committed", item_id=item)
        await self._transcribed("completed", item, said[:-1], status="in_progress")
        await self._transcribed("completed", item, said, status="completed")
        self.items.append(("user", said))
        if self._reply is not None:
            await asyncio.wait([self._reply])  # the one that was spoken into ends first
        self._answer()

    async def _transcribed(self, kind: str, item: str, text: str, **more: Any) -> None:
        name = f"conversation.item.input_audio_transcription.{kind}"
        await self.tell(name, item_id=item, content_index=0, transcript=text, **more)

    def _answer(self) -> None:
        self._stop = ""
        self._reply = asyncio.create_task(self._make_reply())

    async def _make_reply(self) -> None:
        count = sum(role == "user" for role, _ in self.items)
        name = f"resp_{len(self.server.talks)}_{len(self.items)}_{self._called}"
        where = {"response_id": name, "item_id": f"item_{name}", "content_index": 0}
        response = {"id": name, "status": "in_progress", "status_details": "unimplemented", "usage": {}}
        await self.tell("response.created", response=response)
        if "weather" in self.items[-1][1] and not self.outputs:
            await self._call(name)
        else:
            said = ""
            for number in range(max(1, self.words)):
                said += await self._say(f"w{number} " if self.words else f"answer {count}", where)
                if self._stop:
                    break
                await asyncio.sleep(0.01 if self.words else 0)
            await self.tell("response.output_audio.done", **where)
            self.items.append(("assistant", said))
        details = {"type": "cancelled", "reason": self._stop} if self._stop else "unimplemented"
        done = {"id": name, "status": "cancelled" if self._stop else "completed", "output": [], "usage": {}}
        usage = {"input_tokens": 40, "output_tokens": 5, "billable_audio_seconds": 1}
        await self.tell("response.done", response={**done, "status_details": details}, usage=usage)

    async def _say(self, text: str, where: Json) -> str:
        await self.tell("response.output_audio_transcript.delta", delta=text, **where)
        sound = base64.b64encode(np.full(480, 7, np.int16).tobytes()).decode()
        await self.tell("response.output_audio.delta", delta=sound, **where)
        return text

    async def _call(self, response: str) -> None:
        for city in WEATHER:
            self._called += 1
            call = {"call_id": f"call_{self._called}", "name": "weather", "arguments": f'{{"city":"{city}"}}'}
            kind = "response.function_call_arguments.done"
            await self.tell(kind, response_id=response, item_id=f"function_{self._called}", **call)


def forget(server: Any) -> None:
    """The history is dropped, as after 30 minutes."""
    server.memory.clear()
