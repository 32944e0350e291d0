"""The lines of a recorded conversation: who said what, and what was told, when. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from neko_cli.core.companions.eyes import shown_text
from neko_cli.core.events import (
    AgentTask,
    AnyEvent,
    Connected,
    Energy,
    Failure,
    Notice,
    NoticeKind,
    Outcome,
    ReplyText,
    ScreenShown,
    Severity,
    Swap,
    ToolCall,
    TurnEnded,
    UserText,
)
from neko_cli.core.text import one_line
from neko_cli.core.transport.recorded import Moment
from neko_cli.tui import telling
from neko_cli.tui.telling import Told

YOU = "You"
WORDS = 20_000
"""Characters of one line at most."""

_SIGNS = {Severity.WARNING: "!", Severity.ERROR: "!"}


class Line(NamedTuple):
    """A line and when it is due: seconds since the recording began."""

    at: float
    text: str


def lines_of(moments: Iterable[Moment], character: str) -> list[Line]:
    """All lines in order; nothing in them is more than plain text."""
    name = one_line(character, 40) or "Character"
    began: dict[int, float] = {}  # turns whose reply is under way
    lines: list[Line] = []
    for at, event in moments:
        match event:
            case UserText(final=True):
                lines.append(Line(at, f"{YOU}: {one_line(event.text, WORDS)}"))
            case ReplyText():
                began.setdefault(event.turn, at)
            case TurnEnded():
                begins = began.pop(event.turn, at)
                if event.text:
                    lines.append(Line(begins, f"{name}: {one_line(event.text, WORDS)}{_ending(event)}"))
            case _:
                lines += (Line(at, text) for text in _told(event, name))
    lines.sort(key=lambda line: line.at)  # stable: a reply stands where it began
    return lines


def stamped(line: Line) -> str:
    """A line as it is printed."""
    minutes, seconds = divmod(max(0.0, line.at), 60.0)
    return f"[{int(minutes):02d}:{int(seconds * 10) / 10:04.1f}] {line.text}"


def _ending(event: TurnEnded) -> str:
    if event.outcome is Outcome.COMPLETE:
        return ""
    heard = f" after {event.heard_ms / 1000:.1f} s" if event.heard_ms else ""
    return f" ({event.outcome}{heard})"


def _told(event: AnyEvent, name: str) -> Iterator[str]:
    match event:
        case Notice(kind=NoticeKind.ENERGY):
            pass  # its event has a line
        case Notice():
            yield _line(Told(event.text, "", event.severity))
        case Connected():
            yield _line(Told(f"Connected: {event.provider} {event.model}"))
        case Swap():
            told = telling.swap(event, name, in_outage=False, details=True)
            if told is not None:
                yield _line(told)
        case Energy():
            told = telling.energy(event, None)
            if told is not None:
                yield _line(told)
        case Failure():
            yield _line(Told(event.message, event.hint, Severity.ERROR))
        case ToolCall():
            yield _line(Told(f"{name} wants to use {event.name}", event.arguments))
        case ScreenShown():
            yield _line(Told(shown_text(event)))
        case AgentTask():
            yield _line(telling.told_of_task(event))


def _line(told: Told) -> str:
    aside = f" {one_line(told.aside, 400)}" if told.aside else ""
    return f"{_SIGNS.get(told.severity, '·')} {one_line(told.text, 1000)}{aside}"
