"""A Gemini Live service on a real socket: strict about what it is sent; the test says what it answers.

It keeps sessions by handle as the service does: a handle stands for what was known when it was told, and
one whose connection is still open cannot be resumed by another (1011). Messages go out as binary frames.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import logging
from http import HTTPStatus
from typing import Any

import numpy as np
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from neko_cli.local.door import Door
from tests.fakes.gemini_wire import Json, Manners
from tests.fakes.numbered import Ear

VERTEX_PATH = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
KEY = "AIza-of-the-test"
PATIENCE = 5.0
"""Seconds that a step may take before the test fails."""


class GeminiService:
    """``async with GeminiService() as service: … link = await service.accepted()``."""

    def __init__(self, *, vertex: bool = False) -> None:
        """``vertex``: as Google Cloud has it, which takes a token and gives calls no ids."""
        self.vertex = vertex
        self.links: list[GeminiLink] = []
        self.wrong: list[str] = []
        """All that clients did wrong."""
        self.rejects = False
        """Whether no handle is known any more."""
        self.handles: dict[str, tuple[int, list[tuple[str, str]]]] = {}
        """What handles stand for: a session, and what it knew."""
        self.claimed: set[int] = set()
        """Sessions whose connection is open, as far as the service knows."""
        self.numbers = itertools.count(1)
        self._door = Door()
        self._accepted: asyncio.Queue[GeminiLink] = asyncio.Queue()
        self.url = ""

    async def __aenter__(self) -> GeminiService:
        server = await self._door.open(
            self._handle,
            "127.0.0.1",
            0,
            process_request=self._admit,
            compression=None,
            close_timeout=0.5,
            logger=logging.Logger("provider, silent", logging.CRITICAL + 1),
        )
        self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._door.close()
        await self._door.wait_closed()

    async def accepted(self) -> GeminiLink:
        """The next connection, once its setup is complete or refused."""
        async with asyncio.timeout(PATIENCE):
            return await self._accepted.get()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path != (VERTEX_PATH if self.vertex else PATH):
            return connection.respond(HTTPStatus.NOT_FOUND, "no such method")
        name, key = ("Authorization", f"Bearer {KEY}") if self.vertex else ("x-goog-api-key", KEY)
        if request.headers.get(name) != key:
            return connection.respond(HTTPStatus.UNAUTHORIZED, "API key not valid")
        return None

    async def _handle(self, connection: ServerConnection) -> None:
        link = GeminiLink(self, connection)
        self.links.append(link)
        try:
            await link.run(self._accepted)
        except ConnectionClosed:
            pass
        finally:
            link.ended.set()
            if not link.is_ghost:
                self.claimed.discard(link.session)


class GeminiLink:
    """One connection; reads by itself, and says what the test has it say."""

    def __init__(self, service: GeminiService, connection: ServerConnection) -> None:
        self.session = next(service.numbers)
        """The session that it belongs to, which goes on over connections."""
        self.known: list[tuple[str, str]] = []
        """The conversation: (role, text)."""
        self.setup: Json = {}
        self.resumed = ""
        """The handle by which it was opened."""
        self.ended = asyncio.Event()
        self.is_ghost = False
        """Whether the service does not notice that the connection is gone."""
        self.ear = Ear()
        self.interrupted = asyncio.Event()
        """Set once a reply was stopped."""
        self._service = service
        self._connection = connection
        self._manners = Manners(vertex=service.vertex)
        self._asks: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._answers: asyncio.Queue[Json] = asyncio.Queue()
        self._speaking = False
        self._said = ""

    # -- reading ----------------------------------------------------------------------------

    async def run(self, accepted: asyncio.Queue[GeminiLink]) -> None:
        """From the first message to the end of the connection."""
        async for frame in self._connection:
            message = json.loads(frame)
            breach = self._manners.breach(message)
            if breach:
                self._service.wrong.append(breach)
                await self._connection.close(1007, "Request contains an invalid argument.")
                return
            if "setup" in message:
                good = await self._begin(message["setup"])
                accepted.put_nowait(self)
                if not good:
                    return
            else:
                await self._take(message)

    async def _begin(self, setup: Json) -> bool:
        self.setup = setup
        self.resumed = setup.get("sessionResumption", {}).get("handle", "")
        if self.resumed:
            if self._service.rejects or self.resumed not in self._service.handles:
                await self._connection.close(1007, "Request contains an invalid argument.")
                return False
            session, known = self._service.handles[self.resumed]
            if session in self._service.claimed:
                await self._connection.close(1011, "Internal error encountered.")
                return False
            self.session, self.known = session, list(known)
        self._service.claimed.add(self.session)
        detects = setup["realtimeInputConfig"]["automaticActivityDetection"]
        self.ear.silence = detects.get("silenceDurationMs", 0) * 16
        await asyncio.sleep(0.01)  # what a client sends before it is told would be noticed
        self._manners.is_ready = True
        await self.tell(setupComplete={"sessionId": f"session-{self.session}"})
        await self.tell_handle()
        return True

    async def _take(self, message: Json) -> None:
        match message:
            case {"clientContent": content}:
                await self._content(content)
            case {"toolResponse": given}:
                for answer in given["functionResponses"]:
                    self._answers.put_nowait(answer)
            case {"realtimeInput": {"audio": audio}}:
                await self._hear(np.frombuffer(base64.b64decode(audio["data"]), np.int16))
            case {"realtimeInput": {"text": text}}:
                await self._asked("text", text)
            case {"realtimeInput": {"activityStart": _}}:
                await self._interrupt()
            case {"realtimeInput": {"activityEnd": _} | {"audioStreamEnd": True}}:
                await self._asked("speech", self.ear.take())

    async def _content(self, content: Json) -> None:
        lines = [(turn["role"], part["text"]) for turn in content["turns"] for part in turn["parts"]]
        if not content.get("turnComplete") or content.get("history"):
            self.known += lines
            return
        self.known += lines[:-1]
        await self._asked("text", lines[-1][1])

    async def _hear(self, samples: np.ndarray) -> None:
        for kind, _ in self.ear.hear(samples):
            detects = self.setup["realtimeInputConfig"]["automaticActivityDetection"]
            if detects.get("disabled"):
                continue
            if kind == "began":
                await self._interrupt()
            else:
                await self._asked("speech", self.ear.take())

    async def _asked(self, kind: str, text: str) -> None:
        await self._interrupt()
        self.known.append(("user", text))
        self._asks.put_nowait((kind, text))

    async def _interrupt(self) -> None:
        """Whatever the user does stops what is being said; what was sent of it, the model has said."""
        if self._speaking:
            await self.tell(serverContent={"interrupted": True})
            await self._end()
            self.interrupted.set()

    # -- what the test does -----------------------------------------------------------------

    async def asked(self, kind: str) -> str:
        """The next ask must be of this kind; returns its text."""
        async with asyncio.timeout(PATIENCE):
            found, text = await self._asks.get()
        assert found == kind, f"expected {kind}, was asked {found}: {text}"
        return text

    async def answered(self) -> Json:
        """The next answer to a tool call."""
        async with asyncio.timeout(PATIENCE):
            return await self._answers.get()

    def nothing_more(self) -> None:
        """Nothing was asked that the test did not expect."""
        assert self._asks.empty(), f"unexpected: {self._asks.get_nowait()}"

    async def tell(self, **message: Any) -> None:
        """Send a message."""
        await self._connection.send(json.dumps(message).encode())

    async def heard_words(self, *pieces: str) -> None:
        """What the service understood, piece by piece."""
        for piece in pieces:
            await self.tell(serverContent={"inputTranscription": {"text": piece}})

    async def say(self, text: str, ms: int = 20) -> None:
        """Some words of a reply, and their sound."""
        if not self._speaking:
            self._speaking = True
            await self.tell(sessionResumptionUpdate={})  # no handle in the middle of a reply
        self._said += text
        await self.tell(serverContent={"outputTranscription": {"text": text}})
        await self.sound(ms)

    async def sound(self, ms: int) -> None:
        """Sound alone; in the URL-safe alphabet, without padding."""
        data = base64.urlsafe_b64encode(b"\xfb\xff" * (24 * ms)).decode().rstrip("=")
        parts = [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}}]
        await self.tell(serverContent={"modelTurn": {"role": "model", "parts": parts}})

    async def complete(self, tokens: int = 100) -> None:
        """The reply is over."""
        await self.tell(serverContent={"generationComplete": True})
        usage = {"promptTokenCount": tokens, "responseTokenCount": 10, "totalTokenCount": tokens + 10}
        self._speaking = True
        await self._end(usageMetadata=usage)

    async def reply(self, text: str, ms: int = 20) -> None:
        """A whole reply."""
        await self.say(text, ms)
        await self.complete()

    async def call(self, *calls: tuple[str, str]) -> None:
        """Tools are called: (id, name) of each; Vertex does not tell the ids."""
        vertex = self._service.vertex
        self._manners.calls |= {name if vertex else call_id for call_id, name in calls}
        told = [{"id": call_id, "name": name, "args": {}} for call_id, name in calls]
        for call in told if vertex else ():
            del call["id"]
        await self.tell(toolCall={"functionCalls": told})

    async def go_away(self, left: str) -> None:
        """The connection will end soon."""
        await self.tell(goAway={"timeLeft": left})

    async def tell_handle(self) -> None:
        """A new handle for what is known now."""
        handle = f"handle-{next(self._service.numbers)}"
        self._service.handles[handle] = (self.session, list(self.known))
        await self.tell(sessionResumptionUpdate={"newHandle": handle, "resumable": True})

    async def drop(self, code: int, reason: str = "") -> None:
        """End the connection."""
        await self._connection.close(code, reason)

    async def vanish(self) -> None:
        """The connection is cut, and the service holds it for open until ``service.claimed`` says else."""
        self.is_ghost = True
        self._connection.transport.abort()
        async with asyncio.timeout(PATIENCE):
            await self.ended.wait()

    async def _end(self, **more: Any) -> None:
        self._speaking = False
        if self._said:
            self.known.append(("model", self._said))
            self._said = ""
        await self.tell(serverContent={"turnComplete": True}, **more)
        await self.tell_handle()
