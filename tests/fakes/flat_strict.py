"""Strict providers of the flat family: the numbered conversation, with what each insists on.

Whatever breaks a provider's rules is noted in ``wrong``, also where the real one would only answer with
an error. Sources are those of the golden conversations in ``tests/golden``.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection

from tests.fakes.numbered import Ear, samples_of
from tests.fakes.strict import PREFIX_MS, Json, Life, Talk

IDLE_SAYS = "Your session was closed because no response was generated for {:g} seconds."

FOREIGN = {"type", "audio", "output_modalities"}
"""Settings of the protocol that came after this one."""


class FlatTalk(Talk):
    """OpenAI's beta protocol, as Azure's preview speaks it."""

    provider = "azure-preview"
    rate = 24_000
    formats = ("pcm16", "pcm16")
    detector: ClassVar[frozenset[str]] = frozenset(
        {"type", "threshold", "prefix_padding_ms", "silence_duration_ms", "create_response"}
        | {"interrupt_response"}
    )
    """What describes the detector."""
    roles: ClassVar[frozenset[str]] = frozenset({"user", "assistant", "system"})
    whole_updates = False
    commits_in_vad = True
    interrupts = True
    silent_cancel = False
    reply_instructions = True
    never: ClassVar[frozenset[str]] = frozenset({"conversation.item.done"})
    """Events that this provider does not have."""
    left_out: ClassVar[dict[str, tuple[str, ...]]] = {}
    """Fields that its events lack."""
    none_active: ClassVar[Json] = {"code": "response_cancel_not_active", "message": "None."}
    idle: float | None = None
    """Seconds without a reply after which it closes."""
    longest: float | None = None
    """Seconds that a session lasts."""

    def __init__(self, life: Life, connection: ServerConnection) -> None:
        super().__init__(life, connection)
        self.ear = Ear(self.rate)
        self.manual = False
        self.pictures: list[str] = []
        self.cancels = 0
        self.ended = asyncio.Event()
        self._sounded = False
        self._unstopped = False
        self._came = asyncio.Event()
        self.closed_idle = False
        """Whether it has closed, because nobody wanted a reply for too long."""
        self._replied_at = asyncio.get_running_loop().time()
        self._on |= {
            "input_audio_buffer.commit": self._commit_asked,
            "input_audio_buffer.clear": self._clear,
        }
        assert connection.request is not None
        self._check_opening(parse_qs(urlsplit(connection.request.path).query), connection.request.headers)

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                watches = [group.create_task(self._watch_idle()), group.create_task(self._watch_length())]
                try:
                    await super().run()
                finally:
                    for watch in watches:
                        watch.cancel()
        finally:
            self.ended.set()

    async def _tell(self, kind: str, **fields: Any) -> None:
        if not kind.startswith("response.output_item"):
            kind = kind.replace("response.output_", "response.")
        kind = kind.replace("conversation.item.added", "conversation.item.created")
        if kind not in self.never:
            lacking = self.left_out.get(kind, ())
            await super()._tell(kind, **{k: v for k, v in fields.items() if k not in lacking})

    def _told_session(self) -> Json:
        return {"id": "sess_1", "model": "strict", **self._session}

    # -- what a provider insists on ---------------------------------------------------------

    def _check_opening(self, query: dict[str, list[str]], headers: Any) -> None:
        self._insist(headers.get("api-key") == "test-key", "no key in the header for it")
        self._insist(set(query) == {"api-version", "deployment"}, f"a query of {sorted(query)}")

    def _insist(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.wrong.append(otherwise)

    async def _update(self, event: Json) -> None:
        session = event["session"]
        whole = {"modalities", "input_audio_format", "output_audio_format", "turn_detection", "instructions"}
        if not self._session or self.whole_updates:
            self._insist(whole <= set(session), f"an update without {whole - set(session)}")
            formats = session.get("input_audio_format"), session.get("output_audio_format")
            self._insist(formats == self.formats, f"sound as {formats}")
        self._insist(not FOREIGN & set(session), f"settings of another protocol: {FOREIGN & set(session)}")
        if "turn_detection" in session:
            self._detect(session["turn_detection"])
        self._session = {**self._session, **session}
        self._check_session()
        await self._tell("session.updated", session=self._told_session())

    def _detect(self, detection: Json | None) -> None:
        self.manual = detection is None
        if detection is not None:
            self._insist(set(detection) == self.detector, f"a detector with {sorted(detection)}")
            self.ear.silence = detection.get("silence_duration_ms", 200) * self.rate // 1000

    def _check_session(self) -> None:
        """More that must hold of the settings, all of them together."""

    async def _create(self, event: Json) -> None:
        item = event["item"]
        (part,) = item["content"]
        self._insist(item["role"] in self.roles, f"a message of the {item['role']}")
        self._insist(
            part["type"] == ("text" if item["role"] == "assistant" else "input_text"),
            f"a {part['type']} of the {item['role']}",
        )
        await self._add(item["role"], part["text"])

    async def hears(self, samples: int) -> None:
        """Wait until so many samples of speech have come."""
        while len(self.ear.numbers) < samples:
            self._came.clear()
            await self._came.wait()

    async def _append(self, event: Json) -> None:
        self._sounded = True
        self._came.set()
        heard = self.ear.hear(samples_of(event))
        for kind, at_ms in heard if not self.manual else ():
            if kind == "began":
                self._item = f"item_{next(self._ids)}"
                start = int(max(0.0, at_ms - PREFIX_MS))
                await self._tell(
                    "input_audio_buffer.speech_started", audio_start_ms=start, item_id=self._item
                )
                self._spoken_into()
            else:
                await self._tell(
                    "input_audio_buffer.speech_stopped", audio_end_ms=int(at_ms), item_id=self._item
                )
                self._insist(not self._unstopped, "a reply that was spoken into was not stopped")
                await self._commit(self.ear.take())

    def _spoken_into(self) -> None:
        if self._answering and self.interrupts:
            self._cancelled = "turn_detected"
        self._unstopped = self._answering and not self.interrupts

    async def _commit(self, said: str) -> None:
        self._sounded = False
        await super()._commit(said)

    async def _commit_asked(self, event: Json) -> None:
        self._insist(self.manual or self.commits_in_vad, "a commit while the detector is on")
        self._insist(self.ear.has_heard, "a commit of nothing")
        said, self._item, self._sounded = self.ear.take(), f"item_{next(self._ids)}", False
        self.utterances.append(said)
        await self._tell("input_audio_buffer.committed", item_id=self._item, previous_item_id=None)
        await self._add("user", said, self._item)
        await self._transcribe(self._item, said)

    async def _clear(self, event: Json) -> None:
        self.ear.forget()
        self._sounded = False
        await self._tell("input_audio_buffer.cleared")

    async def _respond(self, event: Json) -> None:
        self._insist(self.reply_instructions or "response" not in event, "instructions of one reply")
        if not self.reply_instructions:
            # How to answer is told by a message before it.
            role, text = self.items[-1] if self.items else ("", "")
            told = text if role != "assistant" and text[:1] != "u" else ""
            event = {**event, "response": {"instructions": told}}
        await super()._respond(event)

    async def _cancel(self, event: Json) -> None:
        self.cancels += 1
        self._unstopped = False
        if self._answering:
            self._cancelled = self._cancelled or "client_cancelled"
        else:
            await self._tell("error", error={"type": "invalid_request_error", **self.none_active})

    async def _say(self, word: str, number: int, where: Json) -> None:
        if self._session["modalities"] == ["text"]:
            await self._tell("response.text.delta", delta=word, **where)
        else:
            await super()._say(word, number, where)

    async def _end(self, said: list[str], where: Json, told_item: Json) -> None:
        self._unstopped = False
        self._replied_at = asyncio.get_running_loop().time()
        if not (self._cancelled and self.silent_cancel):
            await super()._end(said, where, told_item)
            return
        self._answering = False
        self.items.append(("assistant", " ".join(said)))
        # Of a reply that was cancelled or spoken into, nothing comes but the end of its item.
        if self._cancelled == "client_cancelled":
            item = {**told_item, "status": "incomplete"}
            await self._tell("response.output_item.done", response_id=where["response_id"], item=item)

    # -- its limits -------------------------------------------------------------------------

    async def _watch_idle(self) -> None:
        while self.idle is not None:
            left = self._replied_at + self.idle - asyncio.get_running_loop().time()
            if left <= 0:
                self.closed_idle = True
                await self._connection.close(1007, IDLE_SAYS.format(self.idle))
                return
            await asyncio.sleep(left)

    async def _watch_length(self) -> None:
        if self.longest is not None:
            await asyncio.sleep(self.longest)
            self.wrong.append("a session that lasted too long")
            await self._connection.close(1008, "session duration limit")


class QwenTalk(FlatTalk):
    """DashScope's: what was said before stands in the instructions, cancelled replies have no end."""

    provider = "qwen"
    rate = 16_000
    formats = ("pcm", "pcm")
    roles: ClassVar[frozenset[str]] = frozenset({"user"})
    commits_in_vad = False
    silent_cancel = True
    never: ClassVar[frozenset[str]] = frozenset({"conversation.item.done", "rate_limits.updated"})
    none_active: ClassVar[Json] = {"code": "", "message": "Conversation has none active response"}

    def __init__(self, life: Life, connection: ServerConnection) -> None:
        super().__init__(life, connection)
        self._on["input_image_buffer.append"] = self._picture
        self._on["session.finish"] = self._finish
        self.finished = 0

    def _check_opening(self, query: dict[str, list[str]], headers: Any) -> None:
        self._insist(headers.get("Authorization") == "Bearer test-key", "no key")
        self._insist(set(query) == {"model"}, f"a query of {sorted(query)}")

    def _check_session(self) -> None:
        said = re.findall(r"^\w+: (u\d.*|r\d.*)$", self._session["instructions"], re.MULTILINE)
        self._insist(len(said) == len(set(said)), f"told twice: {said}")

    def _known(self) -> list[tuple[str, str]]:
        told = re.findall(r"^(User|Character): (.*)$", self._session["instructions"], re.MULTILINE)
        roles = {"User": "user", "Character": "assistant"}
        return [*((roles[who], text) for who, text in told), *self.items]

    async def _finish(self, event: Json) -> None:
        self.finished += 1
        await self._tell("session.finished")

    async def _picture(self, event: Json) -> None:
        self._insist(self._sounded, "Error append image before append audio.")
        self.pictures.append(event["image"])

    async def _transcribe(self, item: str, said: str) -> None:
        kind = "conversation.item.input_audio_transcription"
        where = {"item_id": item, "content_index": 0}
        await self._tell(f"{kind}.delta", text="", stash=said[:2], **where)
        await self._tell(f"{kind}.delta", text=said[:2], stash=said[2:-1], **where)
        await self._tell(f"{kind}.completed", transcript=said, **where)


