"""Holds conversations with a running engine through the official openai SDK.

Runs under the SDK's own interpreter: ``openai_client.py SCENARIO PORT TOKEN`` with the sound of a
spoken sentence (PCM, 24 kHz, 16 bit, mono) on standard input. Prints one JSON object: the types of
all events in order, what was wrong with any of them, and what the scenario found out.
With ``openai_client.py PORT TOKEN FOLDER SCENARIO…`` several are run, the sound is a file there, and
there is one such object for each.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI, OpenAI
from openai_types import SERVER, problems

TIMEOUT_S = 20
CHUNK = 4800

TOOL = {
    "type": "function",
    "name": "clock",
    "description": "Tells the time.",
    "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}},
}

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
"""One black pixel as PNG."""

MANUAL = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}


class Report:
    """Every event received, validated."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.problems: list[str] = []
        self.facts: dict[str, Any] = {}
        self.closed: int | None = None

    def take(self, event: Any) -> Any:
        """Validate what the SDK delivered, as it came over the wire."""
        raw = event.to_dict(mode="json")
        if raw["type"].endswith(".delta") and self.kinds and self.kinds[-1] == raw["type"]:
            pass
        else:
            self.kinds.append(raw["type"])
        self.problems += problems(raw, SERVER)
        return event

    def as_json(self) -> dict[str, Any]:
        """The report."""
        told = {"kinds": self.kinds, "problems": self.problems, "facts": self.facts}
        return {**told, "closed": self.closed}


def user_text(text: str) -> dict[str, Any]:
    """A user's message."""
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


class AsyncTalk:
    """The asynchronous client."""

    def __init__(self, connection: Any, report: Report) -> None:
        self.connection = connection
        self.report = report

    async def until(self, kind: str, each: Callable[[Any], None] = lambda _: None) -> Any:
        """Read up to an event of a type."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                event = self.report.take(await self.connection.recv())
                each(event)
                if event.type == kind:
                    return event

    async def speak(self, sound: bytes) -> None:
        """Send sound in chunks of 100 ms."""
        for at in range(0, len(sound), CHUNK):
            audio = base64.b64encode(sound[at : at + CHUNK]).decode()
            await self.connection.input_audio_buffer.append(audio=audio)

    async def hear_reply(self) -> Any:
        """The rest of a reply; counts its sound."""
        ms = 0.0

        def count(event: Any) -> None:
            nonlocal ms
            if event.type == "response.output_audio.delta":
                ms += len(base64.b64decode(event.delta)) / 48

        done = await self.until("response.done", count)
        self.report.facts["reply_ms"] = round(ms)
        self.report.facts["status"] = done.response.status
        self.report.facts["tokens"] = done.response.usage.total_tokens
        return done


async def text_turn(talk: AsyncTalk, sound: bytes) -> None:
    """A typed turn, answered in writing."""
    await talk.connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
    await talk.until("session.updated")
    await talk.connection.conversation.item.create(item=user_text("hello"))
    await talk.connection.response.create()
    done = await talk.hear_reply()
    talk.report.facts["text"] = done.response.output[0].content[0].text


async def detected_turn(talk: AsyncTalk, sound: bytes) -> None:
    """A spoken turn whose end the server finds."""
    audio = {"input": {"transcription": {"model": "whisper-1"}}}
    include = ["item.input_audio_transcription.logprobs"]
    await talk.connection.session.update(session={"type": "realtime", "audio": audio, "include": include})
    await talk.speak(bytes(24_000) + sound + bytes(48_000))
    done = await talk.until("conversation.item.input_audio_transcription.completed")
    talk.report.facts["heard"] = done.transcript
    talk.report.facts["logprobs"] = len(done.logprobs or [])
    await talk.hear_reply()


async def manual_turn(talk: AsyncTalk, sound: bytes) -> None:
    """A spoken turn that the client ends."""
    await talk.connection.session.update(session=MANUAL)
    await talk.speak(sound)
    await talk.connection.input_audio_buffer.commit()
    await talk.connection.response.create()
    await talk.hear_reply()


async def tool_turn(talk: AsyncTalk, sound: bytes) -> None:
    """The model asks for a tool; its answer is told."""
    session = {"type": "realtime", "output_modalities": ["text"], "tools": [TOOL], "tool_choice": "auto"}
    await talk.connection.session.update(session=session)
    await talk.connection.conversation.item.create(item=user_text("what time is it?"))
    await talk.connection.response.create()
    call = await talk.until("response.function_call_arguments.done")
    await talk.until("response.done")
    talk.report.facts["call"] = [call.name, call.arguments]
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "noon"}
    await talk.connection.conversation.item.create(item=output)
    await talk.connection.response.create()
    done = await talk.hear_reply()
    talk.report.facts["text"] = done.response.output[0].content[0].text


async def image_turn(talk: AsyncTalk, sound: bytes) -> None:
    """A picture with a question."""
    await talk.connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
    content = [
        {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"},
        {"type": "input_text", "text": "what is this?"},
    ]
    item = {"type": "message", "role": "user", "content": content}
    await talk.connection.conversation.item.create(item=item)
    await talk.connection.response.create()
    done = await talk.hear_reply()
    talk.report.facts["text"] = done.response.output[0].content[0].text
    talk.report.facts["image_tokens"] = done.response.usage.input_token_details.image_tokens


async def answered_turn(talk: AsyncTalk, sound: bytes) -> None:
    """The user speaks while a story is being told, and is answered."""
    audio = {"input": {"transcription": {"model": "whisper-1"}}}
    await talk.connection.session.update(session={"type": "realtime", "audio": audio})
    await talk.connection.conversation.item.create(item=user_text("tell me a story"))
    await talk.connection.response.create()
    await talk.until("response.output_audio.delta")
    await talk.speak(sound + bytes(48_000))
    cut = await talk.until("response.done")
    talk.report.facts["cut"] = [cut.response.status, cut.response.status_details.reason]
    done = await talk.hear_reply()
    talk.report.facts["text"] = done.response.output[0].content[0].transcript


async def interrupted_turn(talk: AsyncTalk, sound: bytes) -> None:
    """The user speaks while the reply is being spoken; what was not heard is taken back."""
    await talk.connection.conversation.item.create(item=user_text("tell me a story"))
    await talk.connection.response.create()
    first = await talk.until("response.output_audio.delta")
    await talk.speak(sound)
    done = await talk.until("response.done")
    talk.report.facts["status"] = done.response.status
    talk.report.facts["reason"] = done.response.status_details.reason
    await talk.connection.conversation.item.truncate(item_id=first.item_id, content_index=0, audio_end_ms=50)
    truncated = await talk.until("conversation.item.truncated")
    talk.report.facts["audio_end_ms"] = truncated.audio_end_ms
    await talk.connection.conversation.item.retrieve(item_id=first.item_id)
    await talk.until("conversation.item.retrieved")
    await talk.connection.conversation.item.delete(item_id=first.item_id)
    await talk.until("conversation.item.deleted")
    await talk.connection.input_audio_buffer.clear()
    await talk.until("input_audio_buffer.cleared")
    await talk.connection.response.cancel()
    error = await talk.until("error")
    talk.report.facts["error"] = error.error.code


class Blocking:
    """The synchronous client behind the asynchronous one's manner, for the same scenarios."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Blocking:
        return Blocking(getattr(self._inner, name))

    async def __call__(self, *args: Any, **options: Any) -> Any:
        return self._inner(*args, **options)


