"""The parts of a session, wired to one another: what ``SessionManager`` is a facade over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import msgspec

from neko_cli.core.board import Board
from neko_cli.core.codecs.base import Detection, SessionSpec
from neko_cli.core.commands import (
    AskReply,
    AudioChunk,
    Command,
    Message,
    ScreenFrame,
    SendImage,
    SendText,
    TellSystem,
    TextMessage,
)
from neko_cli.core.companions.callbacks import Callbacks, tell_text
from neko_cli.core.early import EarlyMessages
from neko_cli.core.errors import AudioError, InvalidRequest, LinkError, NekoError, our_mistake
from neko_cli.core.events import (
    AnyEvent,
    InputMode,
    Notice,
    NoticeKind,
    SessionEnded,
    Severity,
    UserText,
)
from neko_cli.core.inbound import Inbound
from neko_cli.core.keeper import Dial, Keeper
from neko_cli.core.link import Link
from neko_cli.core.listening import Listening, MakeMicrophone
from neko_cli.core.memory import Memory
from neko_cli.core.playout import Playout
from neko_cli.core.ports import Clock, Speaker, Translator, Transport
from neko_cli.core.profile import Duplex, Profile
from neko_cli.core.provider_events import ProviderEvent
from neko_cli.core.reply_slot import ReplySlot
from neko_cli.core.spec import spec_for
from neko_cli.core.state import LinkState, TurnInput, TurnState
from neko_cli.core.stream import Broadcast
from neko_cli.core.tasks import TaskOwner
from neko_cli.core.turns import Turns
from neko_cli.core.uplink import Uplink
from neko_cli.core.watch import Watch

ECHO_TAIL = 0.15
"""Seconds for which a room still echoes after the character's last sound (half duplex)."""


@dataclass(frozen=True)
class SessionPorts:
    """What a session is given from outside.

    ``microphone`` makes a new microphone each time it is switched on; ``speaker`` is opened with
    the session. ``want_audio`` asks the provider for voice, even when nothing plays it here.
    """

    clock: Clock
    transport: Transport
    dial: Dial
    provider_title: str
    microphone: MakeMicrophone | None = None
    speaker: Speaker | None = None
    translator: Translator | None = None
    want_audio: bool = True
    greet: bool = False


