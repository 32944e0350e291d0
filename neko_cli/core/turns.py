"""Runs the Turn table: keeps the current turn's record and carries out the table's effects."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Protocol

import msgspec

from neko_cli.core.commands import Command, TruncateReply
from neko_cli.core.events import (
    AnyEvent,
    Failure,
    Outcome,
    SpeechStarted,
    SpeechStopped,
    TurnEnded,
    TurnStarted,
)
from neko_cli.core.handover import Standing
from neko_cli.core.heard import CaptionMark, marks_voiced, words_heard
from neko_cli.core.memory import Memory
from neko_cli.core.playout import Playout
from neko_cli.core.provider_events import ReplyEnded, ReplyStatus
from neko_cli.core.reply_slot import ReplySlot
from neko_cli.core.state import TURN, TurnEffect, TurnInput, TurnState, step

MARKS_LIMIT = 10_000
"""Caption pieces kept of one reply: far more than the longest reply has."""


class TurnRecord(msgspec.Struct):
    """What is known about one turn."""

    number: int
    input_ended_at: float | None = None
    first_audio_ms: float | None = None
    marks: list[CaptionMark] = []
    ended: ReplyEnded | None = None
    typed: str = ""
    spoken: bool = False
    transcript: str = ""
    """The final words of what was spoken, once they are known."""
    sound_complete: bool = False
    stopped: bool = False
    """Whether the reply's sound was stopped before its end."""
    asked_again: bool = False
    """Whether the reply was cut, and the rest of it is asked for."""
    was_lost: bool = False
    """Whether it was a lost link that cut it; that is forgiven once."""
    voiced: list[CaptionMark] | None = None
    """Which words a voice of ours has read aloud so far; None where it reads nothing of this turn."""
    voiced_ms: float = 0.0
    """How much of its sound goes with them, in ms."""
    parts: list[int] = []
    """Where in the reply each part begins that the model gave by itself, as after a tool."""

    @property
    def reply(self) -> str:
        """All words of the reply that came."""
        return "".join(mark.text for mark in self.marks)

    def begin_part(self) -> None:
        """The words that come next are a reply of their own to the model; a part without words is none."""
        at = len(self.reply)
        if self.parts[-1:] != [at]:
            self.parts.append(at)


class TurnHost(Protocol):
    """What the runner needs from the session."""

    def now(self) -> float:
        """Seconds since the session was made."""
        ...

    def publish(self, event: AnyEvent) -> None:
        """Tell the readers."""
        ...

    def send(self, command: Command) -> None:
        """Queue a command for the link; nothing happens without one."""
        ...

    @property
    def memory(self) -> Memory:
        """What was said."""
        ...

    def turn_ended(self, turn: int, outcome: Outcome, text: str) -> None:
        """A turn is over; ``text`` is what was heard of its reply."""
        ...

    def clear_input(self) -> None:
        """Nobody wants the utterance that is open."""
        ...

    def stop_voice(self) -> None:
        """Nobody wants to hear what our own voice was given."""
        ...

    def wait_drained(self, turn: int) -> None:
        """Feed DRAINED for that turn once all sound was heard."""
        ...

    def turn_changed(self, reason: str) -> None:
        """The turn's state changed: derive the status again."""
        ...


OUTCOMES: Mapping[ReplyStatus, Outcome] = {
    ReplyStatus.COMPLETE: Outcome.COMPLETE,
    ReplyStatus.INCOMPLETE: Outcome.COMPLETE,
    ReplyStatus.INTERRUPTED: Outcome.INTERRUPTED,
    ReplyStatus.CANCELLED: Outcome.CANCELLED,
    ReplyStatus.FAILED: Outcome.FAILED,
}


