"""Replaces links on purpose: keeps a standby, promotes it at a quiet moment, tells what it took."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

import msgspec

from neko_cli.core import link_log
from neko_cli.core.errors import NekoError, RateLimited
from neko_cli.core.events import Swap
from neko_cli.core.host import SessionHost
from neko_cli.core.links import LinkRun, Opening
from neko_cli.core.memory import FALLBACK_TURNS
from neko_cli.core.next_link import same_session
from neko_cli.core.ports import Clock
from neko_cli.core.profile import Profile
from neko_cli.core.relay import Handed
from neko_cli.core.retry import Backoff
from neko_cli.core.seeding import missed
from neko_cli.core.state import LinkState
from neko_cli.core.swap_plan import (
    SHORT_PART,
    Act,
    Choice,
    Situation,
    StandbyState,
    SwapReason,
    choose,
    resumes,
)

LOOK_EVERY = 0.2
"""Seconds between looks at whether a swap is due."""

SOUND_WITHIN = 1.0
"""Seconds for held sound to reach the new link's socket; after that the gap is told as it is."""

CATCH_UP_LINES = 40
"""A standby link that has missed more than this is made anew."""

BACKLOG_MS = 300.0
"""Sound waiting for the socket above which a moment is not quiet."""

STANDBY_ATTEMPTS = 3
"""Failures after which this session does without standby links."""


