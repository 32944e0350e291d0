"""One line a call, whatever becomes of it."""

from __future__ import annotations

import json

import pytest

from neko_cli.core.companions.tools import REFUSALS, Permission, Verdict, error_output
from neko_cli.core.events import AnyEvent, Notice, NoticeKind, SessionEnded, Severity, ToolResult
from neko_cli.core.tool_desk import STOPPED
from neko_cli.tui.calls import duration, error_sentence
from neko_cli.tui.conversation import Conversation
from neko_cli.tui.lines import Change, Line, Role
from neko_cli.tui.sheet import REMEMBERED
from tests.tui.scenes import asks, calls, delta, ended, result, typed
from tests.tui.test_conversation import screen

DENIED = error_output(REFUSALS[Verdict.DENIED])


class Told:
    """A conversation and the lines that a screen would show of it."""

    def __init__(self) -> None:
        self.conversation = Conversation("Neko")
        self.changes: list[Change] = []

    def hear(self, *events: AnyEvent) -> Told:
        for event in events:
            self.changes += self.conversation.apply(event)
        return self

    def answer(self, permission: Permission, waited: float = 5.0) -> Told:
        self.changes += self.conversation.permitted("c1", permission, waited)
        return self

    @property
    def lines(self) -> list[Line]:
        return screen(self.changes)

    @property
    def line(self) -> tuple[str, str]:
        [line] = self.lines
        return line.text, line.aside


def test_a_call_is_one_line_from_its_beginning_to_its_end() -> None:
    told = Told().hear(calls("c1", "clock", '{"zone": "Europe/Paris"}', at=1.0))
    assert told.line == ("Neko uses clock (zone: Europe/Paris) …", "")
    assert told.lines[0].live
    told.hear(result("c1", '{"time": "a secret"}', at=1.4))
    assert told.line == ("Neko used clock (zone: Europe/Paris).", "Done in 0.4 s.")
    assert (told.lines[0].severity, told.lines[0].live) == (Severity.SUCCESS, False)


def test_a_call_that_failed_says_why_in_a_sentence() -> None:
    told = Told().hear(calls("c1", "clock", at=1.0))
    told.hear(result("c1", error_output("It has no\x1b[31m battery."), ok=False, at=13.0))
    assert told.line == ("Neko used clock.", "Failed after 12 s: It has no battery.")
    assert told.lines[0].severity is Severity.WARNING


def test_a_call_that_was_refused_at_once_has_no_duration() -> None:
    told = Told().hear(
        calls("c1", "nonsense"), result("c1", error_output(REFUSALS[Verdict.UNKNOWN]), ok=False)
    )
    assert told.line[1] == "Failed: There is no such tool."
    told = Told().hear(calls("c1", "lamp"), result("c1", DENIED, ok=False))
    assert told.line == ("Neko wanted to use lamp.", "It is not allowed.")


def test_a_question_is_in_the_line_and_the_time_of_the_answer_is_not_that_of_the_tool() -> None:
    told = Told().hear(calls("c1", "lamp", at=1.0), asks("c1", "lamp", at=1.0))
    assert told.line == ("Neko wants to use lamp.", "/allow or /deny answers.")
    told.answer(Permission.ONCE, waited=20.0)
    assert told.line == ("Neko uses lamp …", "")
    told.hear(result("c1", "1", at=23.0))
    assert told.line == ("Neko used lamp.", "Done in 2.0 s.")


@pytest.mark.parametrize(
    ("permission", "word"),
    [(Permission.NO, "You said no."), (Permission.NEVER, "You said no, for this session.")],
)
def test_a_refusal_is_told_once(permission: Permission, word: str) -> None:
    told = Told().hear(calls("c1", "lamp"), asks("c1", "lamp")).answer(permission)
    told.hear(result("c1", DENIED, ok=False, at=5.0))
    assert told.line == ("Neko wanted to use lamp.", word)


def test_a_question_that_nobody_answered_is_told_by_its_line_alone() -> None:
    notice = Notice(
        at=61.0,
        kind=NoticeKind.TOOL,
        severity=Severity.INFO,
        text="lamp was not run, because nobody answered within 60 s.",
    )
    told = Told().hear(calls("c1", "lamp", at=1.0), asks("c1", "lamp", at=1.0), notice)
    told.hear(result("c1", DENIED, ok=False, at=61.0))
    assert told.line == ("Neko wanted to use lamp.", "Nobody answered within 60 s.")
    assert len(told.hear(notice).lines) == 2


