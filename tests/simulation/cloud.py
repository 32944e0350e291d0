"""The simulated provider as a whole: who may connect, which links there are, what is remembered."""

from __future__ import annotations

import asyncio
import random
import re

import msgspec

from neko_cli.core import classify
from neko_cli.core.errors import LinkError, NekoError
from neko_cli.core.ports import Endpoint
from tests.simulation import numbers
from tests.simulation.codec import SimCodec
from tests.simulation.plan import Fault, FaultKind, Refusal, Scenario, Style
from tests.simulation.provider import ServerLink, Snapshot
from tests.simulation.trace import Trace
from tests.simulation.wire import Wire

_CODEC = re.compile(r"[?&]n=(\d+)")


class Attempt(msgspec.Struct):
    """One opening of a link; ``refused`` says how it failed."""

    number: int
    codec: int
    at: float
    refused: str = ""


class Cloud:
    """See ``ports.Transport``; holds everything that outlives a link."""

    def __init__(self, scenario: Scenario, trace: Trace) -> None:
        self.scenario = scenario
        self.trace = trace
        self.loop = trace.loop
        self.random = random.Random(f"{scenario.seed}/cloud")
        self._delays = random.Random(f"{scenario.seed}/delays")
        self.codecs: dict[int, tuple[SimCodec, Style]] = {}
        self.attempts: list[Attempt] = []
        self.links: list[ServerLink] = []
        self.handles: dict[str, Snapshot] = {}
        self.rejecting = False
        self.calm = False
        """Nothing goes wrong any more."""
        self.outage_until = -1.0
        self.next_word = 1
        self.next_sample = 0
        self.next_id = 0
        self._strikes = [fault for fault in scenario.faults if fault.event and not fault.link]
        self._kinds: dict[str, int] = {}
        self.wall_offset = 0.0
        self._line = scenario.line * 2 * scenario.rate

    # What the session's ports are made of

    def add_codec(self, codec: SimCodec, style: Style) -> None:
        """A codec was made; its number is in the address that it connects to."""
        self.codecs[codec.number] = (codec, style)

    async def open(self, endpoint: Endpoint, *, timeout: float = 10.0) -> Wire:
        found = _CODEC.search(endpoint.url)
        if found is None:
            raise AssertionError(f"an address that no codec gave: {endpoint.url}")
        codec, style = self.codecs[int(found[1])]
        attempt = Attempt(len(self.attempts) + 1, codec.number, self.loop.time())
        self.attempts.append(attempt)
        refusal = None if self.calm else self.scenario.refusals.get(attempt.number)
        if refusal is None and self.loop.time() < self.outage_until:
            refusal = Refusal.NO_ROUTE if attempt.number % 3 else Refusal.HANGS
        self.trace("net", "open", codec.number, refusal or "")
        if refusal is not None and refusal is not Refusal.NO_SETUP:
            attempt.refused = refusal
            await self._refuse(refusal, timeout)
        await asyncio.sleep(2 * self.delay())
        takes = self.scenario.socket_bytes
        wire = Wire(codec.number, self.loop, self.delay, self._line, takes=takes)
        server = ServerLink(self, style, codec, wire, never_ready=refusal is Refusal.NO_SETUP)
        wire.server = server
        self.links.append(server)
        return wire

    async def _refuse(self, refusal: Refusal, timeout: float) -> None:
        if refusal is Refusal.HANGS:
            await asyncio.sleep(timeout)
            raise LinkError("The connection could not be made in time.", code="timeout")
        await asyncio.sleep(2 * self.delay())
        raise _refusals(refusal)

    # What links ask for

    def delay(self) -> float:
        """How long a frame travels, in seconds."""
        return self.scenario.latency + self.scenario.jitter * self._delays.random()

    def wall(self) -> float:
        """Unix time in seconds."""
        return 1_700_000_000.0 + self.loop.time() + self.wall_offset

    def new_id(self, kind: str) -> str:
        """An id that was never used before."""
        self.next_id += 1
        return f"{kind}{self.next_id}"

    def new_word(self) -> str:
        """A word that was never said before."""
        self.next_word += 1
        return f"w{self.next_word - 1}"

    def new_sound(self, n: int) -> tuple[int, int]:
        """Numbers for ``n`` samples of a reply, as many as are left."""
        n = max(0, min(n, numbers.COUNT - self.next_sample))
        self.next_sample += n
        return self.next_sample - n, self.next_sample - 1

    @property
    def sound_left(self) -> float:
        """Which part of all numbers for samples is left."""
        return 1.0 - self.next_sample / numbers.COUNT

    def is_claimed(self, handle: str, by: ServerLink) -> bool:
        """Whether another link that we believe to be alive has this handle's session."""
        lineage = self.handles[handle].lineage
        return any(link.is_alive and link.lineage == lineage for link in self.links if link is not by)

    # Faults

    @property
    def is_disturbed(self) -> bool:
        """Whether a connection hangs or is dead without anybody having been told."""
        now = self.loop.time()
        return any(link.wire.is_open and link.wire.troubled_until > now for link in self.links)

    def newest(self) -> ServerLink | None:
        """The link that was configured last and still lives."""
        return next((link for link in reversed(self.links) if link.is_alive and link.is_ready), None)

    def due(self, kind: str) -> list[Fault]:
        """Faults that strike with this frame, counted over all links."""
        self._kinds[kind] = self._kinds.get(kind, 0) + 1
        found = [f for f in self._strikes if f.event == kind and self._kinds[kind] >= f.frame]
        for fault in found:
            self._strikes.remove(fault)
        return found

    def strike_at(self, fault: Fault) -> None:
        """A fault whose time has come."""
        if self.calm:
            return
        if fault.kind is FaultKind.OUTAGE:
            self.trace("net", "outage", fault.seconds)
            self.outage_until = self.loop.time() + fault.seconds
            for link in self.links:
                if link.is_alive:
                    link.wire.reset() if fault.code == 1006 else link.vanish()
        elif fault.kind is FaultKind.REJECT_HANDLES:
            self.rejecting = True
        elif (link := self.newest()) is not None:
            link.strike(fault)

    def calm_down(self) -> None:
        """From here on everybody behaves."""
        self.trace("net", "calm")
        self.calm = True
        self.rejecting = False
        self.outage_until = -1.0
        self._line = 0.0
        for link in self.links:
            link.wire.speed_up()


def _refusals(refusal: Refusal) -> NekoError:
    match refusal:
        case Refusal.KEY:
            return classify.from_handshake(401, body="bad key", who="Simulated")
        case Refusal.RATE:
            return classify.from_handshake(429, who="Simulated")
        case Refusal.RATE_LATER:
            return classify.from_handshake(429, retry_after=4.0, who="Simulated")
        case Refusal.BUSY:
            return classify.from_handshake(503, who="Simulated")
        case _:
            return LinkError("There is no way to the provider.", code="no_route")
