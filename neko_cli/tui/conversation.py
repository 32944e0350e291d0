"""From events to the lines of a transcript. Pure: no clock, no widget.

Text enters as it comes from outside and leaves sanitised. Lines are found again by the number of
their turn; what is remembered is bounded, so that a long conversation costs no more than a short one.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from neko_cli.core.errors import NekoError
from neko_cli.core.events import (
    AnyEvent,
    Connected,
    Emotion,
    Energy,
    Failure,
    Notice,
    Outcome,
    ReplyText,
    SessionEnded,
    Severity,
    SpeechStarted,
    ToolCall,
    ToolResult,
    TurnEnded,
    UserText,
)
from neko_cli.core.text import Sanitiser, one_line, sanitise
from neko_cli.tui.lines import Added, Change, Changed, Line, Mark, Removed, Role

UNSURE_BELOW = 0.5
"""Confidence under which the heard text is offered for correction."""

CORRECT = "Ctrl+E puts it below to be corrected."

REMEMBERED = 64
"""Lines that can still change; older ones stay as they are."""

LONGEST = 20_000
"""Characters of one line that are shown; wrapping more than that at every delta costs too much."""

_MARKS = {
    Outcome.COMPLETE: Mark.NONE,
    Outcome.INTERRUPTED: Mark.INTERRUPTED,
    Outcome.FAILED: Mark.FAILED,
    Outcome.CANCELLED: Mark.CANCELLED,
}


class Conversation:
    """The lines that can still change, and what was heard last without being sure."""

    def __init__(self, character: str) -> None:
        """Begin with no line; ``character`` is the name beside replies."""
        self.character = one_line(character, 40) or "Character"
        self.unsure_text = ""
        """What the recogniser made of the last unsure utterance; empty when it was sure."""
        self.unsure = False
        """Whether the last utterance was heard without being sure."""
        self.last_reply = ""
        """The text of the last reply, for copying."""
        self._lines: OrderedDict[str, Line] = OrderedDict()
        self._cleaners: dict[str, Sanitiser] = {}
        self._emotions: dict[int, str] = {}
        self._unsure_key = ""
        self._outage = ""
        self._last_failure = ""
        self._era = 0
        self._count = 0

    def apply(self, event: AnyEvent) -> list[Change]:
        """What this event changes in the transcript."""
        match event:
            case SpeechStarted():
                return self._speech_started(event)
            case UserText():
                return self._user_text(event)
            case ReplyText():
                return self._reply_text(event)
            case Emotion():
                return self._emotion(event)
            case TurnEnded():
                return self._turn_ended(event)
            case Notice():
                return self.notice(event.text, severity=event.severity)
            case Failure():
                return self._failure(event)
            case Connected():
                self._outage = ""
                self._last_failure = ""
            case ToolCall():
                return self.notice(f"{self.character} uses {one_line(event.name, 60)}")
            case ToolResult(ok=False):
                return self.notice("The tool failed", one_line(event.output, 200), Severity.WARNING)
            case Energy() if event.level < event.max:
                return self.notice(
                    f"Energy {event.level} of {event.max}: now with {one_line(event.model, 60)}",
                    one_line(event.reason, 120),
                    Severity.WARNING,
                )
            case SessionEnded():
                return self._close_live()
            case _:
                pass
        return []

    def begin(self) -> list[Change]:
        """A session begins, perhaps another one: it may count its turns from the start again."""
        changes = self._close_live() + self.settle()
        self._era += 1
        self._lines = OrderedDict(
            (key, line) for key, line in self._lines.items() if line.mark is Mark.WAITING
        )
        self._emotions.clear()
        self._outage = ""
        self._last_failure = ""
        return changes

    def notice(self, text: str, aside: str = "", severity: Severity = Severity.INFO) -> list[Change]:
        """A line of the program's own."""
        self._count += 1
        line = Line(
            key=f"notice-{self._count}",
            role=Role.NOTICE,
            text=_cut(sanitise(text).strip()),
            aside=_cut(sanitise(aside).strip()),
            severity=severity,
        )
        return [Added(line)]

    def error(self, error: NekoError, aside: str = "", severity: Severity = Severity.ERROR) -> list[Change]:
        """A line for an error that was raised, unless the same was told a moment ago."""
        if error.message == self._last_failure:
            return []
        self._last_failure = error.message
        return self.notice(error.message, " ".join(filter(None, (error.hint, aside))), severity)

    def waiting(self, text: str) -> list[Change]:
        """A typed message that waits for the connection."""
        self._count += 1
        line = Line(
            key=f"waiting-{self._count}",
            role=Role.YOU,
            name="You",
            text=_cut(sanitise(text)),
            mark=Mark.WAITING,
        )
        return [self._add(line)]

    def sent(self, waiting_key: str) -> list[Change]:
        """The waiting message is on its way, and comes back as the user's own line."""
        return [Removed(waiting_key)] if self._lines.pop(waiting_key, None) else []

    def settle(self) -> list[Change]:
        """The unsure text was taken up or is out of date: it is offered no more."""
        line = self._lines.get(self._unsure_key)
        self.unsure = False
        self.unsure_text = ""
        self._unsure_key = ""
        return [] if line is None else self._put(msgspec.structs.replace(line, aside=""))

    # -- events ---------------------------------------------------------------------------------

    def _speech_started(self, event: SpeechStarted) -> list[Change]:
        key = self._user_key(event.turn)
        if key in self._lines:
            return []
        return [self._add(Line(key=key, role=Role.YOU, name="You", live=True), self._reply_of(event.turn))]

    def _user_text(self, event: UserText) -> list[Change]:
        text = _cut(sanitise(event.text).strip())
        unsure = event.spoken and event.final and _is_unsure(text, event.confidence)
        changes: list[Change] = []
        if event.final:
            changes = self.settle()
            self.unsure = unsure
            self.unsure_text = text if unsure else ""
            self._unsure_key = self._user_key(event.turn) if self.unsure_text else ""
        line = Line(
            key=self._user_key(event.turn),
            role=Role.YOU,
            name="You",
            text=text,
            aside=CORRECT if unsure and text else "",
            mark=Mark.UNSURE if unsure else Mark.NONE,
            live=not event.final,
        )
        return changes + self._put(line, self._reply_of(event.turn))

    def _reply_text(self, event: ReplyText) -> list[Change]:
        key = self._reply_key(event.turn)
        before = self._lines.get(key)
        delta = self._cleaners.setdefault(key, Sanitiser()).feed(event.delta)
        text = _cut((before.text if before else "") + delta)
        if not text.strip():
            return []
        return self._put(self._reply(event.turn, text if before else text.lstrip(), live=True))

    def _emotion(self, event: Emotion) -> list[Change]:
        label = one_line(event.label, 24)
        self._emotions[event.turn] = label
        while len(self._emotions) > REMEMBERED:
            del self._emotions[next(iter(self._emotions))]
        line = self._lines.get(self._reply_key(event.turn))
        if line is None or line.emotion == label:
            return []
        return self._put(msgspec.structs.replace(line, emotion=label))

    def _turn_ended(self, event: TurnEnded) -> list[Change]:
        changes: list[Change] = []
        key = self._reply_key(event.turn)
        self._cleaners.pop(key, None)
        spoken = self._lines.get(self._user_key(event.turn))
        if spoken is not None and spoken.live:
            changes += self._end_utterance(spoken, event.outcome)
        before = self._lines.get(key)
        heard = _cut(sanitise(event.text).strip())
        text = heard or (before.text if before else "")
        unheard = ""
        if event.outcome is Outcome.INTERRUPTED and before is not None:
            text = heard
            # What was read already does not vanish; it is told apart from what was said.
            unheard = before.text[len(heard) :].strip() if before.text.startswith(heard) else ""
        if text or before is not None or event.outcome is Outcome.FAILED:
            if text:
                self.last_reply = text
            line = self._reply(event.turn, text, mark=_MARKS[event.outcome])
            changes += self._put(msgspec.structs.replace(line, unheard=unheard))
        return changes

    def _end_utterance(self, line: Line, outcome: Outcome) -> list[Change]:
        """Speech that was never written down: it leaves no trace when nothing came of it."""
        if not line.text and outcome is Outcome.CANCELLED:
            del self._lines[line.key]
            return [Removed(line.key)]
        return self._put(msgspec.structs.replace(line, live=False))

    def _failure(self, event: Failure) -> list[Change]:
        """An outage is one line, however many attempts it takes."""
        self._last_failure = event.message
        aside = event.hint
        if event.fatal:
            aside = f"{aside} /retry starts again.".strip()
        elif event.retry_in is not None:
            aside = f"{aside} Trying again in {max(1, round(event.retry_in))} s.".strip()
        severity = Severity.ERROR if event.fatal or event.retry_in is None else Severity.WARNING
        [added] = self.notice(event.message, aside, severity)
        assert isinstance(added, Added)
        if event.retry_in is None and not self._outage:
            return [added]
        if self._outage in self._lines:
            return self._put(msgspec.structs.replace(added.line, key=self._outage))
        self._outage = added.line.key
        return [self._add(added.line)]

    def _close_live(self) -> list[Change]:
        """Nothing more comes: no line stays open."""
        changes: list[Change] = []
        for line in [line for line in self._lines.values() if line.live]:
            if line.text:
                changes += self._put(msgspec.structs.replace(line, live=False))
            else:
                del self._lines[line.key]
                changes.append(Removed(line.key))
        self._cleaners.clear()
        return changes

    # -- lines ----------------------------------------------------------------------------------

    def _reply(self, turn: int, text: str, *, mark: Mark = Mark.NONE, live: bool = False) -> Line:
        return Line(
            key=self._reply_key(turn),
            role=Role.CHARACTER,
            name=self.character,
            text=text,
            emotion=self._emotions.get(turn, ""),
            mark=mark,
            live=live,
        )

    def _user_key(self, turn: int) -> str:
        return f"you-{self._era}-{turn}"

    def _reply_key(self, turn: int) -> str:
        return f"reply-{self._era}-{turn}"

    def _reply_of(self, turn: int) -> str:
        key = self._reply_key(turn)
        return key if key in self._lines else ""

    def _put(self, line: Line, before: str = "") -> list[Change]:
        known = self._lines.get(line.key)
        if known == line:
            return []
        if known is None:
            return [self._add(line, before)]
        self._lines[line.key] = line
        return [Changed(line)]

    def _add(self, line: Line, before: str = "") -> Added:
        self._lines[line.key] = line
        while len(self._lines) > REMEMBERED:
            key, _ = self._lines.popitem(last=False)
            self._cleaners.pop(key, None)
        return Added(line, before)


def _is_unsure(text: str, confidence: float | None) -> bool:
    return not text or (confidence is not None and confidence < UNSURE_BELOW)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
