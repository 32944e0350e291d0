"""When a link is to be replaced, and how. Pure."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from neko_cli.core.capabilities import Resume
from neko_cli.core.profile import Standby, SwapTable

FLOOR = 3.0
"""Seconds before the provider's limit at which a swap waits for no quiet moment any more."""

SETTLED = 3.0
"""Seconds that a link must have lived before a standby is kept beside it."""

STANDBY_PART = 0.5
"""Part of its own limit up to which a standby link may grow old."""

SHORT_PART = 0.5
"""Part of a limit that is used at least before a planned swap."""


class SwapReason(StrEnum):
    """Why a link is replaced."""

    LIMIT = "limit"
    CONTEXT = "context"
    CHARACTER = "character"
    AGENT = "agent"
    ENERGY = "energy"
    LOST = "lost"
    USER = "user"


class StandbyState(StrEnum):
    """How the standby link stands."""

    NONE = "none"
    PREPARING = "preparing"
    READY = "ready"


REPLACED = frozenset({SwapReason.LIMIT, SwapReason.CONTEXT, SwapReason.USER})
"""Reasons for which the live link may be closed before there is another one."""


class Act(StrEnum):
    """What to do next."""

    REST = "rest"
    PREPARE = "prepare"
    DROP = "drop"
    """The standby link is of no use any more."""
    SWAP = "swap"
    """Promote the standby link."""
    REPLACE = "replace"
    """Close the live link, then open the next one: by a handle, or where no two may be open at once."""


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What the choice depends on; times in seconds."""

    policy: SwapTable
    link_age: float
    limit: float | None
    """How long the link may live in all; None without a limit."""
    leaving_in: float | None = None
    """When the provider said it would close the link."""
    renew_before: float = 300.0
    turns: int = 0
    """Turns on this link."""
    tokens: int = 0
    """Size of the context of the last reply."""
    wishes: tuple[SwapReason, ...] = ()
    """Swaps that were asked for, the oldest first."""
    quiet: bool = True
    standby: StandbyState = StandbyState.NONE
    standby_age: float = 0.0
    standby_limit: float | None = None
    """After how many seconds an unused standby link would be closed by the provider."""
    standby_fits: bool = True
    """Whether the standby link still is what the next link should be."""
    standby_refused: bool = False
    """Whether the provider lets no second link be, though the next would be as the live one."""
    idle_is_free: bool = False
    keep_standby: bool = True
    """Whether this run of the program may keep a standby link at all."""
    can_catch_up: bool = True
    """Whether a standby link can be told what was said since it was made."""
    handle: bool = False
    """Whether the session can be resumed by a handle."""
    resume: Resume = Resume.NONE


class Choice(msgspec.Struct, frozen=True):
    """What to do, and why."""

    act: Act
    reason: SwapReason = SwapReason.LIMIT


def remaining(now: Situation) -> float | None:
    """Seconds until the provider ends the link; None without a limit."""
    times = [now.limit - now.link_age] if now.limit is not None else []
    if now.leaving_in is not None:
        times.append(now.leaving_in)
    return min(times, default=None)


def due(now: Situation) -> SwapReason | None:
    """Why the link should be replaced at the next quiet moment, if it should."""
    if now.leaving_in is not None or is_late(now):
        return SwapReason.LIMIT
    if now.limit is not None:
        before = now.policy.before_limit or now.renew_before
        if now.link_age >= max(now.limit - before, now.limit * SHORT_PART):
            return SwapReason.LIMIT
    # Where the live link would have to go first, what may wait for another reason does.
    at_once = [wish for wish in now.wishes if not now.standby_refused or wish in REPLACED]
    if at_once:
        return at_once[0]
    turns, tokens = now.policy.turns, now.policy.tokens
    if (turns and now.turns >= turns) or (tokens and now.tokens >= tokens and now.turns > 0):
        return SwapReason.CONTEXT
    return now.wishes[0] if now.wishes else None


def is_late(now: Situation) -> bool:
    """Whether a swap cannot wait for a quiet moment."""
    left = remaining(now)
    if left is None:
        return False
    floor = FLOOR if now.limit is None else min(FLOOR, now.limit * 0.1)
    return left <= floor


def resumes(now: Situation, reason: SwapReason) -> bool:
    """Whether the next link goes on by a handle: only where nothing about the session changes."""
    return now.handle and now.resume is not Resume.NONE and reason in (SwapReason.LIMIT, SwapReason.USER)


def wants_standby(now: Situation) -> bool:
    """Whether a standby link should be made while no swap is due."""
    return now.link_age >= SETTLED and _is_worth_it(now)


def _is_worth_it(now: Situation) -> bool:
    """Whether a standby link is worth its price while no swap is due."""
    if not now.keep_standby or now.standby_refused or not now.can_catch_up or now.resume is not Resume.NONE:
        return False
    match now.policy.standby:
        case Standby.WARM:
            return True
        case Standby.COLD:
            return False
        case Standby.AUTO:
            return now.idle_is_free


def choose(now: Situation) -> Choice:
    """What to do next."""
    if now.standby is StandbyState.READY and not _standby_is_good(now):
        return Choice(Act.DROP, due(now) or SwapReason.LIMIT)
    reason = due(now)
    if reason is None:
        if now.standby is StandbyState.NONE and wants_standby(now):
            return Choice(Act.PREPARE)
        # One that was made for a swap which something else has forestalled.
        useless = now.standby is StandbyState.READY and not _is_worth_it(now)
        return Choice(Act.DROP if useless else Act.REST)
    ripe = now.quiet or is_late(now)
    # Beside a live link on which somebody talks, one that cannot be told so later would never fit.
    never_fits = now.standby is StandbyState.NONE and not now.can_catch_up and not now.quiet
    if resumes(now, reason) or ((now.standby_refused or never_fits) and reason in REPLACED):
        return Choice(Act.REPLACE, reason) if ripe else Choice(Act.REST, reason)
    if now.standby is StandbyState.NONE:
        # What cannot be told later must wait until nothing more is being said.
        return Choice(Act.PREPARE if now.can_catch_up or now.quiet else Act.REST, reason)
    if now.standby is StandbyState.READY and ripe:
        return Choice(Act.SWAP, reason)
    return Choice(Act.REST, reason)


def _standby_is_good(now: Situation) -> bool:
    limits = [limit for limit in (now.limit, now.standby_limit) if limit is not None]
    too_old = bool(limits) and now.standby_age > STANDBY_PART * min(limits)
    return now.standby_fits and (not too_old or due(now) is not None)
