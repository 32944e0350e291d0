"""A strict provider on a real socket: OpenAI's GA protocol, played by numbers.

The user's speech is samples that count up from 1 (what is not above 0 is a quiet room), so that a
transcript can say exactly what was heard: ``u1-7200``. The character's reply to the speech from sample
1 on is ``r1w1 r1w2 …``; asked to go on with a reply, it goes on after the last word that it is told of.
Each connection knows only what came over it. Whatever breaks the protocol is noted in ``wrong``.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from neko_cli.local.door import Door
from tests.fakes.deaths import Death
from tests.fakes.numbered import RATE, Ear, samples_of

PREFIX_MS = 300.0
WORDS = 4
WORD_SAMPLES = 480
"""Sound of one word of a reply: so many samples, each of them the word's number."""

Json = dict[str, Any]


class Dead(Exception):
    """This connection has died as planned."""


class Life:
    """What one client goes through: its connections, and which of them die, and when.

    ``Life(reset, 5, 7)``: the first connection dies after its fifth event, the second after its
    seventh, later ones live. Events are those of the wire, both ways, without silence from the user.
    """

    def __init__(self, death: Death | None = None, *at: int) -> None:
        self.death = death
        self.at = at
        self.died = 0
        """How many connections have died as planned."""
        self.links: list[Talk] = []

    @property
    def wrong(self) -> list[str]:
        """All breaches of the protocol."""
        return [complaint for link in self.links for complaint in link.wrong]


class StrictProvider:
    """``async with StrictProvider() as provider: … provider.url(name)``; each name is a life."""

    def __init__(
        self, lives: dict[str, Life], talk: Callable[[Life, ServerConnection], Talk] | None = None
    ) -> None:
        """``talk`` makes another kind of server than OpenAI's."""
        self.lives = lives
        self._talk = talk or Talk
        self._door = Door()
        self._port = 0

    async def __aenter__(self) -> StrictProvider:
        server = await self._door.open(
            self._handle,
            "127.0.0.1",
            0,
            compression=None,
            close_timeout=0.5,
            logger=logging.Logger("provider, silent", logging.CRITICAL + 1),
        )
        self._port = server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._door.close()
        await self._door.wait_closed()

    def url(self, name: str) -> str:
        """Where the client of this life connects."""
        return f"ws://127.0.0.1:{self._port}/{name}"

    async def _handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        life = self.lives[connection.request.path.partition("?")[0].strip("/")]
        talk = self._talk(life, connection)
        life.links.append(talk)
        try:
            await talk.run()
        except* (ConnectionClosed, Dead):
            pass  # the client has gone, or this was the planned end


