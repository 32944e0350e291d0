"""The ladder of models that rate limits move a character down; pure.

A ladder is data: rungs, the best model first. Its *level* is the number of rungs at the top, 1 on
the last one, and 0 when it is exhausted: then no session is opened until a cool-down is over. Calls
and text have a ladder each, and neither touches the other's.

A default ladder has rungs without a model of their own: each rate limit costs a level all the same,
the profile's model stays, and the character says that it tires before it has to stop.
"""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec

from neko_cli.core.errors import Category, NekoError, RateLimited
from neko_cli.core.modes import Mode
from neko_cli.core.profile import Profile, Rung

COOL_DOWN = 600.0
"""Seconds for which an exhausted ladder refuses, where the provider did not say how long."""

EXHAUSTED = "exhausted"
"""The code of the error that refuses a session."""

_FULL, _MEDIUM, _LOW = "full", "medium", "low"


class Ladder(msgspec.Struct, frozen=True):
    """Models by falling cost, newest first."""

    rungs: tuple[Rung, ...]

    @property
    def top(self) -> int:
        """The highest level."""
        return len(self.rungs)


# On the last rung a fresh session is started: what was said until then is told to it in short form,
# which costs the provider less than going on with everything.
_DEFAULTS = {
    Mode.CALL: Ladder((Rung(title=_FULL), Rung(title=_MEDIUM), Rung(title=_LOW, resumable=False))),
    Mode.TEXT: Ladder((Rung(title=_FULL), Rung(title=_LOW, resumable=False))),
}

_NOUNS = {Mode.CALL: "calls", Mode.TEXT: "text"}

_EXHAUSTED_LINES = {
    Mode.CALL: "I have used up all my energy and need a rest. Call me again a little later.",
    Mode.TEXT: "I am out of energy for now. Write to me again a little later.",
}
_LAST_LINES = {
    Mode.CALL: "I am nearly out of energy, so I may sound flat. I can still hear you, though.",
    Mode.TEXT: "I am low on energy, so I will keep it plain. Do go on writing.",
}
_LOWER_LINES = {
    Mode.CALL: "I am getting a little tired, but I am happy to keep talking.",
    Mode.TEXT: "I am getting a little tired, but I like reading you.",
}


def ladder_for(profile: Profile, mode: Mode) -> Ladder:
    """The profile's ladder for a mode, or the default: three rungs for calls, two for text."""
    rungs = profile.energy.call if mode is Mode.CALL else profile.energy.text
    return Ladder(rungs) if rungs else _DEFAULTS[mode]


def clamp(ladder: Ladder, level: float) -> int:
    """The nearest level that the ladder has, rounded down; nonsense counts as exhausted."""
    if math.isnan(level):
        return 0
    return math.floor(min(max(level, 0), ladder.top))


def current(ladder: Ladder, level: int) -> Rung | None:
    """The rung at a level; None when the ladder is exhausted."""
    at = clamp(ladder, level)
    return ladder.rungs[ladder.top - at] if at else None


def degrade(ladder: Ladder, level: int) -> int:
    """The level after a rate limit."""
    return clamp(ladder, clamp(ladder, level) - 1)


def reset(ladder: Ladder) -> int:
    """The level of a rested ladder."""
    return ladder.top


def handle_valid_for(ladder: Ladder, old_level: int, new_level: int) -> bool:
    """Whether a handle that was told on one level can be used on another.

    The model must be the same: a handle is tagged with it, and Gemini refuses it with another one
    (protocols.md §5). Downwards every rung that is passed must be able to resume the one above, too.
    """
    old, new = clamp(ladder, old_level), clamp(ladder, new_level)
    if not old or not new:
        return False
    passed = ladder.rungs[ladder.top - max(old, new) : ladder.top - min(old, new) + 1]
    return passed[0].model == passed[-1].model and (new > old or all(rung.resumable for rung in passed[1:]))


def costs_energy(error: NekoError) -> bool:
    """Whether an error lowers the level: a provider's rate limit alone, decided by category.

    Our own refusal is no new rate limit.
    """
    return error.category is Category.RATE_LIMIT and error.code != EXHAUSTED


def prompt_for(profile: Profile, mode: Mode, level: int) -> str:
    """What the character's display says at a level: the profile's own words, or ours.

    Empty at the top, unless the profile has a line for it.
    """
    ladder = ladder_for(profile, mode)
    at = clamp(ladder, level)
    own = profile.energy.call_prompts if mode is Mode.CALL else profile.energy.text_prompts
    if at < len(own) and own[at]:
        return own[at]
    if at == 0:
        return _EXHAUSTED_LINES[mode]
    if at == ladder.top:
        return ""
    return (_LAST_LINES if at == 1 else _LOWER_LINES)[mode]


class Reason(StrEnum):
    """Why a level changed."""

    RATE_LIMIT = "rate_limit"
    NEW_CALL = "new_call"
    RECOVERED = "recovered"
    """The cool-down of an exhausted ladder is over."""
    CHARACTER = "character"
    """Another character was chosen."""
    PROFILE = "profile"
    """The profile was edited and has another ladder."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A level that changed; ``model`` is the rung's, or the profile's, and empty when exhausted."""

    mode: Mode
    old: int
    level: int
    max: int
    model: str
    reason: Reason
    handle_valid: bool
    """Whether a handle from before can still be used."""


class _Pool(msgspec.Struct):
    """One mode's energy."""

    ladder: Ladder
    level: int
    refused_until: float = -math.inf


