"""Watches over the live link: dead ends, sleep, other networks, idle time and what it costs."""

from __future__ import annotations

import asyncio
import copy
import time

from neko_cli.core.companions.guards import Standing, park_due
from neko_cli.core.errors import LinkError, NekoError, QuotaExhausted
from neko_cli.core.events import NoticeKind, Severity
from neko_cli.core.host import SessionHost
from neko_cli.core.links import LinkRun
from neko_cli.core.ports import Clock, Journal, Route
from neko_cli.core.state import LinkState, TurnInput, TurnState
from neko_cli.core.wake import ClockWatch

LOOK_EVERY = 0.5
"""Seconds between looks."""

ROUTE_EVERY = 2.0
"""Seconds between looks at the way that packets go."""

WAY_PROBE = 2.0
"""Seconds for the other side to answer over a way that may be gone."""

RECHECK = 10.0
"""Seconds for the next detector to hear an utterance that was sent again; then it was none."""

REACTS_WITHIN = 5.0
"""Seconds for a provider to react to speech that has reached it; then it was none to it."""

PROBE_PART = 0.5
"""Part of the limit on silence after which the other side is asked whether it still answers."""

USED_EVERY = 30.0
"""Seconds between notes of how much connection time was used."""

DAY_TIMEOUT = 2.0
"""Seconds for the history to say how much connection time was used today."""


