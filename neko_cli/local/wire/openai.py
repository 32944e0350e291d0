"""The server side of OpenAI's Realtime GA protocol on one WebSocket."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from neko_cli.core.errors import NekoError, ServerFault
from neko_cli.local import events as ev
from neko_cli.local.conversation import Item
from neko_cli.local.engine import Engine
from neko_cli.local.faults import ClientFault
from neko_cli.local.outbox import Outbox, Overflow
from neko_cli.local.session import Session
from neko_cli.local.wire.openai_check import Check, not_supported, sound_bytes
from neko_cli.local.wire.openai_events import Json, error_json, render
from neko_cli.local.wire.openai_items import item_from_json, item_to_json
from neko_cli.local.wire.openai_schema import client_events
from neko_cli.local.wire.openai_session import (
    OPENAI_VOICES,
    default_session,
    settings_of,
    updated,
    with_overrides,
)

log = logging.getLogger(__name__)

FLUSH_S = 2.0
"""How long the last words to a client may take before its socket is closed."""

CLOSE_GOING_AWAY = 1001
CLOSE_POLICY = 1008


class _SocketGone(Exception):
    """The connection ended; ends every task that belongs to it."""


async def serve(socket: ServerConnection, engine: Engine, model: str) -> None:
    """Hold one session; returns when the socket is gone and all its tasks have ended."""
    client = _Client(socket, engine, model)
    try:
        async with asyncio.TaskGroup() as group:
            client.open(group)
            group.create_task(client.send())
            group.create_task(client.expire())
            group.create_task(client.watch())
            await client.receive()
    except* _SocketGone:
        pass
    except* Overflow:
        log.warning("a client was let go because it did not read")
        await socket.close(CLOSE_POLICY, "messages are not being read")


@lru_cache(maxsize=8)
def _checks(voices: tuple[str, ...]) -> dict[str, Check]:
    return client_events(voices)


class _Client:
    """One connected program. Is the session's Outlet."""

    def __init__(self, socket: ServerConnection, engine: Engine, model: str) -> None:
        self._socket = socket
        self._engine = engine
        self._voices = tuple(engine.parts.voices())
        self._checks = _checks(tuple(dict.fromkeys((*OPENAI_VOICES, *self._voices))))
        expires_at = int(time.time() + engine.max_session_s)
        self._json = default_session(f"sess_{secrets.token_hex(10)}", model, expires_at)
        self._conversation_id = f"conv_{secrets.token_hex(10)}"
        self._outbox = Outbox()
        self._stem = f"event_{secrets.token_hex(6)}"
        self._sent = 0
        self._session: Session | None = None
        self._handlers: dict[str, Callable[[Json], Awaitable[None]]] = {
            "session.update": self._update_session,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.create": self._create_item,
            "conversation.item.retrieve": self._retrieve_item,
            "conversation.item.truncate": self._truncate_item,
            "conversation.item.delete": self._delete_item,
            "response.create": self._create_response,
            "response.cancel": self._cancel_response,
        }

    @property
    def session(self) -> Session:
        """The session, once opened."""
        assert self._session is not None
        return self._session

    def open(self, group: asyncio.TaskGroup) -> None:
        """Begin the session and say so."""
        self._session = Session(
            self._engine.parts,
            self._settings(self._json),
            self,
            group,
            turnstile=self._engine.turnstile,
            load=self._engine.load,
        )
        self._put({"type": "session.created", "session": self._json})

    # Out

    def emit(self, event: ev.SessionEvent) -> None:
        """Tell the client a session event."""
        for message in render(event, self._json, self._conversation_id):
            self._put(message)
        if isinstance(event, ev.ReplyStarted):
            self._put({"type": "rate_limits.updated", "rate_limits": [self._requests_left()]})

    async def room(self) -> None:
        """Wait until the client has taken most of what was sent."""
        await self._outbox.room()

    def _put(self, message: Json, *, last: bool = False) -> None:
        self._sent += 1
        numbered = {"type": message["type"], "event_id": f"{self._stem}{self._sent:06d}", **message}
        self._outbox.put(msgspec.json.encode(numbered), last=last)

    def _requests_left(self) -> Json:
        """The one limit there is: utterances that may be recognised or wait for it, server-wide."""
        limit = self._engine.config.recognisers + self._engine.config.queue
        left = max(0, limit - self._engine.load.recognising)
        return {"name": "requests", "limit": limit, "remaining": left, "reset_seconds": 0.0}

    async def send(self) -> None:
        """Write the outbox to the socket."""
        try:
            await self._outbox.run(self._send_one)
        except ConnectionClosed:
            raise _SocketGone from None

    async def _send_one(self, message: bytes) -> None:
        await self._socket.send(message, text=True)

    async def watch(self) -> None:
        """End everything when the socket goes, also while a command is being worked on."""
        await self._socket.wait_closed()
        raise _SocketGone

    async def expire(self) -> None:
        """Close as OpenAI does when the session reaches its limit."""
        limit = self._engine.max_session_s
        await asyncio.sleep(limit)
        length = f"{limit / 60:.0f} minutes" if limit >= 60 else f"{limit:g} seconds"
        reason = f"The session reached its longest duration of {length}."
        self._put(error_json(ClientFault(reason, code="session_expired")), last=True)
        try:
            async with asyncio.timeout(FLUSH_S):
                await self._outbox.flushed()
        except TimeoutError:
            log.debug("a client did not take its last message before its session expired")
        await self._socket.close(CLOSE_GOING_AWAY, reason)

    # In

    async def receive(self) -> None:
        """Read and do the client's commands, one after the other, until the socket is gone."""
        try:
            while True:
                await self._handle(await self._socket.recv())
        except ConnectionClosed:
            raise _SocketGone from None

    async def _handle(self, frame: str | bytes) -> None:
        """Do one command. Whatever is wrong with it becomes an error event."""
        event_id: str | None = None
        try:
            command = _decode(frame)
            given = command.get("event_id")
            event_id = given if isinstance(given, str) else None
            kind = command.get("type")
            if kind is None:
                raise ClientFault(
                    "Missing required parameter: 'type'.", code="missing_required_parameter", param="type"
                )
            if not isinstance(kind, str) or kind not in self._handlers:
                raise not_supported(str(kind), "type", tuple(self._handlers))
            await self._handlers[kind](self._checks[kind](command, ""))
        except NekoError as error:
            self._put(error_json(error, event_id))
        except Exception:
            log.exception("a client's command failed")
            fault = ServerFault("The engine failed while it worked on this event.")
            self._put(error_json(fault, event_id))

    async def _update_session(self, command: Json) -> None:
        after = updated(self._json, command["session"], has_spoken=self.session.has_spoken)
        settings = self._settings(after)
        self._json = after
        await self.session.configure(settings)
        self._put({"type": "session.updated", "session": self._json})

    async def _append(self, command: Json) -> None:
        await self.session.append(sound_bytes(command["audio"], "audio"))

    async def _commit(self, command: Json) -> None:
        await self.session.commit()

    async def _clear(self, command: Json) -> None:
        await self.session.clear()

    async def _create_item(self, command: Json) -> None:
        item = item_from_json(command["item"], self.session.settings.input_format)
        self.session.add_item(item, after=command.get("previous_item_id"))

    async def _retrieve_item(self, command: Json) -> None:
        item = item_to_json(self.session.item(command["item_id"]), with_sound=True)
        self._put({"type": "conversation.item.retrieved", "item": item})

    async def _truncate_item(self, command: Json) -> None:
        self.session.truncate_item(command["item_id"], command["content_index"], command["audio_end_ms"])

    async def _delete_item(self, command: Json) -> None:
        self.session.remove_item(command["item_id"])

    async def _create_response(self, command: Json) -> None:
        wanted = command.get("response") or {}
        seen = with_overrides(self._json, wanted)
        self.session.create_reply(
            self._settings(seen),
            in_conversation=wanted.get("conversation") != "none",
            context=self._context(wanted.get("input")),
            tag={"session": seen, "metadata": wanted.get("metadata")},
        )

    def _context(self, given: list[Json] | None) -> tuple[Item, ...] | None:
        """The items that a response looks at instead of the conversation."""
        if given is None:
            return None
        source = self.session.settings.input_format
        return tuple(
            self.session.item(value["id"])
            if value["type"] == "item_reference"
            else item_from_json(value, source, f"response.input[{at}]")
            for at, value in enumerate(given)
        )

    async def _cancel_response(self, command: Json) -> None:
        self.session.cancel_reply(command.get("response_id"))

    def _settings(self, session: Json) -> Any:
        return settings_of(session, self._engine.config, self._voices)


def _decode(frame: str | bytes) -> Json:
    """The JSON object in a frame; raises ClientFault when there is none."""
    if not isinstance(frame, str):
        raise ClientFault("Events are JSON in text frames; this was a binary frame.", code="invalid_json")
    try:
        command = msgspec.json.decode(frame)
    except (ValueError, RecursionError):
        raise ClientFault("The event could not be read as JSON.", code="invalid_json") from None
    if not isinstance(command, dict):
        raise ClientFault("An event is a JSON object with a 'type'.", code="invalid_json")
    return command