class StepTalk(FlatTalk):
    """StepFun's: pieces of a reply without ids, and a reply that the client has to stop."""

    provider = "stepfun"
    detector: ClassVar[frozenset[str]] = frozenset(
        {"type", "prefix_padding_ms", "silence_duration_ms", "energy_awakeness_threshold"}
    )
    roles: ClassVar[frozenset[str]] = frozenset({"user", "assistant"})
    commits_in_vad = False
    interrupts = False
    reply_instructions = False
    never: ClassVar[frozenset[str]] = frozenset({"conversation.item.done", "rate_limits.updated"})
    left_out: ClassVar[dict[str, tuple[str, ...]]] = {
        "response.audio.delta": ("response_id", "item_id"),
        "response.audio_transcript.delta": ("response_id", "item_id"),
    }
    none_active: ClassVar[Json] = {
        "code": "invalid_request_error",
        "message": "no ongoing response to cancel",
    }

    def _check_opening(self, query: dict[str, list[str]], headers: Any) -> None:
        self._insist(headers.get("Authorization") == "Bearer test-key", "no key")
        self._insist(set(query) == {"model"}, f"a query of {sorted(query)}")

    def _check_session(self) -> None:
        self._insist(self._session["modalities"] == ["text", "audio"], "another kind of reply than voice")

    async def _transcribe(self, item: str, said: str) -> None:
        kind = "conversation.item.input_audio_transcription"
        where = {"item_id": item, "content_index": 0}
        await self._tell(f"{kind}.delta", delta=said[:2], **where)
        await self._tell(f"{kind}.delta", delta=said[:-1], **where)
        await self._tell(f"{kind}.completed", transcript=said, **where)


