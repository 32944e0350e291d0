"""Keeps a session on the air: runs the Link table, starts the first link and replaces lost ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from neko_cli.core import link_log
from neko_cli.core.board import Board
from neko_cli.core.errors import Category, LinkError, NekoError
from neko_cli.core.links import LinkRun, Links, Opening
from neko_cli.core.retry import Backoff
from neko_cli.core.state import LINK, LinkEffect, LinkInput, LinkState, step
from neko_cli.core.tasks import TaskOwner

START_ATTEMPTS = 3
"""Attempts to make the first link; who waits at a prompt wants to know soon."""


USUAL_ADVICE = "Start again; `neko doctor` checks what may be wrong."

ADVICE = {
    Category.LINK: "Check the network, then start again; `neko doctor` checks the way.",
    Category.SERVER: "The provider has trouble: wait a while, then start again.",
    Category.RATE_LIMIT: "Wait a minute, then start again.",
    Category.EXPIRED: "Start again.",
    Category.REQUEST: "Check the model, the voice and the address in the profile.",
    Category.QUOTA: "See the billing page of the provider's account.",
    Category.CREDENTIALS: "`neko keys set` stores another key.",
}
"""What to do when a connection is given up, where the error itself does not say."""

RECOVERS = (LinkState.WAITING, LinkState.RECONNECTING)


class AfterLoss(Enum):
    """What follows a loss."""

    RETRY = "retry"
    AT_ONCE = "at once"
    """Something was changed that makes an immediate attempt sensible."""
    PARK = "park"
    GIVE_UP = "give up"


class KeeperHost(Protocol):
    """What the keeper needs from the session."""

    async def prepare(self) -> None:
        """Get ready what the next link is to be told; takes a bounded time."""
        ...

    def opening(self) -> Opening:
        """How the next link is to be made."""
        ...

    def knows_all(self, run: LinkRun) -> bool:
        """Whether a link that was made was told all that was said, or can still be told."""
        ...

    def after_loss(
        self, opening: Opening | None, error: NekoError, *, lived: float = 0.0
    ) -> tuple[AfterLoss, NekoError]:
        """What a loss means, and the error to tell for it; may lower energy or forget a handle.

        ``lived`` is how long the link was up, in seconds; 0 when it never was.
        """
        ...

    def standby(self) -> LinkRun | None:
        """A link that is ready to take over, when there is one."""
        ...

    def carry_over(self) -> None:
        """The link is gone or is about to: decide what becomes of the turn."""
        ...

    def hand_over(self, run: LinkRun, lost: NekoError | None) -> None:
        """A link is live: give it what was held. ``lost`` is why the one before went."""
        ...

    def tell_connected(self, run: LinkRun) -> None:
        """A link is live: the readers are told of it."""
        ...

    def woken(self) -> None:
        """A parked session is wanted again."""
        ...

    def tell_outage(self, error: NekoError, retry_in: float) -> None:
        """The link was lost; told once, however many attempts it takes."""
        ...

    def tell_back(self) -> None:
        """The outage is over."""
        ...

    def tell_failure(self, error: NekoError) -> None:
        """The link is down for good, and this is why."""
        ...

    def abort_turn(self) -> None:
        """The link is down for good: what was going on over it has failed."""
        ...


class Keeper:
    """Decides by the table and by ``after_loss`` what follows, and does it."""

    def __init__(
        self,
        host: KeeperHost,
        board: Board,
        owner: TaskOwner,
        links: Links,
        backoff: Backoff,
        now: Callable[[], float],
    ) -> None:
        """``now`` is the clock by which links count their age, in seconds."""
        self._host = host
        self._board = board
        self._owner = owner
        self._links = links
        self._backoff = backoff
        self._now = now
        self._attempt = 0
        self._told_outage = False
        self._told_back = False
        self._lost: NekoError | None = None
        self._work: asyncio.Task[None] | None = None
        self._start_over = asyncio.Event()
        self._not_started: NekoError | None = None

    @property
    def is_up(self) -> bool:
        """Whether a link takes sound and asks."""
        return self._board.link is LinkState.UP

    @property
    def attempt(self) -> int:
        """Changes whenever the session is started, stopped, parked or woken."""
        return self._attempt

    async def begin(self) -> None:
        """A link is on its way from here on: ``start`` makes it, ``stop`` calls it off."""
        self._attempt += 1
        self._start_over, self._not_started = asyncio.Event(), None
        self._told_outage = self._told_back = False
        self._lost = None
        self._backoff.reset()
        self._step(LinkInput.START, "start")
        try:
            await self._owner.open()
        except BaseException:  # called off before anything was made
            self._step(LinkInput.STOP, "stopped")
            self._start_ended(None)
            raise

    async def start(self) -> None:
        """After ``begin``: make a link and wait until it is configured.

        A failure that may pass is tried again a few times. Raises NekoError when it does not help, and
        LinkError when ``stop`` came in between.
        """
        over = self._start_over
        try:
            await self._make_first()
        except BaseException as error:
            if over is self._start_over:
                self._start_ended(error if isinstance(error, NekoError) else None)
            raise
        finally:
            over.set()

    async def started(self) -> None:
        """Wait until the start that is under way is over; raises NekoError where it led to no link."""
        await self._start_over.wait()
        if self._not_started is not None:
            raise self._not_started

    def _start_ended(self, error: NekoError | None) -> None:
        """A start has failed, or was called off."""
        self._not_started = error or LinkError("The start was called off.", code="ended")
        self._start_over.set()

    async def _make_first(self) -> None:
        attempt = self._attempt
        tries = 0
        await self._host.prepare()
        self._expect(attempt)
        while True:
            opening = self._host.opening()
            link_log.because(f"start, attempt {tries + 1}")
            try:
                run = await self.open(opening, self._host.opening)
            except NekoError as error:
                self._expect(attempt)
                follows, told = self._host.after_loss(opening, error)
                tries += 1
                delay = None if tries >= START_ATTEMPTS else self._delay(follows, told)
                if delay is None:
                    self._refuse(told)
                    raise told from None
                self._lose(told, delay)
                await asyncio.sleep(delay)
                self._expect(attempt)
                self._step(LinkInput.RETRY, "retry")
                continue
            except BaseException:
                if attempt == self._attempt:
                    self._step(LinkInput.STOP, "stopped")
                raise
            if attempt != self._attempt:
                self._links.retire(run)
            self._expect(attempt)
            self.take(None, run)
            return

    def _expect(self, attempt: int) -> None:
        if attempt != self._attempt:
            raise LinkError("The session was ended while it was starting.", code="ended")

    async def open(self, opening: Opening, anew: Callable[[], Opening]) -> LinkRun:
        """A link that is to be live next; raises NekoError when there is none.

        It is made ``anew``, once, where more was said meanwhile that it cannot be told any more.
        """
        attempt = self._attempt
        run = await self._links.open(opening)
        if attempt == self._attempt and not self._host.knows_all(run):
            await self._links.close(run, drop_sound=True)  # some providers let in one at a time
            if attempt != self._attempt:
                return run  # nobody wants one any more
            link_log.because("more was said meanwhile")
            run = await self._links.open(anew())
        return run

    def take(self, expected: LinkRun | None, run: LinkRun) -> bool:
        """Make a link the live one by compare-and-swap; False when the other one is not live any more."""
        if not self._links.promote(expected, run):
            return False
        lost, self._lost = self._lost, None
        self._step(LinkInput.CONFIGURED, "configured", run=run, lost=lost)
        return True

    def hold(self, reason: str) -> bool:
        """A swap begins: what is said is held from here on. False when no link is up."""
        if not self.is_up:
            return False
        self._step(LinkInput.HOLD, reason)
        return True

    def link_opened(self) -> None:
        """The socket of the next link is open."""
        self._step(LinkInput.OPENED, "opened")

    def lost(self, run: LinkRun, error: NekoError) -> None:
        """The live link is gone: replace it, or give up."""
        lived = self._now() - run.up_at
        self._backoff.link_lived(lived)
        if lived >= self._backoff.policy.stable_after:
            self._told_outage = self._told_back = False
        follows, told = self._host.after_loss(run.opening, error, lived=lived)
        if follows is AfterLoss.PARK:
            self.park("closed by the provider")
            return
        self.recover(follows, told)

    def presume_lost(self, error: NekoError) -> None:
        """The live link is of no use any more, though it may still be open: replace it."""
        run = self._links.live
        if run is not None and self._board.link in (LinkState.UP, LinkState.SWAPPING):
            link_log.say(link_log.presumed_lost(run, error, self._now()))
            self._links.cut(run)
            self.lost(run, error)

    def give_up(self, error: NekoError) -> None:
        """End the live link for good, for this reason."""
        run = self._links.live
        self._attempt += 1
        self._refuse(error)
        if run is not None:
            self._links.retire(run)

    def recover(self, follows: AfterLoss, error: NekoError) -> None:
        """There is no live link any more, for this reason: bring another one."""
        standby = self._host.standby() if follows is not AfterLoss.GIVE_UP else None
        delay = 0.0 if standby is not None else self._delay(follows, error)
        if delay is None:
            self._refuse(error)
            return
        self._lose(error, delay)
        if standby is not None and self.take(None, standby):
            return
        self._run(self._reconnect(self._attempt, delay), "reconnecting")

    async def stop(self, reason: str) -> None:
        """End the links in order: send what is queued, close, else cut. Idempotent."""
        self._attempt += 1
        self._step(LinkInput.STOP, reason)
        await self._calm()
        await self._links.close_all()

    def park(self, reason: str) -> None:
        """Close the link until somebody speaks or types."""
        live = self._links.live
        self._step(LinkInput.PARK, reason)
        if live is not None:
            self._links.retire(live)

    def wake(self) -> None:
        """Somebody speaks or types: bring the link back."""
        if self._board.link is LinkState.PARKED:
            self._backoff.reset()
            self._host.woken()
            self._step(LinkInput.WAKE, "awake")
            self._run(self._reconnect(self._attempt, 0.0), "waking")

    async def _calm(self) -> None:
        work, self._work = self._work, None
        if work is not None and not work.done() and work is not asyncio.current_task():
            work.cancel()
            await asyncio.wait({work}, timeout=1.0)

    def _run(self, work: object, name: str) -> None:
        if self._work is not None and not self._work.done():
            self._work.cancel()
        self._work = self._owner.spawn(work, name)  # type: ignore[arg-type]

    def _delay(self, follows: AfterLoss, error: NekoError) -> float | None:
        """Seconds until the next attempt; None when there should be none."""
        match follows:
            case AfterLoss.AT_ONCE:
                return 0.0
            case AfterLoss.GIVE_UP:
                return None
        return self._backoff.next_delay(error)

    async def _reconnect(self, attempt: int, delay: float) -> None:
        """Try until there is a link, or trying is pointless."""
        while True:
            await asyncio.sleep(delay)
            if attempt != self._attempt or self._board.link not in RECOVERS:
                return
            self._step(LinkInput.RETRY, "retry")
            await self._host.prepare()
            if attempt != self._attempt:
                return
            opening = self._host.opening()
            link_log.because(link_log.why_again(self._lost, self._backoff.attempts))
            try:
                run = await self.open(opening, self._host.opening)
            except NekoError as error:
                if attempt != self._attempt:
                    return
                follows, told = self._host.after_loss(opening, error)
                again = self._delay(follows, told)
                if again is None:
                    self._refuse(told)
                    return
                delay = again
                self._lose(told, delay)
                continue
            if attempt != self._attempt or not self.take(None, run):
                self._links.retire(run)
            return

    def _lose(self, error: NekoError, delay: float) -> None:
        self._lost = error
        link_log.say(
            link_log.next_attempt(error, delay, self._backoff.attempts, self._backoff.policy.attempts)
        )
        self._step(LinkInput.LOST, error.category, error=error, retry_in=delay)

    def _refuse(self, error: NekoError) -> None:
        link_log.say(link_log.given_up(error))
        error.hint = error.hint or ADVICE.get(error.category, USUAL_ADVICE)
        self._step(LinkInput.REFUSED, error.category, error=error)

    def _step(
        self,
        given: LinkInput,
        reason: str,
        *,
        error: NekoError | None = None,
        retry_in: float = 0.0,
        run: LinkRun | None = None,
        lost: NekoError | None = None,
    ) -> None:
        before = self._board.link
        self._board.link, effects = step(LINK, before, given)
        if self._board.link is before:
            return
        link_log.say(link_log.state(before, self._board.link, reason))
        host = self._host
        for effect in effects:
            match effect:
                case LinkEffect.CARRY_OVER:
                    host.carry_over()
                case LinkEffect.HAND_OVER if run is not None:
                    host.hand_over(run, lost)
                case LinkEffect.TELL_CONNECTED if run is not None:
                    self._board.refresh(reason)
                    host.tell_connected(run)
                case LinkEffect.TELL_OUTAGE if error is not None and not self._told_outage:
                    self._told_outage = True
                    host.tell_outage(error, retry_in)
                case LinkEffect.TELL_BACK if self._told_outage and not self._told_back:
                    # A link that comes and goes is one outage, until one lives for a while.
                    self._told_back = True
                    host.tell_back()
                case LinkEffect.TELL_FAILURE if error is not None:
                    host.tell_failure(error)
                case LinkEffect.ABORT_TURN:
                    self._board.connected = None
                    host.abort_turn()
                case _:
                    pass
        self._board.refresh(reason)
