"""What the user is told of lost links, fresh links and energy: words for events. Pure.

Most swaps are nobody's business: only those are told that the user asked for or would wonder about.
"""

from __future__ import annotations

import msgspec

from neko_cli.core.energy import Reason
from neko_cli.core.events import AgentTask, Energy, Failure, Severity, Swap
from neko_cli.core.swap_plan import SwapReason
from neko_cli.core.text import one_line
from neko_cli.tui.view import TIME_LIMIT, Strength

RETRY = "/retry starts again."


class Told(msgspec.Struct, frozen=True):
    """A notice: its text, a quieter second one, and how much it matters."""

    text: str
    aside: str = ""
    severity: Severity = Severity.INFO


def retry(code: str) -> str:
    """How to go on after a final error with this code; empty where it would not help."""
    return "" if code == TIME_LIMIT else RETRY


def failure(event: Failure) -> Told:
    """A failure: final, or one that is being worked on."""
    if event.fatal:
        return Told(event.message, f"{event.hint} {retry(event.code)}".strip(), Severity.ERROR)
    if event.retry_in is None:
        return Told(event.message, event.hint, Severity.ERROR)
    # A moment is not worth a number; the status line says that it goes on.
    again = "Trying again." if event.retry_in < 1.5 else f"Trying again in {round(event.retry_in)} s."
    return Told(event.message, f"{event.hint} {again}".strip(), Severity.WARNING)


def span(seconds: float) -> str:
    """How long an outage was, where it was longer than a moment."""
    return f"after {seconds:.0f} s" if seconds >= 1.5 else ""


def back(seconds: float) -> Told:
    """The end of an outage that lasted so long."""
    return Told("Connected again.", span(seconds), Severity.SUCCESS)


def energy(event: Energy, before: Energy | None) -> Told | None:
    """Another rung, unless it is the one that is known or the best to begin with."""
    if before is not None and (before.level, before.model) == (event.level, event.model):
        return None
    strength = Strength(level=event.level, max=event.max)
    if strength.full and (before is None or before.level >= before.max):
        return None
    model = f": now with {one_line(event.model, 60)}" if event.model and event.level else ""
    if strength.full:
        return Told(f"Energy is full again{model}", "", Severity.SUCCESS)
    text = f"Energy {event.level} of {event.max}, {strength.word}{model}"
    reason = "after a rate limit" if event.reason == Reason.RATE_LIMIT else ""
    return Told(text, reason, Severity.WARNING)


def swap(event: Swap, character: str, *, in_outage: bool, details: bool) -> Told | None:
    """A fresh link, where that is worth a line.

    Args:
        event: what happened.
        character: the name from now on.
        in_outage: whether a lost link has its own line, which tells the end as well.
        details: tell every swap, with its figures.
    """
    told = _swap_words(event.reason, character, in_outage=in_outage)
    if not details:
        return told if told is None or not event.resent_ms or event.planned else _with_resent(told, event)
    figures = (
        f"({event.reason}: gap {event.gap_ms:.0f} ms, held {event.cached_ms:.0f} ms, "
        f"sent again {event.resent_ms:.0f} ms)"
    )
    return Told(told.text if told else "Fresh connection.", one_line(figures, 120))


def _swap_words(reason: str, character: str, *, in_outage: bool) -> Told | None:
    match reason:
        case SwapReason.CHARACTER:
            return Told(f"{character} goes on from here.")
        case SwapReason.USER:
            return Told("Fresh connection.")
        case SwapReason.LOST if not in_outage:
            return Told("The connection was lost; another one goes on.")
    # An energy event has its own line, and so has an outage; the rest is housekeeping.
    return None


def _with_resent(told: Told, event: Swap) -> Told:
    return msgspec.structs.replace(
        told, aside=f"{event.resent_ms / 1000:.1f} s of your voice were sent again."
    )


_TASK_ENDS = {
    "completed": Severity.SUCCESS,
    "partial": Severity.WARNING,
    "failed": Severity.ERROR,
}


def told_of_task(event: AgentTask) -> Told:
    """How a background task stands."""
    title = one_line(event.title, 120) or "A background task"
    source = f" ({one_line(event.source, 40)})" if event.source else ""
    word = "is running" if event.status == "running" else one_line(event.status, 20)
    severity = _TASK_ENDS.get(event.status, Severity.INFO)
    return Told(f"{title}{source}: {word}", one_line(event.detail, 200), severity)
