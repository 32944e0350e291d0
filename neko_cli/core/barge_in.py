"""Somebody speaks over the character, as our own detector hears: is it meant, or a false alarm? Pure.

At the first sound of speech the character falls silent (it is *ducked*). Confirmed, the reply is
interrupted and its turn is another one; a false alarm lets it go on where it was, or stops it as well.
"""

from __future__ import annotations

from enum import StrEnum

from neko_cli.core.state import Table, step

QUIET_MS = 250.0
"""So much silence, and whoever spoke has stopped."""

WORD_WITHIN = 0.7
"""Seconds after that in which a provider may still say that it was speech."""

SURE_WITHIN = 2.0
"""Seconds after the first sound in which it is decided, whoever still makes a noise."""


class AlarmState(StrEnum):
    """What is thought of the sound over the character."""

    NONE = "none"
    SPEECH = "speech"
    """Somebody speaks; whether it is meant is not certain."""
    OVER = "over"
    """It is quiet again, and may still turn out to have been meant."""
    NOISE = "noise"
    """It was nothing, and goes on: no more is made of it until it is quiet."""


class AlarmInput(StrEnum):
    """What can happen to an alarm."""

    ONSET = "onset"
    """Our detector hears speech; or still does."""
    LASTED = "lasted"
    """It has lasted long enough to be meant, where nobody else decides that."""
    QUIET = "quiet"
    LATE = "late"
    """Nobody has confirmed it in time."""
    DONE = "done"
    """Nothing is played any more: the reply was interrupted, or has come to its end."""


class AlarmEffect(StrEnum):
    """What the runner does about it, in the order given."""

    DUCK = "duck"
    CONFIRM = "confirm"
    """It is the user's turn."""
    FALSE_ALARM = "false alarm"
    """Go on with the reply, or stop it, as the profile says."""
    LET_GO = "let go"
    """Nothing is held any more."""


ALARM: Table[AlarmState, AlarmInput, AlarmEffect] = {
    (AlarmState.NONE, AlarmInput.ONSET): (AlarmState.SPEECH, (AlarmEffect.DUCK,)),
    (AlarmState.SPEECH, AlarmInput.LASTED): (AlarmState.NONE, (AlarmEffect.CONFIRM,)),
    (AlarmState.SPEECH, AlarmInput.QUIET): (AlarmState.OVER, ()),
    (AlarmState.OVER, AlarmInput.ONSET): (AlarmState.SPEECH, ()),
    (AlarmState.SPEECH, AlarmInput.LATE): (AlarmState.NOISE, (AlarmEffect.FALSE_ALARM,)),
    (AlarmState.OVER, AlarmInput.LATE): (AlarmState.NONE, (AlarmEffect.FALSE_ALARM,)),
    (AlarmState.NOISE, AlarmInput.QUIET): (AlarmState.NONE, ()),
    (AlarmState.NOISE, AlarmInput.DONE): (AlarmState.NONE, ()),
    **{
        (state, AlarmInput.DONE): (AlarmState.NONE, (AlarmEffect.LET_GO,))
        for state in (AlarmState.SPEECH, AlarmState.OVER)
    },
}
"""One alarm; the next begins where nothing is thought of."""


class Alarm:
    """Where an alarm stands, and until when it is open; times in seconds on any steady clock."""

    def __init__(self, *, word_within: float = WORD_WITHIN) -> None:
        """``word_within`` is what a provider gets for its word after it is quiet again."""
        self._word_within = word_within
        self._sure_by = 0.0
        self._word_by = 0.0
        self.state = AlarmState.NONE

    @property
    def is_open(self) -> bool:
        """Whether it is not decided yet."""
        return self.state in (AlarmState.SPEECH, AlarmState.OVER)

    @property
    def due(self) -> float | None:
        """When LATE is to be fed; None while nothing is open."""
        if self.state is AlarmState.OVER:
            return min(self._sure_by, self._word_by)
        return self._sure_by if self.state is AlarmState.SPEECH else None

    def feed(self, given: AlarmInput, now: float) -> tuple[AlarmEffect, ...]:
        """Handle one input; returns what to do."""
        before = self.state
        self.state, effects = step(ALARM, before, given)
        if before is AlarmState.NONE and self.state is AlarmState.SPEECH:
            self._sure_by = now + SURE_WITHIN
        elif self.state is AlarmState.OVER and before is not AlarmState.OVER:
            self._word_by = now + self._word_within
        return effects
