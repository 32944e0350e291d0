"""How sure: the pure part."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.speech.stt import confidence as sure
from neko_cli.speech.stt.confidence import Span

PHONES = st.lists(st.sampled_from(["AA", "B", "CH", "D", "IY", "K", "M", "S", "T"]), max_size=12)


def test_equal_phones_agree_fully_and_none_not_at_all() -> None:
    assert sure.agreement(["HH", "AH"], ["HH", "AH"]) == 1.0
    assert sure.agreement([], ["HH"]) == 0.0
    assert sure.agreement([], []) == 0.0


def test_phones_that_sound_alike_cost_less() -> None:
    assert sure.agreement(["B"], ["P"]) > sure.agreement(["B"], ["K"]) > sure.agreement(["B"], ["AA"])


@settings(max_examples=200, deadline=None)
@given(PHONES, st.lists(PHONES, max_size=4))
def test_agreement_is_a_share_for_the_whole_and_for_each_word(
    free: list[str], words: list[list[str]]
) -> None:
    by_word = sure.agreement_by_word(free, words)
    whole = sure.agreement(free, [phone for word in words for phone in word])
    assert len(by_word) == len(words)
    assert all(0.0 <= value <= 1.0 for value in [*by_word, whole])


def test_the_wrong_word_is_the_one_that_is_doubted() -> None:
    right, wrong = sure.agreement_by_word("K AE T T UW".split(), [["K", "AE", "T"], ["M", "IY"]])
    assert right == 1.0
    assert wrong < 0.5


def test_fit_is_the_score_lost_per_frame() -> None:
    words = [Span("cat", 0, 9, -5.0)]
    assert sure.fit(words, [Span("K", 0, 4, -1.0), Span("AE", 5, 9, -2.0)]) == pytest.approx(-0.2)
    assert sure.fit(words, [Span("K", 0, 19, -4.0)]) == pytest.approx(-0.3)
    assert sure.fit([], []) == 0.0


def test_confidence_rises_with_agreement_fit_and_posterior() -> None:
    assert sure.in_grammar(0.3, -0.05) < sure.in_grammar(0.6, -0.05) < sure.in_grammar(0.6, -0.01)
    assert sure.in_open_speech(1e-6, 0.6, -0.05) < sure.in_open_speech(0.5, 0.6, -0.05)
    assert sure.in_grammar(0.05, 0.0) < 0.05, "noise fits anything, but agrees with nothing"
    assert sure.of_word(0.8, 0.1) < 0.8 < sure.of_word(0.8, 1.0)
