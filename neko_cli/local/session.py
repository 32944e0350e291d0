"""One conversation with a client, in words that no wire owns.

A wire (``local/wire``) reads its client's commands and calls this; what happens comes back as
events through the Outlet. Commands are called one after the other, so they take effect in the
order in which they were sent.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Coroutine, Iterable
from typing import Any

from neko_cli.core.errors import NekoError
from neko_cli.core.finished_text import reads_as_finished
from neko_cli.local.conversation import Conversation, HeardPart, Item, Message, PicturePart, SpokenPart
from neko_cli.local.events import (
    CancelReason,
    IdleTimeout,
    InputCommitted,
    ItemAdded,
    ItemRemoved,
    ItemTruncated,
    Outcome,
    Outlet,
    Reply,
    ReplyStarted,
    Trouble,
    TurnEnded,
)
from neko_cli.local.faults import ClientFault
from neko_cli.local.gallery import Gallery
from neko_cli.local.input_buffer import Utterance
from neko_cli.local.listening import Listener
from neko_cli.local.ports import EngineParts
from neko_cli.local.recognition import Early, EngineLoad, Recognition
from neko_cli.local.replying import ReplyRunner
from neko_cli.local.settings import Settings

log = logging.getLogger(__name__)

MAX_SIDE_REPLIES = 4
"""Replies outside the conversation that may run at the same time."""


class Session:
    """Items, input buffer, turn detection and replies of one client.

    All its tasks belong to ``group``; when that ends, the session has ended.
    """

    def __init__(
        self,
        parts: EngineParts,
        settings: Settings,
        outlet: Outlet,
        group: asyncio.TaskGroup,
        *,
        turnstile: asyncio.Lock,
        load: EngineLoad,
    ) -> None:
        self.settings = settings
        self.conversation = Conversation()
        self.has_spoken = False
        self._parts = parts
        self._gallery = Gallery()
        self._outlet = outlet
        self._group = group
        self._recognition = Recognition(parts.ears, outlet, self._spawn, load)
        self._listener = Listener(
            outlet=outlet,
            turnstile=turnstile,
            make_detector=parts.detector,
            on_speech=self._speech_began,
            on_utterance=self._utterance,
            on_pause=self._pause,
            source=settings.input_format,
            turns=settings.turns,
        )
        self._active: ReplyRunner | None = None
        self._side: dict[str, ReplyRunner] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._idle: asyncio.Task[None] | None = None
        self._warm: set[str] = set()
        self._early: tuple[int, Early] | None = None  # where a pause began, and what was said before it

    async def configure(self, settings: Settings) -> None:
        """Take new settings, for everything that happens from now on."""
        self.settings = settings
        await self._listener.configure(settings.input_format, settings.turns)
        if settings.turns is None or not settings.turns.idle_timeout_ms:
            self._stop_idle_timer()
        self._warm_up("speaking" if settings.speaking else "")

    # Sound in

    async def append(self, data: bytes) -> None:
        """Take sound in the input format; raises ClientFault when the buffer is full."""
        self._warm_up("hearing")
        await self._listener.append(data)

    async def commit(self) -> None:
        """Make an item of what waits; raises ClientFault when that is too little."""
        await self._listener.commit()

    async def clear(self) -> None:
        """Throw away what waits, pictures included."""
        self._gallery.clear()
        await self._listener.clear()

    async def end_stream(self) -> None:
        """No more sound comes for now: an utterance that is being spoken ends here."""
        await self._listener.end_stream()

    @property
    def waiting_ms(self) -> float:
        """Length of the sound that is in no item yet, in ms."""
        return self._listener.waiting_ms

    @property
    def user_speaks(self) -> bool:
        """Whether the server hears the user speak; False when the client finds its own turns."""
        return self._listener.speaking

    def show(self, picture: PicturePart) -> None:
        """Keep a picture for the next utterance."""
        self._gallery.add(picture)

    def take_pictures(self) -> list[PicturePart]:
        """The pictures that wait for an utterance, for a turn that has none."""
        return self._gallery.take()

    # Items

    def restore(self, items: Iterable[Item]) -> None:
        """Begin with an earlier conversation; nobody is told."""
        self.conversation = Conversation(items)
        for item in self.conversation:
            self._recognise(item)

    def add_item(self, item: Item, *, after: str | None = None) -> None:
        """Put an item into the conversation; raises ClientFault when it cannot stand there."""
        previous = self.conversation.add(item, after=after)
        self._outlet.emit(ItemAdded(item, previous))
        self._recognise(item)

    def remove_item(self, item_id: str) -> None:
        """Delete an item; raises ClientFault when there is none."""
        if self.conversation.remove(item_id) is None:
            raise _no_item(item_id, "delete")
        self._recognition.forget(item_id)
        self._outlet.emit(ItemRemoved(item_id))

    def item(self, item_id: str) -> Item:
        """An item of the conversation; raises ClientFault when there is none."""
        item = self.conversation.find(item_id)
        if item is None:
            raise _no_item(item_id, "retrieve")
        return item

    def truncate_item(self, item_id: str, part_index: int, heard_ms: int) -> None:
        """Cut a spoken item to what was heard; raises ClientFault when that cannot be."""
        item = self.conversation.find(item_id)
        if item is None:
            raise _no_item(item_id, "truncate")
        if not isinstance(item, Message) or item.role != "assistant" or part_index >= len(item.parts):
            raise ClientFault(
                "Only spoken messages of the assistant can be truncated.",
                code="invalid_value",
                param="item_id" if not isinstance(item, Message) else "content_index",
            )
        part = item.parts[part_index]
        if not isinstance(part, SpokenPart) or not part.segments:
            raise ClientFault(
                "Only spoken messages of the assistant can be truncated.", code="unsupported_content_type"
            )
        if heard_ms > part.duration_ms + 1:  # the client rounds its own samples to ms
            raise ClientFault(
                f"The sound of {part.duration_ms:.0f} ms is shorter than {heard_ms} ms already.",
                code="invalid_value",
                param="audio_end_ms",
            )
        part.truncate(heard_ms)
        self._outlet.emit(ItemTruncated(item_id, part_index, heard_ms))

    # Replies

    def create_reply(
        self,
        settings: Settings | None = None,
        *,
        in_conversation: bool = True,
        context: tuple[Item, ...] | None = None,
        tag: Any = None,
    ) -> Reply:
        """Begin a reply; ``context`` replaces the conversation for this one.

        Raises ClientFault while another reply writes to the conversation, or when too many run
        beside it.
        """
        if in_conversation and self._active is not None:
            raise ClientFault(
                f"The conversation has an active reply already: {self._active.reply.id}. "
                "Wait until it is done, or cancel it.",
                code="conversation_already_has_active_response",
            )
        if not in_conversation and len(self._side) >= MAX_SIDE_REPLIES:
            raise ClientFault(
                f"At most {MAX_SIDE_REPLIES} replies outside the conversation run at the same time.",
                code="rate_limit_exceeded",
            )
        reply = Reply(
            f"resp_{secrets.token_hex(10)}",
            settings or self.settings,
            in_conversation=in_conversation,
            context=context,
            tag=tag,
        )
        self._stop_idle_timer()
        for item in context or ():
            self._recognise(item)
        self._outlet.emit(ReplyStarted(reply))
        runner = ReplyRunner(
            reply,
            self.conversation.items() if context is None else context,
            brain=self._parts.brain,
            voice=self._parts.voice,
            recognition=self._recognition,
            outlet=self._outlet,
            shelf=self,
            on_done=self._reply_done,
        )
        if in_conversation:
            self._active = runner
        else:
            self._side[reply.id] = runner
        task = self._spawn(runner.run())
        self._tasks[reply.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(reply.id, None))
        return reply

    def cancel_reply(self, reply_id: str | None, reason: CancelReason = CancelReason.CLIENT) -> None:
        """Stop a reply, by default the conversation's; raises ClientFault when none is active."""
        runner = self._active
        if reply_id is not None and (runner is None or runner.reply.id != reply_id):
            runner = self._side.get(reply_id)
        if runner is None:
            raise ClientFault("Cancellation failed: no reply is active.", code="response_cancel_not_active")
        runner.cancel(reason)
        if (task := self._tasks.get(runner.reply.id)) is not None:
            task.cancel()

    async def settled(self) -> None:
        """Wait until nothing is recognised, answered or said any more."""
        await self._recognition.settled(self.conversation.items())
        while self._tasks:
            await asyncio.wait(set(self._tasks.values()))

    def place(self, reply: Reply, item: Item) -> str | None:
        """Put an item of a reply where it belongs; returns the id of the one before it."""
        if reply.settings.speaking:
            self.has_spoken = True
        if reply.in_conversation:
            return self.conversation.add(item)
        return reply.output[-1].id if reply.output else None

    # What happens by itself

    def _speech_began(self) -> None:
        self._stop_idle_timer()
        turns = self.settings.turns
        if turns is not None and turns.interrupt_reply and self._active is not None:
            self.cancel_reply(None, CancelReason.TURN_DETECTED)

    def _pause(self, spoken_until: int, pcm: bytes) -> None:
        """A pause that may be the end of a turn: that depends on the words before it."""
        if self._early is not None:
            self._early[1].cancel()  # somebody has gone on speaking since
        settings = self.settings
        reading = self._group.create_task(self._recognition.read(pcm, settings))
        self._early = spoken_until, reading
        self._spawn(self._end_if_finished(spoken_until, reading, settings.hearing.language))

    async def _end_if_finished(self, spoken_until: int, reading: Early, language: str) -> None:
        await asyncio.wait([reading])
        heard = None if reading.cancelled() else reading.result().recognised
        if heard is not None and reads_as_finished(heard.text, language):
            await self._listener.end_at_pause(spoken_until)

    def _read_at(self, spoken_until: int) -> Early | None:
        """What was read at the pause by which an utterance ended."""
        early, self._early = self._early, None
        if early is not None and early[0] == spoken_until:
            return early[1]
        if early is not None:
            early[1].cancel()
        return None

    def _utterance(self, item_id: str, utterance: Utterance, detected: bool) -> None:
        """A piece of the input became an item; a detected turn is answered."""
        part = HeardPart(utterance.format, utterance.data, utterance.duration_ms)
        item = Message(item_id, "user", [part, *self._gallery.take()])
        self._outlet.emit(InputCommitted(item_id, self.conversation.last_id()))
        self._outlet.emit(ItemAdded(item, self.conversation.add(item)))
        early = self._read_at(utterance.spoken_until)
        self._recognition.start(item, self.settings, utterance.pcm, early)
        self.conversation.tidy_sound()
        turns = self.settings.turns
        if not detected or turns is None:
            return
        if not turns.create_reply:
            self._outlet.emit(TurnEnded(item_id))
            return
        try:
            self.create_reply()
        except ClientFault as fault:
            self._outlet.emit(Trouble(fault))

    def _reply_done(self, reply: Reply) -> None:
        if self._active is not None and self._active.reply is reply:
            self._active = None
        self._side.pop(reply.id, None)
        self.conversation.tidy_sound()
        turns = self.settings.turns
        if turns is None or not turns.idle_timeout_ms or not reply.in_conversation:
            return
        if reply.outcome is Outcome.COMPLETED and not self._listener.speaking:
            self._start_idle_timer(reply, turns.idle_timeout_ms)

    def _recognise(self, item: Item) -> None:
        if isinstance(item, Message) and any(
            isinstance(part, HeardPart) and part.recognised is None and part.failure is None
            for part in item.parts
        ):
            self._recognition.start(item, self.settings)

    # Idle time-out

    def _start_idle_timer(self, reply: Reply, timeout_ms: int) -> None:
        playing_ms = sum(
            part.duration_ms
            for item in reply.output
            if isinstance(item, Message)
            for part in item.parts
            if isinstance(part, SpokenPart)
        )
        self._stop_idle_timer()
        self._idle = self._spawn(self._run_idle_timer(playing_ms / 1000.0, timeout_ms / 1000.0))

    def _stop_idle_timer(self) -> None:
        idle, self._idle = self._idle, None
        if idle is not None and idle is not asyncio.current_task():
            idle.cancel()

    async def _run_idle_timer(self, playing_s: float, timeout_s: float) -> None:
        """Wait until the reply was played and the time is over; then take the user's turn as silent."""
        await asyncio.sleep(playing_s)
        start_ms = self._listener.position_ms
        await asyncio.sleep(timeout_s)

        def take(item_id: str, utterance: Utterance) -> None:
            self._outlet.emit(IdleTimeout(item_id, start_ms, self._listener.position_ms))
            self._utterance(item_id, utterance, True)

        await self._listener.commit_quiet(take)

    # Tasks

    def _warm_up(self, what: str) -> None:
        """Start workers ahead of their first use, once each."""
        if what and what not in self._warm:
            self._warm.add(what)
            self._spawn(self._run_warm_up(what))

    async def _run_warm_up(self, what: str) -> None:
        try:
            await self._parts.warm_up(hearing=what == "hearing", speaking=what == "speaking")
        except NekoError as error:
            # The first real use meets the same trouble and tells the client.
            log.debug("warming up %s failed: %s", what, type(error).__name__)
        except Exception:
            log.exception("warming up failed")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._group.create_task(work)


def _no_item(item_id: str, action: str) -> ClientFault:
    return ClientFault(
        f"No item '{item_id}' is in the conversation.",
        code=f"item_{action}_invalid_item_id",
        param="item_id",
    )
