"""Events as output: the reply to standard output, everything else to standard error.

``neko say`` and the line mode of ``neko chat`` print through here, so that both keep the same
promises: data alone on standard output, nothing unsanitised on a terminal.
"""

from __future__ import annotations

import base64
import sys
from typing import IO, Any, Protocol

import msgspec

from neko_cli.cli.exits import tell, wants_colour, write_quietly
from neko_cli.cli.output import Output
from neko_cli.cli.say_plan import Format
from neko_cli.core.companions.eyes import shown_text
from neko_cli.core.companions.tools import REFUSALS, Verdict, error_of
from neko_cli.core.events import (
    PUBLIC_EVENTS,
    AnyEvent,
    Connected,
    Energy,
    Failure,
    Notice,
    NoticeKind,
    Outcome,
    ReplyAudio,
    ReplyText,
    ScreenShown,
    Severity,
    Swap,
    ToolCall,
    ToolResult,
    TurnEnded,
)
from neko_cli.core.swap_plan import SwapReason
from neko_cli.core.text import Sanitiser, one_line, sanitise, to_json


class SoundSink(Protocol):
    """Takes the reply's voice."""

    async def write(self, event: ReplyAudio) -> None:
        """Take a further piece; raises BrokenPipeError, ConfigError."""
        ...


def json_line(event: AnyEvent, *, samples: bool) -> str:
    """An event as one line of JSON; ``pcm`` (base64) only with ``samples``."""
    fields: dict[str, Any] = msgspec.to_builtins(event, builtin_types=(bytes,))
    if isinstance(event, ReplyAudio):
        del fields["pcm"]
        if samples:
            fields["pcm"] = base64.b64encode(event.pcm).decode("ascii")
    return to_json(fields)


def one_output_line(text: str) -> str:
    """A whole reply as one line: sanitised, inner newlines as spaces."""
    return " ".join(part.strip() for part in sanitise(text).split("\n") if part.strip())


def energy_line(event: Energy) -> str:
    """A lower rung of the ladder of models, as one line."""
    return f"Energy {event.level} of {event.max}: now with {one_line(event.model, 60)}"


