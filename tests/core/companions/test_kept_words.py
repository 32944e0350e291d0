"""Names, addresses and code survive a translation."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.companions.kept_words import (
    NAMES,
    came_through,
    cut_through,
    mask,
    placeholders,
    without_placeholders,
)


@pytest.mark.parametrize(
    ("text", "names", "masked"),
    [
        ("Hello Neko, how are you?", ["Neko"], "Hello [[71]], how are you?"),
        ("NEKO! Neko's bed", ["Neko"], "[[71]]! [[72]]'s bed"),
        ("Will you ask Will?", ["Will"], "[[71]] you ask [[71]]?"),
        ("A neko is a cat", ["Neko"], "A neko is a cat"),
        ("Nekoma is a town", ["Neko"], "Nekoma is a town"),
        ("Ann and Anna", ["Ann", "Anna"], "[[71]] and [[72]]"),
        ("Mary Ann Lee sings", ["Ann", "Mary Ann"], "[[71]] Lee sings"),
        ("O’Hara-Smith left", ["O’Hara-Smith"], "[[71]] left"),
        ("小猫很高兴见到Sam。", ["小猫", "Sam"], "[[71]]很高兴见到[[72]]。"),
        ("ねこちゃんはここです", ["ねこちゃん"], "[[71]]はここです"),
        ("Nekoは元気です", ["Neko"], "[[71]]は元気です"),
        ("Саша пришла, а Сашенька нет", ["Саша"], "[[71]] пришла, а Сашенька нет"),
        ("See https://a.example/x?y=1.", [], "See [[71]]."),
        ("Write to me@a.example now", [], "Write to [[71]] now"),
        ("Run `pip list` now", [], "Run [[71]] now"),
        ("In 71 days Neko and Tom", ["Neko", "Tom"], "In 71 days [[72]] and [[73]]"),
        ("Text [[71]] of Neko", ["Neko"], "Text [[71]] of [[72]]"),
        ("a. b* c+", [".", "*", "b*", " "], "a. [[71]] c+"),
        ("nothing", ["", "  "], "nothing"),
    ],
)
def test_what_is_hidden(text: str, names: list[str], masked: str) -> None:
    result = mask(text, names)
    assert result.text == masked
    assert result.put_back(masked) == text


def test_a_name_that_is_part_of_a_chinese_word_is_hidden_only_alone() -> None:
    assert mask("森林里，林，来了", ["林"]).text == "森林里，[[71]]，来了"


@pytest.mark.parametrize(
    "came",
    [
        "Hallo [[71]]!",
        "Hallo [[ 71 ]]!",
        "Hallo [71]!",
        "Hallo 【71】!",
        "Hallo ［［71］］!",
        "Hallo [ [71] ]!",
        "Hallo [[٧١]]!",
        "Hallo 【【71】】!",
        "Hallo ⟦71⟧!",
    ],
)
def test_a_placeholder_is_found_in_whatever_form_it_comes(came: str) -> None:
    masked = mask("Hello Neko!", ["Neko"])
    assert masked.put_back(came) == "Hallo Neko!"
    assert placeholders(masked.text) <= came_through(came)


def test_other_brackets_are_left_alone() -> None:
    assert mask("Neko [1] [[2]]", ["Neko"]).put_back("[[71]] [1] [[2]] [x]") == "Neko [1] [[2]] [x]"


def test_equal_sentences_about_others_are_equal() -> None:
    assert mask("Hello Tom!", ["Tom", "Ann"]).text == mask("Hello Ann!", ["Tom", "Ann"]).text


def test_the_list_of_names_is_bounded() -> None:
    names = [f"N{number}x" for number in range(NAMES + 50)]
    assert mask(names[NAMES - 1], names).kept
    assert not mask(names[NAMES], names).kept
    assert not mask("y" * 80, ["y" * 80]).kept


def test_a_cut_goes_round_a_placeholder() -> None:
    text = "ab[[71]]cd"
    assert [cut_through(text, at) for at in range(len(text) + 1)] == [0, 1, 2, 2, 2, 2, 2, 2, 8, 9, 10]
    assert without_placeholders(text) == "ab cd"


TEXTS = st.text(alphabet=st.sampled_from("abN 71[]【】`@.:/小猫\n"), max_size=60)


@given(TEXTS, st.lists(st.sampled_from(["N", "ab", "小猫", "N a", "猫", "71", "[[71]]"]), max_size=4))
@settings(max_examples=400, deadline=None)
def test_what_is_hidden_comes_back(text: str, names: list[str]) -> None:
    masked = mask(text, names)
    assert masked.put_back(masked.text) == text
    assert set(masked.kept) <= came_through(masked.text)
