"""The server side of Gemini Live (BidiGenerateContent) on one WebSocket."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from functools import partial

import msgspec
from websockets.asyncio.server import ServerConnection

from neko_cli.core.errors import NekoError
from neko_cli.local.engine import Engine
from neko_cli.local.resumption import HANDLE_CHARS, HandleInUse, NoSuchHandle, OtherModel, Snapshot, Thread
from neko_cli.local.wire import gemini_events as say
from neko_cli.local.wire.gemini_content import is_sound, picture_of, sound_of, words_of
from neko_cli.local.wire.gemini_events import DEVELOPER, VERTEX, Flavour, farewell
from neko_cli.local.wire.gemini_json import Json, Refusal, decode
from neko_cli.local.wire.gemini_schema import MESSAGE
from neko_cli.local.wire.gemini_setup import Setup, setup_of, tools_of
from neko_cli.local.wire.gemini_talk import Talk
from neko_cli.local.wire.link import CLOSE_INTERNAL, CLOSE_POLICY, Link, hold

log = logging.getLogger(__name__)

SETUP_S = 30.0
"""For a client to send its setup."""

GO_AWAY_S = 60.0
"""How long before the end a client is told to go, as Google does; half of a session that is shorter
than twice that."""

_HANDLE = re.compile(rf"[A-Za-z0-9_-]{{{HANDLE_CHARS}}}")


async def _serve(flavour: Flavour, socket: ServerConnection, engine: Engine, model: str) -> None:
    """Hold one session; returns when the socket is gone and all its tasks have ended."""
    client = GeminiClient(flavour, socket, engine)
    try:
        await hold(client)
    finally:
        client.park()


serve = partial(_serve, DEVELOPER)
"""Hold one session in the Developer API's manner; takes the socket, the engine and the model, which
does not matter: it is in the setup."""

serve_vertex = partial(_serve, VERTEX)
"""The same in Vertex's manner."""


