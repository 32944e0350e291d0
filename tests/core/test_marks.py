"""Text cannot end the mark that it stands in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.marks import RECOLLECTION, enclosed, unmarked, unmarked_line, without

nasty = st.text(alphabet="<>\u200b\x1b[31mab \n" + RECOLLECTION[:3], max_size=60)


@given(nasty)
def test_nothing_inside_looks_like_a_mark(text: str) -> None:
    clean = unmarked(text)
    assert "<<<" not in clean
    assert ">>>" not in clean
    assert "\x1b" not in clean


def test_hidden_characters_cannot_put_a_mark_together() -> None:
    assert unmarked("<<\u200b<recollection >\x1b[0m>>") == "‹recollection ›"


@given(nasty)
def test_a_line_stays_one_line(text: str) -> None:
    assert len(unmarked_line(text).splitlines()) <= 1


@given(st.lists(nasty, max_size=5))
def test_a_block_has_one_beginning_and_one_end(lines: list[str]) -> None:
    block = enclosed(RECOLLECTION, [unmarked_line(line) for line in lines])
    assert block.count("<<<") == block.count(">>>") == 1
    assert without(RECOLLECTION, f"before {block} after") == "before  after"


def test_a_block_that_does_not_end_goes_up_to_the_end() -> None:
    assert without(RECOLLECTION, "Well. <<<recollection\nUser: hi") == "Well. "
    assert without(RECOLLECTION, "a <<<recollection x recollection>>> b <<<recollection y") == "a  b "


def test_blocks_of_another_name_stay() -> None:
    text = "<<<results\nx\nresults>>>"
    assert without(RECOLLECTION, text) == text
