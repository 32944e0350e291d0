"""Everything of one run: the session and what surrounds it, and what was seen of them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from dataclasses import fields as dataclass_fields
from typing import Any

import msgspec

from neko_cli.core.codecs.base import Codec, SessionSpec
from neko_cli.core.commands import AppendAudio, Command
from neko_cli.core.errors import AudioError, Category, NekoError
from neko_cli.core.events import (
    AnyEvent,
    Failure,
    InputMode,
    LinkWord,
    SessionEnded,
    Status,
    StatusChanged,
)
from neko_cli.core.manager import SessionManager
from neko_cli.core.memory import Remembered
from neko_cli.core.profile import Profile, parse
from neko_cli.core.provider_events import ProviderEvent
from neko_cli.core.session_ports import SessionPorts
from neko_cli.core.stream import Reader
from tests.simulation import numbers
from tests.simulation.cloud import Cloud
from tests.simulation.codec import SimCodec
from tests.simulation.devices import Heard, Mouth, SimMicrophone, SimSpeaker
from tests.simulation.loop import VirtualLoop
from tests.simulation.numbers import Run
from tests.simulation.plan import Scenario
from tests.simulation.ports import SimClock, SimJournal, SimRoute, SimSummariser
from tests.simulation.trace import Trace
from tests.simulation.voice import voices

REST_S = 5.0
"""Seconds of rest after which every transcript has come, and every lost link was noticed."""


class Seen(msgspec.Struct, frozen=True):
    """An event, when it was read, and how much was final in the journal by then."""

    when: float
    event: AnyEvent
    settled: int


class Call(msgspec.Struct, frozen=True):
    """One call of the session's surface."""

    name: str
    at: float
    took: float
    error: str


class Forgiven(msgspec.Struct):
    """Samples that may be missing because the user wanted it so, or was told so."""

    runs: list[Run]
    why: str