class SessionCore:
    """Owns the parts and answers their questions; every method but the coroutines returns at once."""

    def __init__(self, profile: Profile, ports: SessionPorts) -> None:
        self.profile = profile
        self._ports = ports
        self._epoch = ports.clock.monotonic()
        self.early = EarlyMessages()
        self._paused_microphone = False
        self._spoke_at = -ECHO_TAIL
        self._ended = False
        self._changing = asyncio.Lock()
        self._running: dict[str, asyncio.Task[None]] = {}
        self.stream = Broadcast()
        self.memory = Memory()
        self.callbacks = Callbacks()
        self.owner = TaskOwner(self._task_failed)
        self.board = Board(self.now, self.publish, lambda: self.profile.voice.name)
        self.playout = Playout(ports.speaker)
        self.slot = ReplySlot(self.send, self.now)
        self.turns = Turns(self, self.playout, self.slot, self.memory)
        self.inbound = Inbound(self, self.turns, self.slot, self.playout, self.memory)
        self.uplink = Uplink()
        self.keeper = Keeper(
            self,
            self.board,
            self.owner,
            ports.transport,
            ports.clock,
            ports.dial,
            ports.provider_title,
        )
        self.listening = Listening(
            self, self.board, self.owner, self.turns, self.slot, self.uplink, ports.microphone
        )
        self.listening.push_to_talk = profile.turns.detection is Detection.MANUAL

    # -- what the parts ask for -------------------------------------------------------------

    def now(self) -> float:
        """Seconds since the session was made."""
        return self._ports.clock.monotonic() - self._epoch

    def publish(self, event: AnyEvent) -> None:
        """Tell the readers."""
        self.stream.publish(event)

    def send(self, command: Command) -> None:
        """Queue a command for the link; nothing happens without one."""
        if self.keeper.link is not None:
            self.keeper.link.send(command)

    def link_now(self) -> Link | None:
        """The link that takes sound, when there is one."""
        return self.keeper.link if self.keeper.is_up else None

    def spec(self) -> SessionSpec:
        """How the next link is to be configured."""
        return spec_for(
            self.profile,
            want_audio=self._ports.want_audio,
            push_to_talk=self.listening.push_to_talk,
        )

    def link_up(self, link: Link) -> None:
        """A link is configured: send what was held back, and greet."""
        if self.board.connected is not None:
            # The record was made before the status was told: the times of events only grow.
            self.publish(msgspec.structs.replace(self.board.connected, at=self.now()))
        capabilities = link.codec.capabilities
        self.turns.configure(can_truncate=capabilities.truncate)
        self.inbound.output_rate = capabilities.output_rate
        greeting = self.profile.character.greeting
        if self._ports.greet and greeting and not len(self.memory) and not self.early:
            self.slot.ask(AskReply(greeting))
        for message in self.early.take():
            self._deliver(message)

    def tell_failure(self, error: NekoError) -> None:
        """The link is down: the readers are told why."""
        self.inbound.tell_failure(error, fatal=True)

    def abort_turn(self) -> None:
        """The link is down: the current turn fails, unless its reply came whole and is being played."""
        self.slot.reset()
        if self.turns.state is not TurnState.DRAINING or self.board.link is not LinkState.FAILED:
            self.turns.feed(TurnInput.LINK_LOST)

    def provider_event(self, event: ProviderEvent) -> None:
        """The provider says something."""
        self.inbound.take(event)

    def handle_new_message(self) -> None:
        """A reply begins."""
        self.inbound.begin_reply()

    def turn_changed(self, reason: str) -> None:
        """The turn's state changed."""
        self.board.turn = self.turns.state
        self.board.touch()
        self.board.refresh(reason)

    def wait_drained(self, turn: int) -> None:
        """Feed DRAINED for that turn once all sound was heard."""
        if self.playout.audible and self.playout.received_ms > 0:
            self.owner.spawn(self._drain(turn), f"drain {turn}")
        else:
            self.turns.drained(turn)

    def microphone_held(self) -> bool:
        """Half duplex: nothing is sent while the character is heard, nor right after it."""
        if self.profile.sound.duplex is Duplex.FULL or not self.playout.audible:
            return False
        if self.turns.state in (TurnState.SPEAKING, TurnState.DRAINING):
            self._spoke_at = self.now()
            return True
        return self.now() - self._spoke_at < ECHO_TAIL

    def microphone_died(self, error: AudioError) -> None:
        """The device is gone; the conversation goes on as text."""
        self.notice(f"The microphone is gone: {error} The conversation goes on as text.")

    # -- what the facade asks for -----------------------------------------------------------

    async def start(self, input_mode: InputMode, *, new: bool) -> None:
        """Open the loudspeaker and the link side by side; returns when the link is configured."""
        async with self._changing:
            if self.board.link not in (LinkState.DOWN, LinkState.FAILED, LinkState.CLOSED):
                return
            if new:
                self.memory.clear()
            self._ended = False
            self.board.input_mode = input_mode
            self.board.touch()
            self.keeper.begin()
            await self.owner.open()
            self.playout.opening()
            self._run_once("loudspeaker", self._open_speaker)
            self._run_once("watch", Watch(self).run)
        await self.keeper.start()

    async def end(self, reason: str) -> None:
        """End in order: microphone, link, loudspeaker. Idempotent."""
        async with self._changing:
            if self._ended or self.board.link is LinkState.DOWN:
                return
            self._ended = True
            self._paused_microphone = False
            await self.listening.stop(commit=False)
            await self.keeper.stop(reason)
            await self.owner.aclose()
            await self.playout.close()
            self.uplink.reset()
            self.early.clear()
            self.publish(SessionEnded(at=self.now(), reason=reason))

    def say(self, text: str) -> int:
        """One text turn; raises NekoError when it cannot be sent."""
        text = text.strip()
        if not text:
            raise InvalidRequest("There is nothing to send.")
        if self.board.link in (LinkState.CONNECTING, LinkState.CONFIGURING):
            self.early.hold(TextMessage(text))
            return self.turns.turn.number + self.early.texts
        if not self.keeper.is_up:
            raise LinkError("There is no connection.", hint="Start the session again.")
        self.turns.feed(TurnInput.TEXT_SENT)
        self.turns.input_ended()
        turn = self.turns.turn.number
        self.publish(UserText(at=self.now(), turn=turn, text=text, final=True))
        self.memory.add("user", text, turn)
        self.slot.ask(SendText(text))
        return turn

    async def hear(self, chunk: AudioChunk) -> None:
        """Sound that is not from our own microphone; waits while the link takes no more."""
        if self.board.link in (LinkState.CONNECTING, LinkState.CONFIGURING):
            self.early.hold(chunk)
            return
        link = self.link_now()
        if link is None:
            raise LinkError("There is no connection.", hint="Start the session again.")
        self._forward(link, chunk)
        await link.room()

    def show(self, frame: ScreenFrame) -> None:
        """A picture for the character, without asking for a reply."""
        if self.board.link in (LinkState.CONNECTING, LinkState.CONFIGURING):
            self.early.hold(frame)
            return
        link = self.link_now()
        if link is None:
            raise LinkError("There is no connection.", hint="Start the session again.")
        if not link.codec.capabilities.images:
            raise InvalidRequest(f"{self._ports.provider_title} takes no pictures.")
        link.send(SendImage(frame.data, frame.media_type))

    def finish_input(self) -> None:
        """The streamed utterance is complete (manual turns)."""
        link = self.link_now()
        if link is not None and self.turns.state is TurnState.HEARING:
            self.listening.finish(link)

    def interrupt(self) -> None:
        """Stop the current reply, or throw away the open utterance."""
        self.board.touch()
        self.turns.feed(TurnInput.INTERRUPT)

    async def pause(self) -> None:
        """Microphone off, reply stopped."""
        self._paused_microphone = self._paused_microphone or self.board.microphone_on
        await self.listening.stop(commit=False)
        self.interrupt()

    async def resume(self) -> None:
        """Microphone on again, when it was on before the pause."""
        if self._paused_microphone:
            self._paused_microphone = False
            await self.listening.start()

    def tell_agent_results(self) -> bool:
        """Have the character tell what agents found, when nobody is talking."""
        link = self.link_now()
        quiet = self.turns.state is TurnState.IDLE
        if link is None or not quiet or not link.codec.capabilities.system_items:
            return False
        results = self.callbacks.take()
        if results:
            self.slot.ask(TellSystem(tell_text(results), ask_reply=True))
        return bool(results)

    # -- own work ---------------------------------------------------------------------------

    def _deliver(self, message: Message) -> None:
        link = self.link_now()
        if link is None:
            return
        if isinstance(message, AudioChunk):
            self._forward(link, message)
        elif isinstance(message, TextMessage):
            self.say(message.text)
        else:
            with contextlib.suppress(InvalidRequest):
                self.show(message)

    def _forward(self, link: Link, chunk: AudioChunk) -> None:
        """Streamed sound; without a detector it begins an utterance, which stops the current reply."""
        if self.listening.push_to_talk and self.turns.state is not TurnState.HEARING:
            self.turns.feed(TurnInput.INTERRUPT)
            self.uplink.begin()
            self.turns.feed(TurnInput.SPEECH_STARTED)
        self.uplink.forward(link, chunk.pcm, chunk.rate)

    def _run_once(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start a task of the session, unless an earlier start has left it running."""
        task = self._running.get(name)
        if task is None or task.done():
            self._running[name] = self.owner.spawn(work(), name)

    async def _open_speaker(self) -> None:
        try:
            await self.playout.open()
        except AudioError as error:
            self.notice(f"No sound: {error} Replies come as text.")

    async def _drain(self, turn: int) -> None:
        try:
            await self.playout.drained()
        except AudioError as error:
            self.notice(f"The loudspeaker is gone: {error} Replies come as text.")
        self.turns.drained(turn)

    def _task_failed(self, error: BaseException) -> None:
        self.inbound.tell_failure(our_mistake(error))

    def notice(self, text: str) -> None:
        """Tell the user something about the sound."""
        self.publish(Notice(at=self.now(), kind=NoticeKind.SOUND, severity=Severity.WARNING, text=text))

    def turn_failed(self, error: NekoError) -> None:
        """Tell why the current turn is given up."""
        self.inbound.tell_failure(error)