class Talk:
    """One connection: reads without pause, and answers in a task of its own."""

    words = WORDS
    """Words of a reply."""
    pace = 0.001
    """Seconds before each of them."""

    def __init__(self, life: Life, connection: ServerConnection) -> None:
        self.wrong: list[str] = []
        self.events: list[str] = []
        """All wire events so far."""
        self.utterances: list[str] = []
        """Transcripts of what was committed."""
        self.items: list[tuple[str, str]] = []
        """The conversation: (role, text)."""
        self.ear = Ear()
        self._life = life
        self._dies_at = life.at[len(life.links)] if len(life.links) < len(life.at) else -1
        self._connection = connection
        self._session: Json = {}
        self._ids = itertools.count(1)
        self._asked: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._answering = False
        self._cancelled = ""
        self._on: dict[str, Callable[[Json], Awaitable[None]]] = {
            "session.update": self._update,
            "conversation.item.create": self._create,
            "input_audio_buffer.append": self._append,
            "response.create": self._respond,
            "response.cancel": self._cancel,
        }

    async def run(self) -> None:
        """From the greeting to the end of the connection."""
        await self._die_in_time()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read())
            group.create_task(self._answer())

    # -- the wire ---------------------------------------------------------------------------

    async def _tell(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, "event_id": f"event_{next(self._ids)}", **fields}
        await self._connection.send(json.dumps(event))
        await self._passed(f"< {kind}")

    async def _read(self) -> None:
        await self._tell("session.created", session=self._told_session())
        while True:
            event = json.loads(await self._connection.recv())
            kind = event.get("type", "")
            if kind != "input_audio_buffer.append" or (samples_of(event) > 0).any():
                await self._passed(f"> {kind}")
            handler = self._on.get(kind)
            if handler is None:
                self.wrong.append(f"{kind} does not belong here")
            elif not self._session and kind != "session.update":
                self.wrong.append(f"{kind} before session.update")
            else:
                await handler(event)

    async def _passed(self, what: str) -> None:
        self.events.append(what)
        await self._die_in_time()

    async def _die_in_time(self) -> None:
        if self._life.death is not None and len(self.events) == self._dies_at:
            self._life.died += 1
            await self._life.death(self._connection)
            raise Dead

    def _told_session(self) -> Json:
        return {"type": "realtime", "id": "sess_1", "model": "strict", **self._session}

    # -- what clients ask -------------------------------------------------------------------

    async def _update(self, event: Json) -> None:
        session = event["session"]
        if session.get("type") != "realtime":
            self.wrong.append("a session without its type")
        detection = session["audio"]["input"]["turn_detection"]
        self.ear.silence = detection["silence_duration_ms"] * RATE // 1000
        self._session = session
        await self._tell("session.updated", session=self._told_session())

    async def _create(self, event: Json) -> None:
        item = event["item"]
        (part,) = item["content"]
        if part["type"] != ("output_text" if item["role"] == "assistant" else "input_text"):
            self.wrong.append(f"a {part['type']} of the {item['role']}")
        await self._add(item["role"], part["text"])

    async def _respond(self, event: Json) -> None:
        if self._answering:
            self.wrong.append("response.create while a response is active")
            return
        self._ask(event.get("response", {}).get("instructions", ""), "")

    async def _cancel(self, event: Json) -> None:
        """A cancel that comes too late is told so, and does no harm."""
        if self._answering:
            self._cancelled = "client_cancelled"
            return
        error = {"type": "invalid_request_error", "code": "response_cancel_not_active", "message": "None."}
        await self._tell("error", error=error)

    async def _append(self, event: Json) -> None:
        for kind, at_ms in self.ear.hear(samples_of(event)):
            if kind == "began":
                self._item = f"item_{next(self._ids)}"
                await self._tell(
                    "input_audio_buffer.speech_started",
                    audio_start_ms=int(max(0.0, at_ms - PREFIX_MS)), item_id=self._item,
                )  # fmt: skip
            else:
                await self._tell(
                    "input_audio_buffer.speech_stopped", audio_end_ms=int(at_ms), item_id=self._item
                )
                await self._commit(self.ear.take())

    async def _commit(self, said: str) -> None:
        self.utterances.append(said)
        item = self._item
        await self._tell("input_audio_buffer.committed", item_id=item, previous_item_id=None)
        await self._add("user", said, item)
        # Transcripts come when they are ready: with every other utterance, once the reply has begun.
        if said.startswith("u1-"):
            self._ask("", item)
        else:
            await self._transcribe(item, said)
            self._ask("", "")

    async def _transcribe(self, item: str, said: str) -> None:
        where = {"item_id": item, "content_index": 0}
        await self._tell("conversation.item.input_audio_transcription.delta", delta=said[:2], **where)
        await self._tell("conversation.item.input_audio_transcription.completed", transcript=said, **where)

    async def _add(self, role: str, text: str, item: str = "") -> None:
        self.items.append((role, text))
        told = {"id": item or f"item_{next(self._ids)}", "type": "message", "role": role}
        await self._tell("conversation.item.added", item=told, previous_item_id=None)
        await self._tell("conversation.item.done", item=told, previous_item_id=None)

    # -- what it answers --------------------------------------------------------------------

    def _ask(self, instructions: str, transcript_due: str) -> None:
        self._answering = True
        self._asked.put_nowait((instructions, transcript_due))

    async def _answer(self) -> None:
        while True:
            instructions, due = await self._asked.get()
            await self._reply(*self._rest_of_reply(instructions), due)
            self._answering = False

    def _rest_of_reply(self, instructions: str) -> tuple[str, int]:
        """Which reply is wanted, and after which word, by what this connection was told."""
        items = self._known()
        spoken = [at for at, (role, text) in enumerate(items) if role == "user" and text[:1] == "u"]
        if not spoken:
            self.wrong.append("a reply was asked for, and nothing had been said")
            return "lost", 0
        name = "r" + items[spoken[-1]][1][1:].partition("-")[0]
        answered = " ".join(text for _, text in items[spoken[-1] + 1 :])
        words = re.compile(rf"\b{name}w(\d+)")
        told = words.findall(instructions or answered)
        return name, max(map(int, told), default=0)

    def _known(self) -> list[tuple[str, str]]:
        """The conversation, as far as this connection knows of it: (role, text)."""
        return self.items

    async def _reply(self, name: str, after: int, transcript_due: str) -> None:
        self._cancelled = ""
        response, item = f"resp_{next(self._ids)}", f"item_{next(self._ids)}"
        where = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        told_item = {"id": item, "type": "message", "role": "assistant", "status": "in_progress"}
        await self._tell("response.created", response={"id": response, "status": "in_progress"})
        await self._tell("response.output_item.added", response_id=response, output_index=0, item=told_item)
        await self._tell("conversation.item.added", item=told_item, previous_item_id=None)
        await self._tell("response.content_part.added", part={"type": "audio"}, **where)
        said: list[str] = []
        for number in range(after + 1, self.words + 1):
            await asyncio.sleep(self.pace)  # a cancel can come in between
            if self._cancelled:
                break
            said.append(f"{name}w{number}")
            word = said[-1] + (" " if number < self.words else "")
            await self._say(word, number, where)
            if transcript_due:
                await self._transcribe(transcript_due, self.utterances[-1])
                transcript_due = ""
        if transcript_due:
            await self._transcribe(transcript_due, self.utterances[-1])
        await self._end(said, where, told_item)

    async def _say(self, word: str, number: int, where: Json) -> None:
        """One word of a reply and its sound."""
        await self._tell("response.output_audio_transcript.delta", delta=word, **where)
        sound = np.full(WORD_SAMPLES, number, np.int16).tobytes()
        await self._tell("response.output_audio.delta", delta=base64.b64encode(sound).decode(), **where)

    async def _end(self, said: list[str], where: Json, told_item: Json) -> None:
        """The end of a reply, whole or cancelled."""
        response = where["response_id"]
        status = "cancelled" if self._cancelled else "completed"
        details = {"type": "cancelled", "reason": self._cancelled} if self._cancelled else None
        await self._tell("response.output_audio.done", **where)
        await self._tell("response.output_audio_transcript.done", transcript=" ".join(said), **where)
        await self._tell("response.content_part.done", part={"type": "audio"}, **where)
        told_item = {**told_item, "status": "incomplete" if self._cancelled else "completed"}
        await self._tell("response.output_item.done", response_id=response, output_index=0, item=told_item)
        await self._tell("conversation.item.done", item=told_item, previous_item_id=None)
        self.items.append(("assistant", " ".join(said)))
        self._answering = False
        done = {"id": response, "status": status, "output": [], "status_details": details, "usage": None}
        await self._tell("response.done", response=done)
        await self._tell("rate_limits.updated", rate_limits=[])
