"""Tasks and results as a bounded table: what stands for what, in which order, and what goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.events import AgentNews, AgentTask, NewsState
from neko_cli.core.text import sanitise
from neko_cli.tui.agent_board import HIDDEN, KEPT, LIVE, Board, Stage
from tests.tui.agent_scenes import found, runs
from tests.tui.scenes import said


def stages(board: Board) -> list[tuple[int, Stage]]:
    return [(item.number, item.stage) for item in board.items]


def test_a_task_runs_and_becomes_its_result() -> None:
    board = Board()
    assert board.apply(runs("t1", "make test", seconds=10.0), 100.0)
    assert board.apply(runs("t1", "make test", detail="50 %"), 105.0)
    (item,) = board.items
    assert (item.elapsed(107.0), item.text, board.counts) == (17.0, "50 %", {"running": 1, "to_tell": 0})
    board.apply(found("r1", "make test: completed.", task="t1"), 108.0)
    assert not board.apply(runs("t1", "make test", status="completed"), 108.0), (
        "its result stands there already"
    )
    (item,) = board.items
    assert (item.number, item.stage, item.status) == (1, Stage.WAITING, "completed")
    assert item.elapsed(500.0) == 18.0
    assert board.counts == {"running": 0, "to_tell": 1}


def test_a_task_that_ended_before_its_result_keeps_its_time() -> None:
    board = Board()
    board.apply(runs("t1", "make"), 100.0)
    board.apply(runs("t1", "make", status="failed"), 103.0)
    assert stages(board) == [(1, Stage.ENDED)]
    board.apply(found("r1", "make: failed.", task="t1", status="failed"), 104.0)
    (item,) = board.items
    assert (item.number, item.elapsed(999.0)) == (1, 3.0)


@pytest.mark.parametrize(
    ("states", "stage", "counted"),
    [
        ([NewsState.WAITING], Stage.WAITING, 1),
        ([NewsState.WAITING, NewsState.TELLING], Stage.TELLING, 1),
        ([NewsState.WAITING, NewsState.TELLING, NewsState.WAITING], Stage.WAITING, 1),
        ([NewsState.WAITING, NewsState.TELLING, NewsState.TOLD], Stage.TOLD, 0),
    ],
)
def test_a_result_goes_its_way(states: list[NewsState], stage: Stage, counted: int) -> None:
    board = Board()
    for state in states:
        board.apply(found("r1", "Done.", state), 1.0)
    assert (stages(board), board.waiting) == ([(1, stage)], counted)
    assert board.items[0].can_be_told is (stage is Stage.WAITING)
    assert board.items[0].elapsed(9.0) is None


def test_one_that_nobody_wants_any_more_is_gone() -> None:
    board = Board()
    board.apply(found("r1", "Done."), 1.0)
    assert board.apply(found("r1", "Done.", NewsState.DROPPED), 2.0)
    assert not board.apply(found("r1", "Done.", NewsState.DROPPED), 2.0)
    assert not board.apply(found("r2", "Unseen.", NewsState.TOLD), 3.0)
    assert board.items == ()


def test_a_task_that_was_removed_does_not_come_back_but_its_result_does() -> None:
    board = Board()
    board.apply(runs("t1", "make"), 1.0)
    board.remove(board.items[0].key)
    assert not board.apply(runs("t1", "make", detail="90 %"), 2.0)
    assert not board.apply(runs("t1", "make", status="completed"), 3.0)
    assert board.apply(runs("t1", "make"), 4.0), "another run of that id"
    board.remove(board.items[0].key)
    assert board.apply(found("r1", "make: completed.", task="t1"), 5.0)
    assert stages(board) == [(3, Stage.WAITING)]


def test_what_goes_on_stands_first_and_the_newest_above() -> None:
    board = Board()
    board.apply(found("r1", "Old."), 1.0)
    board.apply(found("r1", "Old.", NewsState.TOLD), 1.0)
    board.apply(runs("t2", "a"), 1.0)
    board.apply(found("r3", "New."), 1.0)
    assert [item.number for item in board.items] == [3, 2, 1]
    assert board.next_to_tell() is board.numbered(3)
    assert board.numbered(99) is None


def test_there_is_an_end_to_it_and_it_is_told() -> None:
    board = Board()
    board.apply(found("w", "This one waits."), 0.0)
    for number in range(KEPT + 9):
        board.apply(found(f"r{number}", f"Done {number}."), 0.0)
        board.apply(found(f"r{number}", f"Done {number}.", NewsState.TOLD), 0.0)
    assert (len(board.items), board.dropped) == (KEPT, 10)
    assert board.items[0].title == "This one waits.", "what is over goes first"
    for number in range(KEPT + 1):
        board.apply(runs(f"t{number}", "x"), 0.0)
    assert len(board.items) == KEPT
    assert all(item.stage in LIVE for item in board.items)
    for number in range(HIDDEN + 50):
        board.apply(runs(f"h{number}", "x"), 0.0)
        board.remove(f"task h{number}")
    assert len(board._hidden) <= HIDDEN


@pytest.mark.parametrize(
    ("summary", "detail", "text"),
    [
        ("Short.", "", ""),
        ("Short.", "More\nof it.", "More\nof it."),
        ("Two\nlines.", "", "Two\nlines."),
        ("x" * 300, "And more.", "x" * 300 + "\n\nAnd more."),
    ],
)
def test_the_whole_text_is_kept(summary: str, detail: str, text: str) -> None:
    board = Board()
    board.apply(found("r", summary, detail=detail), 0.0)
    assert board.items[0].text == text


def test_other_events_change_nothing() -> None:
    assert not Board().apply(said(1, "hello"), 0.0)


TEXTS = st.text(max_size=300)


@given(TEXTS, TEXTS, TEXTS, TEXTS, st.floats(allow_nan=False, allow_infinity=False))
def test_nothing_raw_gets_in(title: str, detail: str, source: str, status: str, seconds: float) -> None:
    board = Board()
    board.apply(AgentTask(at=0.0, id="t", status=status, title=title, source=source, detail=detail), 0.0)
    board.apply(
        AgentNews(
            at=0.0,
            id="r",
            state=NewsState.WAITING,
            status=status,
            summary=title,
            detail=detail,
            source=source,
        ),
        seconds,
    )
    for item in board.items:
        for text in (item.title, item.text, item.source, item.status):
            assert sanitise(text) == text
        assert "\n" not in item.title + item.source + item.status
        elapsed = item.elapsed(seconds)
        assert elapsed is None or elapsed >= 0.0
