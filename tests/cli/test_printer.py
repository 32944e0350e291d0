"""Events become output."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from neko_cli.cli.output import Output, Writer
from neko_cli.cli.printer import Printer, one_output_line
from neko_cli.cli.say_plan import Format
from neko_cli.core.events import (
    Connected,
    Energy,
    Failure,
    Levels,
    Notice,
    NoticeKind,
    Outcome,
    ReplyAudio,
    ReplyText,
    Severity,
    Swap,
    ToolCall,
    ToolResult,
    TurnEnded,
    UserText,
)


class Sheet:
    """A printer and what it printed."""

    def __init__(self, form: Format, **options: Any) -> None:
        self.raw = io.BytesIO()
        self.errors = io.StringIO()
        self.writer = Writer()
        self.printer = Printer(Output(self.writer, self.raw, "utf-8"), form, errors=self.errors, **options)

    async def show(self, *events: Any) -> str:
        for event in events:
            await self.printer.show(event)
        return self.raw.getvalue().decode()


def text(delta: str, turn: int = 1) -> ReplyText:
    return ReplyText(at=0.0, turn=turn, delta=delta)


def end(text: str, turn: int = 1, outcome: Outcome = Outcome.COMPLETE) -> TurnEnded:
    return TurnEnded(at=0.0, turn=turn, outcome=outcome, text=text)


def notice(severity: Severity) -> Notice:
    return Notice(at=0.0, kind=NoticeKind.SOUND, severity=severity, text="a \x1b[31mnotice")


async def test_piped_text_is_whole_and_sanitised() -> None:
    sheet = Sheet(Format.TEXT)
    await sheet.printer.own(1)
    assert await sheet.show(text("a\x1b[3"), text("1mb")) == ""
    assert await sheet.show(end("a\x1b[31mb\n")) == "ab\n"


async def test_streamed_text_comes_as_it_is_said_and_a_split_sequence_does_not_get_through() -> None:
    sheet = Sheet(Format.STREAMED)
    await sheet.printer.own(1)
    assert await sheet.show(text("a\x1b]0;ti")) == "a"
    assert await sheet.show(text("tle\x07b")) == "ab"
    assert await sheet.show(end("ab")) == "ab\n"


async def test_a_stream_that_said_nothing_prints_the_whole_text() -> None:
    sheet = Sheet(Format.STREAMED)
    await sheet.printer.own(1)
    assert await sheet.show(end("whole")) == "whole\n"


async def test_turns_that_are_not_ours_are_not_printed() -> None:
    sheet = Sheet(Format.TEXT)
    await sheet.printer.own(2)
    assert await sheet.show(end("greeting", 1), end("answer", 2)) == "answer\n"


async def test_a_reply_that_came_before_its_turn_was_known_is_printed_then() -> None:
    sheet = Sheet(Format.STREAMED)
    assert await sheet.show(text("early")) == ""
    await sheet.printer.own(1)
    assert await sheet.show(end("early")) == "early\n"


async def test_every_turn_of_a_spoken_conversation_is_printed() -> None:
    sheet = Sheet(Format.TEXT, every_turn=True)
    assert await sheet.show(end("one", 1), end("two", 2)) == "one\ntwo\n"


async def test_lines_have_no_inner_newlines_and_failed_ones_are_empty() -> None:
    sheet = Sheet(Format.LINES)
    for turn in (1, 2, 3):
        await sheet.printer.own(turn)
    shown = await sheet.show(end("a\r\nb\n\nc", 1), end("part", 2, Outcome.FAILED), end("d", 3))
    assert shown == "a b c\n\nd\n"


@pytest.mark.parametrize("outcome", Outcome)
async def test_only_an_answer_is_text_where_lines_are_counted(outcome: Outcome) -> None:
    sheet = Sheet(Format.LINES)
    await sheet.printer.own(1)
    answered = outcome in (Outcome.COMPLETE, Outcome.INTERRUPTED)
    assert await sheet.show(end("part", 1, outcome)) == ("part\n" if answered else "\n")


async def test_the_end_of_a_turn_that_has_its_missing_line_prints_no_other() -> None:
    sheet = Sheet(Format.LINES)
    await sheet.printer.own(1)
    await sheet.printer.missing_line(1)
    await sheet.show(end("late", 1, Outcome.INTERRUPTED))
    await sheet.printer.own(2)
    assert await sheet.show(end("answer", 2)) == "\nanswer\n"


async def test_json_lines_hold_every_public_event_and_no_levels() -> None:
    sheet = Sheet(Format.JSON)
    shown = await sheet.show(
        UserText(at=0.0, turn=1, text="\x1b[31m\u202e", final=True), Levels(at=0.0, microphone=0, speaker=0)
    )
    assert json.loads(shown)["text"] == "\x1b[31m\u202e"
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert shown.endswith("\n")


async def test_sound_alone_prints_no_text() -> None:
    sheet = Sheet(Format.SOUND)
    await sheet.printer.own(1)
    assert await sheet.show(text("a"), end("a")) == ""


async def test_the_voice_goes_to_its_sink() -> None:
    class Sink:
        pcm = b""

        async def write(self, event: ReplyAudio) -> None:
            self.pcm += event.pcm

    sink = Sink()
    sheet = Sheet(Format.TEXT, sound=sink)
    await sheet.show(ReplyAudio(at=0.0, turn=1, ms=1.0, rate=24_000, pcm=b"ab"))
    assert sink.pcm == b"ab"


@pytest.mark.parametrize(
    ("severity", "quiet", "told"),
    [
        (Severity.INFO, False, False),
        (Severity.WARNING, False, True),
        (Severity.ERROR, False, True),
        (Severity.WARNING, True, False),
    ],
)
async def test_notices_go_to_standard_error(severity: Severity, quiet: bool, told: bool) -> None:
    sheet = Sheet(Format.TEXT, quiet=quiet)
    assert await sheet.show(notice(severity)) == ""
    assert sheet.errors.getvalue() == ("a notice\n" if told else "")


async def test_a_failure_is_told_once_even_when_quiet() -> None:
    sheet = Sheet(Format.TEXT, quiet=True)
    failure = Failure(at=0.0, category="link", code="", message="Gone.", hint="Wait.")
    await sheet.show(failure, failure)
    assert sheet.errors.getvalue() == "neko: Gone.\n      Wait.\n"
    assert sheet.printer.was_told("Gone.")


LOST = Failure(at=0.0, category="link", code="", message="The connection was\nlost.", retry_in=2.0)
GIVEN_UP = Failure(at=9.0, category="link", code="", message="The connection was\nlost.", fatal=True)
BACK = Connected(at=1.0, provider="p", model="m")


async def test_each_outage_is_one_line() -> None:
    sheet = Sheet(Format.TEXT)
    await sheet.show(BACK, LOST, LOST, BACK, LOST, BACK)
    assert sheet.errors.getvalue() == "The connection was lost. Trying again.\n" * 2
    assert not sheet.printer.was_told(LOST.message)


async def test_an_outage_that_does_not_end_is_told_as_an_error_even_when_quiet() -> None:
    sheet = Sheet(Format.TEXT, quiet=True)
    await sheet.show(BACK, LOST)
    assert sheet.errors.getvalue() == ""
    await sheet.show(GIVEN_UP)
    assert sheet.errors.getvalue().startswith("neko: The connection was\n")


async def test_a_connection_that_never_comes_about_is_one_sentence_with_what_it_began_with() -> None:
    sheet = Sheet(Format.TEXT)
    exhausted = Failure(
        at=0.0, category="rate_limit", code="", message="Exhausted.", hint="Wait.", fatal=True
    )
    await sheet.show(LOST, LOST, exhausted)
    lines = ["neko: Exhausted.", "      Wait.", "      It began with: The connection was lost."]
    assert sheet.errors.getvalue().splitlines() == lines
    sheet = Sheet(Format.TEXT)
    await sheet.show(LOST, GIVEN_UP)
    assert "began" not in sheet.errors.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
async def test_a_fresh_connection_is_told_where_a_person_would_wonder(terminal: bool) -> None:
    def swapped(reason: str) -> Swap:
        return Swap(
            at=0.0,
            reason=reason,
            planned=reason != "lost",
            from_link=1,
            to_link=2,
            gap_ms=3.0,
            cached_ms=0.0,
            resent_ms=0.0,
        )

    sheet = Sheet(Format.TEXT)
    sheet.errors.isatty = lambda: terminal  # type: ignore[method-assign]
    await sheet.show(BACK, swapped("limit"), swapped("context"), LOST, swapped("lost"), BACK)
    assert "another one goes on" not in sheet.errors.getvalue()
    sheet.errors.truncate(0)
    await sheet.show(LOST, BACK, notice(Severity.INFO), swapped("lost"))
    assert "another one goes on" not in sheet.errors.getvalue()
    await sheet.show(swapped("lost"))
    assert ("another one goes on" in sheet.errors.getvalue()) is terminal


async def test_a_lower_energy_is_told_and_a_full_one_is_not() -> None:
    sheet = Sheet(Format.TEXT)
    full = Energy(at=0.0, mode="text", level=2, max=2, model="big", reason="new_call")
    nameless = Energy(at=0.0, mode="text", level=1, max=2, model="", reason="rate_limit")
    low = Energy(at=0.0, mode="text", level=1, max=2, model="sma\x1b[1mll", reason="rate_limit")
    tired = Notice(at=0.0, kind=NoticeKind.ENERGY, severity=Severity.WARNING, text="I am tired.")
    await sheet.show(full, nameless, low, tired)
    assert sheet.errors.getvalue() == "Energy 1 of 2: now with small\n"


def test_one_output_line() -> None:
    assert one_output_line(" a \n\n b\u2028c ") == "a b c"


def called(arguments: str = '{"room": "a\\u001b[31m"}') -> ToolCall:
    return ToolCall(at=0.0, turn=1, call_id="c1", name="lamp\x1b[2J", arguments=arguments)


def result(output: str, *, ok: bool, call_id: str = "c1") -> ToolResult:
    return ToolResult(at=0.0, turn=1, call_id=call_id, ok=ok, output=output)


@pytest.mark.parametrize("terminal", [True, False])
async def test_a_tool_is_told_where_a_person_reads(terminal: bool) -> None:
    sheet = Sheet(Format.TEXT)
    sheet.errors.isatty = lambda: terminal  # type: ignore[method-assign]
    await sheet.show(called(), result("1", ok=True))
    said = sheet.errors.getvalue()
    assert ("Tool: lamp" in said) is terminal
    assert "\x1b[31m" not in said
    assert "\x1b[2J" not in said


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ('{"error":"It has no\\u001b[1m battery."}', "It has no battery."),
        ("[1]", "[1]"),
        ("no json\x1b[1m", "no json"),
    ],
)
async def test_a_tool_that_failed_is_a_warning_with_the_reason(output: str, why: str) -> None:
    sheet = Sheet(Format.TEXT)
    await sheet.show(called(), result(output, ok=False))
    assert sheet.errors.getvalue() == f"The tool lamp failed: {why}\n"


async def test_a_result_without_its_call_is_told_all_the_same() -> None:
    sheet = Sheet(Format.TEXT)
    await sheet.show(result('{"error":"No."}', ok=False, call_id="c9"))
    assert sheet.errors.getvalue() == "A tool failed: No.\n"