class Printer:
    """Prints one session's events in one format."""

    def __init__(
        self,
        output: Output,
        form: Format,
        *,
        samples: bool = False,
        quiet: bool = False,
        every_turn: bool = False,
        sound: SoundSink | None = None,
        errors: IO[str] | None = None,
    ) -> None:
        """Print to ``output``.

        Args:
            output: standard output.
            form: what it carries.
            samples: whether JSON lines carry the voice's samples.
            quiet: no notices; errors are told all the same.
            every_turn: print every turn's reply, not only those announced by :meth:`own`.
            sound: takes the voice.
            errors: where notices go; by default standard error.
        """
        self._output = output
        self._form = form
        self._samples = samples
        self._quiet = quiet
        self._every_turn = every_turn
        self._sound = sound
        self._errors = errors
        self._own: set[int] = set()
        self._early: list[AnyEvent] = []
        self._clean = Sanitiser()
        self._line_open = False
        self._told: set[str] = set()
        self._held: list[Notice] | None = None
        self._calls: dict[str, str] = {}
        self._in_outage = False
        self._swap_due = False
        self._connected = False
        self._reason = ""

    async def own(self, turn: int) -> None:
        """This turn's reply is to be printed, also what came of it before its number was known."""
        self._own.add(turn)
        early, self._early = self._early, []
        for event in early:
            await self._reply(event)

    async def show(self, event: AnyEvent) -> None:
        """Print one event; raises BrokenPipeError when nobody reads."""
        if isinstance(event, ReplyAudio) and self._sound is not None and event.pcm:
            await self._sound.write(event)
        if self._form is Format.JSON:
            if isinstance(event, PUBLIC_EVENTS):
                await self._output.json(json_line(event, samples=self._samples))
        elif isinstance(event, ReplyText | TurnEnded):
            await self._reply(event)
        match event:
            case Notice(kind=NoticeKind.ENERGY):
                pass  # what a display says to an energy event, which has its own line here
            case Notice() if self._held is not None:
                self._held.append(event)
            case Notice():
                self._notice(event.text, event.severity)
            case ToolCall():
                self._calls[event.call_id] = one_line(event.name, 60)
                shown = one_line(event.arguments, 100)
                self._notice(f"Tool: {self._calls[event.call_id]} {shown}", Severity.INFO)
            case ToolResult():
                name = self._calls.pop(event.call_id, "")
                error = error_of(event.output)
                if not event.ok and error != REFUSALS[Verdict.DENIED]:  # the session has told why
                    why = one_line(error or event.output, 200)
                    self._notice(
                        f"{f'The tool {name}' if name else 'A tool'} failed: {why}", Severity.WARNING
                    )
            case ScreenShown():
                self._notice(shown_text(event), Severity.INFO)
            case Failure():
                self.failure(event)
            case Connected():
                self._connected = True
                self._in_outage = False
                self._reason = ""
            case Energy() if event.level < event.max and event.model:
                self._notice(energy_line(event), Severity.WARNING)
            case Swap():
                ends_outage, self._swap_due = self._swap_due, False
                if event.reason == SwapReason.LOST and not ends_outage:
                    # A standby link took over at once: nobody was told of an outage.
                    self._notice("The connection was lost; another one goes on.", Severity.INFO)

    async def missing_line(self, turn: int | None = None) -> None:
        """The empty line that stands for a turn without an answer, where lines are counted.

        The end of ``turn``, which may still come, then prints no line of its own.
        """
        if self._form is Format.LINES:
            if turn is not None:
                self._own.discard(turn)
            await self._output.text("\n")

    async def close_line(self) -> None:
        """End a line that a reply left open, so that what follows begins at the left."""
        if self._line_open:
            self._line_open = False
            await self._output.text("\n")

    async def _reply(self, event: AnyEvent) -> None:
        if not isinstance(event, ReplyText | TurnEnded):
            return
        if not self._every_turn and event.turn not in self._own:
            if isinstance(event, TurnEnded):
                self._early = [e for e in self._early if getattr(e, "turn", None) != event.turn]
            self._early.append(event)
            return
        if isinstance(event, ReplyText):
            if self._form is Format.STREAMED:
                await self._stream(event.delta)
        elif self._form is Format.STREAMED:
            await self._end_stream(event)
        elif self._form is Format.LINES:
            said = event.outcome in (Outcome.COMPLETE, Outcome.INTERRUPTED)
            await self._output.text((one_output_line(event.text) if said else "") + "\n")
        elif self._form is Format.TEXT and (event.text or event.outcome is Outcome.COMPLETE):
            await self._output.text(sanitise(event.text).rstrip("\n") + "\n")

    async def _stream(self, delta: str) -> None:
        text = self._clean.feed(delta)
        if text:
            self._line_open = True
            await self._output.text(text)

    async def _end_stream(self, ended: TurnEnded) -> None:
        if not self._line_open and ended.text:
            await self._stream(ended.text)
        self._clean.flush()
        await self.close_line()

    def _notice(self, text: str, severity: Severity) -> None:
        if self._quiet:
            return
        stream = self._stream_for_notices()
        minor = severity in (Severity.INFO, Severity.SUCCESS)
        if minor and not wants_colour(stream):
            # A script's log is no place for pleasantries; what matters is a warning.
            return
        start, end = ("\x1b[2m", "\x1b[0m") if wants_colour(stream) else ("", "")
        write_quietly(f"{start}{sanitise(text)}{end}\n", stream)

    def failure(self, failure: Failure) -> None:
        """Tell about a failure, once for each text; an outage is one line, however long it takes.

        Before the first connection an outage is none: it comes about, or there is an error to tell.
        """
        if failure.fatal:
            self._swap_due = False  # no link follows by itself
        if failure.retry_in is not None and not failure.fatal:
            self._reason = one_line(failure.message)
            if self._connected and not self._in_outage:
                self._in_outage = self._swap_due = True
                self._notice(f"{self._reason} Trying again.", Severity.WARNING)
        elif failure.message not in self._told:
            self._told.add(failure.message)
            hints = [failure.hint]
            if self._reason and not self._in_outage and self._reason != one_line(failure.message):
                hints.append(f"It began with: {self._reason}")  # not told yet
            lines = "\n".join([failure.message, *filter(None, hints)])
            tell(lines, stream=self._stream_for_notices())

    def hold_notices(self) -> None:
        """Something is tried that may become an error: what is told meanwhile waits."""
        self._held = []

    def release_notices(self, error: str = "") -> None:
        """It is decided: tell what waits, but for what is told as the error itself."""
        held, self._held = self._held or [], None
        for notice in held:
            if notice.text != error:
                self._notice(notice.text, notice.severity)

    def was_told(self, message: str) -> bool:
        """Whether this message stands on standard error already."""
        return message in self._told

    def _stream_for_notices(self) -> IO[str]:
        return sys.stderr if self._errors is None else self._errors
