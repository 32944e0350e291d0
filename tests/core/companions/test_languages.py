"""Names of languages, however they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neko_cli.core.companions.languages import ENGLISH_NAMES, base, english_name, normalise, same_language


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("en", "en"),
        ("EN-gb", "en"),
        ("English", "en"),
        ("eng", "en"),
        ("de_DE.UTF-8@euro", "de"),
        ("Deutsch", "de"),
        ("ger", "de"),
        ("français", "fr"),
        ("pt-BR", "pt"),
        ("brazilian", "pt"),
        ("zh", "zh"),
        ("zh-CN", "zh"),
        ("zh_cn", "zh"),
        ("zh-Hans-TW", "zh"),
        ("Chinese", "zh"),
        ("Chinese (Simplified)", "zh"),
        ("schinese", "zh"),
        ("中文", "zh"),
        ("zh-TW", "zh-Hant"),
        ("zh_HK", "zh-Hant"),
        ("zh-Hant", "zh-Hant"),
        ("Chinese (Traditional)", "zh-Hant"),
        ("繁體中文", "zh-Hant"),
        ("jp", "ja"),
        ("日本語", "ja"),
        ("한국어", "ko"),
        ("русский", "ru"),
        ("UA", "uk"),
        (" hi ", "hi"),
        ("nl-BE", "nl"),
        ("fil", "fil"),
        ("", ""),
        ("-", ""),
        ("a", ""),
        ("not a language", ""),
        ("e" * 50, ""),
        ("12", ""),
    ],
)
def test_a_language_is_known_by_its_many_names(written: str, tag: str) -> None:
    assert normalise(written) == tag


@given(st.text(max_size=60))
def test_any_text_has_a_short_tag_or_none_which_stays(text: str) -> None:
    tag = normalise(text)
    assert len(tag) <= 7
    assert normalise(tag) == tag


@pytest.mark.parametrize("tag", sorted(ENGLISH_NAMES))
def test_our_own_names_lead_back_to_their_tags(tag: str) -> None:
    assert normalise(ENGLISH_NAMES[tag]) == tag
    assert english_name(tag) == ENGLISH_NAMES[tag]


def test_what_is_the_same_to_a_reader() -> None:
    assert same_language("en-US", "English")
    assert same_language("zh_CN", "Chinese")
    assert not same_language("zh", "zh-TW")
    assert not same_language("", "")
    assert not same_language("nonsense words", "nonsense words")
    assert base("zh-Hant") == base("zh") == "zh"
    assert english_name("fil") == "fil"
