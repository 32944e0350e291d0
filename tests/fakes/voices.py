"""Strict voice services on real sockets: each speaks one documented protocol and notes every breach."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import logging
import struct
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from neko_cli.local.door import Door

KEY = "sk-voice-0123456789abcdefghij"
SAMPLES_A_CHARACTER = 240
"""10 ms at 24 kHz for each character of a text."""

ODD_SIZES = (1, 3, 2, 7, 999, 4801)


def sound_for(text: str) -> bytes:
    """The sound that a fake makes of a text: what comes back can be told apart by its samples."""
    return b"".join(struct.pack("<h", ord(char) % 30_000) * SAMPLES_A_CHARACTER for char in text)


def text_in(pcm: bytes) -> str:
    """The text whose sound this is."""
    assert len(pcm) % (2 * SAMPLES_A_CHARACTER) == 0
    return "".join(
        chr(struct.unpack_from("<h", pcm, at)[0]) for at in range(0, len(pcm), 2 * SAMPLES_A_CHARACTER)
    )


def wav(pcm: bytes, rate: int = 24_000, *, length: int | None = None) -> bytes:
    """A WAV file; ``length`` replaces the true one, as servers that stream do."""
    size = len(pcm) if length is None else length
    head = struct.pack(
        "<4sI4s4sIHHIIHH",
        b"RIFF",
        (size + 36) & 0xFFFFFFFF,
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        rate,
        rate * 2,
        2,
        16,
    )
    return head + struct.pack("<4sI", b"data", size) + pcm


def cut(data: bytes, sizes: tuple[int, ...] = ODD_SIZES) -> Iterator[bytes]:
    """Pieces of these sizes, over and over."""
    at = 0
    for size in itertools.cycle(sizes):
        if at >= len(data):
            return
        yield data[at : at + size]
        at += size


class VoiceTalk:
    """One connection; a subclass is a protocol."""

    auth: tuple[str, str] = ("", "")
    """The header that must hold the key, and its value; an empty name for a service without keys."""

    def __init__(self, server: VoiceService, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.server = server
        self.connection = connection
        parts = urlsplit(connection.request.path)
        self.path = parts.path
        self.query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.got: list[dict[str, Any]] = []
        self.text = ""

    def complain(self, what: str) -> None:
        """The client broke the protocol."""
        self.server.wrong.append(what)

    def need(self, good: bool, what: str) -> None:
        if not good:
            self.complain(what)

    async def tell(self, event: dict[str, Any]) -> None:
        await self.connection.send(json.dumps(event))

    async def greet(self) -> None:
        """What the service says first."""

    async def take(self, event: dict[str, Any]) -> None:
        """Answer one message."""
        raise AssertionError

    async def sound(self, pcm: bytes) -> None:
        """Send a piece of sound."""
        raise AssertionError

    async def say(self, text: str) -> None:
        """Speak a text in pieces of odd sizes, as far as the service is to go."""
        self.text += text
        for number, piece in enumerate(cut(sound_for(text))):
            if self.server.cut_after is not None and number >= self.server.cut_after:
                self.server.cut_after = None
                self.connection.transport.abort()
                return
            await self.sound(piece)

    async def fail(self) -> None:
        """Tell an error in the protocol's own way."""
        raise AssertionError

    async def run(self) -> None:
        try:
            if self.server.silent:
                await self.connection.wait_closed()
                return
            await self.greet()
            async for message in self.connection:
                self.need(isinstance(message, str), "a binary frame")
                event = json.loads(message)
                self.got.append(event)
                if self.server.refuse_text and self.is_text(event):
                    await self.fail()
                else:
                    await self.take(event)
        except ConnectionClosed:
            pass  # the client has gone

    def is_text(self, event: dict[str, Any]) -> bool:
        return "text" in json.dumps(event)


