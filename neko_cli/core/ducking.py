"""Runs the alarm of ``core/barge_in.py``: holds the loudspeaker while it is open, and times it."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Protocol

from neko_cli.core.barge_in import QUIET_MS, WORD_WITHIN, Alarm, AlarmEffect, AlarmInput, AlarmState
from neko_cli.core.microphone_gate import Guard, MicrophoneGate
from neko_cli.core.own_ear import SpeechEar
from neko_cli.core.playout import Playout
from neko_cli.core.profile import Duplex, Profile
from neko_cli.core.requests import Requests
from neko_cli.core.tables_turns import FalseAlarm
from neko_cli.core.turns import Turns


class Verdict(StrEnum):
    """What was decided with a frame of the microphone."""

    NOTHING = "nothing"
    """Nothing, or nothing yet."""
    SPEECH = "speech"
    """It is the user's turn."""
    NOISE = "noise"


class DuckingHost(Protocol):
    """What this part needs from the session."""

    @property
    def profile(self) -> Profile:
        """The profile in use."""
        ...

    @property
    def gate(self) -> MicrophoneGate:
        """Whether what the microphone hears is sent while the character is heard."""
        ...

    @property
    def requests(self) -> Requests:
        """Who stops the reply as the user would."""
        ...


class Ducking:
    """Lets the character fall silent while somebody may be speaking over it; methods return at once."""

    def __init__(self, host: DuckingHost, turns: Turns, playout: Playout) -> None:
        self._host = host
        self._turns = turns
        self._playout = playout
        self._alarm = Alarm()
        self._timer: asyncio.TimerHandle | None = None
        self._noise = False  # given up since the last frame

    @property
    def is_open(self) -> bool:
        """Whether it is not decided yet what somebody's speech is."""
        return self._alarm.is_open

    @property
    def is_wanted(self) -> bool:
        """Whether the character is to fall silent for what may be speech."""
        turns, sound = self._host.profile.turns, self._host.profile.sound
        return turns.interrupt and turns.duck and sound.duplex is not Duplex.HALF

    @property
    def applies(self) -> bool:
        """Whether what is heard now is heard over the character, and may stop it."""
        may = self._turns.is_heard and self._host.profile.turns.interrupt
        return may and self._host.gate.guard() is not Guard.HALF_DUPLEX

    def listen(self, ear: SpeechEar, *, sure_ms: int | None) -> Verdict:
        """The ear has heard one more frame while this ``applies``.

        ``sure_ms`` of speech are meant; None leaves that to the provider.
        """
        if self._alarm.state is AlarmState.NONE:
            self._alarm = Alarm(word_within=WORD_WITHIN if sure_ms is None else 0.0)
        self._noise = False
        speaks = ear.is_open and ear.quiet_ms < QUIET_MS
        confirmed = self._feed(AlarmInput.ONSET if speaks else AlarmInput.QUIET)
        if speaks and sure_ms is not None and ear.speech_ms >= sure_ms:
            confirmed = self._feed(AlarmInput.LASTED) or confirmed
        if confirmed:
            return Verdict.SPEECH
        gave_up = self._noise or self._alarm.state is AlarmState.NOISE
        return Verdict.NOISE if gave_up else Verdict.NOTHING

    def drop(self) -> None:
        """Nobody listens any more."""
        if self._alarm.state is not AlarmState.NONE:
            self._feed(AlarmInput.DONE)

    def look(self) -> None:
        """The turn's state may have changed: nothing is held where nothing is played."""
        if self._alarm.state is not AlarmState.NONE and not self.applies:
            self._feed(AlarmInput.DONE)

    # -- own work ---------------------------------------------------------------------------

    def _feed(self, given: AlarmInput) -> bool:
        """Handle one input; returns whether it is the user's turn now."""
        loop = asyncio.get_running_loop()
        effects = self._alarm.feed(given, loop.time())
        self._wait(loop)
        for effect in effects:
            match effect:
                case AlarmEffect.DUCK:
                    self._playout.pause(self._host.profile.turns.duck)
                case AlarmEffect.FALSE_ALARM:
                    self._false_alarm()
                case AlarmEffect.LET_GO:
                    self._playout.pause(False)
        due = self._alarm.due
        if due is not None and due <= loop.time():
            self._late()
        return AlarmEffect.CONFIRM in effects

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (due := self._alarm.due) is not None:
            self._timer = loop.call_at(due, self._late)

    def _late(self) -> None:
        self._feed(AlarmInput.LATE)

    def _false_alarm(self) -> None:
        self._noise = True
        turns = self._host.profile.turns
        if turns.duck and turns.false_alarm is FalseAlarm.STOP:
            self._host.requests.interrupt()
        self._playout.pause(False)
