"""One connection, seen from the simulated provider: hears, answers, remembers, and misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from neko_cli.core.capabilities import Resume
from tests.simulation import numbers
from tests.simulation.codec import Config, SimCodec, to_wire
from tests.simulation.ear import Ear
from tests.simulation.numbers import Run
from tests.simulation.plan import Fault, FaultKind, Style
from tests.simulation.replies import Reply, Voice
from tests.simulation.wire import Wire

if TYPE_CHECKING:
    from tests.simulation.cloud import Cloud

OLD_AUDIO_S = 2.5
"""A session that refuses old audio accepts so much more sound than time has passed since it began."""

LEAST_COMMIT_S = 0.1
"""OpenAI refuses to commit less."""


class Utterance(msgspec.Struct):
    """Speech that was committed on a link; ``told`` once the client was sent its words or a reply."""

    link: int
    item: str
    runs: list[Run]
    at: float


class Snapshot(msgspec.Struct):
    """What a handle stands for."""

    lineage: int
    lines: list[tuple[str, str]]
    issued: float


class Request(msgspec.Struct):
    """Something that the client asked for: a text, or a reply with instructions."""

    kind: str
    text: str
    at: float


class ServerLink:
    """See ``wire.Server``. All work is done in timers; nothing here is a task."""

    def __init__(self, cloud: Cloud, style: Style, codec: SimCodec, wire: Wire, *, never_ready: bool) -> None:
        self.cloud = cloud
        self.style = style
        self.number = codec.number
        self.wire = wire
        self.codec = codec
        self._never_ready = never_ready
        self._timers: set[asyncio.TimerHandle] = set()
        self._last_input = cloud.loop.time()
        self._words_due = 0.0
        self._strikes = [fault for fault in cloud.scenario.faults if fault.link == len(cloud.links) + 1]
        self._kinds: dict[str, int] = {}
        self._hang: FaultKind | None = None
        self._empty_handles = False
        self.config = Config()
        self.lineage = codec.number
        """The first link of the session that this one goes on with."""
        self.resumed = False
        self.is_alive = True
        """Whether the server believes in this connection."""
        self.is_ready = False
        self.ready_at = 0.0
        self.vanished_at: float | None = None
        self.silent = False
        """Half open: nothing arrives and nothing leaves, and neither side is told."""
        self.lines: list[tuple[str, str]] = []
        self.utterances: list[Utterance] = []
        self.requests: list[Request] = []
        self.heard: list[Run] = []
        """Numbered samples in the order in which they came."""
        self.replies: list[Reply] = []
        self.voice = Voice(self)
        self.ear = self._new_ear()

    def _new_ear(self) -> Ear:
        return Ear(
            self.codec.capabilities.input_rate,
            self._speech_began,
            self._speech_ended,
            manual=self.config.manual or not self.codec.capabilities.server_vad,
            silence_ms=self.config.silence_ms,
            prefix_ms=self.config.prefix_ms,
            onset_ms=self.style.onset_ms,
        )

    @property
    def frames(self) -> int:
        """Frames sent so far, up to the moment from which on nothing goes wrong any more."""
        return self._kinds.get("", 0)

    # -- timers and frames ------------------------------------------------------------------

    def after(self, seconds: float, work: Callable[..., None], *args: Any) -> None:
        """Do something later, unless the link ends before."""

        def run() -> None:
            self._timers.discard(handle)
            if self.is_alive:
                work(*args)

        handle = self.cloud.loop.call_later(seconds, run)
        self._timers.add(handle)

    def tell(self, *parts: Any) -> None:
        """Send one event; a fault may strike at this very frame."""
        self._send(to_wire(*parts), str(parts[0]))

    def send_sound(self, frame: bytes) -> None:
        """Send a piece of a reply's sound."""
        self._send(frame, "sound")

    def _send(self, frame: str | bytes, kind: str) -> None:
        if not self.is_alive:
            return
        self.wire.tell(frame)
        if self.cloud.calm:
            return
        for counted in ("", kind):
            self._kinds[counted] = self._kinds.get(counted, 0) + 1
        due = [f for f in self._strikes if f.event in ("", kind) and self._kinds[f.event] >= f.frame]
        for fault in due:
            self._strikes.remove(fault)
        for fault in (*due, *self.cloud.due(kind)):
            self.strike(fault)

    def receive(self, frame: str | bytes) -> None:
        if not self.is_alive or self._never_ready:
            return
        self._last_input = self.cloud.loop.time()
        if isinstance(frame, bytes):
            self._hear(frame[1:])
            return
        kind, *given = msgspec.json.decode(frame)
        self.cloud.trace(f"> {self.number}", kind, *given)
        getattr(self, f"_on_{kind}")(*given)

    def client_left(self) -> None:
        self._die()

    def _die(self) -> None:
        self.is_alive = False
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def close(self, code: int, reason: str = "") -> None:
        """End the connection from this side."""
        if self.is_alive:
            self.cloud.trace(f"< {self.number}", "close", code, reason)
            self.wire.shut(code, reason)
            self._die()

    def vanish(self) -> None:
        """The network eats everything; we find out after a while, if ever."""
        self.cloud.trace("net", "half open", self.number)
        self.vanished_at = self.cloud.loop.time()
        self.silent = True
        self.wire.vanish()
        self.cloud.loop.call_later(self.style.ghost, self._die)

    # -- the beginning ----------------------------------------------------------------------

    def _on_config(self, given: dict[str, Any]) -> None:
        self.config = msgspec.convert(given, Config)
        self.ear = self._new_ear()
        if self.config.handle and not self._resume(self.config.handle):
            return
        self.after(self.style.setup, self._become_ready)

    def _resume(self, handle: str) -> bool:
        snapshot = self.cloud.handles.get(handle)
        age = self.cloud.loop.time() - snapshot.issued if snapshot is not None else 0.0
        if snapshot is None or self.cloud.rejecting or age > self.style.handle_life:
            self.close(self.cloud.random.choice((1007, 1008)), "the session cannot be resumed")
            return False
        if self.codec.capabilities.resume is Resume.HANDLE and self.cloud.is_claimed(handle, self):
            self.close(1011, "internal")
            return False
        self.lineage = snapshot.lineage
        self.resumed = True
        self.lines = list(snapshot.lines)
        return True

    def _become_ready(self) -> None:
        can = self.codec.capabilities
        self.is_ready = True
        self.ready_at = self.cloud.loop.time()
        expires = None
        if can.max_session is not None:
            self.after(can.max_session, self._expire)
            if self.style.tells_expiry:
                expires = self.cloud.wall() + can.max_session
        self.tell("ready", f"session{self.number}", self.config.model or "default", expires)
        if can.idle_close is not None:
            self.after(can.idle_close, self._look_idle)
        self.tell_handle()

    def _expire(self) -> None:
        self.tell("fault", "session_expired", "the session has reached its limit", None, True)
        self.close(1001, "session expired")

    def _look_idle(self) -> None:
        limit = self.codec.capabilities.idle_close or 0.0
        idle = self.cloud.loop.time() - self._last_input
        if idle >= limit - 1e-6:
            self.close(1000, "idle")
        else:
            self.after(limit - idle, self._look_idle)

    def tell_handle(self) -> None:
        """A new handle for what is known now, where this provider has any."""
        can = self.codec.capabilities
        if can.resume is Resume.NONE:
            return
        if can.resume is Resume.CONVERSATION and self.config.handle:
            handle = self.config.handle
        elif can.resume is Resume.CONVERSATION:
            handle = f"conversation{self.number}"
        else:
            handle = "" if self._empty_handles else self.cloud.new_id("handle")
        if handle:
            # A conversation is one thing under one id: it goes on to grow.
            lines = self.lines if can.resume is Resume.CONVERSATION else list(self.lines)
            snapshot = self.cloud.handles.get(handle)
            if snapshot is None or can.resume is Resume.HANDLE:
                self.cloud.handles[handle] = Snapshot(self.lineage, lines, self.cloud.loop.time())
            else:
                snapshot.lines, snapshot.issued = lines, self.cloud.loop.time()
        if can.resume is Resume.HANDLE or not self.utterances:
            self.tell("handle", handle)

    def _on_history(self, role: str, text: str) -> None:
        self.lines.append((f"told {role}", text))

    def _on_instructions(self, text: str) -> None:
        self.config = msgspec.structs.replace(self.config, instructions=text)

    def _on_detection(self, manual: bool) -> None:
        self.ear.manual = manual
        self.ear.is_hearing = False

    # -- hearing ----------------------------------------------------------------------------

    def _hear(self, pcm: bytes) -> None:
        for _, first, last in numbers.runs_in(pcm):
            numbers.append(self.heard, first, last)
        self.ear.hear(pcm)
        if self.style.refuses_old_audio and self.resumed:
            passed = self.cloud.loop.time() - self.ready_at + OLD_AUDIO_S
            if self.ear.position > passed * self.codec.capabilities.input_rate:
                self.close(1007, "Request contains an invalid argument.")

    def _ms(self, position: int) -> float | None:
        if not self.style.at_ms:
            return None
        return position * 1000.0 / self.codec.capabilities.input_rate

    def _speech_began(self, position: int) -> None:
        self._item = self.cloud.new_id("item")
        if self.style.speech_events:
            self.tell("speech_began", self._item, self._ms(position))
        if self.config.interrupt_reply:
            self.voice.interrupt()

    def _speech_ended(self, position: int) -> None:
        runs = self.ear.take()
        if self.style.speech_events:
            self.tell("speech_ended", self._item, self._ms(position))
        self._commit(runs, self._item)
        self.voice.ask(implicit=True)

    def _commit(self, runs: list[Run], item: str) -> None:
        heard = numbers.transcript(runs)
        self.cloud.trace(f"  {self.number}", "committed", heard)
        self.utterances.append(Utterance(self.number, item, runs, self.cloud.loop.time()))
        self.lines.append(("spoken", heard))
        if self.style.speech_events:
            self.tell("committed", item)
        if self.codec.capabilities.captions:
            rng, style = self.cloud.random, self.style
            late = style.transcript * (3.0 if rng.random() < style.transcript_late else 1.0)
            early = late * 0.5
            if not style.speech_events:
                # Transcripts without ids to tell them apart come in order.
                soonest = self._words_due - self.cloud.loop.time() + 0.001
                late = max(late, soonest + 0.001)
                early = max(early, soonest)
                self._words_due = self.cloud.loop.time() + late
            if rng.random() < 0.3:
                self.after(early, self.tell, "transcript", item, heard, False)
            self.after(late, self.tell, "transcript", item, heard, True)

    def _on_commit(self, ask: bool) -> None:
        can = self.codec.capabilities
        least = LEAST_COMMIT_S * can.input_rate
        if self.ear.buffered >= least or self.style.asks_implicitly:
            item = self._item if self.ear.is_hearing else self.cloud.new_id("item")
            runs = self.ear.take()
            if runs or not self.style.asks_implicitly:
                self._commit(runs, item)
        elif not self.style.asks_implicitly:
            self.tell("fault", "input_audio_buffer_commit_empty", "the buffer is empty", None, False)
        if self.style.asks_implicitly:
            self.voice.interrupt()  # as the beginning of the user's activity does (Gemini)
        if ask or self.style.asks_implicitly:
            self.voice.ask()

    def _on_clear(self) -> None:
        self.ear.clear()

    # -- being asked ------------------------------------------------------------------------

    def _on_text(self, text: str) -> None:
        self.requests.append(Request("text", text, self.cloud.loop.time()))
        self.lines.append(("typed", text))
        if self.style.asks_implicitly:
            self.voice.interrupt()
        self.voice.ask()

    def _on_ask(self, instructions: str) -> None:
        self.requests.append(Request("ask", instructions, self.cloud.loop.time()))
        self.voice.ask()

    def _on_system(self, text: str, ask: bool) -> None:
        self.lines.append(("system", text))
        if ask:
            self.voice.ask()

    _on_user_item = _on_system

    def _on_cancel(self, reply_id: str) -> None:
        self.voice.cancel(reply_id)

    def _on_truncate(self, item: str, heard_ms: int) -> None:
        self.voice.truncate(item, heard_ms)

    def _on_tool(self, call_id: str, go_on: bool) -> None:
        if go_on:
            self.voice.ask()

    # -- faults -----------------------------------------------------------------------------

    def strike(self, fault: Fault) -> None:
        """Misbehave."""
        if not self.is_alive:
            return
        self.cloud.trace("fault", fault.kind, self.number, fault.code, fault.reason, fault.seconds)
        rng = self.cloud.random
        match fault.kind:
            case FaultKind.RESET:
                self.wire.reset()
            case FaultKind.CLOSE:
                self.close(fault.code, fault.reason)
            case FaultKind.HALF_OPEN:
                self.vanish()
            case FaultKind.STALL:
                self.wire.stall(fault.seconds, up=fault.code != 1, down=fault.code != 2)
            case FaultKind.GARBAGE:
                self.wire.tell(rng.choice(('{"not', "[]", '["no_such_event", 1]', '["ready", "again"]')))
            case FaultKind.DUPLICATE:
                self._repeat()
            case FaultKind.RATE_LIMIT | FaultKind.RATE_LIMIT_ENDS:
                ends = fault.kind is FaultKind.RATE_LIMIT_ENDS
                self.tell("fault", "rate_limit_exceeded", "slow down", fault.seconds or None, ends)
                if ends:
                    self.close(1011, "rate limit")
            case FaultKind.GOING_AWAY:
                self.tell("going_away", fault.seconds)
                self.after(fault.seconds, self.close, fault.code, "going away")
            case FaultKind.EMPTY_HANDLE:
                self._empty_handles = True
                self.tell_handle()
                self.after(fault.seconds, self._handles_again)
            case FaultKind.REJECT_HANDLES:
                self.cloud.rejecting = True
            case _:
                self.voice.plan_trouble(fault.kind)

    def _handles_again(self) -> None:
        self._empty_handles = False
        self.tell_handle()

    def _repeat(self) -> None:
        """Say something again that was said before, as providers do."""
        if self.utterances:
            last = self.utterances[-1]
            if self.style.speech_events:
                self.tell("committed", last.item)
            if self.codec.capabilities.captions and self.cloud.loop.time() - last.at > 3.0:
                self.tell("transcript", last.item, numbers.transcript(last.runs), True)