class VoiceService:
    """``async with VoiceService(Talk) as service: … service.url``."""

    def __init__(self, kind: type[VoiceTalk]) -> None:
        self.talks: list[VoiceTalk] = []
        self.wrong: list[str] = []
        self.silent = False
        """Accepts, and never says a word."""
        self.mute_after_text = False
        """Takes texts, and never makes a sound."""
        self.cut_after: int | None = None
        """Cuts the connection, once, after so many pieces of sound."""
        self.refuse_text = False
        self.refused = 0
        self._kind = kind
        self._door = Door()
        self.url = ""

    async def __aenter__(self) -> VoiceService:
        quiet = logging.Logger("voice service, silent", logging.CRITICAL + 1)
        server = await self._door.open(
            self._handle,
            "127.0.0.1",
            0,
            compression=None,
            close_timeout=0.5,
            logger=quiet,
            process_request=self._check,
        )
        self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._door.close()
        await self._door.wait_closed()

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        header, key = self._kind.auth
        if header and request.headers.get(header) != key:
            self.refused += 1
            body = json.dumps({"error": {"code": "invalid_api_key", "message": f"Bad key {KEY}"}})
            return connection.respond(HTTPStatus.UNAUTHORIZED, body)
        return None

    async def _handle(self, connection: ServerConnection) -> None:
        talk = self._kind(self, connection)
        self.talks.append(talk)
        await talk.run()


def _bearer() -> tuple[str, str]:
    return "Authorization", f"Bearer {KEY}"


class QwenVoice(VoiceTalk):
    """Qwen-TTS realtime, mode server_commit."""

    auth = _bearer()
    ready = False
    finished = False

    async def greet(self) -> None:
        self.need(bool(self.query.get("model")), "no model in the address")
        await self.tell({"type": "session.created", "session": {"id": "sess_1", "mode": "server_commit"}})

    async def take(self, event: dict[str, Any]) -> None:
        self.need(bool(event.get("event_id")), "no event_id")
        ids = [one.get("event_id") for one in self.got]
        self.need(len(set(ids)) == len(ids), "an event_id twice")
        kind = event.get("type")
        if kind == "session.update":
            session = event["session"]
            self.need(not self.ready, "a second session.update")
            self.need(session["mode"] == "server_commit", "another mode")
            self.need(session["response_format"] == "pcm" and session["sample_rate"] == 24_000, "format")
            self.ready = True
            await self.tell({"type": "session.updated", "session": session})
        elif kind == "input_text_buffer.append":
            self.need(self.ready and not self.finished, "text out of turn")
            if not self.server.mute_after_text:
                await self.tell({"type": "response.created", "response": {"id": "r"}})
                await self.say(event["text"])
        elif kind == "session.finish":
            self.need(self.ready and not self.finished, "finish out of turn")
            self.finished = True
            if not self.server.mute_after_text:
                await self.tell({"type": "response.done", "response": {"id": "r"}})
                await self.tell({"type": "session.finished"})
                await self.connection.close()
        else:
            self.complain(f"{kind} does not belong here")

    async def sound(self, pcm: bytes) -> None:
        await self.tell({"type": "response.audio.delta", "delta": base64.b64encode(pcm).decode()})

    async def fail(self) -> None:
        error = {"type": "invalid_request_error", "code": "invalid_value", "message": "Invalid voice."}
        await self.tell({"type": "error", "error": error})


class CosyVoice(VoiceTalk):
    """DashScope's duplex tasks."""

    auth = _bearer()
    task = ""
    tasks: list[str]

    async def take(self, event: dict[str, Any]) -> None:
        header, payload = event["header"], event["payload"]
        self.need(header["streaming"] == "duplex", "not duplex")
        action = header["action"]
        if action == "run-task":
            seen = getattr(self, "tasks", [])
            self.need(header["task_id"] not in seen and not self.task, "a task twice")
            self.tasks = [*seen, header["task_id"]]
            self.task = header["task_id"]
            self.need(payload["task_group"] == "audio" and payload["function"] == "SpeechSynthesizer", "task")
            self.need(payload["parameters"]["format"] == "pcm" and payload["input"] == {}, "parameters")
            await self.event("task-started")
        elif action == "continue-task":
            self.need(header["task_id"] == self.task, "text without a task")
            if not self.server.mute_after_text:
                await self.event("result-generated")
                await self.say(payload["input"]["text"])
        elif action == "finish-task":
            self.need(header["task_id"] == self.task, "finish without a task")
            if not self.server.mute_after_text:
                await self.event("task-finished")
                self.task = ""
        else:
            self.complain(f"{action} does not belong here")

    async def event(self, name: str, **more: Any) -> None:
        await self.tell({"header": {"task_id": self.task, "event": name, **more}, "payload": {}})

    async def sound(self, pcm: bytes) -> None:
        await self.connection.send(pcm)

    async def fail(self) -> None:
        await self.event("task-failed", error_code="InvalidParameter", error_message="Bad voice.")

    def is_text(self, event: dict[str, Any]) -> bool:
        return event["header"]["action"] == "continue-task"