def scenario(name: str) -> Callable[[AsyncTalk, bytes], Any]:
    """A conversation by its name."""
    known = (text_turn, detected_turn, manual_turn, tool_turn, image_turn, answered_turn, interrupted_turn)
    return next(found for found in known if found.__name__ == name)


async def converse(name: str, connection: Any, report: Report, sound: bytes) -> None:
    """Hold a conversation over a connection."""
    talk = AsyncTalk(connection, report)
    created = await talk.until("session.created")
    report.facts["model"] = created.session.model
    await scenario(name)(talk, sound)


def run_blocking(name: str, base_url: str, token: str, sound: bytes) -> Report:
    """Run a scenario with the synchronous client."""
    report = Report()
    client = OpenAI(api_key=token, base_url=base_url)
    with client, client.realtime.connect(model="gpt-realtime") as connection:
        asyncio.run(converse(name, Blocking(connection), report, sound))
        socket = connection._connection
    report.closed = socket.protocol.close_code
    return report


async def run_async(name: str, base_url: str, token: str, sound: bytes) -> Report:
    """Run a scenario with the asynchronous client."""
    report = Report()
    client = AsyncOpenAI(api_key=token, base_url=base_url)
    async with client, client.realtime.connect(model="gpt-realtime") as connection:
        await converse(name, connection, report, sound)
        socket = connection._connection
    report.closed = socket.close_code
    return report


def run_sync(base_url: str, token: str, sound: bytes) -> Report:
    """A written and a spoken turn with the synchronous client, which sends all before it reads."""
    report = Report()
    client = OpenAI(api_key=token, base_url=base_url)

    def until(connection: Any, kind: str) -> Any:
        while True:
            event = report.take(connection.recv())
            if event.type == kind:
                return event

    with client, client.realtime.connect(model="gpt-realtime") as connection:
        until(connection, "session.created")
        connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        connection.conversation.item.create(item=user_text("hello"))
        connection.response.create()
        report.facts["text"] = until(connection, "response.done").response.output[0].content[0].text
        connection.session.update(session={**MANUAL, "output_modalities": ["audio"]})
        for at in range(0, len(sound), CHUNK):
            audio = base64.b64encode(sound[at : at + CHUNK]).decode()
            connection.input_audio_buffer.append(audio=audio)
        connection.input_audio_buffer.commit()
        connection.response.create()
        report.facts["status"] = until(connection, "response.done").response.status
    return report


def run(name: str, port: str, token: str, sound: bytes) -> dict[str, Any]:
    """Run one scenario; returns its report."""
    base_url = f"http://127.0.0.1:{port}/v1"
    if name.startswith("blocking:"):
        return run_blocking(name.removeprefix("blocking:"), base_url, token, sound).as_json()
    if name == "sync":
        return run_sync(base_url, token, sound).as_json()
    return asyncio.run(run_async(name, base_url, token, sound)).as_json()


def main() -> None:
    """Run what the command line names."""
    if sys.argv[1].isdigit():
        port, token, folder, *names = sys.argv[1:]
        sound = (Path(folder) / "question-24000.pcm").read_bytes()
        print(json.dumps({name: run(name, port, token, sound) for name in names}))
    else:
        name, port, token = sys.argv[1:4]
        print(json.dumps(run(name, port, token, sys.stdin.buffer.read())))


if __name__ == "__main__":
    main()
