"""Arguments to decide by: all that is shown is safe, all that is left out is told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from neko_cli.core.text import sanitise
from neko_cli.tui.arguments import (
    LONGEST,
    MOST,
    Row,
    brief_rows,
    chopped,
    clip,
    full_rows,
    short,
    visible,
    wrapped,
)


def plain(rows: list[Row]) -> list[str]:
    return ["".join(part.text for part in row) for row in rows]


def test_arguments_are_names_and_values_and_not_json() -> None:
    arguments = '{"city": "Paris", "days": 3, "units": null, "tags": ["a", "b"]}'
    assert short(arguments, 80) == 'city: Paris, days: 3, units: null, tags: ["a","b"]'
    assert plain(full_rows(arguments, 40)) == ["city: Paris", "days: 3", "units: null", 'tags: ["a","b"]']
    assert short("{}", 80) == short("", 80) == ""
    assert short(arguments, 12) == "city: Paris…"


def test_what_is_no_object_is_shown_as_it_came_but_clean() -> None:
    assert short("[1, \x1b[31m2", 80) == '"[1, \\u001b[31m2"'
    assert plain(full_rows("nonsense", 40)) == ["│ nonsense"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rm -rf notes/x", "rm -rf notes/x"),
        ("a\tb", "a    b"),
        ("", '""'),
        ("  ", '"  "'),
        ("safe\u202egnp.exe", '"safe\\u202egnp.exe"'),
        ("a\u200bb", '"a\\u200bb"'),
        ("a\x1b]0;title\x07b", '"a\\u001b]0;title\\u0007b"'),
        ("\U0001f431 \u732b", "\U0001f431 \u732b"),
    ],
)
def test_nothing_of_a_text_is_hidden(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_no_line_of_a_value_passes_for_another_argument() -> None:
    arguments = json.dumps({"text": "a\nforce: false", "force": True, 'x": 1, "y': 2})
    rows = plain(full_rows(arguments, 40))
    assert rows == ["text:", "│ a", "│ force: false", "force: true", '"x\\": 1, \\"y": 2']
    brief, whole = brief_rows(arguments, 40, 4)
    assert plain(brief)[0] == "text: a ↵ force: false"
    assert not whole


def test_a_wide_value_in_one_row_says_that_there_is_more() -> None:
    fits, whole = brief_rows('{"a": "bcd"}', 6, 2)
    assert (plain(fits), whole) == (["a: bcd"], True)
    cut, whole = brief_rows('{"a": "bcde"}', 6, 2)
    assert (plain(cut), whole) == (["a: bc…"], False)
    some, whole = brief_rows('{"a": 1, "b": 2, "c": 3}', 20, 2)
    assert (plain(some), whole) == (["a: 1", "b: 2"], False)


def test_what_is_beyond_the_bounds_is_counted() -> None:
    rows = plain(full_rows(json.dumps({"text": "x" * (LONGEST + 1234)}), 80))
    assert rows[-1] == "… and 1,234 characters more"
    assert sum(row.count("x") for row in rows[1:-1]) == LONGEST
    many = plain(full_rows(json.dumps({f"n{at}": at for at in range(MOST + 7)}), 80))
    assert len(many) == MOST + 1
    assert many[-1] == "… and 7 arguments more"


def test_deep_nesting_is_no_trouble() -> None:
    deep = '{"a": ' + "[" * 5000 + "]" * 5000 + "}"
    assert short(deep, 40)
    assert full_rows(deep, 40)


TEXTS = st.text(max_size=120)
VALUES = TEXTS | st.integers() | st.lists(TEXTS, max_size=3)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(TEXTS, TEXTS | st.integers() | st.lists(TEXTS, max_size=3), max_size=5),
    st.integers(4, 90),
)
def test_whatever_comes_is_clean_and_within_the_width(arguments: dict[str, object], width: int) -> None:
    text = json.dumps(arguments)
    for row in (*plain(full_rows(text, width)), *plain(brief_rows(text, width, 3)[0])):
        assert row == sanitise(row)
        assert "\n" not in row
        assert cell_len(row) <= max(width, 30)  # the count of what is left out is never cut


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab  \u5b57\U0001f642\u00e9"), max_size=80), st.integers(2, 20))
def test_chopping_loses_nothing(text: str, width: int) -> None:
    pieces = chopped(text, width)
    assert "".join(pieces) == text
    assert all(cell_len(piece) <= width for piece in pieces)


def test_prose_is_wrapped_at_words() -> None:
    assert wrapped("one two three", 8) == ["one two", "three"]
    assert wrapped("", 8) == []
    assert wrapped("abcdefghij k", 4) == ["abcd", "efgh", "ij k"]


@pytest.mark.parametrize(("width", "shown"), [(5, "abcde"), (4, "abc…"), (1, "…"), (0, "")])
def test_clip(width: int, shown: str) -> None:
    assert clip("abcde", width) == shown
