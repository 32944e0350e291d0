"""Which words were heard when the sound stops in the middle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.heard import CaptionMark, words_heard

WHOLE = [CaptionMark(0.0, "one two three four five")]
TWO = [CaptionMark(0.0, "First part. "), CaptionMark(1000.0, "Second part here.")]


@pytest.mark.parametrize(
    ("marks", "heard", "total", "words"),
    [
        (WHOLE, 1000.0, 1000.0, "one two three four five"),
        (WHOLE, 0.0, 1000.0, ""),
        (WHOLE, 500.0, 1000.0, "one two"),
        (TWO, 1000.0, 2000.0, "First part."),
        (TWO, 800.0, 2000.0, "First"),
        (TWO, 1500.0, 2000.0, "First part. Second"),
        ([], 10.0, 100.0, ""),
        ([CaptionMark(0.0, "你好世界啊")], 600.0, 1000.0, "你好世"),
        ([CaptionMark(0.0, "a b")], 50.0, 0.0, "a b"),
    ],
)
def test_cut_between_words(marks, heard, total, words):
    assert words_heard(marks, heard, total) == words


pieces = st.lists(st.tuples(st.floats(0, 5000), st.text("ab c", max_size=12)), max_size=8)


@given(pieces, st.floats(0, 6000), st.floats(0, 6000))
def test_more_sound_never_means_fewer_words_and_never_other_words(parts, heard, more):
    marks = [CaptionMark(at, text) for at, text in sorted(parts, key=lambda part: part[0])]
    total = 5000.0
    less, rest = sorted((heard, more))
    short, long = words_heard(marks, less, total), words_heard(marks, rest, total)
    whole = "".join(mark.text for mark in marks)
    assert whole.startswith(short)
    assert whole.startswith(long)
    assert len(short) <= len(long) or whole[len(long) : len(short)].isspace()
