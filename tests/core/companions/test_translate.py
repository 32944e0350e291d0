"""Whether a text is translated, how it is cut, and what is taken for a translation."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neko_cli.core.companions.kept_words import placeholders
from neko_cli.core.companions.translate import MAX_TEXT, Need, Verdict, judge, needed, pieces


@pytest.mark.parametrize(
    ("text", "spoken", "wanted", "need"),
    [
        ("Hello, how are you?", "en", "de", Need("en", "de", sure=True)),
        ("Hallo, wie geht es dir?", "en", "de", None),
        ("Hallo, wie geht es dir?", "en", "German", None),
        ("The link was lost.", "de", "de_DE", Need("en", "de", sure=True)),
        ("今天我很开心。", "zh", "en-GB", Need("zh", "en", sure=True)),
        ("今日はとても楽しい。", "ja", "zh-CN", Need("ja", "zh", sure=True)),
        ("你好吗？", "zh", "ja", Need("zh", "ja", sure=True)),
        ("了解", "ja", "ja", None),
        ("了解", "ja", "en", Need("ja", "en", sure=True)),
        ("Roger", "en", "de", Need("en", "de", sure=False)),
        ("Roger", "de", "de", None),
        ("Roger", "", "de", None),
        ("No", "es", "it", Need("es", "it", sure=True)),
        ("No", "de", "it", None),
        ("你好", "zh", "ja", Need("zh", "ja", sure=True)),
        ("你好吗？", "zh", "zh-TW", Need("zh", "zh-Hant", sure=True)),
        ("你好", "zh", "zh-TW", None),
        ("謝謝你們", "zh", "zh-CN", Need("zh-Hant", "zh", sure=True)),
        ("謝謝你們", "zh", "zh-HK", None),
        ("Hello, how are you?", "en", "", None),
        ("Hello, how are you?", "en", "no such language", None),
        ("", "en", "de", None),
        ("😀 !!! 123", "en", "de", None),
        ("[[71]]!", "en", "de", None),
        ("[[71]], [[72]]?", "en", "de", None),
        ("https://the.and.is.example/of", "en", "de", None),
    ],
)
def test_when_a_text_is_translated(text: str, spoken: str, wanted: str, need: Need | None) -> None:
    assert needed(text, spoken=spoken, wanted=wanted) == need


def test_what_is_too_long_is_not_translated() -> None:
    sentence = "Hello, how are you? "
    fits = sentence * (MAX_TEXT // len(sentence))
    assert needed(fits, spoken="en", wanted="de")
    assert needed(fits + sentence, spoken="en", wanted="de") is None


EN_DE = Need("en", "de", sure=True)
FULL = Need("zh", "zh-Hant", sure=True)


@pytest.mark.parametrize(
    ("text", "answer", "need", "verdict"),
    [
        ("Hello, how are you?", "Hallo, wie geht es dir?", EN_DE, Verdict.GOOD),
        ("Hello, how are you?", "", EN_DE, Verdict.EMPTY),
        ("Hello, how are you?", " \n ", EN_DE, Verdict.EMPTY),
        ("Hello, how are you?", "hello, how are you? ", EN_DE, Verdict.SAME),
        ("Hello [[71]]!", "Hallo [[71]]!", EN_DE, Verdict.GOOD),
        ("Hello [[71]]!", "Hallo 【 71 】!", EN_DE, Verdict.GOOD),
        ("Hello [[71]]!", "Hallo Neko!", EN_DE, Verdict.LOST),
        ("Hello [[71]]!", "Hallo [[71]], [[72]]!", EN_DE, Verdict.LOST),
        ("Hello [[5]]!", "Hallo [[5]]!", EN_DE, Verdict.GOOD),
        ("Hello!", "Hallo! " * 40, EN_DE, Verdict.LENGTH),
        ("This is a long text. " * 20, "Ja.", EN_DE, Verdict.LENGTH),
        ("Where is the station?", "I am sorry, but I cannot help you with that.", EN_DE, Verdict.LANGUAGE),
        ("Where is the station?", "Где находится вокзал, скажите пожалуйста?", EN_DE, Verdict.LANGUAGE),
        ("Where is the station?", "Wo ist der Bahnhof?", EN_DE, Verdict.GOOD),
        ("Where is it?", "OK no", EN_DE, Verdict.GOOD),
        ("Where is the station?", "车站在哪里？", Need("en", "zh", sure=True), Verdict.GOOD),
        ("Where is the station?", "駅はどこですか？", Need("en", "zh", sure=True), Verdict.LANGUAGE),
        ("Where is the station?", "駅はどこですか？", Need("en", "ja", sure=True), Verdict.GOOD),
        (
            "你好吗，你在说什么？",
            "你好吗，你在做什么呢这样",
            Need("zh", "zh-Hant", sure=True),
            Verdict.LANGUAGE,
        ),
        ("你好吗，你在说什么？", "你好吗，你在做什么呢这样", FULL, Verdict.LANGUAGE),
        ("你好吗，你在说什么？", "你好嗎，你在說什麼？", FULL, Verdict.GOOD),
        ("車站在哪裡？ 我們走吧。", "The station", Need("zh-Hant", "zh", sure=True), Verdict.GOOD),
    ],
)
def test_what_is_taken_for_a_translation(text: str, answer: str, need: Need, verdict: Verdict) -> None:
    assert judge(text, answer, need) is verdict


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("", 10, []),
        ("One two.", 20, ["One two."]),
        ("One two. Three four. Five.", 20, ["One two. ", "Three four. Five."]),
        ("One two. Three four. Five.", 12, ["One two. ", "Three four. ", "Five."]),
        ("你好。今天怎么样？很好！", 9, ["你好。今天怎么样？", "很好！"]),
        ("alpha beta gamma delta", 12, ["alpha beta ", "gamma delta"]),
        ("x" * 25, 10, ["x" * 10, "x" * 10, "x" * 5]),
        ("aaaaaaaa[[71]]bbbb", 10, ["aaaaaaaa", "[[71]]bbbb"]),
    ],
)
def test_where_a_text_is_cut(text: str, limit: int, expected: list[str]) -> None:
    assert pieces(text, limit) == expected


@given(
    st.lists(
        st.sampled_from(["word ", "a. B", "。", "[[71]]", "[[72]]", "\n", "x" * 30, "，", "! "]), max_size=60
    ),
    st.integers(min_value=8, max_value=120),
)
@settings(max_examples=300, deadline=None)
def test_nothing_is_lost_and_no_placeholder_is_cut(parts: list[str], limit: int) -> None:
    text = "".join(parts)
    cut = pieces(text, limit)
    assert "".join(cut) == text
    assert all(0 < len(piece) <= limit for piece in cut)
    assert sum(piece.count("[[71]]") for piece in cut) == text.count("[[71]]")
    assert set().union(*map(placeholders, cut)) == placeholders(text)


def test_a_long_word_before_a_placeholder_does_not_cut_it() -> None:
    text = "y" * 398 + "[[71]]" + "z" * 20
    assert pieces(text, 400) == ["y" * 398, "[[71]]" + "z" * 20]
