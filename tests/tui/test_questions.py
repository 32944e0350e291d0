"""Which answer counts, for which question, and how a question looks in the room that there is."""

from __future__ import annotations

import json

import pytest
from rich.cells import cell_len

from neko_cli.core.companions.tools import Permission
from neko_cli.core.events import SessionEnded, Status
from neko_cli.core.text import sanitise
from neko_cli.tui.actions import ACTS, COMMANDS
from neko_cli.tui.asking import ANSWERS, SAFEST, WIDE, Look, last_offset, question_rows, seconds_left
from neko_cli.tui.presenter import STYLES, hint_line, status_line
from neko_cli.tui.questions import QUIET, Asked, Questions
from neko_cli.tui.talk import REPEAT
from neko_cli.tui.view import reduce
from tests.tui.scenes import asks, calls, ended, result
from tests.tui.test_presenter import READY, change, text


def waiting(*tools: str, now: float = 100.0) -> Questions:
    """Questions about these tools; the ids are c1, c2 and so on."""
    questions = Questions()
    for number, tool in enumerate(tools, 1):
        questions.apply(asks(f"c{number}", tool, seconds=60.0), "Neko", now)
    return questions


def ids(asked: list[Asked]) -> list[str]:
    return [one.call_id for one in asked]


def front(questions: Questions) -> str:
    return questions.front.call_id if questions.front is not None else ""


def test_a_key_that_was_on_its_way_to_something_else_is_no_answer() -> None:
    questions = waiting("lamp")
    assert questions.pressed(Permission.ONCE, 100.0 + QUIET - 0.01) == []
    assert not questions.settled(100.0 + QUIET - 0.01)
    assert questions.settled(100.0 + QUIET)
    assert ids(questions.pressed(Permission.ONCE, 101.0)) == ["c1"]
    assert questions.front is None
    assert questions.pressed(Permission.ONCE, 103.0) == []


def test_a_key_that_is_held_answers_one_question_only() -> None:
    """X11 repeats a key after 660 ms, then 25 times a second."""
    questions = waiting("lamp", "door")
    assert ids(questions.pressed(Permission.ONCE, 102.0)) == ["c1"]
    for at in range(100):
        assert questions.pressed(Permission.ONCE, 102.66 + at * 0.04) == []
    assert front(questions) == "c2"
    assert ids(questions.pressed(Permission.ONCE, 106.62 + REPEAT)) == ["c2"]


def test_the_next_question_has_a_quiet_moment_of_its_own() -> None:
    questions = waiting("lamp", "door")
    questions.apply(result("c1", "", ok=False), "Neko", 110.0)
    assert questions.pressed(Permission.ONCE, 110.2) == []
    assert ids(questions.pressed(Permission.NO, 110.0 + QUIET)) == ["c2"]


def test_questions_are_asked_in_order_and_end_by_their_result_their_time_or_the_session() -> None:
    questions = waiting("one", "two", "three", now=100.0)
    questions.apply(asks("c4", "four", seconds=5.0), "Neko", 100.0)
    assert (front(questions), questions.behind) == ("c1", 3)
    questions.apply(result("c2", ""), "Neko", 101.0)
    assert (front(questions), questions.behind) == ("c1", 2)
    questions.look(105.0)
    assert questions.behind == 1
    questions.look(160.0)
    assert front(questions) == ""
    questions = waiting("one", "two")
    questions.apply(SessionEnded(at=0.0, reason="x"), "Neko", 101.0)
    assert (front(questions), questions.behind) == ("", 0)


def test_what_is_covered_is_not_seen() -> None:
    questions = Questions()
    questions.covered = True
    questions.apply(asks("c1", "lamp", seconds=60.0), "Neko", 100.0)
    assert not questions.settled(110.0)
    assert questions.pressed(Permission.ONCE, 110.0) == []
    questions.covered = False
    questions.look(111.0)
    assert not questions.settled(111.0 + QUIET / 2)
    assert questions.settled(111.0 + QUIET)


def test_a_command_answers_the_question_that_it_was_begun_about() -> None:
    questions = waiting("lamp", "door")
    assert questions.typed(Permission.ONCE, "", 105.0) == []
    assert questions.typed(Permission.ONCE, "c2", 105.0) == []
    assert ids(questions.typed(Permission.ONCE, "c1", 105.0)) == ["c1"]
    assert questions.typed(Permission.ONCE, "c1", 106.0) == []
    assert questions.typed(Permission.ONCE, "c2", 161.0) == []


@pytest.mark.parametrize(
    ("permission", "taken"),
    [
        (Permission.ONCE, ["c1"]),
        (Permission.NO, ["c1"]),
        (Permission.SESSION, ["c1", "c3"]),
        (Permission.NEVER, ["c1", "c3"]),
    ],
)
def test_what_is_said_for_the_session_is_said_to_all_calls_of_the_tool(
    permission: Permission, taken: list[str]
) -> None:
    questions = waiting("lamp", "door", "lamp")
    assert ids(questions.pressed(permission, 105.0)) == taken
    assert front(questions) == "c2"


# -- how it looks ---------------------------------------------------------------------------------

LONG = json.dumps({"path": "notes.md", "text": "one\ntwo\n" + "word " * 200, "a": 1, "b": 2, "c": 3, "d": 4})


def asked(tool: str = "lamp", about: str = "Switches the lamp.", arguments: str = '{"on": true}') -> Asked:
    return Asked(
        call_id="c1", who="Neko", tool=tool, about=about, arguments=arguments, came=100.0, until=160.0
    )