class Vigil:
    """Runs beside a session for as long as it lives."""

    def __init__(self, host: SessionHost, clock: Clock, route: Route | None) -> None:
        self._host = host
        self._clock = clock
        self._route = route
        self._sleep = ClockWatch(LOOK_EVERY)
        self._way: tuple[int, str] = (0, "")
        self._way_at = 0.0
        self._looked_at = clock.monotonic()
        self._reached: tuple[int, int, float] | None = None  # link, position of sound, and when it had come
        self._connected = 0.0
        self._noted = 0.0
        self._kept = (0, 0.0)  # the local day, and the seconds that were noted on it
        self.used_elsewhere = 0.0
        """Seconds of connection that other sessions of the profile had used today at our start."""

    async def admit(self, journal: Journal | None, profile_name: str) -> None:
        """Before a session is opened: raises QuotaExhausted when its time, or the day's, is over."""
        host, wall = self._host, self._clock.time()
        if journal is not None and host.profile.guard.max_minutes_day:
            try:
                async with asyncio.timeout(DAY_TIMEOUT):
                    used = await journal.used_today(profile_name, wall)
                day, own = self._kept
                self.used_elsewhere = max(0.0, used - (own if day == _local_day(wall) else 0.0))
                host.budget.used_elsewhere(self.used_elsewhere)
            except (NekoError, TimeoutError):
                text = "How long you have talked today is not known: the history is not readable."
                host.herald.notice(text, NoticeKind.MEMORY, Severity.INFO)
        # A copy is asked, since each warning is given once, and given when there is a link.
        verdict = copy.deepcopy(host.budget).look(wall, self._connected)
        if verdict.standing is Standing.STOP:
            raise _time_is_up(verdict.text)

    async def run(self) -> None:
        """Look until cancelled."""
        self._looked_at = self._clock.monotonic()
        self._sleep.reset()
        host = self._host
        while True:
            await asyncio.sleep(LOOK_EVERY)
            asleep = self._sleep.look(self._clock.monotonic(), self._clock.time())
            self._count(asleep)
            run = host.links.live
            if run is None:
                continue
            if asleep:
                host.swapper.drop_standby()
                self._presume_lost(f"This computer was asleep for {asleep:.0f} s.", "asleep")
            elif not await self._way_holds(run):
                host.swapper.drop_standby()
                self._presume_lost("The network has changed.", "network_changed")
            elif not await self._answers(run):
                self._presume_lost("The provider has fallen silent.", "silent")
            else:
                self._recheck()
                if not host.push_to_talk and host.turns.state is not TurnState.HEARING:
                    host.uplink.forget_quiet(run.link.waiting_ms)
                await self._see_unheard(run)
                host.agents.look()
                host.manners.look()
                host.speaking_first.look()
                self._park_idle(run)

    def _presume_lost(self, text: str, code: str) -> None:
        self._host.keeper.presume_lost(LinkError(text, code=code))

    async def _answers(self, run: LinkRun) -> bool:
        """Whether the other side is there, as far as it should have said something by now."""
        # Somebody who speaks expects an answer too, though the provider may not have heard it yet.
        expected = self._host.hears_speech or self._host.turns.state in (
            TurnState.HEARING,
            TurnState.THINKING,
            TurnState.SPEAKING,
        )
        limit = run.link.codec.capabilities.silence_limit
        silent = self._clock.monotonic() - run.link.heard_at
        if not expected or silent < limit * PROBE_PART:
            return True
        answers = await self._probe(run, limit * (1.0 - PROBE_PART))
        return answers or run is not self._host.links.live

    async def _probe(self, run: LinkRun, timeout: float) -> bool:
        """Whether the other side answers; the wait for it is no sleep, as long as it was that alone."""
        clocks = ClockWatch(timeout)
        clocks.look(self._clock.monotonic(), self._clock.time())
        answers = await run.link.probe(timeout)
        if not clocks.look(self._clock.monotonic(), self._clock.time()):
            self._sleep.reset()
        return answers

    async def _way_holds(self, run: LinkRun) -> bool:
        """Whether packets go the same way, or the old one still answers (addresses may rotate)."""
        if self._way_is_same(run):
            return True
        answers = await self._probe(run, WAY_PROBE)
        return answers or run is not self._host.links.live

    def _way_is_same(self, run: LinkRun) -> bool:
        if self._route is None or self._clock.monotonic() - self._way_at < ROUTE_EVERY:
            return True
        self._way_at = self._clock.monotonic()
        now = self._route.local_address(run.link.codec.endpoint().url)
        generation, before = self._way
        # Between two networks there is none for a while; that one is compared with the other.
        kept = now or (before if generation == run.link.generation else "")
        self._way = (run.link.generation, kept)
        return generation != run.link.generation or before == now or not (before and now)

    def _recheck(self) -> None:
        """An utterance that was sent again, and that no detector hears, ends."""
        host, since = self._host, self._host.relay.rechecked_at
        if since is None:
            return
        if host.turns.state is not TurnState.HEARING:
            host.relay.rechecked_at = None
        elif host.now() - since > RECHECK:
            host.relay.rechecked_at = None
            host.turns.feed(TurnInput.SPEECH_DISCARDED)

    async def _see_unheard(self, run: LinkRun) -> None:
        """What the provider says no more of, or took for no speech, is let go of once that is certain."""
        host, now = self._host, self._clock.monotonic()
        if not host.is_at_rest or host.uplink.is_settled_whole or host.utterances.words_due:
            self._reached = None
        elif self._reached is not None and self._reached[0] == run.link.generation:
            _, position, since = self._reached
            if now - since >= REACTS_WITHIN:
                host.uplink.rest(position)
                self._reached = None
        else:
            position = host.uplink.sent
            came = await self._probe(run, WAY_PROBE)
            if came and run is host.links.live and host.uplink.waiting_ms == 0.0:
                self._reached = (run.link.generation, position, self._clock.monotonic())

    def _park_idle(self, run: LinkRun) -> None:
        host = self._host
        idle = host.now() - max(host.board.last_activity, host.turns.progress_at, host.relay.handed_at)
        quiet = host.is_at_rest and not host.hears_speech
        if not quiet or host.board.link is not LinkState.UP:
            return
        if park_due(idle, run.link.codec.capabilities, host.profile.guard):
            idle_text = "Nobody has said anything for a while: the connection is closed until you do."
            host.herald.notice(idle_text, NoticeKind.SESSION, Severity.INFO)
            host.swapper.drop_standby()
            host.keeper.park("idle")

    def _count(self, asleep: float) -> None:
        """Add up the time of connection, and see whether the profile's limits are reached.

        Seconds ``asleep`` do not count: nothing was sent, and the link will not have lived through it.
        """
        now = self._clock.monotonic()
        passed, self._looked_at = now - self._looked_at, now
        if self._host.links.live is not None:
            self._connected += max(0.0, passed - asleep)
        if self._connected - self._noted >= USED_EVERY:
            self.note_used()
        verdict = self._host.budget.look(self._clock.time(), self._connected)
        if verdict.standing is Standing.WARN:
            self._host.herald.notice(verdict.text, NoticeKind.SESSION)
        elif verdict.standing is Standing.STOP:
            self._host.keeper.give_up(_time_is_up(verdict.text))

    def note_used(self) -> None:
        """Have the connection time since the last note kept."""
        seconds, self._noted = self._connected - self._noted, self._connected
        self._host.scribe.used(seconds)
        if self._host.scribe.keeps:
            today, (day, kept) = _local_day(self._clock.time()), self._kept
            self._kept = (today, kept + seconds if day == today else seconds)


def _time_is_up(text: str) -> QuotaExhausted:
    """A limit of the profile on connection time is reached."""
    return QuotaExhausted(text, hint="[guard] in the profile sets the limit.", code="time_limit")


def _local_day(wall: float) -> int:
    """A number for the local day of a Unix time."""
    local = time.localtime(wall)
    return local.tm_year * 1000 + local.tm_yday