def test_a_question_that_was_taken_back_says_that_nothing_ran() -> None:
    told = Told().hear(calls("c1", "lamp"), asks("c1", "lamp"), result("c1", STOPPED, ok=False, at=3.0))
    assert told.line == ("Neko wanted to use lamp.", "It was not run: the question was taken back.")
    assert told.answer(Permission.ONCE).line[0] == "Neko wanted to use lamp."


def test_a_call_that_the_user_stopped_did_not_fail() -> None:
    told = Told().hear(calls("c1", "build", at=1.0), result("c1", STOPPED, ok=False, at=4.0))
    assert told.line == ("Neko used build.", "Stopped after 3.0 s.")
    assert told.lines[0].severity is Severity.INFO


def test_the_end_of_the_session_ends_what_is_open() -> None:
    told = Told().hear(calls("c1", "build"), calls("c2", "lamp"), asks("c2", "lamp"))
    told.hear(SessionEnded(at=9.0, reason="x"))
    assert [(line.aside, line.live) for line in told.lines] == [
        ("The session ended before it was done.", False),
        ("It was not run: the session ended.", False),
    ]
    told.hear(result("c1", "1", at=10.0))
    assert len(told.lines) == 2


def test_another_session_may_use_the_same_ids_again() -> None:
    told = Told().hear(calls("c1", "build"))
    told.changes += told.conversation.begin()
    told.hear(calls("c1", "clock"), result("c1", "1", at=2.0))
    assert [line.text for line in told.lines] == ["Neko used build.", "Neko used clock."]


def test_an_id_that_comes_twice_leaves_no_line_open() -> None:
    told = Told().hear(calls("c1", "one"), calls("c1", "two"), result("c1", "1"))
    assert [(line.text, line.live) for line in told.lines] == [
        ("Neko used one.", False),
        ("Neko used two.", False),
    ]


def test_the_line_keeps_the_name_of_who_called() -> None:
    told = Told().hear(calls("c1", "clock"))
    told.conversation.character = "Mio"
    told.hear(result("c1", "1"))
    assert told.line[0] == "Neko used clock."


def test_calls_stand_above_the_reply_that_they_belong_to() -> None:
    told = Told().hear(typed(1, "Which time?"), delta(1, "Let me see."), calls("c1", "clock"))
    told.hear(result("c1", "1"), ended(1, "Let me see. It is noon."))
    assert [line.role for line in told.lines] == [Role.YOU, Role.NOTICE, Role.CHARACTER]


def test_a_late_result_finds_its_line_and_one_without_a_line_makes_none() -> None:
    told = Told().hear(calls("c1", "build", at=1.0), ended(1, "Well."), typed(2, "And?"))
    told.hear(result("c1", "1", at=130.0))
    assert told.lines[0].aside == "Done in 2 min 9 s."
    assert len(told.lines) == 3
    assert Told().hear(result("unknown", "1")).lines == []
    [line] = Told().hear(result("unknown", error_output("It broke."), ok=False)).lines
    assert (line.text, line.aside) == ("A tool failed.", "It broke.")


def test_a_flood_of_calls_pushes_no_open_line_out_of_memory() -> None:
    told = Told().hear(delta(1, "Half a "))
    for at in range(3 * REMEMBERED):
        told.hear(calls(f"c{at}", "clock"), result(f"c{at}", "1"))
    told.hear(delta(1, "word"))
    assert told.lines[-1].text == "Half a word"
    for at in range(3 * REMEMBERED):
        told.hear(calls(f"d{at}", "clock"))
    assert len(told.conversation._calls._calls) <= REMEMBERED


def test_hostile_names_and_arguments_are_clean_and_short() -> None:
    bad = "a\x1b]0;title\x07b\u202ec[bold]"
    told = Told().hear(calls("c1", bad, json.dumps({bad: "x" * 9_000})), asks("c1", bad, about=bad))
    text, _ = told.line
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold]" in text
    assert len(text) < 200


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ('{"error": "It broke."}', "It broke."),
        ('{"error": {"code": 3}}', '{"error": {"code": 3}}'),
        ("not json\nat all", "not json at all"),
        ("[" * 9000, ("[" * 199) + "…"),
        ('{"error": "' + "x" * 900 + '"}', "x" * 199 + "…"),
    ],
)
def test_error_sentence(output: str, sentence: str) -> None:
    assert error_sentence(output) == sentence


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, "0.1 s"), (0.44, "0.4 s"), (9.96, "10 s"), (99.4, "99 s"), (99.6, "1 min 40 s"), (-1.0, "0.1 s")],
)
def test_duration(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_an_unanswered_result_is_an_event_like_any_other() -> None:
    """A late subscriber may hear of a refusal without its call: that was told to whoever refused."""
    assert Told().hear(ToolResult(at=0.0, turn=1, call_id="x", ok=False, output=DENIED)).lines == []
