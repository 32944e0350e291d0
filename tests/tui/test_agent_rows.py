"""How the agent pane looks, row by row, in any room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from neko_cli.core.events import NewsState
from neko_cli.tui.agent_board import Board
from neko_cli.tui.agent_rows import BACK, DISMISS, TELL, PaneLook, choices, last_offset, pane_rows
from neko_cli.tui.arguments import Row
from tests.tui.agent_scenes import AGENTS, found, runs

MAY = {"agent_enabled": False, "computer_use_enabled": True, "mcp_enabled": True}


def board_of(*events: object) -> Board:
    board = Board()
    for event in events or AGENTS:
        board.apply(event, 100.0)  # type: ignore[arg-type]
    return board


def texts(rows: list[Row]) -> list[str]:
    return ["".join(part.text for part in row).rstrip() for row in rows]


def shown(board: Board, now: float = 112.0, **look: object) -> list[str]:
    known = {"width": 60, "height": 12, "focused": True, "number": 3, "allowed": MAY} | look
    return texts(pane_rows(board, PaneLook(**known), now))  # type: ignore[arg-type]


def test_the_list_tells_how_each_stands() -> None:
    assert shown(board_of()) == [
        "Agents" + " " * 41 + "Ctrl+G closes",
        "   6 ? Shall I use the branch main, or make another o… waits",
        "   5 ✕ lint: failed with exit code 1 after 3.2 s.      waits",
        "   4 ! The report has been written.                    waits",
        "   2 ◐ Find a train to Marseille on Friday              0:16",
        "   1 ◐ make test                                        1:25",
        "▸  3 ✓ the nightly build: completed after 2 h 10 min.   told",
        "",
        "",
        "",
        "They may not act. /agents on",
        "Enter open  Del dismiss  Tab input line",
    ]


@pytest.mark.parametrize(
    ("allowed", "row"),
    [
        ({"agent_enabled": True}, "They may act. /agents off"),
        (MAY | {"agent_enabled": True}, "They may act, with computer use, mcp. /agents off"),
        ({"agent_enabled": False}, "They may not act. /agents on"),
        ({}, ""),
    ],
)
def test_what_agents_may_do_is_told_where_it_is_known(allowed: dict[str, bool], row: str) -> None:
    assert shown(board_of(), allowed=allowed)[-2] == row


def test_an_empty_pane_says_how_something_gets_there() -> None:
    rows = texts(pane_rows(Board(), PaneLook(width=40, height=10), 0.0))
    assert "neko notify --run make test" in rows
    assert rows[1].startswith("No agent has said")


def test_more_than_fits_is_told_and_the_marked_one_is_seen() -> None:
    board = board_of(*(runs(f"t{n}", f"task {n}") for n in range(60)))
    for number in (60, 35, 11):
        rows = shown(board, number=number)
        assert any(row.startswith(f"▸ {number}") for row in rows), number
        assert any("below" in row or "above" in row for row in rows)
    assert any("10 older ones are not listed." in row for row in shown(board, number=11))


def test_an_opened_item_shows_all_of_its_text() -> None:
    board = board_of(found("r", "The build\x1b[2J broke.", status="failed", source="ci", detail="a\tb\n\nc"))
    assert shown(board, number=1, opened=True, height=9) == [
        "1 ✕ waits · failed · ci",
        "The build broke.",
        "",
        "a    b",
        "",
        "c",
        "",
        "",
        "[tell now] dismiss  back  Enter does it",
    ]


def test_a_long_one_is_scrolled_to_its_end() -> None:
    board = board_of(found("r", "Long.", detail="\n".join(f"line {n}" for n in range(50))))
    item = board.items[0]
    look = PaneLook(width=40, height=12, focused=True, number=1, opened=True, offset=10_000)
    rows = texts(pane_rows(board, look, 0.0))
    assert "line 49" in rows
    assert "↑ 43 above" in rows
    assert last_offset(item, look) == 43


@pytest.mark.parametrize(
    ("state", "known"),
    [
        (NewsState.WAITING, (TELL, DISMISS, BACK)),
        (NewsState.TELLING, (BACK, DISMISS)),
        (NewsState.TOLD, (BACK, DISMISS)),
    ],
)
def test_only_what_waits_can_be_told(state: NewsState, known: object) -> None:
    board = board_of(found("r", "x"), found("r", "x", state))
    assert choices(board.items[0]) == known


def test_an_opened_one_that_is_gone_shows_the_list() -> None:
    assert shown(board_of(), number=77, opened=True)[0].startswith("Agents")


@given(
    st.integers(1, 130),
    st.integers(1, 40),
    st.booleans(),
    st.booleans(),
    st.integers(-5, 200),
    st.text(max_size=80),
    st.text(max_size=200),
)
def test_it_fits_in_any_room(
    width: int, height: int, focused: bool, opened: bool, offset: int, title: str, detail: str
) -> None:
    board = board_of(*AGENTS, found("r9", title, detail="漢字 " * 9 + detail, source="ソース"))
    look = PaneLook(
        width=width,
        height=height,
        focused=focused,
        opened=opened,
        number=7,
        offset=offset,
        allowed=MAY,
        choice=offset,
    )
    rows = pane_rows(board, look, 1e6)
    assert len(rows) <= height
    for row in rows:
        if width >= 24:
            assert cell_len("".join(part.text for part in row)) <= width, row