class Swapper:
    """Looks from time to time, does what ``swap_plan`` chooses, one thing at a time."""

    def __init__(self, host: SessionHost, clock: Clock, backoff: Backoff) -> None:
        """``backoff`` is for standby links that cannot be made."""
        self._host = host
        self._clock = clock
        self._backoff = backoff
        self._wishes: list[SwapReason] = []
        self._poked = asyncio.Event()
        self._standby: LinkRun | None = None
        self._standby_short = False
        self._making: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._failures = 0
        self._failed_at = ("", "", "")  # the provider that they were at
        self._refusals = 0  # failures of links with a profile that no link had yet
        self._reason = SwapReason.LOST
        self._planned = False
        host.relay.on_handed = self._handed

    @property
    def standby_state(self) -> StandbyState:
        """How the standby link stands."""
        if self._standby is not None:
            return StandbyState.READY
        making = self._making is not None and not self._making.done()
        return StandbyState.PREPARING if making else StandbyState.NONE

    def wish(self, reason: SwapReason) -> None:
        """A fresh link is wanted from the next quiet moment on."""
        if reason is SwapReason.CHARACTER:
            self._refusals = 0
        if reason not in self._wishes:
            self._wishes.append(reason)
        self._poked.set()

    def forget(self, reason: SwapReason) -> None:
        """A wish is void."""
        self._wishes = [wish for wish in self._wishes if wish is not reason]
        self._poked.set()

    def take_standby(self) -> LinkRun | None:
        """The standby link for a session that has lost its own; None when it would not do."""
        run, self._standby = self._standby, None
        if run is None:
            return None
        if run.is_open and self._fits(run, None) and self._will_last(run):
            return run
        self._host.links.retire(run)
        return None

    def standby_lost(self, run: LinkRun) -> None:
        """A link that was not live is gone."""
        if run is self._standby:
            self._standby = None
            self._backoff.link_lived(self._clock.monotonic() - run.up_at)
            self._put_off()

    def drop_standby(self) -> None:
        """No standby link is wanted, as while the session is parked."""
        if self._making is not None:
            self._making.cancel()
        run, self._standby = self._standby, None
        if run is not None:
            link_log.say(link_log.standby("dropped", run, self._clock.monotonic()))
            self._host.links.retire(run)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._poked.wait()
            self._poked.clear()
            if self._host.keeper.is_up and self._host.links.live is not None:
                await self._do(choose(self._situation(self._host.links.live)))

    async def _do(self, choice: Choice) -> None:
        match choice.act:
            case Act.PREPARE if self._clock.monotonic() >= self._not_before:
                self._prepare(short=choice.reason is SwapReason.CONTEXT)
            case Act.DROP:
                self.drop_standby()
                self._poked.set()
            case Act.SWAP:
                self._swap(choice.reason)
            case Act.REPLACE:
                await self._replace(choice.reason)
            case _:
                pass

    # -- looking ----------------------------------------------------------------------------

    def _situation(self, live: LinkRun) -> Situation:
        host, capabilities = self._host, live.link.codec.capabilities
        age = self._clock.monotonic() - live.up_at
        limit = capabilities.max_session
        if live.expires_at is not None:
            told = age + live.expires_at - self._clock.time()
            limit = told if told > 0.0 else limit  # else one of the two clocks is wrong
        going = host.relay.going_at
        plan = Situation(
            policy=host.profile.swap,
            link_age=age,
            limit=limit,
            leaving_in=None if going is None else going - host.now(),
            renew_before=capabilities.renew_before,
            turns=host.turns.turn.number - host.relay.turns_before,
            tokens=host.relay.tokens,
            wishes=tuple(self._wishes),
            quiet=self._is_quiet(),
            standby=self.standby_state,
            standby_age=self._clock.monotonic() - self._standby.up_at if self._standby is not None else 0.0,
            standby_limit=capabilities.idle_close,
            standby_refused=self._is_refused(live),
            idle_is_free=capabilities.idle_is_free,
            keep_standby=host.ports.keep_standby,
            can_catch_up=capabilities.seed_history,
            handle=bool(host.next_link.handle),
            resume=capabilities.resume,
        )
        fits = self._standby is None or self._fits(self._standby, choose(plan).reason)
        return plan if fits else msgspec.structs.replace(plan, standby_fits=False)

    def _is_refused(self, live: LinkRun) -> bool:
        """Whether the provider lets no second link be.

        A link with a profile that none had yet may fail for its own reasons: it is tried beside the live
        one, or not at all.
        """
        made = live.opening.profile
        here = self._failed_at == _place(made) and same_session(made, self._host.profile)
        return here and self._failures >= STANDBY_ATTEMPTS

    def _is_quiet(self) -> bool:
        host = self._host
        return (
            host.is_at_rest
            and not host.utterances.words_due
            and host.uplink.waiting_ms < BACKLOG_MS
            and not host.hears_unannounced
        )

    def _fits(self, run: LinkRun, reason: SwapReason | None) -> bool:
        """Whether a standby link is what the next one should be."""
        host, made = self._host, run.opening
        if not host.next_link.fits(made) or (reason is SwapReason.CONTEXT and not self._standby_short):
            return False
        can_catch_up = run.link.codec.capabilities.seed_history
        missing = len(missed(host.memory, made, left_out=None))
        return missing <= (CATCH_UP_LINES if can_catch_up else 0)

    def _will_last(self, run: LinkRun) -> bool:
        """Whether a link that takes over now would not have to be replaced at once."""
        can, age = run.link.codec.capabilities, self._clock.monotonic() - run.up_at
        return can.max_session is None or age < can.max_session - min(
            can.renew_before, can.max_session * SHORT_PART
        )

    # -- doing ------------------------------------------------------------------------------

    def _prepare(self, *, short: bool) -> None:
        self._making = self._host.owner.spawn(self._make(short=short), "standby link")

    async def _make(self, *, short: bool) -> None:
        host = self._host
        keep = FALLBACK_TURNS if short else None
        await host.tools.prepare()
        await host.summaries.refresh(keep_turns=keep, wait=host.profile.memory.summary_wait)
        opening = host.next_link.opening(standby=True, short=short)
        link_log.because("standby")
        try:
            run = await host.links.open(opening)
        except NekoError as error:
            if not self._gives_up(opening, error):
                self._put_off()
            return
        # When the live link was lost meanwhile, this one need not wait for the next attempt.
        if host.board.link is LinkState.WAITING and host.keeper.take(None, run):
            return
        if not host.keeper.is_up:
            host.links.retire(run)
            return
        self._failures = self._refusals = 0
        self._standby, self._standby_short = run, short
        link_log.say(link_log.standby("ready", run, self._clock.monotonic()))
        self._poked.set()

    def _gives_up(self, made: Opening, error: NekoError) -> bool:
        """Count a standby link that could not be made; returns whether its profile is given up."""
        host = self._host
        last = host.links.last
        if last is None or same_session(made.profile, last.opening.profile):
            if self._failed_at != _place(made.profile):
                self._failed_at, self._failures = _place(made.profile), 0
            # A limit on sessions at the same time does not go away by trying.
            self._failures += STANDBY_ATTEMPTS if isinstance(error, RateLimited) or error.permanent else 1
            return False
        # Nobody who has just chosen a profile waits as long as a provider may ask for.
        self._refusals += STANDBY_ATTEMPTS if error.permanent or error.retry_after else 1
        if self._refusals < STANDBY_ATTEMPTS or not host.keeper.is_up:
            return False
        self._refusals = 0
        return host.profile_refused(made, error)

    def _put_off(self) -> None:
        """A standby link could not be made, or was lost: wait before the next."""
        delay = self._backoff.next_delay(None)
        self._not_before = self._clock.monotonic() + (delay if delay is not None else 60.0)
        link_log.say(link_log.standby_put_off(self._not_before - self._clock.monotonic(), self._failures))

    def _swap(self, reason: SwapReason) -> None:
        """Promote the standby link; all in one go, so nothing can come in between."""
        host, standby, live = self._host, self._standby, self._host.links.live
        if standby is None or live is None or not standby.is_open or not host.keeper.hold(reason):
            return
        self._standby = None
        self._reason, self._planned = reason, True
        if host.keeper.take(live, standby):
            host.links.retire(live, linger=host.relay.words_may_come)

    async def _replace(self, reason: SwapReason) -> None:
        """Close the live link, then open the next: by a handle, or where no two may be open at once."""
        host, live = self._host, self._host.links.live
        if reason is SwapReason.CONTEXT:
            await host.summaries.refresh(keep_turns=FALLBACK_TURNS, wait=host.profile.memory.summary_wait)
            if live is not host.links.live or not self._is_quiet():
                return  # not now
        if live is None or not host.keeper.is_up:
            return
        host.relay.closes_first = True
        host.keeper.hold(reason)
        attempt = host.keeper.attempt
        self._reason, self._planned = reason, True
        handle = resumes(self._situation(live), reason)
        live.lingers = host.relay.words_may_come
        await host.links.close(live, drop_sound=True)
        if attempt != host.keeper.attempt:
            return
        make = partial(host.next_link.opening, handle=handle, short=reason is SwapReason.CONTEXT)
        opening = make()
        link_log.because(f"replacing link {live.link.generation}: {reason}")
        try:
            run = await host.keeper.open(opening, make)
        except NekoError as error:
            if attempt == host.keeper.attempt:
                host.keeper.recover(*host.next_link.after_loss(opening, error))
            return
        if attempt != host.keeper.attempt or not host.keeper.take(None, run):
            host.links.retire(run)

    # -- telling ----------------------------------------------------------------------------

    def _handed(self, handed: Handed) -> None:
        reason, planned = self._reason, self._planned
        self._reason, self._planned = SwapReason.LOST, False
        self._backoff.reset()
        # What was wished for while this link was being made, it does not bring.
        missing = {
            SwapReason.CHARACTER: handed.run.opening.profile != self._host.profile,
            SwapReason.AGENT: self._host.relay.has_news,
        }
        self._wishes = [wish for wish in self._wishes if missing.get(wish)]
        before = self._host.relay.previous
        if before == 0:
            return
        if handed.lost is not None:
            reason = SwapReason.ENERGY if isinstance(handed.lost, RateLimited) else SwapReason.LOST
            planned = False
        elif not planned:
            reason = SwapReason.USER  # awake again after it was parked
        self._host.owner.spawn(self._tell(handed, reason, before, planned=planned), "swap event")

    async def _tell(self, handed: Handed, reason: SwapReason, before: int, *, planned: bool) -> None:
        attached, link = handed.attached, handed.run.link
        ended = self._host.now()
        if attached.resent_ms or attached.cached_ms:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SOUND_WITHIN):
                    await link.sounded.wait()
            ended = self._host.now()
            if link.sounded.is_set():
                ended -= self._clock.monotonic() - link.sounded_at
        gap = ended - handed.started
        link_log.say(link_log.swapped(reason, before, link.generation, gap, attached, planned=planned))
        self._host.publish(
            Swap(
                at=self._host.now(),
                reason=reason,
                planned=planned,
                from_link=before,
                to_link=link.generation,
                gap_ms=round(gap * 1000.0, 2),
                cached_ms=round(attached.cached_ms, 2),
                resent_ms=round(attached.resent_ms, 2),
            )
        )


def _place(profile: Profile) -> tuple[str, str, str]:
    """By what one provider is told from another."""
    return profile.provider.name, profile.provider.region, profile.provider.url