class World:
    """Wires a session to its simulated surroundings."""

    def __init__(self, scenario: Scenario, *, keep_trace: bool) -> None:
        self.scenario = scenario
        self.loop = VirtualLoop()
        self.trace = Trace(self.loop, keep=keep_trace)
        self.cloud = Cloud(scenario, self.trace)
        self.clock = SimClock(self.loop, self.cloud)
        self.journal = SimJournal(self.loop, scenario)
        self.summariser = SimSummariser(scenario)
        self.route = SimRoute()
        self.mouth = Mouth(scenario.rate)
        self.speaker = SimSpeaker(self.loop, scenario.rate) if scenario.speaker else None
        self.microphones: list[SimMicrophone] = []
        self.rested_at = 0
        """Samples below this number were said before the session was at rest."""
        self.spoke_at = 0.0
        self.heard: list[Run] = []
        """Numbered samples that the session took from microphones, in order."""
        self.heard_samples = 0
        """Samples, silence included, that the session took from microphones."""
        self.held_back: list[Run] = []
        """Samples heard while the character spoke, or just after (half duplex may drop them)."""
        self.last_spoken = -1.0
        self.seen: list[Seen] = []
        self.decoded: list[tuple[float, int, ProviderEvent]] = []
        self.sent_sound: dict[int, int] = {}
        """Samples that were put on each link's socket."""
        self.calls: list[Call] = []
        self.forgiven: list[Forgiven] = []
        self.archived: list[Remembered] = []
        """What was in memory before a new call began without it."""
        self.interruptions: list[float] = []
        self.read_aloud: dict[int, Run] = {}
        """Numbered words that our own voice has made, and their samples."""
        self.unanswered: list[str] = []
        """What the user waited for, and no whole answer came in time."""
        self.muted = False
        self.was_muted = False
        self.mode = InputMode(scenario.mode)
        self.profiles = [self._profile(0), self._profile(1)]
        self.profile_now = 0
        self.session: SessionManager
        self._reader: asyncio.Task[None] | None = None
        self._events: Reader | None = None
        self._codecs = 0

    def _profile(self, index: int) -> Profile:
        data = dict(self.scenario.profile)
        data["provider"] = {"name": f"sim{index}", "model": f"model{index}"}
        data["character"] = {
            "name": f"Neko{index}",
            "persona": f"persona{index}",
            "greeting": "Say hello.",
        }
        if self.scenario.aloud:
            data["speak"] = {"worker": "espeak"}
        return parse(data, "simulation.toml")

    # -- making the session -----------------------------------------------------------------

    def build(self) -> None:
        """Make the session; needs the running loop."""
        wanted: dict[str, Any] = {
            "clock": self.clock,
            "transport": self.cloud,
            "dial": self._dial,
            "provider_title": "Simulated",
            "microphone": self._microphone if self.mode is InputMode.AUDIO else None,
            "speaker": self.speaker,
            "want_audio": self.mode is InputMode.AUDIO or self.scenario.speaker,
            "voice": voices(self),
            "journal": self.journal,
            "summariser": self.summariser,
            "session_id": "simulated",
            "route": self.route,
            "keep_standby": self.scenario.keep_standby,
            "greet": self.scenario.greet,
            "random": self.cloud.random.random,
        }
        known = {field.name for field in dataclass_fields(SessionPorts)}
        ports = SessionPorts(**{name: value for name, value in wanted.items() if name in known})
        self.session = SessionManager(self.profiles[0], ports)

    async def _dial(self, *given: Any) -> Codec:
        spec: SessionSpec = given[-1]
        profile: Profile = given[0] if len(given) > 1 else self.profiles[0]
        style = self.scenario.styles[int(profile.provider.name.removeprefix("sim"))]
        self._codecs += 1
        codec = SimCodec(self._codecs, spec, style.capabilities, self._decoded, self._commanded)
        self.cloud.add_codec(codec, style)
        self.trace("codec", self._codecs, style.name, spec.model, f"resume={spec.resume_handle!r}")
        return codec

    def _microphone(self) -> SimMicrophone:
        microphone = SimMicrophone(self.loop, self.mouth, self.scenario.burst, self._took)
        self.microphones.append(microphone)
        return microphone

    # -- what is seen -----------------------------------------------------------------------

    def _took(self, frame: Heard) -> None:
        self.heard_samples += frame.samples
        state = self.session.state
        if state.is_speaking:
            self.last_spoken = frame.at
        if frame.first >= 0:
            self.spoke_at = frame.at
            numbers.append(self.heard, frame.first, frame.last)
            if state.link in (LinkWord.OFFLINE, LinkWord.CLOSED):
                self.forgiven.append(Forgiven([(frame.first, frame.last)], "there was no session"))
            if self.last_spoken >= 0 and frame.at - self.last_spoken <= 0.3:
                numbers.append(self.held_back, frame.first, frame.last)

    def _decoded(self, link: int, event: ProviderEvent) -> None:
        self.decoded.append((self.loop.time(), link, event))
        kind = type(event).__name__
        if kind != "ReplySound":
            self.trace(f"< {link}", event)

    def _commanded(self, link: int, command: Command) -> None:
        if isinstance(command, AppendAudio):
            self.sent_sound[link] = self.sent_sound.get(link, 0) + len(command.pcm) // 2
            for _, first, last in numbers.runs_in(command.pcm):
                self.trace.sound(f"> {link}", first, last)

    async def read(self, group: asyncio.TaskGroup) -> None:
        """Follow the session's events from here on."""
        events = self._events = self.session.events()
        coughs = list(self.scenario.coughs)

        async def follow() -> None:
            async for event in events:
                self.seen.append(Seen(self.loop.time(), event, len(self.journal.settled)))
                self.trace.count(msgspec.json.encode(event))
                self.trace("event", event)
                if isinstance(event, StatusChanged) and event.new is Status.SPEAKING and coughs:
                    after, ms = coughs.pop(0)
                    self.loop.call_later(after, self.mouth.cough, ms)
                if isinstance(event, Failure) and event.fatal:
                    self.forgive("failed for good")
                if isinstance(event, SessionEnded):
                    return

        self._reader = group.create_task(follow(), name="simulated reader")

    async def read_to_end(self) -> None:
        """Wait until the session's last event was read; it comes at once, or never."""
        if self._reader is None or self._events is None:
            return
        starts = [call for call in self.calls if call.name == "start_session"]
        if starts and starts[-1].error == Category.RATE_LIMIT:
            await self._events.aclose()  # refused before anything began: nothing ends either
        async with asyncio.timeout(5.0):
            await self._reader

    def events_of(self, kind: type[Any]) -> list[Any]:
        """All events of one kind, in order."""
        return [seen.event for seen in self.seen if isinstance(seen.event, kind)]

    # -- calling the session ----------------------------------------------------------------

    async def call(self, name: str, work: Coroutine[Any, Any, Any]) -> Any:
        """Call the session; a NekoError is an answer, anything else is a failure of the run."""
        began, jumped = self.loop.time(), self.loop.jumped
        error: NekoError | None = None
        result: Any = None
        self.trace("user", name)
        try:
            result = await work
        except NekoError as told:
            error = told
            self.trace("user", name, "failed:", type(told).__name__, told)
        took = self.loop.time() - began - (self.loop.jumped - jumped)
        self.calls.append(Call(name, began, took, error.category if error else ""))
        return error if error is not None else result

    # -- what the user knows of losses ------------------------------------------------------

    def memory_now(self) -> list[Remembered]:
        """All messages of the session's memory."""
        return self.session.memory.recent(100_000)

    def archive(self, before: list[Remembered]) -> None:
        """A new call may begin without what was remembered; it must not keep a part of it."""
        if before and self.memory_now()[: len(before)] != before:
            self.archived += before

    def everything(self) -> list[Remembered]:
        """All that was ever remembered, in order."""
        return [*self.archived, *self.memory_now()]

    def remembered_samples(self) -> list[Run]:
        """Samples that are in the session's memory."""
        runs: list[Run] = []
        for message in self.everything():
            if message.role == "user":
                runs += numbers.spoken(message.text)
        return runs

    def forgive(self, why: str) -> Forgiven:
        """What was said lately and is not settled may be lost; the user wants or knows it.

        What was said before the session was last at rest must have been settled then.
        """
        kept = numbers.union(self.remembered_samples())
        lately = [(self.rested_at, self.mouth.spoken - 1)] if self.mouth.spoken > self.rested_at else []
        entry = Forgiven(numbers.minus(lately, kept), why)
        self.forgiven.append(entry)
        return entry

    async def watch_rest(self) -> None:
        """Look again and again whether everything that was said must be settled by now."""
        patience = REST_S if self.scenario.line == 0.0 or self.scenario.line > 2.0 else 4 * REST_S
        since, jumped = self.loop.time(), self.loop.jumped
        while True:
            await asyncio.sleep(0.25)
            state = self.session.state
            resting = state.status in (Status.IDLE, Status.LISTENING) and state.link is LinkWord.ONLINE
            stood_still, jumped = self.loop.jumped > jumped, self.loop.jumped
            if not resting or stood_still or self.mouth.is_speaking or self.cloud.is_disturbed:
                since = self.loop.time()
            elif self.loop.time() - max(since, self.spoke_at) >= patience:
                self.rested_at = self.mouth.spoken

    def die(self, error: AudioError) -> None:
        """The newest microphone is unplugged."""
        if self.microphones and self.microphones[-1].is_open:
            self.microphones[-1].die(error)

    @property
    def is_new_core(self) -> bool:
        """Whether the session has links that replace one another."""
        return hasattr(self.session, "swap") and inspect.iscoroutinefunction(self.session.swap)
