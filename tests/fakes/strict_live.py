"""OpenAI's Live protocol on a real socket, strictly: time passes only with the sound that is sent.

A session is kept when that was asked for, and can be forked once it is closed. Replies are ``answer 1``,
``answer 2`` …, one for each thing that the user said or typed; speech is numbered samples (see
``numbered``). A typed message with “weather” in it is a tool call. Whoever speaks over a reply is given way.
"""

from __future__ import annotations

import base64
from collections import deque
from typing import Any

import numpy as np

from tests.fakes.numbered import RATE, Ear, samples_of
from tests.fakes.strict_server import Json, StrictTalk

START = {"model", "audio", "instructions", "input", "delegation", "store"}
FORK = {"audio", "delegation", "store"}
"""What a session's configuration may hold; a fork inherits the rest."""

PIECE = RATE // 10
"""Samples of a piece of the track."""

PAUSE_MS = 200
"""Quiet after which a user has finished."""


class LiveTalk(StrictTalk):
    """One connection. The server's ``memory`` is sessions by id: their lines, whether kept and closed."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.id = f"live_{len(self.server.talks) + 1}"
        self.ear = Ear()
        self.ear.silence = PAUSE_MS * RATE // 1000
        self.kept: Json = {}
        """What the server keeps of this session."""
        self.saying: deque[tuple[str, int]] = deque()
        """The next pieces of the track: words that are told with them, and how loud they are."""
        self.pieces = 3
        """For how many pieces at least the character talks when it says something."""
        self.track_ms = 0.0
        self._owed = 0
        self._began = 0.0
        self._called: set[str] = set()
        self._items: list[Json] = []

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What was said, as (role, text)."""
        return self.kept["lines"]

    # -- beginning and end --------------------------------------------------------------------

    async def on_session_start(self, event: Json) -> None:
        if self.kept:
            return self.complain("a second session.start")
        session, parts = event["session"], self.path.strip("/").split("/")
        forks = parts[-1] == "fork"
        if unknown := set(session) - (FORK if forks else START):
            self.complain(f"{unknown} does not belong in session.start")
        lines: list[tuple[str, str]] = []
        if forks:
            source = self.server.memory.get(parts[-2], {})
            if not (source.get("store") and source.get("closed")):
                error = {"type": "invalid_request_error", "code": "session_not_found"}
                await self.tell("error", error={**error, "message": "No such stored session.", "param": None})
                await self._connection.close()
                return None
            lines = list(source["lines"])
        lines += [(line["role"], line["content"][0]["text"]) for line in session.get("input", [])]
        self.kept = {"lines": lines, "store": session.get("store", False), "closed": False}
        self.server.memory[self.id] = self.kept
        told = {"id": self.id, "status": "active", "model": "gpt-live-1", "store": self.kept["store"]}
        return await self.tell("session.started", session=told)

    async def on_session_close(self, event: Json) -> None:
        await self.end("close_requested")

    async def end(self, reason: str) -> None:
        """The session is closed in order."""
        self.kept["closed"] = True
        usage = {"seconds": self.track_ms / 1000}
        await self.tell("session.closed", reason=reason, session={"id": self.id}, usage=usage)
        await self._connection.close()

    async def lose(self, *, kept: bool) -> None:
        """The connection breaks; ``kept`` says whether the recording was completed all the same."""
        self.kept["closed"] = kept
        await self.drop()

    # -- time -----------------------------------------------------------------------------------

    async def on_session_input_audio_append(self, event: Json) -> None:
        samples = samples_of(event)
        for kind, at_ms in self.ear.hear(samples):
            if kind == "began":
                self._began = at_ms
                self.saying.clear()
                continue
            said = self.ear.take()
            half, end = len(said) // 2, at_ms - PAUSE_MS
            middle = (self._began + end) / 2
            for words, first, last in ((said[:half], self._began, middle), (said[half:], middle, end)):
                await self._transcript("input", words, first, last)
            self.lines.append(("user", said))
            self.say(f"answer {self._count()}")
        self._owed += samples.size
        while self._owed >= PIECE:
            self._owed -= PIECE
            await self._piece()

    async def _piece(self) -> None:
        """The next tenth of a second of the track."""
        words, level = self.saying.popleft() if self.saying else ("", 0)
        if words:
            await self._transcript("output", words, self.track_ms, self.track_ms + 100)
            if self.lines[-1][0] != "assistant":
                self.lines.append(("assistant", ""))
            self.lines[-1] = ("assistant", self.lines[-1][1] + words)
        self.track_ms += 100
        sound = base64.b64encode(np.full(PIECE, level, np.int16).tobytes()).decode()
        await self.tell("session.output_audio.delta", delta=sound)

    async def _transcript(self, side: str, words: str, first: float, last: float) -> None:
        kind = f"session.{side}_transcript.delta"
        await self.tell(kind, delta=words, start_ms=int(first), end_ms=int(last))

    # -- what the character says ----------------------------------------------------------------

    def say(self, text: str) -> None:
        """Say this word for word, after a moment."""
        words = [" " * bool(at) + word for at, word in enumerate(text.split())]
        words += [""] * (self.pieces - len(words))
        self.saying.extend([("", 0), *((word, 500) for word in words)])

    def _count(self) -> int:
        return sum(role == "user" for role, _ in self.lines)

    # -- the model that thinks ------------------------------------------------------------------

    async def on_response_item_create(self, event: Json) -> None:
        self._items.append(event["item"])

    async def on_response_create(self, event: Json) -> None:
        """Work goes to the model that thinks; what it finds is said."""
        items, self._items = self._items, []
        if not items:
            return self.complain("response.create without anything new")
        work = f"dlg_{len(self.got)}"
        await self.tell(
            "session.delegation.created",
            offset_ms=int(self.track_ms),
            delegation={"id": work, "type": "delegation", "target": "responses"},
        )
        last = items[-1]
        asked = last["content"][0]["text"] if last["type"] == "message" else ""
        if asked:
            self.lines.append(("user", asked))
        if self._called and {item.get("call_id") for item in items} != self._called:
            self.complain("response.create before all results of tools")
        self._called = set()
        if "weather" in asked:
            for at in range(2):
                self._called.add(f"call_{work}_{at}")
                call = {"type": "function_call", "call_id": f"call_{work}_{at}", "name": "weather"}
                call["arguments"] = f'{{"day": {at}}}'
                await self._nested(work, "response.output_item.done", output_index=at, item=call)
        usage = {"input_tokens": 40, "output_tokens": 5}
        response = {"id": f"resp_{work}", "status": "completed", "usage": usage}
        await self._nested(work, "response.completed", response=response)
        if "weather" not in asked:
            self.say(f"answer {self._count()}" if asked else f"It says {last['output']}")
        return None

    async def _nested(self, work: str, kind: str, **fields: Any) -> None:
        await self.tell("response.event", delegation_id=work, event={"type": kind, **fields})

    # -- what is told in between ----------------------------------------------------------------

    async def on_session_instructions_append(self, event: Json) -> None:
        await self._appended("instructions", event)
        self.say(f"answer {self._count()}")

    async def on_session_thinking_append(self, event: Json) -> None:
        await self._appended("thinking", event)

    async def on_session_commentary_append(self, event: Json) -> None:
        await self._appended("commentary", event)
        self.say(event["content"])

    async def _appended(self, kind: str, event: Json) -> None:
        if not event["content"].strip():
            self.complain(f"an empty {kind}")
        await self.tell(f"session.{kind}.appended", start_ms=int(self.track_ms), end_ms=int(self.track_ms))