_NAMELESS = ("item_id", "output_index", "content_index")


class GlmTalk(FlatTalk):
    """Zhipu's: hardly any ids and no times, the words twice, a heartbeat, whole updates."""

    provider = "glm"
    rate = 16_000
    formats = ("pcm16", "pcm")
    detector: ClassVar[frozenset[str]] = frozenset({"type"})
    whole_updates = True
    commits_in_vad = False
    reply_instructions = False
    never: ClassVar[frozenset[str]] = frozenset(
        {"conversation.item.done", "rate_limits.updated", "response.output_item.added"}
        | {"response.output_item.done", "response.content_part.added", "response.content_part.done"}
        | {"conversation.item.input_audio_transcription.delta"}
    )
    left_out: ClassVar[dict[str, tuple[str, ...]]] = {
        "input_audio_buffer.speech_started": ("item_id", "audio_start_ms"),
        "input_audio_buffer.speech_stopped": ("item_id", "audio_end_ms"),
        "response.audio.delta": _NAMELESS,
        "response.audio.done": _NAMELESS,
        "response.audio_transcript.delta": _NAMELESS,
        "response.audio_transcript.done": _NAMELESS,
        "response.text.delta": _NAMELESS,
    }
    none_active: ClassVar[Json] = {"code": "stop_task_error", "message": "There is no task to stop."}
    beats_every = 0.02

    def __init__(self, life: Life, connection: ServerConnection) -> None:
        super().__init__(life, connection)
        self._frames = 0
        self._on["input_audio_buffer.append_video_frame"] = self._frame

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            beat = group.create_task(self._beat())
            try:
                await super().run()
            finally:
                beat.cancel()

    async def _beat(self) -> None:
        """Heartbeats are no events of a conversation: nothing is counted, or dies, by them."""
        while True:
            await asyncio.sleep(self.beats_every)
            await self._connection.send('{"type":"heartbeat"}')

    def _check_opening(self, query: dict[str, list[str]], headers: Any) -> None:
        self._insist(headers.get("Authorization") == "Bearer test-key", "no key")

    def _check_session(self) -> None:
        self._insist(self._session["beta_fields"]["auto_search"] is False, "it may search by itself")
        self._insist("model" in self._session, "a session without its model")

    def _detect(self, detection: Json | None) -> None:
        self._insist(detection is not None, "no detection at all, which is not a way here")
        super()._detect(None if detection == {"type": "client_vad"} else detection)

    @property
    def _is_video(self) -> bool:
        return bool(self._session["beta_fields"]["chat_mode"] == "video_passive")

    async def _frame(self, event: Json) -> None:
        self._insist(self._is_video, "a video frame in a call without video")
        self._frames += 1
        self.pictures.append(event["video_frame"])

    def _ask(self, instructions: str, transcript_due: str) -> None:
        self._insist(
            not self._is_video or self._frames > 0, "video_model_query_error: a turn without a frame"
        )
        self._frames = 0
        super()._ask(instructions, transcript_due)

    async def _say(self, word: str, number: int, where: Json) -> None:
        await self._tell("response.text.delta", delta=word, **where)
        await super()._say(word, number, where)


class NekoTalk(StepTalk):
    """N.E.K.O.'s kind: as StepFun's, without the beginnings of replies, and without ids of speech."""

    provider = "neko-free"
    rate = 16_000
    silent_cancel = True
    never: ClassVar[frozenset[str]] = StepTalk.never | {
        "response.created",
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.added",
        "response.content_part.done",
    }
    left_out: ClassVar[dict[str, tuple[str, ...]]] = {
        "input_audio_buffer.speech_started": ("item_id", "audio_start_ms"),
        "input_audio_buffer.speech_stopped": ("item_id", "audio_end_ms"),
        "input_audio_buffer.committed": ("item_id",),
        "conversation.item.input_audio_transcription.delta": ("item_id",),
        "conversation.item.input_audio_transcription.completed": ("item_id",),
        "response.audio.delta": _NAMELESS,
        "response.audio_transcript.delta": _NAMELESS,
    }

    def _check_opening(self, query: dict[str, list[str]], headers: Any) -> None:
        self._insist(query == {}, f"a query of {sorted(query)}")


TALKS: dict[str, type[FlatTalk]] = {
    talk.provider: talk for talk in (QwenTalk, StepTalk, GlmTalk, NekoTalk, FlatTalk)
}
"""The servers, by provider."""
