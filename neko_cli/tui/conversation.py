"""From events to the lines of a transcript. Pure: no clock, no widget.

Text enters as it comes from outside and leaves sanitised. Lines are found again by the number of
their turn; what is remembered is bounded, so that a long conversation costs no more than a short one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from neko_cli.core.errors import NekoError
from neko_cli.core.events import (
    AgentTask,
    AnyEvent,
    Emotion,
    Notice,
    NoticeKind,
    Outcome,
    ReplyText,
    ScreenShown,
    SessionEnded,
    Severity,
    SpeechStarted,
    TextOf,
    ToolCall,
    ToolQuestion,
    Translated,
    TurnEnded,
    UserText,
)
from neko_cli.core.text import Sanitiser, one_line, sanitise
from neko_cli.tui.calls import CallLines
from neko_cli.tui.earlier import earlier_lines
from neko_cli.tui.lines import Change, Line, Mark, Removed, Role
from neko_cli.tui.link_lines import LinkLines
from neko_cli.tui.sheet import REMEMBERED, Sheet, cut
from neko_cli.tui.shown import ShownLines
from neko_cli.tui.telling import told_of_task

if TYPE_CHECKING:
    from neko_cli.core.companions.tools import Permission
    from neko_cli.core.memory import Remembered

UNSURE_BELOW = 0.5
"""Confidence under which the heard text is offered for correction."""

CORRECT = "Ctrl+E puts it below to be corrected."

_MARKS = {
    Outcome.COMPLETE: Mark.NONE,
    Outcome.INTERRUPTED: Mark.INTERRUPTED,
    Outcome.FAILED: Mark.FAILED,
    Outcome.CANCELLED: Mark.CANCELLED,
}


class Conversation:
    """The lines that can still change, and what was heard last without being sure."""

    def __init__(self, character: str, *, details: bool = False) -> None:
        """Begin with no line; ``character`` is the name beside replies, ``details`` tells every swap."""
        self.character = one_line(character, 40) or "Character"
        self.unsure_text = ""
        """What the recogniser made of the last unsure utterance; empty when it was sure."""
        self.unsure = False
        """Whether the last utterance was heard without being sure."""
        self.last_reply = ""
        """The text of the last reply, for copying."""
        self.talked = False
        """Whether anything was said in this run."""
        self.kept = True
        """Whether what is said is being saved, as far as the session has told."""
        self._cleaners: dict[str, Sanitiser] = {}
        self._sheet = Sheet(self._forget)
        self._link = LinkLines(self._sheet, details=details)
        self._calls = CallLines(self._sheet)
        self._shown = ShownLines(self._sheet)
        self._emotions: dict[int, str] = {}
        self._unsure_key = ""
        self._era = 0

    def apply(self, event: AnyEvent) -> list[Change]:
        """What this event changes in the transcript."""
        changes = self._link.apply(event, self.character)
        if changes is not None:
            return changes
        # A call stands above the reply that goes on after it.
        above = self._reply_of(event.turn) if isinstance(event, ToolCall | ToolQuestion) else ""
        changes = self._calls.apply(event, self.character, above)
        if changes is not None:
            return changes
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
                if event.kind is NoticeKind.MEMORY and event.severity is not Severity.INFO:
                    self.kept = event.severity is Severity.SUCCESS
                return self.notice(event.text, severity=event.severity)
            case Translated():
                return self._translated(event)
            case AgentTask():
                return self._sheet.put(self._sheet.noticed(told_of_task(event), f"task-{event.id}"))
            case ScreenShown():
                return self._shown.add(event)
            case SessionEnded():
                return self._close_live()
            case _:
                pass
        return []

    def _translated(self, event: Translated) -> list[Change]:
        """A translation stands under its line; that of a notice is a line of its own."""
        text = cut(sanitise(event.text).strip())
        if event.original_of is TextOf.NOTICE:
            return self.notice(f"→ {text}")
        spoken = event.original_of is TextOf.USER
        key = self._user_key(event.turn) if spoken else self._reply_key(event.turn)
        line = self._sheet.lines.get(key)
        return [] if line is None else self._sheet.put(msgspec.structs.replace(line, translated=text))

    def begin(self) -> list[Change]:
        """A session begins, perhaps another one: it may count its turns from the start again."""
        changes = self._close_live() + self.settle()
        self._era += 1
        self._sheet.keep_waiting()
        self._emotions.clear()
        self._link.begin()
        return changes

    def earlier(self, summary: str, messages: Sequence[Remembered]) -> list[Change]:
        """What was said in an earlier run, above what is said or waits to be sent from now on."""
        lines = earlier_lines(self.character, summary, messages)
        return self._sheet.placed(lines, "earlier", self._sheet.first_waiting)

    def notice(self, text: str, aside: str = "", severity: Severity = Severity.INFO) -> list[Change]:
        """A line of the program's own."""
        return self._sheet.tell(text, aside, severity)

    def error(self, error: NekoError, aside: str = "", severity: Severity = Severity.ERROR) -> list[Change]:
        """A line for an error that was raised, unless the same was told a moment ago."""
        if error.message == self._link.last_failure:
            return []
        self._link.last_failure = error.message
        return self.notice(error.message, " ".join(filter(None, (error.hint, aside))), severity)

    def gave_up(self, error: NekoError, aside: str) -> list[Change]:
        """A line for the error that ended the session, unless it was told as the end already."""
        if error.message == self._link.last_failure and not self._link.final:
            self._link.last_failure = ""  # told as something that is tried again
        return self.error(error, aside)

    def waiting(self, text: str) -> list[Change]:
        """A typed message that waits for the connection."""
        line = Line(
            key=self._sheet.fresh_key("waiting"),
            role=Role.YOU,
            name="You",
            text=cut(sanitise(text)),
            mark=Mark.WAITING,
        )
        return [self._sheet.add(line)]

    def sent(self, waiting_key: str) -> list[Change]:
        """The waiting message is on its way, and comes back as the user's own line."""
        return [Removed(waiting_key)] if self._sheet.lines.pop(waiting_key, None) else []

    def permitted(self, call_id: str, permission: Permission, waited: float) -> list[Change]:
        """The user has answered a question about a tool, so many seconds after it came."""
        return self._calls.permitted(call_id, permission, waited)

    def settle(self) -> list[Change]:
        """The unsure text was taken up or is out of date: it is offered no more."""
        line = self._sheet.lines.get(self._unsure_key)
        self.unsure = False
        self.unsure_text = ""
        self._unsure_key = ""
        return [] if line is None else self._sheet.put(msgspec.structs.replace(line, aside=""))

    # -- events ---------------------------------------------------------------------------------

    def _speech_started(self, event: SpeechStarted) -> list[Change]:
        key = self._user_key(event.turn)
        if key in self._sheet.lines:
            return []
        return [
            self._sheet.add(Line(key=key, role=Role.YOU, name="You", live=True), self._reply_of(event.turn))
        ]

    def _user_text(self, event: UserText) -> list[Change]:
        text = cut(sanitise(event.text).strip())
        unsure = event.spoken and event.final and _is_unsure(text, event.confidence)
        changes: list[Change] = []
        if event.final:
            self.talked = True
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
        return changes + self._sheet.put(line, self._reply_of(event.turn))

    def _reply_text(self, event: ReplyText) -> list[Change]:
        key = self._reply_key(event.turn)
        before = self._sheet.lines.get(key)
        delta = self._cleaners.setdefault(key, Sanitiser()).feed(event.delta)
        text = cut((before.text if before else "") + delta)
        if not text.strip():
            return []
        return self._sheet.put(self._reply(event.turn, text if before else text.lstrip(), live=True))

    def _emotion(self, event: Emotion) -> list[Change]:
        label = one_line(event.label, 24)
        self._emotions[event.turn] = label
        while len(self._emotions) > REMEMBERED:
            del self._emotions[next(iter(self._emotions))]
        line = self._sheet.lines.get(self._reply_key(event.turn))
        if line is None or line.emotion == label:
            return []
        return self._sheet.put(msgspec.structs.replace(line, emotion=label))

    def _turn_ended(self, event: TurnEnded) -> list[Change]:
        changes: list[Change] = []
        key = self._reply_key(event.turn)
        self._cleaners.pop(key, None)
        spoken = self._sheet.lines.get(self._user_key(event.turn))
        if spoken is not None and spoken.live:
            changes += self._end_utterance(spoken, event.outcome)
        before = self._sheet.lines.get(key)
        heard = cut(sanitise(event.text).strip())
        text = heard or (before.text if before else "")
        unheard = ""
        if event.outcome is Outcome.INTERRUPTED and before is not None:
            text = heard
            # What was read already does not vanish; it is told apart from what was said.
            unheard = before.text[len(heard) :].strip() if before.text.startswith(heard) else ""
        if text or before is not None or event.outcome is Outcome.FAILED:
            if text:
                self.talked = True
                self.last_reply = text
            line = self._reply(event.turn, text, mark=_MARKS[event.outcome])
            changes += self._sheet.put(msgspec.structs.replace(line, unheard=unheard))
        return changes

    def _end_utterance(self, line: Line, outcome: Outcome) -> list[Change]:
        """Speech that was never written down: it leaves no trace when nothing came of it."""
        if not line.text and outcome is Outcome.CANCELLED:
            del self._sheet.lines[line.key]
            return [Removed(line.key)]
        return self._sheet.put(msgspec.structs.replace(line, live=False))

    def _close_live(self) -> list[Change]:
        """Nothing more comes: no line stays open."""
        changes = self._calls.close()
        for line in [line for line in self._sheet.lines.values() if line.live]:
            if line.text:
                changes += self._sheet.put(msgspec.structs.replace(line, live=False))
            else:
                del self._sheet.lines[line.key]
                changes.append(Removed(line.key))
        self._cleaners.clear()
        return changes

    def _forget(self, key: str) -> None:
        self._cleaners.pop(key, None)

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
        return key if key in self._sheet.lines else ""


def _is_unsure(text: str, confidence: float | None) -> bool:
    return not text or (confidence is not None and confidence < UNSURE_BELOW)