class StepVoice(VoiceTalk):
    """StepFun's streaming speech."""

    auth = _bearer()
    created = False
    done = False

    async def greet(self) -> None:
        self.need(self.query.get("model") == "step-tts-2", "model")
        await self.event("tts.connection.done")

    async def take(self, event: dict[str, Any]) -> None:
        kind, data = event["type"], event["data"]
        self.need(data["session_id"] == "s-1", "another session")
        if kind == "tts.create":
            self.need(not self.created, "a second tts.create")
            self.need(bool(data["voice_id"]) and data["response_format"] == "pcm", "voice or format")
            self.created = True
            await self.event("tts.response.created")
        elif kind == "tts.text.delta":
            self.need(self.created and not self.done, "text out of turn")
            if not self.server.mute_after_text:
                await self.event("tts.response.sentence.start", text=data["text"])
                await self.say(data["text"])
        elif kind == "tts.text.done":
            self.need(self.created and not self.done, "done out of turn")
            self.done = True
            if not self.server.mute_after_text:
                await self.event("tts.response.audio.done", audio="")
                await self.connection.close()
        else:
            self.complain(f"{kind} does not belong here")

    async def event(self, kind: str, **data: Any) -> None:
        await self.tell({"event_id": "e", "type": kind, "data": {"session_id": "s-1", **data}})

    async def sound(self, pcm: bytes) -> None:
        await self.event(
            "tts.response.audio.delta", status="unfinished", audio=base64.b64encode(pcm).decode()
        )

    async def fail(self) -> None:
        await self.event("tts.response.error", code="invalid_value", message="Bad voice.")

    def is_text(self, event: dict[str, Any]) -> bool:
        return event["type"] == "tts.text.delta"


class SovitsVoice(VoiceTalk):
    """The GPT-SoVITS server of the N.E.K.O. project."""

    auth = ("", "")
    begun = False
    ended = False

    async def take(self, event: dict[str, Any]) -> None:
        self.need(self.path == "/api/v3/tts/stream-input", "another path")
        command = event["cmd"]
        if command == "init":
            self.need(not self.begun and bool(event["voice_id"]), "init out of turn")
            self.begun = True
            await self.tell({"type": "ready"})
        elif command == "append":
            self.need(self.begun and not self.ended, "append out of turn")
            if not self.server.mute_after_text:
                await self.tell({"type": "sentence", "text": event["data"]})
                await self.say(event["data"])
        elif command == "end":
            self.need(self.begun and not self.ended, "end out of turn")
            self.ended = True
            if not self.server.mute_after_text:
                await self.tell({"type": "done"})
        else:
            self.complain(f"{command} does not belong here")

    async def sound(self, pcm: bytes) -> None:
        await self.connection.send(wav(pcm))

    async def fail(self) -> None:
        await self.tell({"type": "error", "code": "invalid_value", "message": "Bad voice."})

    def is_text(self, event: dict[str, Any]) -> bool:
        return event["cmd"] == "append"


class ElevenVoice(VoiceTalk):
    """ElevenLabs' stream-input."""

    auth = ("xi-api-key", KEY)
    ended = False

    async def greet(self) -> None:
        self.need(self.path.endswith("/stream-input") and "/v1/text-to-speech/" in self.path, "path")
        self.need(self.query.get("output_format") == "pcm_24000", "format")

    async def take(self, event: dict[str, Any]) -> None:
        text = event["text"]
        self.need(not self.ended, "text after the end")
        if len(self.got) == 1:
            self.need(text == " ", "the first text is no blank")
        elif text:
            self.need(text.endswith(" "), "a text without a blank at its end")
            if not self.server.mute_after_text:
                await self.say(text)
        else:
            self.ended = True
            if not self.server.mute_after_text:
                await self.tell({"audio": None, "isFinal": True})
                await self.connection.close()

    async def sound(self, pcm: bytes) -> None:
        await self.tell({"audio": base64.b64encode(pcm).decode(), "isFinal": None, "alignment": None})

    async def fail(self) -> None:
        await self.tell({"message": "Bad voice.", "error": "invalid_value", "code": 1008})
        await self.connection.close(1008, "Bad voice.")

    def is_text(self, event: dict[str, Any]) -> bool:
        return bool(event["text"].strip())


async def soon(condition: Any, timeout: float = 5.0) -> None:
    """Let the loop run until something holds; TimeoutError when it never does."""
    async with asyncio.timeout(timeout):
        while True:
            if condition():
                return
            await asyncio.sleep(0)
