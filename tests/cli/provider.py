"""A small provider on a real socket, for tests that run the program itself.

It speaks the server's side of OpenAI's realtime protocol as far as these tests need it, and how
it behaves is chosen by name. Run in a thread with a loop of its own.
"""

from __future__ import annotations

import array
import asyncio
import base64
import http
import json
import math
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from neko_cli.local.door import Door

RATE = 24_000
SILENCE_MS = 300
LOUD = 100
"""Resampled silence is not quite silent."""


def tone(ms: int) -> bytes:
    """A sine of 440 Hz at the protocol's rate."""
    samples = array.array("h", (int(8000 * math.sin(i * 0.1152)) for i in range(RATE * ms // 1000)))
    return samples.tobytes()


class Provider:
    """``with Provider("answer") as provider: … provider.url``; what clients sent is in ``received``."""

    def __init__(self, behaviour: str = "answer", *, refuse: int = 0) -> None:
        self.behaviour = behaviour
        self.refuse = refuse
        self.received: list[dict[str, Any]] = []
        self.links = 0
        """Connections so far, where a behaviour counts them."""
        self.sound = bytearray()
        """All input audio, as it came."""
        self.arrived = threading.Event()
        """Set when a reply was asked for."""
        self.connected = threading.Event()
        self.url = ""
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=(self._run(),), daemon=True
        )

    def __enter__(self) -> Provider:
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)
        assert not self._thread.is_alive()
        self._loop.close()

    def of(self, kind: str) -> list[dict[str, Any]]:
        """What clients sent of this type."""
        return [event for event in self.received if event["type"] == kind]

    async def _run(self) -> None:
        door = Door()
        server = await door.open(
            self._handle, "127.0.0.1", 0, compression=None, process_request=self._check, close_timeout=0.2
        )
        self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._stop.wait()
        await door.close()
        await door.wait_closed()

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        if not self.refuse:
            return None
        body = {"error": {"message": "Not like this.", "type": "invalid_request_error", "code": None}}
        response = connection.respond(http.HTTPStatus(self.refuse), json.dumps(body))
        response.headers["Content-Type"] = "application/json"
        return response

    async def _handle(self, connection: ServerConnection) -> None:
        self.connected.set()
        try:
            await BEHAVIOURS[self.behaviour](Talk(self, connection))
        except ConnectionClosed:
            return


class Talk:
    """One conversation of the provider's."""

    def __init__(self, provider: Provider, connection: ServerConnection) -> None:
        self.provider = provider
        self.connection = connection
        self.session: dict[str, Any] = {}
        self.said = ""
        self.replies = 0
        self.utterances = 0
        self.speaking = False
        self.quiet = 0

    async def tell(self, kind: str, **fields: Any) -> None:
        await self.connection.send(json.dumps({"type": kind, "event_id": "event_x", **fields}))

    async def next(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(await self.connection.recv())
        self.provider.received.append(event)
        return event

    async def configure(self) -> None:
        await self.tell("session.created", session={"type": "realtime", "id": "sess_1", "model": "m"})
        event = await self.next()
        assert event["type"] == "session.update", event
        self.session = event["session"]
        await self.tell("session.updated", session={"type": "realtime", "id": "sess_1", "model": "m"})

    async def reply(self, text: str, *, pause: float = 0.0, end: bool = True) -> None:
        self.replies += 1
        name = f"resp_{self.replies}"
        where = {"response_id": name, "item_id": f"item_{name}", "output_index": 0, "content_index": 0}
        await self.tell("response.created", response={"id": name, "status": "in_progress"})
        voice = self.session.get("output_modalities") == ["audio"]
        words = "response.output_audio_transcript.delta" if voice else "response.output_text.delta"
        for piece in text.replace(" ", " \0").split("\0"):
            await self.tell(words, delta=piece, **where)
            if pause:
                await asyncio.sleep(pause)
        if voice:
            await self.tell(
                "response.output_audio.delta", delta=base64.b64encode(tone(400)).decode(), **where
            )
        if end:
            done = {"id": name, "status": "completed", "output": [], "status_details": None, "usage": None}
            await self.tell("response.done", response=done)

    async def take(self, event: dict[str, Any]) -> bool:
        """Note what an event says; True when a reply is due."""
        kind = event["type"]
        if kind == "conversation.item.create":
            for part in event["item"].get("content", ()):
                self.said = part.get("text", self.said)
        elif kind == "input_audio_buffer.append":
            return await self.hear(base64.b64decode(event["audio"]))
        elif kind == "input_audio_buffer.commit":
            await self.utterance_over()
        elif kind == "response.create":
            self.provider.arrived.set()
            return True
        return False

    async def hear(self, pcm: bytes) -> bool:
        """A detector that takes anything but digital silence for speech."""
        self.provider.sound += pcm
        if not (self.session.get("audio", {}).get("input", {}).get("turn_detection")):
            return False
        if max(map(abs, array.array("h", pcm)), default=0) > LOUD:
            self.quiet = 0
            if not self.speaking:
                self.speaking = True
                self.utterances += 1
                await self.tell(
                    "input_audio_buffer.speech_started", audio_start_ms=0, item_id=f"user_{self.utterances}"
                )
            return False
        self.quiet += len(pcm) * 1000 // (2 * RATE)
        if self.speaking and self.quiet >= SILENCE_MS:
            self.speaking = False
            await self.tell(
                "input_audio_buffer.speech_stopped", audio_end_ms=0, item_id=f"user_{self.utterances}"
            )
            await self.utterance_over()
            return True
        return False

    async def utterance_over(self) -> None:
        item = f"user_{max(1, self.utterances)}"
        self.said = f"sound number {max(1, self.utterances)}"
        await self.tell("input_audio_buffer.committed", item_id=item, previous_item_id=None)
        await self.tell(
            "conversation.item.input_audio_transcription.completed",
            item_id=item, content_index=0, transcript=self.said,
        )  # fmt: skip


async def _answer(talk: Talk) -> None:
    """Say what was said."""
    await talk.configure()
    while True:
        if await talk.take(await talk.next()):
            await talk.reply(f"You said: {talk.said}")


async def _hostile(talk: Talk) -> None:
    """Words with escape sequences, a forged title and a reversed text."""
    await talk.configure()
    while True:
        if await talk.take(await talk.next()):
            await talk.reply("red \x1b[31malarm\x1b]0;owned\x07 \u202egnp.exe line\nbreak")


async def _nothing(talk: Talk) -> None:
    """Accept the connection and say nothing at all."""
    await talk.connection.wait_closed()


async def _deaf(talk: Talk) -> None:
    """Be configured, then never answer."""
    await talk.configure()
    while True:
        await talk.take(await talk.next())


async def _stalls(talk: Talk) -> None:
    """Begin a reply and never end it."""
    await talk.configure()
    while True:
        if await talk.take(await talk.next()):
            await talk.reply("Once upon a time", end=False)


async def _slow(talk: Talk) -> None:
    """Words with pauses."""
    await talk.configure()
    while True:
        if await talk.take(await talk.next()):
            await talk.reply(" ".join(["word"] * 100), pause=0.05)


async def _garbage(talk: Talk) -> None:
    """Send what is no protocol, and close."""
    for frame in ("not json", b"\xff\x00\xfe", "[]", '{"type": 5}', '{"type": "made.up"}'):
        await talk.connection.send(frame)
    await talk.connection.close(1002, "what?")


async def _drops(talk: Talk) -> None:
    """Answer the first turn and drop the connection at the second."""
    await talk.configure()
    while True:
        if await talk.take(await talk.next()):
            if talk.replies:
                talk.connection.transport.abort()
                return
            await talk.reply(f"You said: {talk.said}")


async def _limits_when_it_drops(talk: Talk) -> None:
    """Answer the first turn; drop the connection at the second and refuse all further ones."""
    talk.provider.refuse = http.HTTPStatus.TOO_MANY_REQUESTS
    await _drops(talk)


async def _cuts(talk: Talk) -> None:
    """Drop the first connection in the middle of what the user says; answer on the next one."""
    first, talk.provider.links = talk.provider.links == 0, talk.provider.links + 1
    await talk.configure()
    while True:
        due = await talk.take(await talk.next())
        if first and talk.speaking and len(talk.provider.sound) > RATE:
            talk.connection.transport.abort()
            return
        if due:
            await talk.reply(f"You said: {talk.said}")


async def _fails_on_bad(talk: Talk, kind: str = "server_error") -> None:
    """Answer, but fail the turn of whoever says ``bad``."""
    await talk.configure()
    while True:
        if await talk.take(await talk.next()):
            if talk.said != "bad":
                await talk.reply(f"You said: {talk.said}\nand more")
                continue
            talk.replies += 1
            name = f"resp_{talk.replies}"
            error = {"type": kind, "code": kind, "message": "Not now."}
            await talk.tell("response.created", response={"id": name, "status": "in_progress"})
            await talk.tell(
                "response.done",
                response={
                    "id": name, "status": "failed", "output": [], "usage": None,
                    "status_details": {"type": "failed", "error": error},
                },
            )  # fmt: skip


async def _limits_on_bad(talk: Talk) -> None:
    """Answer, but find that ``bad`` is one request too many."""
    await _fails_on_bad(talk, "rate_limit_exceeded")


BEHAVIOURS: dict[str, Callable[[Talk], Awaitable[None]]] = {
    "answer": _answer,
    "hostile": _hostile,
    "nothing": _nothing,
    "deaf": _deaf,
    "stalls": _stalls,
    "slow": _slow,
    "garbage": _garbage,
    "drops": _drops,
    "limits when it drops": _limits_when_it_drops,
    "cuts": _cuts,
    "fails on bad": _fails_on_bad,
    "limits on bad": _limits_on_bad,
}
