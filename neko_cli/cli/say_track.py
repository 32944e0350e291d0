"""What ``neko say`` knows of its conversation: open turns, ended turns, failures. Pure."""

from __future__ import annotations

from neko_cli.cli.exits import Exit, code_for_category
from neko_cli.core.events import (
    AnyEvent,
    Failure,
    Outcome,
    SessionEnded,
    SpeechStarted,
    SpeechStopped,
    TurnEnded,
    TurnStarted,
    UserText,
)


class Tracker:
    """Follows the events of one session."""

    def __init__(self) -> None:
        self.ended: dict[int, TurnEnded] = {}
        self.failure: Failure | None = None
        """The last failure seen."""
        self.over: str | None = None
        """Why the session is over, once it is."""
        self.speaking = False
        """Whether the user's utterance is open, as the detector hears it."""
        self.utterances = 0
        """Utterances that the detector closed."""
        self.count = 0
        """Events seen, so that a waiter can tell silence from progress."""
        self.at = 0.0
        """When the last event was, on the session's clock."""
        self._open: set[int] = set()

    def note(self, event: AnyEvent) -> None:
        """Take one event in."""
        self.count += 1
        self.at = event.at
        match event:
            case TurnStarted(turn=turn) | UserText(turn=turn):
                self._open_turn(turn)
            case SpeechStarted(turn=turn):
                self.speaking = True
                self._open_turn(turn)
            case SpeechStopped(turn=turn):
                self.speaking = False
                self.utterances += 1
                self._open_turn(turn)
            case TurnEnded(turn=turn):
                self.ended[turn] = event
                # Turns end in order; an earlier one that never ended was merged into this one.
                self._open = {other for other in self._open if other > turn}
            case Failure():
                self.failure = event
                if event.fatal:
                    self.over = self.over or event.message
            case SessionEnded(reason=reason):
                self.over = self.over or reason

    def _open_turn(self, turn: int) -> None:
        if turn not in self.ended:
            self._open.add(turn)

    @property
    def heard(self) -> bool:
        """Whether any turn began: the detector heard speech, or the provider took the utterance."""
        return bool(self._open or self.ended)

    @property
    def settled(self) -> bool:
        """Whether nothing is going on: nobody speaks and no turn is open."""
        return not self.speaking and not self._open

    @property
    def failure_code(self) -> Exit:
        """The exit code of the last failure seen, else the network's: what a time-out counts as."""
        return Exit.NETWORK if self.failure is None else code_for_category(self.failure.category)

    def turn_code(self, ended: TurnEnded) -> Exit:
        """The exit code of a turn that ended."""
        if ended.outcome in (Outcome.COMPLETE, Outcome.INTERRUPTED):
            return Exit.OK
        return self.failure_code


def worst(codes: list[Exit]) -> Exit:
    """The code that stands for several turns: the highest, because any failure outweighs success."""
    return max(codes, default=Exit.OK)
