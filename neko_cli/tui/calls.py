"""The tools that the character uses: one line a call, from its beginning to what became of it. Pure.

Times are those of the events. What a tool answers is the model's business: only errors are told.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from neko_cli.core.companions.tools import REFUSALS, Permission, Verdict, error_of
from neko_cli.core.events import AnyEvent, Notice, NoticeKind, Severity, ToolCall, ToolQuestion, ToolResult
from neko_cli.core.text import one_line
from neko_cli.tui.arguments import short
from neko_cli.tui.lines import Change, Line
from neko_cli.tui.sheet import REMEMBERED, Sheet
from neko_cli.tui.telling import Told

SHOWN = 60
"""Characters of the arguments in a call's line."""

MOMENT = 0.05
"""Seconds that are not worth a number."""

_SAID_NO = {Permission.NO: "You said no.", Permission.NEVER: "You said no, for this session."}


class Call(msgspec.Struct):
    """One call that is not over; its texts are safe to show."""

    key: str
    who: str
    name: str
    arguments: str
    began: float
    asked_at: float | None = None
    seconds: float = 0.0
    """For which the question waits for its answer."""


class CallLines:
    """The lines of the calls that are not over, by the calls' ids."""

    def __init__(self, sheet: Sheet) -> None:
        """Put the lines on this sheet."""
        self._sheet = sheet
        self._calls: OrderedDict[str, Call] = OrderedDict()

    def apply(self, event: AnyEvent, character: str, above: str = "") -> list[Change] | None:
        """What an event changes; None when it is about no call. ``above`` is the line under a new one."""
        match event:
            case ToolCall():
                return self._begun(event, character, above)
            case ToolQuestion():
                return self._asked(event, character, above)
            case ToolResult():
                return self._over(event)
            case Notice(kind=NoticeKind.TOOL) if self._tells(event):
                return []
            case _:
                return None

    def permitted(self, call_id: str, permission: Permission, waited: float) -> list[Change]:
        """The user has answered, so many seconds after the question came."""
        call = self._calls.get(call_id)
        if call is None or call.asked_at is None:
            return []
        if permission in _SAID_NO:
            return self._refused(call_id, _SAID_NO[permission])
        call.began, call.asked_at = call.asked_at + waited, None
        return self._running(call)

    def close(self) -> list[Change]:
        """The session is over, and nothing is told of a call any more."""
        changes: list[Change] = []
        for call_id, call in list(self._calls.items()):
            if call.asked_at is not None:
                changes += self._refused(call_id, "It was not run: the session ended.")
            else:
                changes += self._end(call_id, Told(_used(call), "The session ended before it was done."))
        return changes

    # -- own work -------------------------------------------------------------------------------

    def _begun(self, event: ToolCall, character: str, above: str) -> list[Change]:
        known = self._calls.get(event.call_id)
        # Ids that come again are the provider's affair; nobody will hear of the earlier call any more.
        changes = self._end(event.call_id, Told(_used(known))) if known is not None else []
        return changes + self._running(self._new(event, character), above)

    def _asked(self, event: ToolQuestion, character: str, above: str) -> list[Change]:
        call = self._calls.get(event.call_id) or self._new(event, character)
        call.asked_at, call.seconds = event.at, event.seconds
        told = Told(_wants(call), "/allow or /deny answers.", Severity.WARNING)
        return self._put(call, told, above, live=True)

    def _new(self, event: ToolCall | ToolQuestion, character: str) -> Call:
        call = Call(
            key=self._sheet.fresh_key("call"),
            who=character,
            name=one_line(event.name, 60),
            arguments=short(event.arguments, SHOWN),
            began=event.at,
        )
        self._calls[event.call_id] = call
        while len(self._calls) > REMEMBERED:
            self._calls.popitem(last=False)
        return call

    def _running(self, call: Call, above: str = "") -> list[Change]:
        return self._put(call, Told(f"{call.who} uses {_what(call)} …"), above, live=True)

    def _over(self, event: ToolResult) -> list[Change]:
        call = self._calls.get(event.call_id)
        if call is None:
            return [] if event.ok else self._unknown(event)
        if call.asked_at is not None and event.at - call.asked_at >= call.seconds - MOMENT:
            return self._refused(event.call_id, f"Nobody answered within {call.seconds:g} s.")
        if call.asked_at is not None:
            return self._refused(event.call_id, "It was not run: the question was taken back.")
        took = event.at - call.began
        if event.ok:
            told = Told(_used(call), f"Done in {duration(took)}.", Severity.SUCCESS)
            return self._end(event.call_id, told)
        sentence = error_sentence(event.output)
        if sentence == REFUSALS[Verdict.DENIED]:
            return self._refused(event.call_id, "It is not allowed.")
        after = f" after {duration(took)}" if took >= MOMENT else ""
        if sentence == _stopped():
            return self._end(event.call_id, Told(_used(call), f"Stopped{after}."))
        told = Told(_used(call), f"Failed{after}: {sentence}", Severity.WARNING)
        return self._end(event.call_id, told)

    def _unknown(self, event: ToolResult) -> list[Change]:
        """A result of a call that was begun before anybody looked; one that was refused is told already."""
        sentence = error_sentence(event.output)
        if sentence in (REFUSALS[Verdict.DENIED], _stopped()):
            return []
        return self._sheet.tell("A tool failed.", sentence, Severity.WARNING)

    def _tells(self, event: Notice) -> bool:
        """Whether a notice says that nobody answered: the call's own line does, too."""
        return any(
            call.asked_at is not None
            and event.at - call.asked_at >= call.seconds - MOMENT
            and call.name in one_line(event.text)
            for call in self._calls.values()
        )

    def _refused(self, call_id: str, why: str) -> list[Change]:
        call = self._calls[call_id]
        return self._end(call_id, Told(f"{call.who} wanted to use {_what(call)}.", why))

    def _end(self, call_id: str, told: Told) -> list[Change]:
        """The line's last form; it needs no place among those that can change."""
        call = self._calls.pop(call_id)
        changes = self._put(call, told)
        self._sheet.lines.pop(call.key, None)
        return changes

    def _put(self, call: Call, told: Told, above: str = "", *, live: bool = False) -> list[Change]:
        line: Line = msgspec.structs.replace(self._sheet.noticed(told, call.key), live=live)
        return self._sheet.put(line, above)


def duration(seconds: float) -> str:
    """How long something took, as exact as anybody wants to know."""
    if seconds >= 99.5:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s"
    return f"{seconds:.0f} s" if seconds >= 9.95 else f"{max(seconds, 0.1):.1f} s"


def error_sentence(output: str) -> str:
    """What went wrong, out of what the model is told of it."""
    return one_line(error_of(output) or output)


def _stopped() -> str:
    # Imported when it is needed: the first frame does not wait for what carries tools out.
    from neko_cli.core.tool_desk import STOPPED

    return error_sentence(STOPPED)


def _what(call: Call) -> str:
    return f"{call.name} ({call.arguments})" if call.arguments else call.name


def _wants(call: Call) -> str:
    return f"{call.who} wants to use {_what(call)}."


def _used(call: Call) -> str:
    return f"{call.who} used {_what(call)}."
