"""The calculator: values, refusals, and that no input harms it."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.local.responder.answer import hear
from neko_cli.local.responder.arithmetic import SumTrouble, evaluate
from neko_cli.local.responder.numbers import NUMBER_WORDS, read_words, spoken
from neko_cli.local.responder.sums import answer_sum


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2+2", 4),
        ("2 + 3 * 4", 14),
        ("(2 + 3) * 4", 20),
        ("10 - 2 - 3", 5),
        ("2^3^2", 512),
        ("-2^2", -4),
        ("2 ** 10", 1024),
        ("7 / 2", Fraction(7, 2)),
        ("1/3 + 1/6", Fraction(1, 2)),
        ("10% of 50", 5),
        ("50 + 10%", 55),
        ("200 - 25 percent", 150),
        ("10 % 3", 1),
        ("17 mod 5", 2),
        ("1,234 + 1", 1235),
        ("3,5 + 1", Fraction(9, 2)),
        ("9 x 9", 81),
        ("6 \u00d7 7", 42),
        ("twenty three times four", 92),
        ("twenty-three plus one", 24),
        ("one hundred and five plus two point five", Fraction(215, 2)),
        ("a hundred minus one", 99),
        ("two thousand and twenty six minus six", 2020),
        ("3 million times 2", 6_000_000),
        ("half of 9", Fraction(9, 2)),
        ("twice 21", 42),
        ("a third of 9", 3),
        ("five squared", 25),
        ("2 cubed", 8),
        ("the square root of 144", 12),
        ("square root of 9 times 2", 6),
        ("2 to the power of minus 1", Fraction(1, 2)),
        ("5 factorial", 120),
        ("minus five plus three", -2),
        ("-3 - -4", 1),
        ("((((1))))+1", 2),
    ],
)
def test_values(text: str, value: int | Fraction) -> None:
    result = evaluate(text)
    assert result is not None
    assert result.value == value
    assert result.exact


@pytest.mark.parametrize(
    "text", ["", "5", "hello", "2 +", "+ * 2", "(2", "2)", "what", "2 3", "two and", "()", "%", "x"]
)
def test_what_is_no_sum_is_none(text: str) -> None:
    assert evaluate(text) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("7 / 0", "zero"),
        ("7 mod 0", "zero"),
        ("0 ^ -1", "zero"),
        ("9^9^9^9", "too large"),
        ("2^99999", "too large"),
        ("10^4000 * 10^4000", "too large"),
        ("1000 factorial", "too large"),
        ("2.5 factorial", "whole number"),
        ("square root of -4", "negative"),
        ("(-8)^0.3", "negative"),
    ],
)
def test_refusals_say_why(text: str, words: str) -> None:
    with pytest.raises(SumTrouble, match=words):
        evaluate(text)


def test_roots_and_pi_are_rounded_and_say_so() -> None:
    root = evaluate("square root of 2")
    assert root is not None
    assert not root.exact
    assert abs(float(root.value) - 2**0.5) < 1e-15
    circle = evaluate("2 * pi")
    assert circle is not None
    assert not circle.exact


_sums = st.recursive(
    st.integers(0, 99).map(str),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(
        lambda part: f"({part[0]} {part[1]} {part[2]})"
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(_sums)
def test_the_parser_agrees_with_python(text: str) -> None:
    import re

    exact = re.sub(r"\d+", lambda match: f"Fraction({match.group()})", text)
    try:
        expected = eval(exact, {"Fraction": Fraction})
    except ZeroDivisionError:
        with pytest.raises(SumTrouble):
            evaluate(text)
        return
    result = evaluate(text)
    if "(" not in text:
        assert result is None, "a bare number is no sum"
    else:
        assert result is not None
        assert result.value == expected


_pieces = st.sampled_from(
    [
        *"0123456789+-*/^()%., ",
        "**",
        " and ",
        " times ",
        " percent of ",
        " to the power of ",
        "square root of ",
        "9" * 70,
    ]
    + [f" {word} " for word in sorted(NUMBER_WORDS)]
    + [" half of ", " twice ", " factorial ", " squared", "x", "pi", "e9", "a ", "minus "]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_pieces, max_size=60).map("".join))
def test_any_soup_of_signs_ends_quickly(text: str) -> None:
    began = time.monotonic()
    try:
        result = evaluate(text)
        said = "" if result is None else spoken(result.value)[0]
    except SumTrouble as trouble:
        said = str(trouble)
    assert len(said) < 80
    assert time.monotonic() - began < 0.5


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_value_none_or_a_refusal(text: str) -> None:
    try:
        result = evaluate(text)
        said = "" if result is None else spoken(result.value)[0]
    except SumTrouble as trouble:
        said = str(trouble)
    assert len(said) < 80


@pytest.mark.parametrize(
    "text", ["(" * 3000, "-" * 3000, "2^" * 3000 + "2", "1+" * 3000 + "1", "square root of " * 200]
)
def test_deep_and_long_input_is_no_trouble(text: str) -> None:
    began = time.monotonic()
    try:
        evaluate(text)
    except SumTrouble:
        assert "^" in text
    assert time.monotonic() - began < 0.5


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Fraction(0), "0"),
        (Fraction(1234), "1234"),
        (Fraction(-12345), "minus 12,345"),
        (Fraction(1, 4), "0.25"),
        (Fraction(1, 3), "0.3333333333"),
        (Fraction(999999999999, 1000000000000), "1"),
        (Fraction(10**30), "1 times 10 to the power of 30"),
        (Fraction(1, 10**9), "1 times 10 to the power of minus 9"),
        (Fraction(9999999, 10**20), "1 times 10 to the power of minus 13"),
    ],
)
def test_numbers_are_said_readably(value: Fraction, said: str) -> None:
    assert spoken(value)[0] == said


@settings(max_examples=200, deadline=None)
@given(st.fractions(max_denominator=10**6))
def test_a_number_that_is_called_exact_is_exact(value: Fraction) -> None:
    said, exact = spoken(value)
    if exact:
        assert Fraction(said.replace("minus ", "-").replace(",", "")) == value


@given(st.lists(st.sampled_from([*sorted(NUMBER_WORDS), "and", "a", "half", "7", "cat"]), max_size=12))
def test_number_words_never_take_more_than_there_is(words: list[str]) -> None:
    found = read_words(words)
    assert found is None or 0 < found[1] <= len(words)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("what is 2+2?", "2 plus 2 is 4."),
        ("What's seven times eight", "Seven times eight is 56."),
        ("how much is 15 percent of 200?", "15 percent of 200 is 30."),
        ("add 3 and 4", "3 plus 4 is 7."),
        ("subtract 3 from ten", "Ten minus 3 is 7."),
        ("calculate 22 / 7", "22 divided by 7 is about 3.142857143."),
        ("what is 5 divided by 0", "Nothing can be divided by zero."),
        ("calculate the moon", "I could not read that as a calculation. Try something like 12 times 3.5."),
    ],
)
def test_sums_in_sentences(text: str, said: str) -> None:
    answer = answer_sum(hear(text))
    assert answer is not None
    assert answer.text == said


@pytest.mark.parametrize(
    "text", ["555-1234", "2025-11-21", "call me at 5", "I have 2 cats", "1/2/2024", "what is love"]
)
def test_numbers_that_are_no_sum_are_left_alone(text: str) -> None:
    assert answer_sum(hear(text)) is None


@pytest.mark.parametrize(
    ("said", "value"),
    [("eight point 00", 8), ("three point 14", Fraction(157, 50)), ("two point zero five", Fraction(41, 20))],
)
def test_digits_after_the_point_are_words_or_figures(said: str, value: Fraction) -> None:
    assert read_words(said.split()) == (value, len(said.split()))
