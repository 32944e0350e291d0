"""One conversation in Gemini Live's terms: drives a session by the table in ``gemini_turn``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

import msgspec

from neko_cli.core.errors import NekoError
from neko_cli.local import events as ev
from neko_cli.local.audio_format import AudioFormat
from neko_cli.local.conversation import (
    Item,
    Message,
    Part,
    PicturePart,
    SpokenPart,
    TextPart,
    ToolCall,
    ToolResult,
)
from neko_cli.local.engine import Engine
from neko_cli.local.listening import MIN_COMMIT_MS, new_item_id
from neko_cli.local.resumption import Snapshot
from neko_cli.local.session import Session
from neko_cli.local.wire import gemini_events as say
from neko_cli.local.wire.gemini_calls import Calls
from neko_cli.local.wire.gemini_content import items_of, result_of
from neko_cli.local.wire.gemini_events import Flavour
from neko_cli.local.wire.gemini_json import Json, Refusal
from neko_cli.local.wire.gemini_setup import Setup
from neko_cli.local.wire.gemini_turn import Act, Cue, Phase, step
from neko_cli.local.wire.playback import Playback

NO_ACTIVITY = "Explicit activity control is not supported when automatic activity detection is enabled."


class Host(Protocol):
    """The connection that a talk is held over."""

    def tell(self, message: Json) -> None:
        """Send a message."""
        ...

    def fail(self, error: NekoError) -> None:
        """End the connection because of an error."""
        ...

    def reached(self) -> None:
        """The conversation can be resumed from here."""
        ...

    async def room(self) -> None:
        """Wait until the client has taken most of what was sent."""
        ...


class Talk:
    """A session and the model's turn in it. Is the session's Outlet."""

    def __init__(
        self, setup: Setup, engine: Engine, group: asyncio.TaskGroup, host: Host, flavour: Flavour
    ) -> None:
        self._setup = setup
        self._group = group
        self._host = host
        self._flavour = flavour
        self._phase = Phase.IDLE
        self._owed = False
        self._activity = False
        self._seeding = setup.seeded
        self._asked: list[ToolCall] = []
        self._calls = Calls(setup.background)
        self._usage: ev.Usage | None = None
        self._playback = Playback()
        self._player: asyncio.Task[None] | None = None
        self._session = Session(
            engine.parts, setup.settings, self, group, turnstile=engine.turnstile, load=engine.load
        )

    # What was and what is

    def restore(self, snapshot: Snapshot) -> None:
        """Go on with an earlier conversation."""
        self._session.restore(snapshot.items)
        self._calls.restore(snapshot.calls)

    def snapshot(self) -> Snapshot:
        """The conversation as it is now."""
        return Snapshot(self._session.conversation.items(), self._calls.beside)

    # From the client

    async def hear(self, source: AudioFormat, data: bytes) -> None:
        """Sound as it is recorded."""
        if self._setup.manual and not self._activity and not self._setup.all_input:
            return
        settings = self._session.settings
        if source != settings.input_format:
            await self._session.configure(msgspec.structs.replace(settings, input_format=source))
        await self._session.append(data)

    def see(self, picture: PicturePart) -> None:
        """A frame of video."""
        self._session.show(picture)

    async def end_stream(self) -> None:
        """The microphone was switched off."""
        if not self._setup.manual:
            await self._session.end_stream()

    def read(self, text: str) -> None:
        """Text as it is typed; a whole turn, unless it belongs to an activity."""
        if self._activity:
            self._add_user([TextPart(text)])
            return
        if self._setup.interrupts:
            self._cue(Cue.INTERRUPT)
        self._add_user([TextPart(text), *self._session.take_pictures()])
        self._cue(Cue.WANT)

    def begin_activity(self) -> None:
        """The user becomes active; raises Refusal where the server finds that out by itself."""
        if not self._setup.manual:
            raise Refusal(NO_ACTIVITY)
        self._activity = True
        self._user_began()

    async def end_activity(self) -> None:
        """The user's turn is over; raises Refusal where the server finds that out by itself."""
        if not self._setup.manual:
            raise Refusal(NO_ACTIVITY)
        if not self._activity:
            return
        if self._session.waiting_ms >= MIN_COMMIT_MS:
            await self._session.commit()
        else:
            if pictures := self._session.take_pictures():
                self._add_user([*pictures])
            await self._session.clear()
        self._activity = False
        self._cue(Cue.WANT)

    def take(self, turns: Sequence[Json], *, complete: bool) -> None:
        """Content for the conversation, answered when it is ``complete``; raises Refusal, ClientFault."""
        if not self._seeding:
            self._cue(Cue.INTERRUPT)
        if complete and (pictures := self._session.take_pictures()):
            self._add_user([*pictures])
        for at, content in enumerate(turns):
            items, responses = items_of(content, f"client_content.turns[{at}]")
            for item in items:
                self._session.add_item(item)
            for response in responses:
                self._add_result(response.get("id") or self._last_call(response.get("name", "")), response)
        if complete and not self._seeding:
            self._cue(Cue.WANT)
            return
        self._seeding = self._seeding and not complete
        if self._phase is Phase.IDLE:
            self._host.reached()

    def answer(self, responses: Sequence[Json]) -> None:
        """Functions have answered; raises Refusal."""
        answers = self._calls.answer(responses)
        for call_id, response in answers.results:
            self._add_result(call_id, response)
        if not self._calls.waited_for:
            self._cue(Cue.ANSWERED)
        if answers.urgent:
            self._cue(Cue.INTERRUPT)
        if answers.wanted:
            self._cue(Cue.WANT)
        elif self._phase is Phase.IDLE:
            self._host.reached()

    async def update(self, *, instructions: str | None, tools: tuple[Json, ...] | None) -> None:
        """Other instructions or functions from the next reply on; None leaves them."""
        settings = self._session.settings
        if instructions is not None:
            settings = msgspec.structs.replace(settings, instructions=instructions)
        if tools is not None:
            settings = msgspec.structs.replace(settings, tools=tools)
        await self._session.configure(settings)

    def let_run(self, names: frozenset[str]) -> None:
        """Names of the functions that the conversation does not wait for."""
        self._calls.background = names

    # From the session

    def emit(self, event: ev.SessionEvent) -> None:
        """What happened in the session."""
        match event:
            case ev.OutputSound(reply=reply, item=item, data=data):
                ms = reply.settings.output_format.duration_ms(len(data))
                self._playback.add(item.id, ms, self._now())
                self._host.tell(say.spoken(data))
            case ev.OutputText(reply=reply, text=text):
                if not reply.settings.speaking:
                    self._host.tell(say.written(text))
                elif self._setup.tells_words:
                    self._host.tell(say.content(outputTranscription={"text": text}))
            case ev.OutputDone(item=ToolCall() as call):
                self._asked.append(call)
            case ev.ReplyStarted() if self._setup.resumes:
                self._host.tell(say.NOT_RESUMABLE)
            case ev.ReplyDone(reply=reply):
                self._reply_done(reply)
            case ev.SpeechStarted(at_ms=at):
                if self._setup.tells_activity:
                    self._host.tell(say.activity("ACTIVITY_START", at))
                self._user_began()
            case ev.SpeechStopped(at_ms=at) if self._setup.tells_activity:
                self._host.tell(say.activity("ACTIVITY_END", at))
            case ev.TurnEnded():
                self._cue(Cue.WANT)
            case ev.Transcribed(part=part) if part.text:
                self._host.tell(say.content(inputTranscription={"text": part.text, "finished": True}))
            case ev.Trouble(error=error):
                self._host.fail(error)

    async def room(self) -> None:
        """Wait until the client has taken most of what was sent."""
        await self._host.room()

    def _reply_done(self, reply: ev.Reply) -> None:
        self._usage = reply.usage
        asked, self._asked = self._asked, []
        match reply.outcome:
            case ev.Outcome.CANCELLED:
                for call in asked:  # the client has never heard of it
                    self._session.remove_item(call.id)
                self._cue(Cue.CUT)
                return
            case ev.Outcome.FAILED:
                self._host.fail(reply.error or NekoError(say.INTERNAL))
                return
        if asked:
            self._host.tell({**say.tool_call(asked), **self._take_usage()})
        self._calls.ask(asked)
        if self._calls.waited_for:
            self._cue(Cue.CALLED)
        else:
            self._cue(Cue.DONE_ALOUD if self._playback.left(self._now()) else Cue.DONE)

    # The model's turn

    def _user_began(self) -> None:
        if self._setup.only_activity:
            self._session.take_pictures()
        if self._setup.interrupts:
            self._cue(Cue.INTERRUPT)

    def _cue(self, cue: Cue) -> None:
        """Take a cue. A reply that is due while the user is active waits for the user's turn to end."""
        if cue is Cue.INTERRUPT:
            self._owed = False
        if cue is Cue.WANT and (self._activity or self._session.user_speaks):
            self._owed = True
            return
        self._phase, acts = step(self._phase, cue)
        for act in acts:
            self._do(act)
        if self._owed and self._phase is Phase.IDLE:
            self._owed = False
            self._cue(Cue.WANT)

    def _do(self, act: Act) -> None:
        match act:
            case Act.REPLY:
                self._owed = False
                self._session.create_reply()
            case Act.OWE:
                self._owed = True
            case Act.CANCEL:
                self._session.cancel_reply(None, ev.CancelReason.TURN_DETECTED)
            case Act.PLAY:
                self._player = self._group.create_task(self._play())
            case Act.FORGET_UNHEARD:
                self._forget_unheard()
            case Act.REVOKE_CALLS:
                self._host.tell(say.cancellation(self._calls.revoke()))
            case Act.TELL_GENERATED:
                self._host.tell(say.content(generationComplete=True))
            case Act.TELL_INTERRUPTED:
                self._host.tell(say.content(interrupted=True))
            case Act.TELL_COMPLETE:
                self._playback.reset()
                self._host.tell({**say.content(turnComplete=True), **self._take_usage()})
                self._host.reached()

    async def _play(self) -> None:
        """Wait until the client must have played everything."""
        await asyncio.sleep(self._playback.left(self._now()))
        self._player = None
        self._cue(Cue.PLAYED)

    def _forget_unheard(self) -> None:
        player, self._player = self._player, None
        if player is not None:
            player.cancel()
        for item_id, heard_ms in self._playback.heard_ms(self._now()).items():
            item = self._session.conversation.find(item_id)
            part = item.parts[0] if isinstance(item, Message) else None
            if isinstance(part, SpokenPart) and heard_ms < part.duration_ms:
                self._session.truncate_item(item_id, 0, int(heard_ms))

    def _take_usage(self) -> Json:
        counts, self._usage = self._usage, None
        return say.usage(counts, self._flavour) if counts is not None else {}

    # Items

    def _add_user(self, parts: list[Part]) -> None:
        self._session.add_item(Message(new_item_id(), "user", parts))

    def _add_result(self, call_id: str, response: Json) -> None:
        self._session.add_item(ToolResult(new_item_id(), call_id, result_of(response)))

    def _last_call(self, name: str) -> str:
        """The newest call of a function in the conversation."""
        items: Sequence[Item] = self._session.conversation.items()
        calls = [item for item in items if isinstance(item, ToolCall) and item.name == name]
        return calls[-1].call_id if calls else ""

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