class Turns:
    """The turn machine of one session. Inputs are handled one after another, never nested."""

    def __init__(self, host: TurnHost, playout: Playout, slot: ReplySlot) -> None:
        self._host = host
        self._playout = playout
        self._slot = slot
        self._inputs: deque[TurnInput] = deque()
        self._busy = False
        self._can_truncate = False
        self._keeps_words = False
        self._speaks = False
        self._heard_ms = 0.0
        self._given = TurnInput.DRAINED
        self.state = TurnState.IDLE
        self.turn = TurnRecord(0)
        self.progress_at = 0.0
        """When something last happened in the current turn, on the session's clock."""
        self._effects: dict[TurnEffect, Callable[[], None]] = {
            TurnEffect.OPEN_TURN: self._open,
            TurnEffect.TELL_SPEECH_STARTED: self._tell_speech_started,
            TurnEffect.TELL_SPEECH_STOPPED: self._tell_speech_stopped,
            TurnEffect.STOP_SOUND: self._stop_sound,
            TurnEffect.HUSH: self._hush,
            TurnEffect.CANCEL_REPLY: slot.cancel,
            TurnEffect.TRUNCATE_REPLY: self._truncate,
            TurnEffect.CLEAR_INPUT: host.clear_input,
            TurnEffect.CLOSE_INTERRUPTED: lambda: self._close(Outcome.INTERRUPTED),
            TurnEffect.CLOSE_CANCELLED: lambda: self._close(Outcome.CANCELLED),
            TurnEffect.CLOSE_FAILED: lambda: self._close(Outcome.FAILED),
            TurnEffect.CLOSE_AS_TOLD: self._close_as_told,
            TurnEffect.WAIT_DRAINED: lambda: host.wait_drained(self.turn.number),
            TurnEffect.MARK_OUTPUT: self.progress,
        }

    def configure(self, *, can_truncate: bool, speaks: bool, keeps_words: bool = False) -> None:
        """Take over what the current link's provider can do, and whether its replies have a voice.

        ``keeps_words``: what was heard can take the place of the words of its last reply.
        """
        self._can_truncate = can_truncate
        self._keeps_words = keeps_words
        self._speaks = speaks

    def standing(
        self, asked: Command | None, *, ended_by_us: bool, planned: bool, waits: bool = False
    ) -> Standing:
        """How the turn stands, for the decision about a link that goes.

        ``waits`` says that its reply goes on when a tool has answered.
        """
        record = self.turn
        return Standing(
            state=self.state,
            number=record.number,
            asked=asked,
            typed=record.typed,
            spoken=record.spoken,
            transcript=record.transcript,
            ended_by_us=ended_by_us,
            said=record.reply,
            sound_complete=record.sound_complete and not waits,
            cut_before=record.was_lost and not planned,
        )

    def feed(self, given: TurnInput) -> None:
        """Handle one input, and those that its effects bring about."""
        self._inputs.append(given)
        if self._busy:
            return
        self._busy = True
        try:
            while self._inputs:
                self._step(self._inputs.popleft())
        finally:
            self._busy = False

    def _step(self, given: TurnInput) -> None:
        old = self.state
        self._given = given
        self.state, effects = step(TURN, self.state, given)
        for effect in effects:
            self._effects[effect]()
        if self.state is not old or effects:
            self.progress()
            self._host.turn_changed(given.value)

    @property
    def is_spoken_over(self) -> bool:
        """Whether what ends a turn now is that the user goes on speaking: it is not done with."""
        return self.state is TurnState.HEARING or self._given is TurnInput.REPLY_CUT

    @property
    def is_heard(self) -> bool:
        """Whether the character speaks, or what it said before is still being played."""
        if not self._playout.audible or self.state is TurnState.HEARING:
            return False
        speaks = self.state in (TurnState.SPEAKING, TurnState.DRAINING)
        return speaks or self._playout.waiting_ms > 0.0

    def keep_voiced(self) -> None:
        """The reply was cut: words that came ahead of its voice were not said, where there is one."""
        if self._speaks and self._playout.audible:
            self.turn.marks = marks_voiced(self.turn.marks, self._playout.received_ms)

    def begin_anew(self) -> None:
        """Another session begins: what comes next is not about the last turn of the one before."""
        self.turn = TurnRecord(self.turn.number)

    def drained(self, turn: int) -> None:
        """The loudspeaker has played everything of that turn."""
        if turn == self.turn.number:
            self.feed(TurnInput.DRAINED)

    def words(self, text: str) -> None:
        """Words of the current reply came (emotion tags already taken out)."""
        if len(self.turn.marks) < MARKS_LIMIT:
            self.turn.marks.append(CaptionMark(self._playout.received_ms, text))
        self.progress()

    def sound(self, pcm: bytes, rate: int, item_id: str) -> None:
        """Sound of the current reply came."""
        self._playout.feed(pcm, rate, item_id)
        self.progress()
        record = self.turn
        if record.first_audio_ms is None and record.input_ended_at is not None:
            record.first_audio_ms = (self._host.now() - record.input_ended_at) * 1000.0

    def voiced(self, chars: int) -> None:
        """A voice of ours has read aloud so many characters of the reply; what it says next follows."""
        record = self.turn
        done = sum(len(mark.text) for mark in record.voiced or ())
        if record.voiced is not None and chars > done:
            record.voiced.append(CaptionMark(record.voiced_ms, record.reply[done:chars]))
            record.voiced_ms = self._playout.received_ms

    def input_ended(self) -> None:
        """The user's part of the turn is over: the reply's latency counts from here."""
        self.turn.input_ended_at = self._host.now()

    def progress(self) -> None:
        """Something happens in the current turn, or is about to."""
        self.progress_at = self._host.now()

    def _open(self) -> None:
        self.turn = TurnRecord(self.turn.number + 1)
        self._playout.begin()
        self._host.publish(TurnStarted(at=self._host.now(), turn=self.turn.number))

    def _tell_speech_started(self) -> None:
        self.turn.spoken = True
        self._host.publish(SpeechStarted(at=self._host.now(), turn=self.turn.number))

    def _tell_speech_stopped(self) -> None:
        self.input_ended()
        self._host.publish(SpeechStopped(at=self._host.now(), turn=self.turn.number))

    def _stop_sound(self) -> None:
        self.turn.stopped = True
        self._host.stop_voice()
        self._slot.abandon()
        self._playout.stop()
        self._heard_ms = self._playout.heard_ms(soon=True)  # what the device has taken is still heard

    def _hush(self) -> None:
        """Silence at the next block, for what is played of an earlier turn."""
        if self._playout.waiting_ms > 0.0:
            self._host.stop_voice()
            self._playout.stop()

    def _truncate(self) -> None:
        """Cut the stored reply at what was heard, where the provider can and there is a rest."""
        item, record = self._playout.item_id, self.turn
        if record.voiced is not None and self._keeps_words:
            words = self._words_heard()
            parts = tuple(words[a:b].strip() for a, b in pairwise([*record.parts, len(record.reply)]))
            self._host.send(TruncateReply("", int(self._heard_ms), parts))
        if self._can_truncate and item and self._heard_ms < self._playout.received_ms:
            heard = max(0.0, self._heard_ms - self._playout.item_start_ms)
            self._host.send(TruncateReply(item, int(heard)))

    def _close_as_told(self) -> None:
        ended = self.turn.ended
        if ended is not None and ended.error is not None:
            self._host.publish(Failure.of(ended.error, at=self._host.now()))
        self._close(OUTCOMES[ended.status] if ended is not None else Outcome.COMPLETE)

    def _words_heard(self) -> str:
        """The words of a reply whose sound was stopped, as far as it was heard."""
        record, total = self.turn, self._playout.received_ms
        if total == 0:
            # Its words came ahead of a voice that nobody heard.
            return "" if self._speaks or record.voiced is not None else record.reply
        marks = record.marks
        if record.voiced is not None:
            done = sum(len(mark.text) for mark in record.voiced)
            rest = CaptionMark(record.voiced_ms, record.reply[done:])
            marks = [*record.voiced, *marks_voiced([rest], total)]
        elif not record.sound_complete:
            marks = marks_voiced(marks, total)
        return words_heard(marks, min(self._heard_ms, total), total)

    def _close(self, outcome: Outcome) -> None:
        record = self.turn
        total = self._playout.received_ms
        cut = record.stopped and outcome is not Outcome.COMPLETE and self._playout.audible
        text = self._words_heard() if cut else record.reply
        heard: float | None = None
        if total > 0:
            heard = min(self._heard_ms, total) if cut else self._playout.heard_ms(soon=True)
        self._host.memory.add("assistant", text, record.number)
        self._host.turn_ended(record.number, outcome, text.strip())
        self._host.publish(
            TurnEnded(
                at=self._host.now(),
                turn=record.number,
                outcome=outcome,
                text=text.strip(),
                heard_ms=round(heard, 1) if heard is not None else None,
                first_audio_ms=(
                    round(record.first_audio_ms, 1) if record.first_audio_ms is not None else None
                ),
            )
        )