def shown(one: Asked, look: Look, now: float = 100.0) -> list[str]:
    return ["".join(part.text for part in row) for row in question_rows(one, look, now)]


def test_a_short_question_is_whole_at_once() -> None:
    rows = shown(asked(), Look(width=58, height=20), now=118.2)
    assert rows == [
        "? May Neko use lamp?" + " " * 29 + "42 s left",
        "  Switches the lamp.",
        "  on: true",
        " F6 once  F7 this session  F8 no  F9 never  Tab to choose",
    ]


def test_what_does_not_fit_is_announced_and_shown_when_it_is_opened() -> None:
    one = asked(arguments=LONG)
    closed = shown(one, Look(width=58, height=20, behind=2))
    assert "2 more" in closed[0]
    assert closed[-2] == "  … there is more: Tab shows all"
    look = Look(width=58, height=20, opened=True)
    seen = set(shown(one, look))
    for offset in range(1, last_offset(one, look) + 1):
        seen |= set(shown(one, Look(width=58, height=20, opened=True, offset=offset)))
    assert {"  path: notes.md", "  │ one", "  │ two", "  a: 1", "  d: 4"} <= seen
    assert sum(row.count("word") for row in seen) <= 200
    last = shown(one, Look(width=58, height=20, opened=True, offset=999))
    assert "above" in last[-2]
    assert "below" not in last[-2]
    assert "  d: 4" in last


def test_the_safest_answer_is_the_marked_one_to_begin_with() -> None:
    assert ANSWERS[SAFEST].permission is Permission.NO
    assert "[F8 no]" in shown(asked(), Look(width=58, height=20, opened=True))[-1]
    assert "[F6 once]" in shown(asked(), Look(width=58, height=20, opened=True, choice=0))[-1]
    assert "[" not in shown(asked(), Look(width=58, height=20))[-1]


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("height", [5, 8, 12, 14, 20, 40])
@pytest.mark.parametrize("width", [18, 28, 38, 58, 78, 118])
def test_all_answers_are_there_in_any_room(width: int, height: int, opened: bool) -> None:
    one = asked(tool="files__" + "x" * 40, about="It " + "writes " * 40, arguments=LONG)
    rows = question_rows(one, Look(width=width, height=height, opened=opened), 100.0)
    plain = ["".join(part.text for part in row) for row in rows]
    if width >= 38:
        assert all(cell_len(row) <= width for row in plain)
    for answer in ANSWERS:
        words = answer.words if width >= WIDE else answer.word
        assert any(f"{answer.key} {words}" in row for row in plain)
    assert all(part.style in STYLES for row in rows for part in row)
    # With the input, the lines around it and a row of the conversation.
    if width >= 38:
        assert len(rows) + (2 if height < 7 else 5 if height < 14 else 7) <= max(height, 9)


def test_nothing_hostile_comes_through() -> None:
    bad = "a\x1b]0;title\x07\u202eb[bold]\n"
    questions = Questions()
    questions.apply(asks("c1", bad, json.dumps({bad: bad, "x": [bad]}), about=bad), "Neko", 100.0)
    one = questions.front
    assert one is not None
    for opened in (False, True):
        for row in shown(one, Look(width=58, height=30, opened=opened)):
            assert row == sanitise(row)
            assert "\n" not in row


def test_the_seconds_end_at_none() -> None:
    assert [seconds_left(asked(), now) for now in (100.0, 100.5, 159.9, 160.0, 170.0)] == [60, 60, 1, 0, 0]


def test_each_answer_has_a_key_a_command_and_an_action() -> None:
    acts = {act.action: act for act in ACTS}
    assert {answer.permission for answer in ANSWERS} == set(Permission)
    for answer in ANSWERS:
        assert acts[answer.action].shown.startswith(answer.key)
        assert acts[answer.action].command.startswith(("/allow", "/deny"))


# -- the lines around the transcript -------------------------------------------------------------


def test_a_tool_that_is_waited_for_is_named_where_there_is_room() -> None:
    view = change(READY, status=Status.PROCESSING)
    using = reduce(reduce(view, calls("a", "clock\x1b[1m"), 0.0), calls("b", "lamp", turn=2), 0.0)
    assert "◐ using lamp" in text(status_line(using, 0.0, 60))
    assert "◐ thinking" in text(status_line(using, 0.0, 30))
    assert "▶ speaking" in text(status_line(change(using, status=Status.SPEAKING), 0.0, 60))
    assert "◐ asking you" in text(status_line(change(using, asked=True), 0.0, 60))
    one = reduce(using, ended(2, ""), 0.0)
    assert "◐ using clock" in text(status_line(one, 0.0, 60))
    assert reduce(one, result("a"), 0.0).using == ()
    assert reduce(using, SessionEnded(at=0.0, reason=""), 0.0).using == ()


def test_while_something_is_asked_escape_says_no() -> None:
    line = text(hint_line(change(READY, status=Status.PROCESSING, asked=True), "", COMMANDS, 80))
    assert "Esc no" in line
    assert "interrupt" not in line


def test_commands_of_two_words_are_found() -> None:
    assert text(hint_line(READY, "/allow", COMMANDS, 80)) == "/allow  /allow always"
    assert text(hint_line(READY, "/allow al", COMMANDS, 80)).startswith("/allow always Let it run")
    assert text(hint_line(READY, "/allow x", COMMANDS, 80)) == "/allow  /allow always"