class EnergyBook:
    """The levels of one character. ``now`` is in seconds, of whatever clock, always the same one."""

    def __init__(self, profile: Profile) -> None:
        """Start rested."""
        self._profile = profile
        self._pools = {mode: _rested(profile, mode) for mode in Mode}

    def level(self, mode: Mode) -> int:
        """The level in use; 0 is exhausted."""
        return self._pools[mode].level

    def ladder(self, mode: Mode) -> Ladder:
        """The ladder in use."""
        return self._pools[mode].ladder

    def rung(self, mode: Mode) -> Rung | None:
        """The rung in use; None when exhausted."""
        pool = self._pools[mode]
        return current(pool.ladder, pool.level)

    def model(self, mode: Mode) -> str:
        """The model in use: the rung's, else the profile's (which may be the provider's default, '').

        Empty when exhausted.
        """
        rung = self.rung(mode)
        return (rung.model or self._profile.provider.model) if rung else ""

    def prompt(self, mode: Mode) -> str:
        """What the character's display says now."""
        return prompt_for(self._profile, mode, self.level(mode))

    def rate_limited(self, mode: Mode, now: float, retry_after: float | None = None) -> Change | None:
        """A rate limit of a mode; None when it cost nothing (exhausted already).

        Args:
            mode: what the link was for.
            now: the time in seconds.
            retry_after: how long the provider asks us to wait, in seconds.
        """
        pool = self._pools[mode]
        change = self._move(mode, degrade(pool.ladder, pool.level), Reason.RATE_LIMIT)
        if pool.level == 0:
            wait = COOL_DOWN if retry_after is None or math.isnan(retry_after) else max(0.0, retry_after)
            # A late rate limit may make the wait longer; without a figure of its own it does not.
            if change is not None or retry_after is not None:
                pool.refused_until = max(pool.refused_until, now + wait)
        return change

    def refusal(self, mode: Mode, now: float) -> NekoError | None:
        """Why no session may be opened now, to be asked before anything else; None when one may.

        The error is permanent, since waiting in a loop is what the refusal is there to prevent;
        ``retry_after`` says in how many seconds a new session may be tried.
        """
        left = self._refused_for(mode, now)
        if left <= 0:
            return None
        return RateLimited(
            f"The energy for {_NOUNS[mode]} is exhausted.",
            hint=f"Try again in {_span(left)}.",
            code=EXHAUSTED,
            retry_after=left,
            permanent=True,
        )

    def new_call(self, now: float) -> Change | None:
        """A new call begins: call energy is whole again; text keeps its level.

        An exhausted ladder stays exhausted while :meth:`refusal` refuses, in whatever order the two
        are asked.
        """
        if self._refused_for(Mode.CALL, now) > 0:
            return None
        return self._restore(Mode.CALL, Reason.NEW_CALL)

    def recovered(self, mode: Mode, now: float) -> Change | None:
        """A session is about to open: an exhausted ladder whose cool-down is over is whole again."""
        if self.level(mode) > 0 or self._refused_for(mode, now) > 0:
            return None
        return self._restore(mode, Reason.RECOVERED)

    def switched(self, profile: Profile) -> tuple[Change, ...]:
        """Another character: both ladders are its own, and whole."""
        before = {mode: self.level(mode) for mode in Mode}
        self._profile = profile
        self._pools = {mode: _rested(profile, mode) for mode in Mode}
        return tuple(
            self._change(mode, before[mode], Reason.CHARACTER, handle_valid=False)
            for mode in Mode
            if before[mode] != self.level(mode)
        )

    def edited(self, profile: Profile) -> tuple[Change, ...]:
        """The same character with an edited profile: as many steps down as before, if there are.

        Only a rate limit exhausts: a shorter ladder ends on its last rung.
        """
        changes = []
        models = {mode: self.model(mode) for mode in Mode}
        self._profile = profile
        for mode, pool in self._pools.items():
            old, down = pool.level, pool.ladder.top - pool.level
            pool.ladder = ladder_for(profile, mode)
            pool.level = clamp(pool.ladder, max(1, pool.ladder.top - down)) if old else 0
            if pool.level != old:
                same = self.model(mode) == models[mode]
                changes.append(self._change(mode, old, Reason.PROFILE, handle_valid=same))
        return tuple(changes)

    def _refused_for(self, mode: Mode, now: float) -> float:
        """Seconds for which no session may be opened."""
        pool = self._pools[mode]
        return max(0.0, pool.refused_until - now) if pool.level == 0 else 0.0

    def _restore(self, mode: Mode, reason: Reason) -> Change | None:
        pool = self._pools[mode]
        pool.refused_until = -math.inf
        return self._move(mode, reset(pool.ladder), reason)

    def _move(self, mode: Mode, level: int, reason: Reason) -> Change | None:
        pool = self._pools[mode]
        old, pool.level = pool.level, level
        if old == level:
            return None
        return self._change(mode, old, reason, handle_valid=handle_valid_for(pool.ladder, old, level))

    def _change(self, mode: Mode, old: int, reason: Reason, *, handle_valid: bool) -> Change:
        return Change(
            mode=mode,
            old=old,
            level=self.level(mode),
            max=self.ladder(mode).top,
            model=self.model(mode),
            reason=reason,
            handle_valid=handle_valid,
        )


def _rested(profile: Profile, mode: Mode) -> _Pool:
    ladder = ladder_for(profile, mode)
    return _Pool(ladder, reset(ladder))


def _span(seconds: float) -> str:
    """A wait in words, never shorter than it is."""
    if not math.isfinite(seconds):
        return "a long while"
    if seconds <= 90:
        count, unit = max(1, math.ceil(seconds)), "second"
    else:
        count, unit = math.ceil(seconds / 60), "minute"
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
