"""Long texts are cut where a pause belongs, and nothing is lost."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.speech.tts.pieces import pieces_of

TEXTS = st.text(alphabet=st.sampled_from("ab .,!?。、\n\"'"), max_size=300)


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(1, 40))
def test_the_pieces_joined_are_the_text_and_none_is_too_long(text: str, limit: int) -> None:
    pieces = pieces_of(text, limit)
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= limit for piece in pieces)


def test_a_short_text_stays_whole() -> None:
    assert pieces_of("One. Two. Three.") == ["One. Two. Three."]


def test_a_sentence_end_is_better_than_a_comma_and_that_than_a_space() -> None:
    assert pieces_of("One two. Three, four five", 20) == ["One two. ", "Three, four five"]
    assert pieces_of("One two, three four five", 20) == ["One two, ", "three four five"]
    assert pieces_of("One two three", 9) == ["One two ", "three"]
    assert pieces_of("一二三。四五六七", 6) == ["一二三。", "四五六七"]
