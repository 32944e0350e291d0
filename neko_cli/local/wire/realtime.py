"""The server side of the realtime event protocols: OpenAI's, and those that were made after it.

What they have in common is here: JSON events with a ``type``, a session object that is updated in
part, an input buffer, items and responses. What differs is a Dialect: names, shapes, defaults.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection

from neko_cli.core.errors import NekoError, ServerFault
from neko_cli.local import events as ev
from neko_cli.local.config import EngineConfig
from neko_cli.local.conversation import Item
from neko_cli.local.engine import Engine
from neko_cli.local.faults import ClientFault
from neko_cli.local.session import Session
from neko_cli.local.settings import Settings
from neko_cli.local.wire.link import CLOSE_GOING_AWAY, CLOSE_NORMAL, Link, hold
from neko_cli.local.wire.openai_check import Check, not_supported, sound_bytes
from neko_cli.local.wire.openai_items import item_from_json, item_to_json

log = logging.getLogger(__name__)

Json = dict[str, Any]

FAREWELL_S = 10.0
"""For a client to leave by itself after ``session.finished``."""


@dataclass(frozen=True)
class Dialect:
    """How one provider speaks.

    Attributes:
        voices: names that mean the language's default voice, besides the engine's own.
        checks: a check for each event that a client may send, by the voices that there are.
        first_session: the session object at the start, from its id, model and time of expiry.
        updated: the session object after an update, by what it was, the update, and (``has_spoken``)
            whether sound was sent; raises ClientFault.
        overridden: the session object as one response sees it.
        settings: what a session object means for the engine.
        render: the events that tell a session event, from the session object and the
            conversation's id.
        error: an ``error`` event, and the id of the client's event it answers.
        tells_limits: whether ``rate_limits.updated`` follows the start of a reply.
    """

    voices: tuple[str, ...]
    checks: Callable[[tuple[str, ...]], Mapping[str, Check]]
    first_session: Callable[[str, str, int], Json]
    updated: Callable[..., Json]
    overridden: Callable[[Json, Json], Json]
    settings: Callable[[Json, EngineConfig, Sequence[str]], Settings]
    render: Callable[[ev.SessionEvent, Json, str], Iterator[Json]]
    error: Callable[[NekoError, str | None], Json]
    tells_limits: bool = True


async def serve(dialect: Dialect, socket: ServerConnection, engine: Engine, model: str) -> None:
    """Hold one session; returns when the socket is gone and all its tasks have ended."""
    await hold(RealtimeClient(dialect, socket, engine, model))


@lru_cache(maxsize=8)
def _checks(
    make: Callable[[tuple[str, ...]], Mapping[str, Check]], voices: tuple[str, ...]
) -> Mapping[str, Check]:
    return make(voices)


class RealtimeClient:
    """One connected program. Is the session's Outlet."""

    def __init__(self, dialect: Dialect, socket: ServerConnection, engine: Engine, model: str) -> None:
        self.link = Link(socket)
        self._dialect = dialect
        self._engine = engine
        self._voices = tuple(engine.parts.voices())
        self._checks = _checks(dialect.checks, tuple(dict.fromkeys((*dialect.voices, *self._voices))))
        expires_at = int(time.time() + engine.max_session_s)
        self._json = dialect.first_session(f"sess_{secrets.token_hex(10)}", model, expires_at)
        self._conversation_id = f"conv_{secrets.token_hex(10)}"
        self._stem = f"event_{secrets.token_hex(6)}"
        self._sent = 0
        self._group: asyncio.TaskGroup | None = None
        self._session: Session | None = None
        handlers: dict[str, Callable[[Json], Awaitable[None]]] = {
            "session.update": self._update_session,
            "session.finish": self._finish_session,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "input_image_buffer.append": self._append_picture,
            "conversation.item.create": self._create_item,
            "conversation.item.retrieve": self._retrieve_item,
            "conversation.item.truncate": self._truncate_item,
            "conversation.item.delete": self._delete_item,
            "response.create": self._create_response,
            "response.cancel": self._cancel_response,
        }
        self._handlers = {kind: handlers[kind] for kind in self._checks}

    @property
    def session(self) -> Session:
        """The session, once opened."""
        assert self._session is not None
        return self._session

    def open(self, group: asyncio.TaskGroup) -> None:
        """Begin the session and say so."""
        self._group = group
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
        for message in self._dialect.render(event, self._json, self._conversation_id):
            self._put(message)
        if isinstance(event, ev.ReplyStarted) and self._dialect.tells_limits:
            self._put({"type": "rate_limits.updated", "rate_limits": [self._requests_left()]})

    async def room(self) -> None:
        """Wait until the client has taken most of what was sent."""
        await self.link.room()

    def _put(self, message: Json, *, last: bool = False) -> None:
        self._sent += 1
        numbered = {"type": message["type"], "event_id": f"{self._stem}{self._sent:06d}", **message}
        self.link.put(msgspec.json.encode(numbered), last=last)

    def _requests_left(self) -> Json:
        """The one limit there is: utterances that may be recognised or wait for it, server-wide."""
        limit = self._engine.config.recognisers + self._engine.config.queue
        left = max(0, limit - self._engine.load.recognising)
        return {"name": "requests", "limit": limit, "remaining": left, "reset_seconds": 0.0}

    async def expire(self) -> None:
        """Close as OpenAI does when the session reaches its limit."""
        limit = self._engine.max_session_s
        await asyncio.sleep(limit)
        length = f"{limit / 60:.0f} minutes" if limit >= 60 else f"{limit:g} seconds"
        reason = f"The session reached its longest duration of {length}."
        self._put(self._dialect.error(ClientFault(reason, code="session_expired"), None), last=True)
        await self.link.close(CLOSE_GOING_AWAY, reason)

    # In

    async def receive(self) -> None:
        """Read and do the client's commands, one after the other, until the socket is gone."""
        while True:
            await self._handle(await self.link.receive())

    async def _handle(self, frame: str | bytes) -> None:
        """Do one command. Whatever is wrong with it becomes an error event."""
        event_id: str | None = None
        try:
            command = decode(frame)
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
            self._put(self._dialect.error(error, event_id))
        except Exception:
            log.exception("a client's command failed")
            fault = ServerFault("The engine failed while it worked on this event.")
            self._put(self._dialect.error(fault, event_id))

    async def _update_session(self, command: Json) -> None:
        after = self._dialect.updated(self._json, command["session"], has_spoken=self.session.has_spoken)
        settings = self._settings(after)
        self._json = after
        await self.session.configure(settings)
        self._put({"type": "session.updated", "session": self._json})

    async def _finish_session(self, command: Json) -> None:
        """Say what is still to be said, and goodbye; meanwhile commands are still read."""
        assert self._group is not None
        self._group.create_task(self._finish())

    async def _finish(self) -> None:
        await self.session.end_stream()
        await self.session.settled()
        self._put({"type": "session.finished"}, last=True)
        await asyncio.sleep(FAREWELL_S)
        await self.link.close(CLOSE_NORMAL, "")

    async def _append(self, command: Json) -> None:
        await self.session.append(sound_bytes(command["audio"], "audio"))

    async def _commit(self, command: Json) -> None:
        await self.session.commit()

    async def _clear(self, command: Json) -> None:
        await self.session.clear()

    async def _append_picture(self, command: Json) -> None:
        if not self.session.waiting_ms:
            raise ClientFault("Error append image before append audio.", code="invalid_value", param="image")
        self.session.show(command["image"])

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
        seen = self._dialect.overridden(self._json, wanted)
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

    def _settings(self, session: Json) -> Settings:
        return self._dialect.settings(session, self._engine.config, self._voices)


def decode(frame: str | bytes) -> Json:
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