class GeminiClient:
    """One connected program: reads its messages, and says goodbye as Gemini does."""

    def __init__(self, flavour: Flavour, socket: ServerConnection, engine: Engine) -> None:
        self.link = Link(socket, text=False)
        self._flavour = flavour
        self._engine = engine
        self._group: asyncio.TaskGroup | None = None
        self._talk: Talk | None = None
        self._setup: Setup | None = None
        self._thread: Thread | None = None
        self._carried = lambda: self.link.alive
        self._ending = False
        self._taken = 0

    # What the connection is held by

    def open(self, group: asyncio.TaskGroup) -> None:
        """Wait for the setup."""
        self._group = group

    async def expire(self) -> None:
        """Ask for a setup in time; later tell the client to go, and close when its time is over."""
        limit = self._engine.max_session_s
        ahead = min(GO_AWAY_S, limit / 2)
        await asyncio.sleep(min(SETUP_S, limit - ahead))
        if self._talk is None:
            self._end(CLOSE_INTERNAL, say.DEADLINE)
            return
        await asyncio.sleep(max(0.0, limit - ahead - SETUP_S))
        self.tell(say.going_away(ahead))
        await asyncio.sleep(ahead)
        self._end(CLOSE_INTERNAL, say.DEADLINE)

    async def receive(self) -> None:
        """Read and do the client's messages, one after the other, until the socket is gone."""
        while True:
            frame = await self.link.receive()
            if not self._ending:
                await self._handle(frame)

    def park(self) -> None:
        """The connection is over: keep the conversation for the next one."""
        if self._thread is not None:
            self._engine.resumption.park(self._thread, self._carried)

    # What a talk is held over

    def tell(self, message: Json) -> None:
        """Send a message."""
        self.link.put(msgspec.json.encode(message))

    def fail(self, error: NekoError) -> None:
        """End the connection because of an error."""
        self._end(*farewell(error))

    def reached(self) -> None:
        """Give out a handle for the conversation as it is now."""
        if self._thread is None or self._talk is None or self._setup is None:
            return
        handle = self._engine.resumption.mark(self._thread, self._talk.snapshot())
        self.tell(say.resumable(handle, self._taken if self._setup.transparent else None))

    async def room(self) -> None:
        """Wait until the client has taken most of what was sent."""
        await self.link.room()

    def _end(self, code: int, reason: str) -> None:
        """Close, once. What the client still sends is read meanwhile: else its own close would wait
        behind it."""
        if not self._ending:
            self._ending = True
            assert self._group is not None
            self._group.create_task(self.link.close(code, reason))

    # In

    async def _handle(self, frame: str | bytes) -> None:
        """Do what one message says. Whatever is wrong with it closes the connection."""
        try:
            given = MESSAGE(decode(frame), "")
            if not given:
                raise Refusal("Request contains an invalid argument.")
            if ("setup" in given) is (self._talk is not None):
                raise Refusal("setup must be the first message and only the first")
            if self._talk is None:
                self._begin(given["setup"])
            else:
                self._taken += 1
                await self._do(given, self._talk)
        except Refusal as refusal:
            self._end(refusal.code, refusal.reason)
        except NekoError as error:
            self._end(*farewell(error))
        except RecursionError:
            self._end(1007, "Request contains an invalid argument.")
        except Exception:
            log.exception("a client's message failed")
            self._end(CLOSE_INTERNAL, say.INTERNAL)

    def _begin(self, given: Json) -> None:
        assert self._group is not None
        setup = setup_of(given, self._engine.config, tuple(self._engine.parts.voices()))
        snapshot = self._resume(setup) if setup.resumes else Snapshot()
        self._setup = setup
        self._talk = Talk(setup, self._engine, self._group, self, self._flavour)
        self._talk.restore(snapshot)
        self.tell(say.setup_complete(secrets.token_hex(16)))
        self.reached()

    def _resume(self, setup: Setup) -> Snapshot:
        """The conversation to go on with; raises Refusal."""
        model = setup.model.removeprefix("models/")
        if not setup.handle:
            self._thread = self._engine.resumption.begin(model, self._carried)
            return Snapshot()
        if not _HANDLE.fullmatch(setup.handle):
            raise Refusal("Invalid session handle")
        try:
            self._thread, snapshot = self._engine.resumption.resume(setup.handle, model, self._carried)
        except NoSuchHandle as error:
            what = "expired" if error.expired else "not found"
            raise Refusal(f"BidiGenerateContent session {what}", CLOSE_POLICY) from None
        except HandleInUse:
            reason = "The session of this handle is still connected; close that connection first."
            raise Refusal(reason, CLOSE_INTERNAL) from None
        except OtherModel:
            raise Refusal("The session of this handle was held with another model.") from None
        return snapshot

    async def _do(self, given: Json, talk: Talk) -> None:
        kind, body = next(iter(given.items()))
        match kind:
            case "clientContent":
                talk.take(body.get("turns", ()), complete=body.get("turnComplete", False))
            case "realtimeInput":
                await self._realtime(body, talk)
            case "toolResponse":
                talk.answer(body.get("functionResponses", ()))
            case "contextUpdate":
                await self._update(body, talk)

    async def _realtime(self, body: Json, talk: Talk) -> None:
        """Input as it happens. Several fields at once count in the order of a user's turn."""
        if "activityStart" in body:
            talk.begin_activity()
        for at, blob in enumerate(body.get("mediaChunks", ())):
            await self._media(blob, f"realtime_input.media_chunks[{at}]", talk)
        for name in ("audio", "video"):
            if name in body:
                await self._media(body[name], f"realtime_input.{name}", talk)
        if "text" in body:
            talk.read(body["text"])
        if "activityEnd" in body:
            await talk.end_activity()
        if body.get("audioStreamEnd"):
            await talk.end_stream()

    async def _media(self, blob: Json, path: str, talk: Talk) -> None:
        if is_sound(blob):
            await talk.hear(*sound_of(blob, path))
        else:
            talk.see(picture_of(blob, path))

    async def _update(self, body: Json, talk: Talk) -> None:
        tools = None
        if "tools" in body:
            tools, background = tools_of(body["tools"].get("tools", ()), "context_update.tools.tools")
            talk.let_run(background)
        content = body.get("systemInstruction")
        await talk.update(instructions=None if content is None else words_of(content), tools=tools)
